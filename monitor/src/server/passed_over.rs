//! Waiters whose process is stopped when their turn comes, as ^Z stops it: whoever is behind them goes first, and they are
//! served when they go on.

use std::{cmp::Reverse, time::Duration};

use jiff::Timestamp;
use lic_admission::{Grant, Ticket};

use super::{PASSED_OVER_MS, SeatServer, TICKET_S_MAX, Waiter, peer, watch::Deadline};

impl SeatServer {
    /// Keeps the place of a waiter that cannot take its seats, and tells who goes first.
    pub(super) fn pass_over(&mut self, waiter: Waiter, grant: Grant, now: Timestamp) -> Vec<Grant> {
        let asker = self.asker(&waiter.record);
        let choices = waiter.record.choices.clone();
        self.waiters.insert(grant.ticket, waiter);
        self.passed_over.insert(grant.ticket);
        self.look_later();
        self.admission.pass_over(grant, &asker, &choices, now)
    }

    /// The same for a waiter that nobody has heard of since a restart.
    pub(super) fn pass_over_if_stopped(&mut self, ticket: Ticket, now: Timestamp) {
        let waiter = self.waiters.get(&ticket);
        if waiter.is_some_and(|w| w.connection.is_none() && peer::is_stopped(&w.record.holder)) {
            self.passed_over.insert(ticket);
            self.look_later();
            let grants = self.admission.stand_back(ticket, now);
            self.settle(grants, now);
        }
    }

    /// Has those that go on wait as before, and looks again later while there are others.
    pub(super) fn look_at_passed_over(&mut self, now: Timestamp) {
        self.serve_who_go_on(now);
        if !self.passed_over.is_empty() {
            self.look_later();
        }
    }

    fn look_later(&mut self) {
        if !self.deadlines.iter().any(|Reverse((_, deadline))| *deadline == Deadline::PassedOver) {
            self.set_deadline(Duration::from_millis(PASSED_OVER_MS), Deadline::PassedOver);
        }
    }

    /// Called before anything by which somebody behind them could start.
    pub(super) fn serve_who_go_on(&mut self, now: Timestamp) {
        let is_stopped = |ticket: &Ticket| {
            self.waiters.get(ticket).is_some_and(|waiter| peer::is_stopped(&waiter.record.holder))
        };
        let go_on: Vec<Ticket> =
            self.passed_over.iter().filter(|ticket| !is_stopped(ticket)).copied().collect();
        for ticket in go_on {
            self.passed_over.remove(&ticket);
            if self.waiters.get(&ticket).is_some_and(|waiter| waiter.connection.is_none()) {
                self.expect_back(ticket);
            } else if let Some(grants) = self.admission.welcome(ticket, now) {
                self.settle(grants, now);
            }
        }
    }

    /// It finds only now that its connection broke in a restart.
    fn expect_back(&mut self, ticket: Ticket) {
        self.admission.expect_back(ticket);
        self.set_deadline(Duration::from_secs(TICKET_S_MAX), Deadline::Place(ticket));
    }
}
