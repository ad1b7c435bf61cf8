//! The only unsafe code: C's arguments and environment, descriptors from outside, and execve. Nothing here decides anything.
#![expect(unsafe_code, reason = "these touch memory or descriptors that come from outside Rust")]

use std::{
    ffi::{CStr, c_char, c_int},
    io::IoSliceMut,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, recvmsg},
        stat::fstat,
    },
};

/// Inherited descriptors are looked for below this one.
const DESCRIPTOR_LOOKED_AT_MAX: RawFd = 1024;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// The arguments of C's `main`, the program's name first.
///
/// # Safety
/// `list` must hold `count` strings that live as long as the process.
#[must_use]
pub unsafe fn arguments(count: c_int, list: *const *const c_char) -> Vec<&'static CStr> {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: the caller says that there are so many strings, and that they stay.
    unsafe { strings(list) }.take(count).collect()
}

/// The environment as the process got it, in order.
#[must_use]
pub fn environment() -> Vec<&'static CStr> {
    // SAFETY: C keeps `environ` ended by a null pointer; this program has one thread and never changes it.
    unsafe { strings(environ) }.collect()
}

/// # Safety
/// `list` must be null, or strings that live as long as the process, ended by a null pointer.
unsafe fn strings(list: *const *const c_char) -> impl Iterator<Item = &'static CStr> {
    let mut next = list;
    std::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: `next` is at a string or at the list's end, and moves on only from a string.
        unsafe {
            let string = *next;
            if string.is_null() {
                return None;
            }
            next = next.add(1);
            Some(CStr::from_ptr(string))
        }
    })
}

/// Takes what has arrived on a socket, without waiting: bytes, and a descriptor if one came with them.
///
/// The descriptor is closed on exec. If more than one came, the last is kept.
///
/// # Errors
/// As recvmsg(2).
pub fn receive(socket: impl AsFd, bytes: &mut [u8]) -> nix::Result<(usize, Option<OwnedFd>)> {
    let mut space = cmsg_space!([c_int; 4]);
    let mut parts = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut received = None;
    // Control data cut short means that the process may open no more: there is no descriptor to take.
    for control in message.cmsgs().into_iter().flatten() {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            for descriptor in descriptors {
                // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
                received = Some(unsafe { OwnedFd::from_raw_fd(descriptor) });
            }
        }
    }
    Ok((message.bytes, received))
}

/// The inherited descriptors that are FIFOs on `device`, the highest first, at most `most`.
#[must_use]
pub fn fifos(device: u64, most: usize) -> Vec<RawFd> {
    let is_fifo = |number: &RawFd| {
        // SAFETY: it is borrowed for this one call, which says so if it is not open.
        let descriptor = unsafe { BorrowedFd::borrow_raw(*number) };
        let is_one = |file: libc::stat| file.st_mode & libc::S_IFMT == libc::S_IFIFO;
        fstat(descriptor).is_ok_and(|file| file.st_dev == device && is_one(file))
    };
    (3..DESCRIPTOR_LOOKED_AT_MAX).rev().filter(is_fifo).take(most).collect()
}

/// Becomes the program at `path`. Returns only if that failed.
#[must_use]
pub fn execve(path: &CStr, arguments: &[&CStr], environment: &[&CStr]) -> Errno {
    let arguments = pointers(arguments);
    let environment = pointers(environment);
    // SAFETY: both lists are ended by a null pointer, and their strings outlive the call.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Errno::last()
}

fn pointers(strings: &[&CStr]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}
