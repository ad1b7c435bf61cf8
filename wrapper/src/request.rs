//! The client of the monitor: one connection, one message out, replies and a descriptor in, each by a deadline.

use std::{
    io::IoSlice,
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
    time::{Duration, Instant},
};

use lic_protocol::wire::{MESSAGE_BYTES_MAX, Reply};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        socket::{
            AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, send,
            sendmsg, setsockopt, socket, sockopt::SendTimeout,
        },
        time::{TimeVal, TimeValLike},
    },
};

use crate::os;

/// How long the monitor may take to accept a connection, and again to give its first reply.
pub const ANSWER_S_MAX: u64 = 2;

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The deadline passed.
    TimedOut,
    /// The connection cannot be made, or broke, or carries something else; why, for people.
    Broken(&'static str),
}

impl From<Errno> for Lost {
    fn from(errno: Errno) -> Self {
        Self::Broken(errno.desc())
    }
}

/// A connection to the monitor.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    text: Vec<u8>,
    token: Option<OwnedFd>,
}

impl Connection {
    /// Connects to the socket at `path`. Waits at most [`ANSWER_S_MAX`] for a monitor that is slow to accept.
    ///
    /// # Errors
    /// [`Lost::Broken`] says why it cannot.
    pub fn open(path: &[u8]) -> Result<Self, Lost> {
        let address = UnixAddr::new(path)?;
        let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        let socket = above_standard(socket)?;
        let limit = TimeVal::seconds(ANSWER_S_MAX.cast_signed());
        setsockopt(&socket, SendTimeout, &limit)?;
        loop {
            match connect(socket.as_raw_fd(), &address) {
                Ok(()) => return Ok(Self { socket, text: Vec::new(), token: None }),
                // Stopped and continued by the terminal.
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Err(Lost::TimedOut),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Sends a message, and descriptors with it.
    ///
    /// # Errors
    /// [`Lost::Broken`] when the monitor is gone.
    pub fn send(&self, message: &str, descriptors: &[RawFd]) -> Result<(), Lost> {
        let mut rest = message.as_bytes();
        if !descriptors.is_empty() {
            let sent = self.send_with(rest, descriptors)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        while !rest.is_empty() {
            match send(self.socket.as_raw_fd(), rest, MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn send_with(&self, bytes: &[u8], descriptors: &[RawFd]) -> Result<usize, Lost> {
        let control = [ControlMessage::ScmRights(descriptors)];
        let (socket, parts) = (self.socket.as_raw_fd(), [IoSlice::new(bytes)]);
        loop {
            match sendmsg::<()>(socket, &parts, &control, MsgFlags::MSG_NOSIGNAL, None) {
                Err(Errno::EINTR) => {}
                sent => return Ok(sent?),
            }
        }
    }

    /// The first reply, of which something comes within `limit`. The clock is not read for one that comes at once and whole:
    /// that would be the dearest part of waiting for it. A process that is stopped and goes on waits anew.
    ///
    /// # Errors
    /// [`Lost`] when there is none.
    pub fn first_reply(&mut self, limit: Duration) -> Result<Reply, Lost> {
        if !is_readable_within(&self.socket, limit)? {
            return Err(Lost::TimedOut);
        }
        self.receive()?;
        match self.complete_reply()? {
            Some(reply) => Ok(reply),
            None => self.reply(Instant::now().checked_add(limit)),
        }
    }

    /// The next reply. What has arrived counts even if the deadline has passed: the process may have been stopped.
    ///
    /// # Errors
    /// [`Lost`] when there is none.
    pub fn reply(&mut self, deadline: Option<Instant>) -> Result<Reply, Lost> {
        loop {
            if let Some(reply) = self.complete_reply()? {
                return Ok(reply);
            }
            if !wait_until(Some(&self.socket), deadline)? {
                return Err(Lost::TimedOut);
            }
            self.receive()?;
        }
    }

    /// The descriptor that came with the replies so far.
    pub fn take_token(&mut self) -> Option<OwnedFd> {
        self.token.take()
    }

    fn complete_reply(&mut self) -> Result<Option<Reply>, Lost> {
        let Some(at) = self.text.windows(2).position(|pair| pair == b"\n\n") else {
            return match self.text.len() {
                0..MESSAGE_BYTES_MAX => Ok(None),
                _ => Err(Lost::Broken("its message is too long")),
            };
        };
        let rest = self.text.split_off(at + 2);
        let message = std::mem::replace(&mut self.text, rest);
        let text = str::from_utf8(&message).map_err(|_| Lost::Broken("its message is not text"))?;
        Reply::decode(text).map(Some).map_err(|wrong| Lost::Broken(wrong.0))
    }

    fn receive(&mut self) -> Result<(), Lost> {
        let mut bytes = [0; 1024];
        match os::receive(&self.socket, &mut bytes) {
            Ok((0, _)) => Err(Lost::Broken("it closed the connection")),
            Ok((length, token)) => {
                self.text.extend_from_slice(bytes.get(..length).unwrap_or_default());
                if let Some(token) = token {
                    self.token = Some(above_standard(token)?);
                }
                Ok(())
            }
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Waits without asking anything.
pub fn rest(pause: Duration) {
    let deadline = Instant::now().checked_add(pause);
    let _timed_out = wait_until(None, deadline);
}

/// Whether something arrives within `limit`.
fn is_readable_within(socket: &OwnedFd, limit: Duration) -> Result<bool, Lost> {
    let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut watched, timeout(Some(limit))) {
            Err(Errno::EINTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

/// Whether something arrived before the deadline; without a socket nothing can.
fn wait_until(socket: Option<&OwnedFd>, deadline: Option<Instant>) -> Result<bool, Lost> {
    let mut watched: Vec<PollFd<'_>> =
        socket.iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        match poll(&mut watched, timeout(left)) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Ok(false),
            // The time was cut to what one poll can wait, or its last fraction of a millisecond is left.
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Whole milliseconds, rounded up so that the last of them is slept and not spun.
fn timeout(left: Option<Duration>) -> PollTimeout {
    match left {
        None => PollTimeout::NONE,
        Some(left) => {
            let ms = left.as_micros().div_ceil(1000);
            PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
        }
    }
}

/// Standard input, output or error that is closed must stay closed for the tool, and must not be our socket meanwhile.
fn above_standard(descriptor: OwnedFd) -> Result<OwnedFd, Lost> {
    if descriptor.as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    // The copy is above 2 and closed on exec: std promises both.
    descriptor.try_clone().map_err(|_| Lost::Broken("no descriptor is free"))
}
