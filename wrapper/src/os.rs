//! The only unsafe code: C's arguments and environment, descriptors from outside, execve, fork and signals.
//! Nothing here decides anything.
#![expect(unsafe_code, reason = "these touch memory or descriptors that come from outside Rust")]

use std::{
    ffi::{CStr, c_char, c_int, c_uint},
    io::IoSliceMut,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::{
        signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction},
        socket::{ControlMessageOwned, MsgFlags, recvmsg},
        stat::fstat,
    },
    unistd::{self, ForkResult, Pid},
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

/// How a child ended and what it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Where it exited.
    pub exit_status: Option<u8>,
    /// The signal that killed it; 0 where none did.
    pub signal: c_int,
    /// Processor time, that of its own children included.
    pub cpu_ms: u64,
    /// The most memory one of its processes had.
    pub memory_peak_bytes: u64,
}

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It ended, and is no more.
    Ended(End),
    /// It stopped by this signal.
    Stopped(c_int),
    /// It goes on.
    Continued,
}

/// What a process does about signals.
#[derive(Debug)]
pub struct Signals {
    mask: SigSet,
    ended_children: SigAction,
}

/// From now on this process gets signals by a descriptor alone. Returns how it was.
///
/// # Errors
/// As sigaction(2).
pub fn hold_signals() -> nix::Result<Signals> {
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the action runs no code of ours. Where ended children were ignored, ours could not be waited for.
    let ended_children = unsafe { sigaction(Signal::SIGCHLD, &default) }?;
    Ok(Signals { mask, ended_children })
}

/// Lets signals do again what they did.
///
/// # Errors
/// As sigaction(2).
pub fn release_signals(signals: &Signals) -> nix::Result<()> {
    // SAFETY: the action is the one that this process was started with, and runs no code of ours.
    unsafe { sigaction(Signal::SIGCHLD, &signals.ended_children) }?;
    signals.mask.thread_set_mask()
}

/// Makes a child, `None` in the child itself, which has everything about signals as it was.
///
/// # Errors
/// As fork(2).
pub fn fork(signals: &Signals) -> nix::Result<Option<Pid>> {
    // SAFETY: there is one thread, so the child may do whatever the parent may.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => release_signals(signals).map(|()| None),
    }
}

/// What became of a child since it was last asked about, if anything.
#[must_use]
pub fn change(child: Pid) -> Option<Change> {
    wait(child, libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED).ok().flatten()
}

/// Waits until a child has ended.
#[must_use]
pub fn wait_for_end(child: Pid) -> End {
    loop {
        match wait(child, 0) {
            Ok(Some(Change::Ended(end))) => return end,
            Ok(_) | Err(Errno::EINTR) => {}
            // It is no child of ours, which cannot be.
            Err(_) => {
                return End { exit_status: None, signal: 0, cpu_ms: 0, memory_peak_bytes: 0 };
            }
        }
    }
}

fn wait(child: Pid, options: c_int) -> nix::Result<Option<Change>> {
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both places are ours and outlive the call.
    let waited =
        unsafe { libc::wait4(child.as_raw(), &raw mut status, options, usage.as_mut_ptr()) };
    if Errno::result(waited)? == 0 {
        return Ok(None);
    }
    if libc::WIFSTOPPED(status) {
        return Ok(Some(Change::Stopped(libc::WSTOPSIG(status))));
    }
    if libc::WIFCONTINUED(status) {
        return Ok(Some(Change::Continued));
    }
    // SAFETY: all zeros are numbers too, if the kernel wrote none.
    let usage = unsafe { usage.assume_init() };
    let exited = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    Ok(Some(Change::Ended(End {
        exit_status: exited.and_then(|status| u8::try_from(status).ok()),
        signal: if exited.is_none() { libc::WTERMSIG(status) } else { 0 },
        cpu_ms: ms(usage.ru_utime) + ms(usage.ru_stime),
        memory_peak_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    })))
}

fn ms(time: libc::timeval) -> u64 {
    u64::try_from(time.tv_sec * 1000 + time.tv_usec / 1000).unwrap_or(0)
}

/// Sends a signal to one process, and never to a group, to all, or to the first.
pub fn kill(process: Pid, signal: c_int) {
    if process.as_raw() > 1 {
        // SAFETY: it touches no memory. The child is not waited for yet, so the number is its own.
        unsafe { libc::kill(process.as_raw(), signal) };
    }
}

/// Lets a signal do to this process what it does to a program that does not care, and blocks it again if that leaves one.
pub fn take(signal: c_int) {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is ours and made empty first; the default action runs no code of ours.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
        libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut());
    }
}

/// Closes every descriptor, standard input, output and error too.
pub fn close_everything() {
    // SAFETY: nobody who still runs in this process knows any of them.
    unsafe { libc::syscall(libc::SYS_close_range, 0, c_uint::MAX, 0) };
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
