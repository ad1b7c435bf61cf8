//! Descriptors that are readable when a process ends. The kernel gives them; where it does not, before Linux 5.3 or in a container
//! that forbids it, one end of a pipe stands in, whose other end is closed once a look at the process finds it gone.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::kill,
        socket::{getsockopt, sockopt},
    },
    unistd,
};
use rustix::{
    pipe::{PipeFlags, pipe_with},
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::{peer, record::Holder};

/// How often processes are looked at of whose end the kernel does not tell: their seats are free so much later.
pub(crate) const LOOK_MS: u64 = 200;
/// Processes looked at in one turn of the loop. Where there are more, each is looked at less often.
const LOOKS_MAX: usize = 1000;

/// Who tells that a process has ended.
#[derive(Debug)]
pub(super) enum Processes {
    /// The kernel, by a pidfd.
    Told,
    /// We do, by the clock.
    LookedAt(Looks),
}

/// Processes that are looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// The next one to look at last.
    processes: Vec<Look>,
    next: usize,
}

#[derive(Debug)]
struct Look {
    pid: u32,
    start_time: Option<u64>,
    /// Closed when it has ended: then the other end is hung up.
    end: OwnedFd,
}

impl Processes {
    /// As this kernel allows.
    pub(super) fn of_this_kernel() -> Self {
        match can_tell() {
            Ok(()) => Self::Told,
            Err(_) => Self::LookedAt(Looks::default()),
        }
    }

    /// Whether they are to be looked at every [`LOOK_MS`].
    pub(super) fn is_looked_at(&self) -> bool {
        matches!(self, Self::LookedAt(_))
    }

    /// A descriptor that is readable when this process ends.
    ///
    /// # Errors
    /// When there is no such process, or no descriptor left.
    pub(super) fn open(&mut self, pid: u32) -> io::Result<OwnedFd> {
        match self {
            Self::Told => pidfd(pid),
            Self::LookedAt(looks) => looks.open(pid),
        }
    }

    /// The same of the process at the other end of a socket, whose number is known.
    ///
    /// # Errors
    /// As [`Processes::open`].
    pub(super) fn open_peer(&mut self, socket: &OwnedFd, pid: u32) -> io::Result<OwnedFd> {
        if let Self::LookedAt(looks) = self {
            return looks.open(pid);
        }
        // Before 6.5 the kernel has no descriptor for the peer. The number can belong to another process only if the peer
        // ended between connecting and now, and nobody holds a seat by it then: its reply cannot be sent.
        match getsockopt(socket, sockopt::PeerPidfd) {
            Ok(pidfd) => Ok(pidfd),
            Err(nix::Error::ENOPROTOOPT) => pidfd(pid),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A descriptor that is readable when the holder ends; `None` when it has ended already.
    pub(super) fn alive(&mut self, holder: &Holder) -> Option<OwnedFd> {
        let process = self.open(holder.pid).ok()?;
        // Read after the descriptor is open: if the number has passed to another process, this one started later.
        match peer::stat(holder.pid) {
            Ok(stat) if stat.has_ended => None,
            Ok(stat) => {
                holder.start_time.is_none_or(|time| time == stat.start_time).then_some(process)
            }
            // Hidden, as the process is when /proc shows everybody only what is his own. It lives, so it is not given away.
            Err(_) => lives(&process).then_some(process),
        }
    }

    /// Looks at those whose turn it is, and hangs up for each that has ended.
    pub(super) fn look(&mut self) {
        if let Self::LookedAt(looks) = self {
            looks.look();
        }
    }
}

impl Looks {
    fn open(&mut self, pid: u32) -> io::Result<OwnedFd> {
        let look = peer::start_time(pid);
        if look.is_none() && !exists(pid) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let (read, end) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        self.processes.push(Look { pid, start_time: look, end });
        Ok(read)
    }

    fn look(&mut self) {
        for _ in 0..LOOKS_MAX.min(self.processes.len()) {
            if self.next >= self.processes.len() {
                self.next = 0;
            }
            match self.processes.get(self.next) {
                Some(look) if look.is_over() => drop(self.processes.swap_remove(self.next)),
                _ => self.next += 1,
            }
        }
    }
}

impl Look {
    /// Whether the process has ended, or nobody wants to know any more.
    fn is_over(&self) -> bool {
        let has_ended = match peer::stat(self.pid) {
            Ok(stat) => {
                stat.has_ended || self.start_time.is_some_and(|time| time != stat.start_time)
            }
            Err(_) => !exists(self.pid),
        };
        has_ended || is_hung_up(&self.end)
    }
}

/// Whether this kernel tells when a process ends.
///
/// # Errors
/// Why it does not.
pub(crate) fn can_tell() -> io::Result<()> {
    pidfd(std::process::id()).map(drop)
}

/// The kernel's own descriptor of a process.
///
/// # Errors
/// When there is no such process, or the kernel gives none.
pub(super) fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Whether there is a process of this number, hidden or not. One that has ended and was not asked for yet is there.
fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0);
    pid.is_some_and(|pid| kill(unistd::Pid::from_raw(pid), None) != Err(nix::Error::ESRCH))
}

fn lives(process: &OwnedFd) -> bool {
    let mut watched = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut watched, PollTimeout::ZERO), Ok(0))
}

/// Whether the end that is waited at is closed.
fn is_hung_up(end: &OwnedFd) -> bool {
    let mut watched = [PollFd::new(end.as_fd(), PollFlags::empty())];
    let found = poll(&mut watched, PollTimeout::ZERO);
    found.is_ok() && watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLERR))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        process::{Child, Stdio},
    };

    use lic_protocol::name::UserName;

    use super::*;

    fn both() -> [Processes; 2] {
        [Processes::Told, Processes::LookedAt(Looks::default())]
    }

    /// A process that lives until its standard input is closed.
    #[expect(clippy::disallowed_methods, reason = "a process that can be ended")]
    fn child() -> Child {
        let mut cat = std::process::Command::new("cat");
        cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// It has ended, and nobody has asked how.
    fn end(child: &mut Child) {
        drop(child.stdin.take());
        child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
        // Its output is closed before it has ended whole.
        while !peer::stat(child.id()).is_ok_and(|stat| stat.has_ended) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_descriptor_tells_the_end_of_its_process() {
        for mut processes in both() {
            let mut child = child();
            let process = processes.open(child.id()).unwrap();
            processes.look();
            assert!(lives(&process), "{processes:?}");
            end(&mut child);
            processes.look();
            assert!(!lives(&process), "{processes:?}");
            child.wait().unwrap();
            assert!(processes.open(child.id()).is_err(), "{processes:?}");
        }
    }

    #[test]
    fn a_process_is_its_number_and_its_start() {
        let pid = std::process::id();
        let own = peer::start_time(pid).unwrap();
        let user = UserName::from("ann");
        let holder = |start_time| Holder { uid: 0, user: user.clone(), pid, start_time };
        for mut processes in both() {
            assert!(processes.alive(&holder(Some(own))).is_some());
            assert!(processes.alive(&holder(None)).is_some());
            assert!(processes.alive(&holder(Some(own + 1))).is_none());
        }
    }

    #[test]
    fn nobody_is_looked_at_for_nobody() {
        let mut looks = Looks::default();
        let kept: Vec<OwnedFd> =
            (0..3 * LOOKS_MAX / 2).map(|_| looks.open(std::process::id()).unwrap()).collect();
        looks.look();
        assert_eq!(looks.processes.len(), kept.len());
        drop(kept);
        looks.look();
        looks.look();
        assert_eq!(looks.processes.len(), 0);
    }
}
