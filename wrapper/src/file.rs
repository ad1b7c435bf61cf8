//! Small files, read whole.

use std::os::fd::OwnedFd;

use nix::{
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::read,
};

/// Most bytes of a file that are read.
const FILE_BYTES_MAX: usize = 4096;

/// Opens a file to read it; never waits for one that is none.
#[must_use]
pub fn open_to_read(path: &[u8]) -> Option<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    open(path, flags, Mode::empty()).ok()
}

/// What is in a file, at most 4 KiB of it.
#[must_use]
pub fn content(file: &OwnedFd) -> Option<Vec<u8>> {
    let mut bytes = vec![0; FILE_BYTES_MAX];
    let mut length = 0;
    while let Some(space) = bytes.get_mut(length..).filter(|space| !space.is_empty()) {
        match read(file, space) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(_) => return None,
        }
    }
    bytes.truncate(length);
    Some(bytes)
}
