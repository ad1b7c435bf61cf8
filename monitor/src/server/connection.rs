//! One connection: a bounded message in, replies out, and never a wait for either.

use std::{
    collections::HashMap,
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
};

use lic_admission::Ticket;
use lic_protocol::pairs::Malformed;
use lic_protocol::wire::{MESSAGE_BYTES_MAX, Reply, Request, TOKENS_MAX};
use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};

use super::peer::Peer;

/// A process that asks.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: u64,
    pub(super) peer: Peer,
    pub(super) socket: OwnedFd,
    /// The place it waits in, once it has one.
    pub(super) ticket: Option<Ticket>,
    /// Whether the event loop watches it.
    pub(super) is_watched: bool,
    text: Vec<u8>,
    files: Vec<OwnedFd>,
}

/// What has arrived on a connection.
#[derive(Debug)]
pub(super) enum Arrived {
    /// A whole message, right or wrong.
    Request(Result<Request, Malformed>),
    /// Not all of it yet.
    Part,
    /// The other end is closed.
    End,
}

/// Every connection that is open, and how many of each user.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: HashMap<u64, Connection>,
    by_uid: HashMap<u32, usize>,
}

impl Connection {
    pub(super) fn new(id: u64, socket: OwnedFd, peer: Peer) -> Self {
        let (ticket, files, text) = (None, Vec::new(), Vec::new());
        Self { id, peer, socket, ticket, is_watched: false, text, files }
    }

    /// Reads what is there.
    pub(super) fn receive(&mut self) -> Arrived {
        loop {
            let mut bytes = [0; MESSAGE_BYTES_MAX];
            match self.receive_into(&mut bytes) {
                Ok(0) | Err(Errno::CONNRESET) => return Arrived::End,
                Ok(length) => self.text.extend_from_slice(&bytes[..length]),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Arrived::Part,
                Err(_) => return Arrived::End,
            }
            if let Some(request) = self.whole_request() {
                return Arrived::Request(request);
            }
        }
    }

    /// The descriptors that came with the request.
    pub(super) fn take_files(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.files)
    }

    /// Sends a reply.
    ///
    /// # Errors
    /// When the other end is closed, or does not read what it was sent before.
    pub(super) fn send(&self, reply: &Reply) -> rustix::io::Result<()> {
        self.send_message(reply, &mut SendAncillaryBuffer::default())
    }

    /// Sends a reply and a descriptor with it.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub(super) fn send_with(&self, reply: &Reply, token: &OwnedFd) -> rustix::io::Result<()> {
        let tokens = [token.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fits = control.push(SendAncillaryMessage::ScmRights(&tokens));
        debug_assert!(fits, "there is space for one descriptor");
        self.send_message(reply, &mut control)
    }

    fn send_message(
        &self,
        reply: &Reply,
        control: &mut SendAncillaryBuffer<'_, '_, '_>,
    ) -> rustix::io::Result<()> {
        let text = reply.encode();
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let sent = sendmsg(&self.socket, &[IoSlice::new(text.as_bytes())], control, flags)?;
        // A short reply is cut only where a client has left a buffer full of others unread.
        if sent == text.len() { Ok(()) } else { Err(Errno::AGAIN) }
    }

    /// Descriptors beyond what a request may bring are closed by the kernel or here.
    fn receive_into(&mut self, bytes: &mut [u8]) -> rustix::io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(TOKENS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(&self.socket, &mut [IoSliceMut::new(bytes)], &mut control, flags)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                let room = TOKENS_MAX.saturating_sub(self.files.len());
                self.files.extend(files.take(room));
            }
        }
        Ok(received.bytes)
    }

    /// Up to the closing empty line; what follows it is not ours to read.
    fn whole_request(&self) -> Option<Result<Request, Malformed>> {
        let end = self.text.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2);
        match end {
            None if self.text.len() < MESSAGE_BYTES_MAX => None,
            Some(end) if end <= MESSAGE_BYTES_MAX => Some(
                str::from_utf8(&self.text[..end])
                    .map_err(|_| Malformed("a message is text"))
                    .and_then(Request::decode),
            ),
            _ => Some(Err(Malformed("a message has at most 4096 bytes"))),
        }
    }
}

impl Connections {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether the request of any of them is still awaited.
    pub(super) fn has_unread(&self) -> bool {
        self.open.values().any(|connection| connection.ticket.is_none())
    }

    pub(super) fn of_uid(&self, uid: u32) -> usize {
        self.by_uid.get(&uid).copied().unwrap_or(0)
    }

    pub(super) fn insert(&mut self, connection: Connection) {
        *self.by_uid.entry(connection.peer.uid).or_default() += 1;
        self.open.insert(connection.id, connection);
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Connection> {
        let connection = self.open.remove(&id)?;
        if let Some(count) = self.by_uid.get_mut(&connection.peer.uid) {
            *count -= 1;
            if *count == 0 {
                self.by_uid.remove(&connection.peer.uid);
            }
        }
        Some(connection)
    }
}
