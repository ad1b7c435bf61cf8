//! Handing a grant over: what was decided becomes a lease once its token is on its way.

use lic_admission::LeaseId;
use lic_protocol::wire::Reply;
use nix::sys::epoll::EpollFlags;
use tracing::{debug, error};

use super::{
    Lease, SeatServer,
    connection::Connection,
    record::{Kind, Record},
    token::Token,
    watch::Watched,
};

impl SeatServer {
    /// Writes a lease down, watches its process, and hands over the token. False when it could not be handed over: then
    /// nothing of the lease is left, and nothing has happened.
    pub(super) fn deliver(&mut self, connection: Connection, record: Record) -> bool {
        let id = record.id;
        let token = match self.try_deliver(&connection, &record) {
            Ok(token) => token,
            Err(error) => {
                debug!("lease {id} was not taken: {error:#}");
                self.seats.remove_token(id);
                self.seats.remove(Kind::Lease, id);
                return false;
            }
        };
        self.tell_checkouts(&record);
        let token = self.admission.is_of_tree(record.wants()).then_some(token.read);
        let lease = Lease { record, pidfd: Some(connection.peer.pidfd), ended: None, token };
        self.leases.insert(LeaseId(id), Box::new(lease));
        true
    }

    fn try_deliver(&self, connection: &Connection, record: &Record) -> anyhow::Result<Token> {
        let written = self.seats.write(Kind::Lease, record);
        let token = written.and_then(|()| self.seats.token(record.id));
        let token = token.inspect_err(|error| error!("no seat can be given: {error}"))?;
        self.watch(&connection.peer.pidfd, Watched::Process(record.id), EpollFlags::EPOLLIN)?;
        match connection.send_with(&self.granted(record.id), &token.write) {
            Ok(()) => Ok(token),
            Err(errno) => {
                self.epoll.delete(&connection.peer.pidfd)?;
                Err(errno.into())
            }
        }
    }

    /// The same grant again, to the process that holds it. The lease stays whether or not this reply is read.
    pub(super) fn deliver_again(&mut self, connection: &Connection, lease: LeaseId) {
        let sent = self.seats.token(lease.0).map_err(anyhow::Error::from).and_then(|token| {
            connection.send_with(&self.granted(lease.0), &token.write)?;
            Ok(token.read)
        });
        let read = match sent {
            Ok(read) => read,
            Err(error) => return debug!("lease {} was not taken again: {error:#}", lease.0),
        };
        // Nobody had its token when the monitor before was killed, so it could not be held by it.
        if let Some(held) = self.leases.get_mut(&lease)
            && self.admission.is_of_tree(held.record.wants())
        {
            held.token.get_or_insert(read);
        }
    }

    fn granted(&self, lease: u64) -> Reply {
        Reply::Granted { lease, is_looked_at: self.processes.is_looked_at() }
    }
}

/// The asker is inside the lease: it is told so, and holds nothing itself.
pub(super) fn grant_inside(connection: &Connection, LeaseId(lease): LeaseId) {
    if let Err(errno) = connection.send(&Reply::Granted { lease, is_looked_at: false }) {
        debug!("a run inside lease {lease} is gone: {errno}");
    }
}
