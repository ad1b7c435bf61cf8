//! The seat socket: whether licwrap is answered.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use lic_protocol::{
    doctor::Findings,
    want::Choice,
    wire::{Acquire, MESSAGE_BYTES_MAX, Request, Wait},
};

use crate::{config::Config, import::socket};

const ABOUT: &str = "seats";
/// How long licmon may take to answer.
const ANSWER_S_MAX: u64 = 2;
/// A name that no tool has: what is asked changes nothing, and any answer will do.
const NO_TOOL: &str = "\u{1}doctor";

/// Whether licmon answers. A socket that a service manager keeps lets itself be connected to all the same, so it is asked.
pub(super) fn look(config: &Config, findings: &mut Findings) -> bool {
    let socket = socket(config);
    let Err(error) = ask(&socket) else { return true };
    findings.fault(
        ABOUT,
        format!("licmon does not answer at {}: {error}", socket.display()),
        "start it: `systemctl start licmon`, and see why it ended: `journalctl -u licmon`",
    );
    false
}

fn ask(socket: &Path) -> io::Result<()> {
    let mut connection = UnixStream::connect(socket)?;
    let limit = Some(Duration::from_secs(ANSWER_S_MAX));
    connection.set_read_timeout(limit)?;
    connection.set_write_timeout(limit)?;
    let question = Request::Explain(Acquire {
        choices: vec![Choice::of(NO_TOOL)],
        wait: Wait::No,
        tool: "licmon doctor".to_owned(),
        project: None,
        is_supervised: false,
        ticket: None,
        is_again: false,
    });
    connection.write_all(question.encode().as_bytes())?;
    let mut answer = [0; MESSAGE_BYTES_MAX];
    match connection.read(&mut answer) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hangs up")),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {ANSWER_S_MAX} s")))
        }
        Err(error) => Err(error),
    }
}
