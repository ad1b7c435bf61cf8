//! Giving back: the one place where a lease ends, and the one where a place in the queue ends.

use jiff::Timestamp;
use lic_admission::{LeaseId, Ticket};
use lic_protocol::event::{EndReason, WaitOutcome};
use tracing::warn;

use super::{
    SeatServer, facts,
    record::{Ending, Kind, Record},
    stamp,
};

impl SeatServer {
    /// The process has ended that holds a lease, or was expected back for its place.
    pub(super) fn process_ended(&mut self, id: u64, now: Timestamp) {
        let how = EndReason::ToolExited.word().to_owned();
        self.close_lease(LeaseId(id), &Ending { at: stamp(now), before: None, how }, now);
        self.give_up_place(Ticket(id), now);
    }

    /// Ends a lease, and starts those who waited for it. Ending it again does nothing.
    pub(super) fn close_lease(&mut self, lease: LeaseId, ending: &Ending, now: Timestamp) {
        // Its descriptor is closed here, and with that it is watched no more.
        let Some(held) = self.leases.remove(&lease) else { return };
        self.end_lease(&held.record, ending);
        self.serve_who_go_on(now);
        let grants = self.admission.release(lease, now);
        self.settle(grants, now);
    }

    /// Records the end of a lease that is in no table.
    pub(super) fn end_lease(&mut self, record: &Record, ending: &Ending) {
        self.seats.remove_token(record.id);
        self.write_end(Kind::Lease, record.id, ending);
        if !self.wait_for_outcome(record, ending) {
            self.tell_end(record, ending);
        }
    }

    /// Sends the event of an end that is written down.
    pub(super) fn tell_end(&mut self, record: &Record, ending: &Ending) {
        self.outbox.push(facts::checkins(record, ending));
        self.outbox.remove_when_committed(Kind::Lease, record.id);
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
        let ending = Ending { at: stamp(now), before: None, how: outcome.word().to_owned() };
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
