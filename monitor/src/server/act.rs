//! What may be asked besides seats, by root and licmon's own user: it is handed over to whoever does it.

use std::time::Duration;

use lic_protocol::wire::{Refusal, Request};
use nix::unistd::geteuid;
use rustix::net::sockopt;
use tracing::error;

use super::{ACT_WRITE_S_MAX, SeatServer, config::Act, connection::Connection, refuse};

impl SeatServer {
    /// Hands an act over to whoever does it.
    pub(super) fn act(&mut self, mut connection: Connection, request: Request) {
        let uid = connection.peer.uid;
        let file = connection.take_files().pop();
        if matches!(request, Request::Import(_)) && file.is_none() {
            let text = "the open log comes with the message".to_owned();
            return refuse(&connection, Refusal::Malformed, text);
        }
        if connection.is_watched && self.epoll.delete(&connection.socket).is_err() {
            return;
        }
        let connection = connection.socket;
        let limit = Some(Duration::from_secs(ACT_WRITE_S_MAX));
        let prepared = rustix::io::ioctl_fionbio(&connection, false)
            .and_then(|()| sockopt::set_socket_timeout(&connection, sockopt::Timeout::Send, limit));
        match prepared {
            Ok(()) => (self.on_act)(Act { request, connection, file, uid }),
            Err(errno) => error!("a request is dropped: {errno}"),
        }
    }
}

/// Whether the asker may do more than ask for seats.
pub(super) fn may_act(connection: &Connection) -> bool {
    connection.peer.uid == 0 || connection.peer.uid == geteuid().as_raw()
}
