//! A run inside a run: the tokens that this process inherited, to be shown to the monitor. Their numbers prove nothing and
//! their inodes do, so the monitor compares; here only what cannot be a token is left out.

use std::{ffi::CStr, os::fd::RawFd};

use lic_protocol::wire::TOKENS_MAX;
use nix::sys::stat::stat;

use crate::{config::variable, exec::SEAT_VARIABLE, os};

/// The descriptors that may be tokens of the monitor at `socket`, the innermost first. A process that is inside no run is not
/// searched.
#[must_use]
pub fn tokens(environment: &[&CStr], socket: &[u8]) -> Vec<RawFd> {
    if variable(environment, SEAT_VARIABLE).is_none() {
        return Vec::new();
    }
    // A token is a FIFO with a name, beside the socket; a pipe lies on a device of its own.
    match stat(socket) {
        Ok(socket) => os::fifos(socket.st_dev, TOKENS_MAX),
        Err(_) => Vec::new(),
    }
}
