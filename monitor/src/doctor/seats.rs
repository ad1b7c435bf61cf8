//! The seat socket: whether licwrap finds licmon.

use std::os::unix::net::UnixStream;

use lic_protocol::{doctor::Findings, paths};

use crate::config::Config;

const ABOUT: &str = "seats";

/// Whether licmon answers.
pub(super) fn look(config: &Config, findings: &mut Findings) -> bool {
    let socket = config.place.runtime.join(paths::SEAT_SOCKET);
    let Err(error) = UnixStream::connect(&socket) else { return true };
    findings.fault(
        ABOUT,
        format!("licmon does not answer at {}: {error}", socket.display()),
        "start it: `systemctl start licmon`, and see why it ended: `journalctl -u licmon`",
    );
    false
}
