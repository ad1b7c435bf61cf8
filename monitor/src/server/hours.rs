//! After hours: those who wait for a tool that may not be started any more wait in vain, and are told.

use std::time::Duration;

use jiff::Timestamp;
use lic_admission::Ticket;
use lic_protocol::event::WaitOutcome;

use super::{SeatServer, refuse, watch::Deadline};

/// How often those who wait are looked at, by whatever the clock on the wall shows then.
const LOOK_MS: u64 = 1000;

impl SeatServer {
    /// Looks again later, where hours are configured and it does not yet.
    pub(super) fn look_at_hours(&mut self) {
        if !self.looks_at_hours && self.admission.has_hours() {
            self.looks_at_hours = true;
            self.set_deadline(Duration::from_millis(LOOK_MS), Deadline::Hours);
        }
    }

    /// Refuses those who wait for what they may not have any more.
    pub(super) fn refuse_after_hours(&mut self, now: Timestamp) {
        self.looks_at_hours = false;
        let tickets: Vec<Ticket> = self.waiters.keys().copied().collect();
        for ticket in tickets {
            self.refuse_if_forbidden(ticket, now);
        }
        // One alternative may be open again.
        let grants = self.admission.wake(now);
        self.settle(grants, now);
        if !self.waiters.is_empty() {
            self.look_at_hours();
        }
    }

    pub(super) fn refuse_if_forbidden(&mut self, ticket: Ticket, now: Timestamp) {
        let Some(record) = self.waiters.get(&ticket).map(|waiter| waiter.record.clone()) else {
            return;
        };
        let asker = self.asker(&record);
        let Some(denied) = self.admission.never(&asker, &record.choices, now) else { return };
        let waiter = self.waiters.remove(&ticket);
        let connection = waiter.and_then(|waiter| waiter.connection);
        self.record_denial(&record, &denied, &denied.text, now);
        self.end_place(&record, WaitOutcome::Refused, now);
        if let Some(connection) = connection.and_then(|id| self.connections.remove(id)) {
            refuse(&connection, denied.refusal, denied.text);
        }
        let grants = self.admission.leave(ticket, now);
        self.settle(grants, now);
    }
}
