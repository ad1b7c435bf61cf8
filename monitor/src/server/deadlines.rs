//! What is to be done at some time, and how long the loop may wait for it.

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nix::sys::epoll::{EpollFlags, EpollTimeout};
use tracing::error;

use super::{
    SWEEP_MS, SeatServer,
    processes::LOOK_MS,
    watch::{Deadline, Watched},
};

impl SeatServer {
    pub(super) fn set_deadline(&mut self, after: Duration, deadline: Deadline) {
        self.deadlines.push(Reverse((Instant::now() + after, deadline)));
    }

    pub(super) fn pass_deadlines(&mut self, now: Timestamp) {
        while let Some(Reverse((at, deadline))) = self.deadlines.peek().copied() {
            if at > Instant::now() {
                return;
            }
            self.deadlines.pop();
            match deadline {
                Deadline::Request(id) => self.drop_unless_waiting(id),
                // It has its time to come back when it goes on.
                Deadline::Place(ticket) if self.passed_over.contains(&ticket) => {}
                Deadline::Place(ticket) => self.give_up_place(ticket, now),
                Deadline::PassedOver => self.look_at_passed_over(now),
                Deadline::Outcome(lease) => self.wait_no_more_for_outcome(lease),
                Deadline::Spool => self.take_up_runs(now),
                Deadline::Denials => self.look_at_denials(now),
                Deadline::Alive => self.tell_alive(),
                Deadline::Processes => self.look_at_processes(),
                // Only wakes the loop.
                Deadline::Stop => {}
                Deadline::Accept if self.stops_at.is_some() => {}
                Deadline::Accept => {
                    let watched =
                        self.watch(&self.listener, Watched::Listener, EpollFlags::EPOLLIN);
                    if let Err(error) = watched {
                        error!("no connection is accepted any more: {error:#}");
                    }
                }
                Deadline::Hours => self.refuse_after_hours(now),
            }
        }
    }

    /// Where the kernel does not tell who has ended.
    pub(super) fn look_at_processes(&mut self) {
        if self.processes.is_looked_at() {
            self.processes.look();
            self.set_deadline(Duration::from_millis(LOOK_MS), Deadline::Processes);
        }
    }

    pub(super) fn tell_alive(&mut self) {
        if let Some(alive) = &self.alive {
            (alive.tell)();
            let every = alive.every;
            self.set_deadline(every, Deadline::Alive);
        }
    }

    fn drop_unless_waiting(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(id).filter(|c| c.ticket.is_some()) {
            self.connections.insert(connection);
        }
    }

    pub(super) fn timeout(&self) -> EpollTimeout {
        let sweep = self.outbox.has_uncommitted().then(|| Duration::from_millis(SWEEP_MS));
        let next = self.deadlines.peek().map(|Reverse((at, _))| {
            // Rounded up, so that the last fraction of a millisecond is slept and not spun.
            at.saturating_duration_since(Instant::now()) + Duration::from_millis(1)
        });
        match sweep.into_iter().chain(next).min() {
            Some(wait) => EpollTimeout::try_from(wait).unwrap_or(EpollTimeout::MAX),
            None => EpollTimeout::NONE,
        }
    }
}
