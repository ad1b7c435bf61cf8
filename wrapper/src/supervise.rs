//! `--supervise`: a parent that stays. It passes signals on, stops when the tool stops, tells the monitor how the tool ended
//! and what it used, and ends as the tool ended.
//!
//! The tool asks for its seat itself and holds it by its own process, so it keeps the seat if this parent is killed. Parent and
//! tool share group and session: what a terminal sends reaches both, and is not passed on. Source for the rules: sudo(8),
//! "Signal handling".

use std::{ffi::c_int, time::Duration};

use lic_protocol::{outcome::Outcome, wire::Request};
use nix::{
    errno::Errno,
    sys::{
        prctl::set_dumpable,
        resource::{Resource, setrlimit},
        signal::SigSet,
        signalfd::{SfdFlags, SignalFd, siginfo},
    },
    unistd::{Pid, getpgid, getpgrp, getpid},
};

use crate::{
    denied::Denied,
    os::{self, Change, End},
    request::Connection,
};

/// How long the monitor may take to note how a tool ended.
const OUTCOME_MS_MAX: u64 = 500;

/// Which side of the fork this is.
#[derive(Debug)]
pub enum Side {
    /// The process that becomes the tool.
    Tool {
        /// How often the tool was run before and got no license.
        again: u32,
    },
    /// The one that stayed, with the exit status it leaves with.
    Parent(u8),
}

/// The parent of a tool.
#[derive(Debug)]
struct Supervisor {
    tool: Pid,
}

/// Makes the process that becomes the tool, and watches over it to its end: its exit status is the parent's, or its death.
/// A tool that says it was `denied` is run again, as often as that allows.
///
/// # Errors
/// As fork(2).
pub fn begin(socket: &[u8], denied: Option<Denied>) -> nix::Result<Side> {
    let signals = os::hold_signals()?;
    let mut again = 0;
    let mut status = None;
    loop {
        let tool = match (os::fork(&signals), status) {
            (Ok(Some(tool)), _) => tool,
            (Ok(None), _) => return Ok(Side::Tool { again }),
            (Err(_), Some(status)) => return Ok(Side::Parent(status)),
            (Err(errno), None) => return os::release_signals(&signals).and(Err(errno)),
        };
        if denied.is_none_or(|denied| again >= denied.requeue) {
            // A reader of the tool's output sees its end when the tool closes it, and not when we do.
            os::close_everything();
        }
        let end = Supervisor { tool }.end();
        let Some(ended) = end.exit_status else {
            report(socket, &Request::Outcome(outcome(&end)));
            return Ok(Side::Parent(die(end.signal)));
        };
        let is_denied = denied.is_some_and(|denied| denied.statuses.contain(ended));
        let told = if is_denied { Request::Denied } else { Request::Outcome };
        report(socket, &told(outcome(&end)));
        if !is_denied || denied.is_none_or(|denied| again >= denied.requeue) {
            return Ok(Side::Parent(ended));
        }
        status = Some(ended);
        again += 1;
    }
}

impl Supervisor {
    fn end(&self) -> End {
        let flags = SfdFlags::SFD_CLOEXEC;
        if let Ok(signals) = SignalFd::with_flags(&SigSet::all(), flags) {
            loop {
                match signals.read_signal() {
                    Ok(Some(signal)) if signed(signal.ssi_signo) == libc::SIGCHLD => {
                        if let Some(end) = self.look() {
                            return end;
                        }
                    }
                    Ok(Some(signal)) => self.pass_on(&signal),
                    Ok(None) | Err(Errno::EINTR) => {}
                    Err(_) => break,
                }
            }
        }
        os::wait_for_end(self.tool)
    }

    /// What became of the tool since the last look. If it stopped, so do we.
    fn look(&self) -> Option<End> {
        let mut stopped = None;
        while let Some(change) = os::change(self.tool) {
            match change {
                Change::Ended(end) => return Some(end),
                Change::Stopped(signal) => stopped = Some(signal),
                Change::Continued => stopped = None,
            }
        }
        if let Some(signal) = stopped {
            // Whoever continues us sends a signal that is then passed on.
            os::take(signal);
        }
        None
    }

    fn pass_on(&self, signal: &siginfo) {
        let number = signed(signal.ssi_signo);
        if is_passed_on(number, self.sender(signal)) {
            os::kill(self.tool, number);
        }
    }

    fn sender(&self, signal: &siginfo) -> Sender {
        let pid = Pid::from_raw(signed(signal.ssi_pid));
        if signal.ssi_code > 0 {
            Sender::Kernel
        } else if pid == self.tool || pid == getpid() {
            Sender::Tool
        } else if getpgid(Some(pid)).is_ok_and(|group| group == getpgrp()) {
            Sender::OwnGroup
        } else {
            Sender::Other
        }
    }
}

/// Who sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Kernel,
    /// The tool, or we.
    Tool,
    /// A process of the group that tool and parent are in.
    OwnGroup,
    Other,
}

/// Whether the tool does not get a signal anyway that we got.
fn is_passed_on(signal: c_int, sender: Sender) -> bool {
    let is_of_keyboard = matches!(signal, libc::SIGINT | libc::SIGQUIT | libc::SIGTSTP);
    let is_of_terminal = is_of_keyboard
        || matches!(
            signal,
            libc::SIGHUP | libc::SIGCONT | libc::SIGWINCH | libc::SIGTTIN | libc::SIGTTOU
        );
    match sender {
        Sender::Tool => false,
        Sender::Kernel => !is_of_terminal,
        Sender::OwnGroup => !is_of_keyboard,
        Sender::Other => true,
    }
}

fn outcome(end: &End) -> Outcome {
    Outcome {
        exit_status: end.exit_status.map(u32::from),
        exit_signal: u32::try_from(end.signal).ok().filter(|_| end.exit_status.is_none()),
        cpu_ms: Some(end.cpu_ms),
        memory_peak_bytes: Some(end.memory_peak_bytes),
    }
}

/// A monitor that is away or slow does not learn of it.
fn report(socket: &[u8], told: &Request) {
    let Ok(mut connection) = Connection::open(socket) else { return };
    if connection.send(&told.encode(), &[]).is_ok() {
        let _noted = connection.first_reply(Duration::from_millis(OUTCOME_MS_MAX));
    }
}

/// Ends this process by the signal, without a second core. Returns a status only if that failed.
fn die(signal: c_int) -> u8 {
    let _no_core = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _no_core = set_dumpable(false);
    os::take(signal);
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

fn signed(number: u32) -> c_int {
    number.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_reaches_the_tool_once() {
        for (signal, sender, expected) in [
            (libc::SIGINT, Sender::Kernel, false),
            (libc::SIGWINCH, Sender::Kernel, false),
            (libc::SIGHUP, Sender::Kernel, false),
            (libc::SIGALRM, Sender::Kernel, true),
            (libc::SIGINT, Sender::OwnGroup, false),
            (libc::SIGTSTP, Sender::OwnGroup, false),
            (libc::SIGTERM, Sender::OwnGroup, true),
            (libc::SIGCONT, Sender::OwnGroup, true),
            (libc::SIGINT, Sender::Other, true),
            (libc::SIGTERM, Sender::Tool, false),
        ] {
            assert_eq!(is_passed_on(signal, sender), expected, "{signal} of {sender:?}");
        }
    }
}
