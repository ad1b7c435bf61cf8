//! Who comes in: connections are accepted, counted and welcomed, and left in the backlog while there is no room.

use std::{os::fd::OwnedFd, time::Duration};

use jiff::Timestamp;
use lic_protocol::wire::Refusal;
use rustix::{
    io::Errno,
    net::{SocketFlags, accept_with},
};
use tracing::{debug, warn};

use super::{
    ACCEPT_PAUSE_MS, ACCEPTS_PER_TURN_MAX, CONNECTIONS_PER_UID_MAX, SeatServer,
    connection::Connection, peer::Peer, refuse, watch::Deadline,
};

impl SeatServer {
    pub(super) fn accept(&mut self, now: Timestamp) {
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            if self.connections.len() >= self.connections_max {
                return self.pause("too many are open");
            }
            match accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => self.welcome(socket, now),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => return self.pause(&errno.to_string()),
            }
        }
    }

    /// Leaves new connections in the backlog for a while: there is no descriptor for them, and trying again at once would
    /// spin.
    fn pause(&mut self, why: &str) {
        if let Err(errno) = self.epoll.delete(&self.listener) {
            return debug!("stop accepting: {errno}");
        }
        if !self.is_paused {
            warn!("no connection is accepted for {ACCEPT_PAUSE_MS} ms: {why}");
        }
        self.is_paused = true;
        self.set_deadline(Duration::from_millis(ACCEPT_PAUSE_MS), Deadline::Accept);
    }

    fn welcome(&mut self, socket: OwnedFd, now: Timestamp) {
        self.is_paused = false;
        let peer = match Peer::of(&socket, &mut self.processes) {
            Ok(peer) => peer,
            Err(error) => return debug!("a connection is dropped: {error}"),
        };
        self.last_connection += 1;
        let connection = Connection::new(self.last_connection, socket, peer);
        let uid = connection.peer.uid;
        if self.connections.of_uid(uid) >= CONNECTIONS_PER_UID_MAX.min(self.connections_max * 3 / 4)
        {
            let text = format!("user {uid} has too many connections open");
            return refuse(&connection, Refusal::QueueFull, text);
        }
        self.read(connection, now);
    }
}
