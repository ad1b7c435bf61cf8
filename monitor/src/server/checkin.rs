//! Giving back: the one place where a lease ends, and the one where a place in the queue ends.

use std::os::fd::{AsFd, OwnedFd};

use jiff::Timestamp;
use lic_admission::{LeaseId, Ticket};
use lic_protocol::event::{EndReason, WaitOutcome};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::epoll::{EpollEvent, EpollFlags},
};
use tracing::warn;

use super::{
    SeatServer, facts,
    record::{Ending, Kind, Record},
    stamp,
    watch::Watched,
};

impl SeatServer {
    /// The process has ended that holds a lease, or was expected back for its place.
    pub(super) fn process_ended(&mut self, id: u64, now: Timestamp) {
        if self.is_reaped(LeaseId(id)) {
            return;
        }
        if !self.is_kept_by_tree(id) {
            self.tree_ended(id, now);
        }
        self.give_up_place(Ticket(id), now);
    }

    /// Nobody holds a lease any more.
    pub(super) fn tree_ended(&mut self, id: u64, now: Timestamp) {
        let how = EndReason::ToolExited.word().to_owned();
        self.close_lease(LeaseId(id), &Ending { at: stamp(now), before: None, how, by: None }, now);
    }

    /// Whether processes that its own has left behind keep a lease. They are then watched through its token.
    fn is_kept_by_tree(&mut self, id: u64) -> bool {
        let lease = self.leases.get_mut(&LeaseId(id));
        let Some(lease) = lease else { return false };
        let Some(pidfd) = lease.pidfd.take() else { return lease.token.is_some() };
        let token = lease.token.take();
        let ended = lease.ended.insert(pidfd);
        // From now on it wakes the loop when it is reaped, and before that it would for ever.
        let mut event = EpollEvent::new(EpollFlags::empty(), Watched::Process(id).bits());
        if let Err(errno) = self.epoll.modify(ended, &mut event) {
            warn!("watch how the process of lease {id} ended: {errno}");
            lease.ended = None;
        }
        let Some(token) = token else { return false };
        if is_hung_up(&token) {
            return false;
        }
        self.lingering.tell(id, &token);
        if let Err(error) = self.watch(&token, Watched::Token(id), EpollFlags::empty()) {
            warn!("lease {id} ends with its process: {error:#}");
            return false;
        }
        if let Some(lease) = self.leases.get_mut(&LeaseId(id)) {
            lease.token = Some(token);
        }
        true
    }

    /// Ends a lease, and starts those who waited for it. Ending it again does nothing.
    pub(super) fn close_lease(&mut self, lease: LeaseId, ending: &Ending, now: Timestamp) {
        // Its descriptor is closed here, and with that it is watched no more.
        let Some(held) = self.leases.remove(&lease) else { return };
        self.end_lease(&held.record, ending, held.ended);
        self.serve_who_go_on(now);
        let grants = self.admission.release(lease, now);
        self.settle(grants, now);
    }

    /// Records the end of a lease that is in no table. Its process, where it is known to have `ended`, is asked how.
    pub(super) fn end_lease(&mut self, record: &Record, ending: &Ending, ended: Option<OwnedFd>) {
        self.seats.remove_token(record.id);
        self.write_end(Kind::Lease, record.id, ending);
        self.tell_end_when_known(record.clone(), ending.clone(), ended);
    }

    /// Sends the event of an end that is written down.
    pub(super) fn tell_end(&mut self, record: &Record, ending: &Ending) {
        self.outbox.push_end(record.id, facts::checkins(record, ending));
    }

    /// A waiter is gone: its place is given up, and those it kept waiting start. Doing it again does nothing.
    pub(super) fn leave(&mut self, ticket: Ticket, now: Timestamp) {
        let Some(waiter) = self.waiters.remove(&ticket) else { return };
        self.passed_over.remove(&ticket);
        if let Some(id) = waiter.connection {
            self.connections.remove(id);
        }
        self.end_place(&waiter.record, WaitOutcome::Left, now);
        self.serve_who_go_on(now);
        let grants = self.admission.leave(ticket, now);
        self.settle(grants, now);
    }

    /// Gives up a place nobody has come back for.
    pub(super) fn give_up_place(&mut self, ticket: Ticket, now: Timestamp) {
        if self.waiters.get(&ticket).is_some_and(|waiter| waiter.connection.is_none()) {
            self.leave(ticket, now);
        }
    }

    /// Records the end of a place that is in no table.
    pub(super) fn end_place(&mut self, record: &Record, outcome: WaitOutcome, now: Timestamp) {
        let how = outcome.word().to_owned();
        let ending = Ending { at: stamp(now), before: None, how, by: None };
        self.outbox.push(facts::dequeues(record, &ending));
        self.write_end(Kind::Ticket, record.id, &ending);
        self.outbox.remove_when_committed(Kind::Ticket, record.id);
    }

    fn write_end(&self, kind: Kind, id: u64, ending: &Ending) {
        if let Err(error) = self.seats.end(kind, id, ending) {
            warn!("cannot write down that {} {id} ended: {error}", kind.extension());
        }
    }
}

/// Whether nobody has the other end of a token any more, which has been open since somebody had it.
fn is_hung_up(token: &OwnedFd) -> bool {
    let mut watched = [PollFd::new(token.as_fd(), PollFlags::empty())];
    let found = poll(&mut watched, PollTimeout::ZERO);
    found.is_ok() && watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}
