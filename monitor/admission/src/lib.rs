//! Who may hold a seat: state, request and time in, decision out. No socket, clock or file comes in here.
//!
//! There is one queue, in order of arrival. A request starts when for each of its features the seats free, less those that
//! everybody before it in the queue still needs, are enough: all of its seats or none. So no feature is overtaken, a big
//! request is not starved by small ones, and requests that share no feature never wait for each other.

pub mod capacity;
mod queue;

use std::collections::BTreeMap;

use jiff::Timestamp;
use lic_protocol::{
    name::FeatureName,
    wire::{Refusal, Wait, Want},
};

use crate::{
    capacity::{Need, OnFull, Pools, Tool},
    queue::{Presence, Queue},
};

/// Most who may wait at once, in all queues together.
pub const WAITERS_MAX: usize = 8192;

/// Numbers from here on are drawn by others while the monitor is away, those below are given by [`Admission::next_id`].
pub const DRAWN_ID_MIN: u64 = 1 << 59;

/// Seats held. Never given twice, and later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// A place in the queue: its number of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What is answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The seats are held.
    Granted(LeaseId),
    /// It waits.
    Queued {
        /// Its place in order of arrival.
        ticket: Ticket,
        /// 1 is next.
        place: u32,
    },
    /// No.
    Refused(Denied),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The kind of refusal.
    pub refusal: Refusal,
    /// One sentence for people.
    pub text: String,
    /// The wants that stood in the way.
    pub lacking: Vec<Want>,
}

/// A waiter's turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The place it leaves.
    pub ticket: Ticket,
    /// What it holds now.
    pub lease: LeaseId,
}

/// Every lease, every waiter, and the rule between them.
#[derive(Debug)]
pub struct Admission {
    pools: Pools,
    leases: BTreeMap<LeaseId, Box<[Need]>>,
    queue: Queue,
    last_id: u64,
}

impl Admission {
    /// Nothing held, nobody waiting.
    #[must_use]
    pub fn new(tools: impl IntoIterator<Item = (FeatureName, Tool)>) -> Self {
        Self {
            pools: Pools::new(tools),
            leases: BTreeMap::new(),
            queue: Queue::default(),
            last_id: 0,
        }
    }

    /// A number never given before: microseconds since 1970, or one more than the last where that is greater.
    pub fn next_id(&mut self, now: Timestamp) -> u64 {
        let clock = u64::try_from(now.as_microsecond()).unwrap_or(0);
        self.last_id = clock.max(self.last_id + 1);
        self.last_id
    }

    /// From now on every new number is above `id`, which was given before a restart. A number that was drawn is none of ours.
    pub fn remember_id(&mut self, id: u64) {
        if id < DRAWN_ID_MIN {
            self.last_id = self.last_id.max(id);
        }
    }

    /// Asks for all of `wants` or none.
    pub fn ask(&mut self, wants: &[Want], wait: Wait, now: Timestamp) -> Decision {
        if let Some(denied) = self.impossible(wants) {
            return Decision::Refused(denied);
        }
        let needs = self.pools.needs(wants);
        if self.pools.have(&needs) {
            return Decision::Granted(self.hold(needs, now));
        }
        match self.reason_not_to_queue(wants, wait) {
            Some(denied) => Decision::Refused(denied),
            None => self.enqueue(needs, now),
        }
    }

    /// Gives a lease back, and starts those whose turn it is. A lease that is not held changes nothing.
    pub fn release(&mut self, lease: LeaseId, now: Timestamp) -> Vec<Grant> {
        match self.leases.remove(&lease) {
            Some(needs) => {
                self.pools.free(&needs);
                self.start_waiters(now)
            }
            None => Vec::new(),
        }
    }

    /// Gives up a place, and starts those it kept waiting. A ticket that has no place changes nothing.
    pub fn leave(&mut self, ticket: Ticket, now: Timestamp) -> Vec<Grant> {
        match self.take_out(ticket) {
            Some(_) => self.start_waiters(now),
            None => Vec::new(),
        }
    }

    /// Counts a lease of the time before a restart. It may exceed what is configured; then nothing is granted until it fits.
    pub fn adopt(&mut self, lease: LeaseId, wants: &[Want]) {
        let needs = self.pools.needs(wants);
        self.remember_id(lease.0);
        self.pools.hold(&needs);
        if let Some(replaced) = self.leases.insert(lease, needs) {
            self.pools.free(&replaced);
        }
    }

    /// Keeps the place of a waiter of the time before a restart, until it [returns](Self::welcome) or [leaves](Self::leave).
    ///
    /// # Errors
    /// When it waits for what can never be had: it has no place.
    pub fn restore(&mut self, ticket: Ticket, wants: &[Want]) -> Result<(), Denied> {
        self.remember_id(ticket.0);
        if let Some(denied) = self.impossible(wants) {
            return Err(denied);
        }
        let needs = self.pools.needs(wants);
        self.take_out(ticket);
        self.pools.want(&needs);
        self.pools.expect_back(&needs);
        self.queue.join(ticket, needs, Presence::Away);
        Ok(())
    }

    /// A waiter of the time before a restart is here again, or one that was passed over goes on. Starts those who may start now, perhaps itself and perhaps others it
    /// kept waiting. `None` when it has no place.
    pub fn welcome(&mut self, ticket: Ticket, now: Timestamp) -> Option<Vec<Grant>> {
        let waiter = self.queue.get_mut(ticket)?;
        match std::mem::replace(&mut waiter.presence, Presence::Here) {
            Presence::Here => {}
            Presence::Away => self.pools.expect_no_more(&waiter.needs),
            Presence::PassedOver => self.pools.want(&waiter.needs),
        }
        Some(self.start_waiters(now))
    }

    /// A waiter cannot take what it was granted: it keeps its place, and nothing is kept for it until it is
    /// [welcome](Self::welcome). Starts those it makes room for. A lease that is not held changes nothing.
    pub fn pass_over(&mut self, grant: Grant, now: Timestamp) -> Vec<Grant> {
        let Some(needs) = self.leases.remove(&grant.lease) else { return Vec::new() };
        self.pools.free(&needs);
        self.queue.join(grant.ticket, needs, Presence::PassedOver);
        self.start_waiters(now)
    }

    /// How many want a seat of the same features before it, and itself; `None` when it has no place.
    #[must_use]
    pub fn place(&self, ticket: Ticket) -> Option<u32> {
        self.queue.place(ticket)
    }

    /// Seats of a feature that are held now; `None` when there is no such feature.
    #[must_use]
    pub fn in_use(&self, feature: &FeatureName) -> Option<u64> {
        self.pools.find(feature.as_str()).map(|pool| self.pools.get(pool).held)
    }

    /// Whether there is such a feature, with so many seats in all.
    #[must_use]
    pub fn is_possible(&self, want: &Want) -> bool {
        let pool = self.pools.find(&want.feature);
        pool.is_some_and(|pool| self.pools.get(pool).is_possible(want.count))
    }

    fn hold(&mut self, needs: Box<[Need]>, now: Timestamp) -> LeaseId {
        let lease = LeaseId(self.next_id(now));
        self.pools.hold(&needs);
        self.leases.insert(lease, needs);
        lease
    }

    fn enqueue(&mut self, needs: Box<[Need]>, now: Timestamp) -> Decision {
        let ticket = Ticket(self.next_id(now));
        self.pools.want(&needs);
        self.queue.join(ticket, needs, Presence::Here);
        Decision::Queued { ticket, place: self.queue.place(ticket).unwrap_or(1) }
    }

    fn start_waiters(&mut self, now: Timestamp) -> Vec<Grant> {
        let tickets = self.queue.startable(&self.pools);
        tickets.into_iter().map(|ticket| Grant { ticket, lease: self.start(ticket, now) }).collect()
    }

    fn start(&mut self, ticket: Ticket, now: Timestamp) -> LeaseId {
        let needs = self.take_out(ticket).unwrap_or_default();
        self.hold(needs, now)
    }

    /// Out of the queue and its sums, and nobody starts for it.
    fn take_out(&mut self, ticket: Ticket) -> Option<Box<[Need]>> {
        let waiter = self.queue.leave(ticket)?;
        if waiter.presence != Presence::PassedOver {
            self.pools.unwant(&waiter.needs);
        }
        if waiter.presence == Presence::Away {
            self.pools.expect_no_more(&waiter.needs);
        }
        Some(waiter.needs)
    }

    /// What can never be granted: a feature that is not configured, or more than it has.
    fn impossible(&self, wants: &[Want]) -> Option<Denied> {
        if let Some(want) = wants.iter().find(|want| self.pools.find(&want.feature).is_none()) {
            let text = format!("no tool named {} is configured", want.feature.escape_debug());
            return Some(Denied { refusal: Refusal::Unknown, text, lacking: vec![want.clone()] });
        }
        let too_many = wants.iter().find(|want| !self.pool(want).is_possible(want.count))?;
        let text = format!(
            "{} seats of {} asked for, it has {}",
            too_many.count,
            too_many.feature,
            self.seats(too_many)
        );
        Some(Denied { refusal: Refusal::TooMany, text, lacking: vec![too_many.clone()] })
    }

    fn reason_not_to_queue(&self, wants: &[Want], wait: Wait) -> Option<Denied> {
        let is_lacking = |want: &&Want| !self.pool(want).has(want.count);
        let lacking: Vec<Want> = wants.iter().filter(is_lacking).cloned().collect();
        let denies = |want: &Want| self.pool(want).tool.on_full == OnFull::Deny;
        let queues = match wait {
            Wait::Yes => true,
            Wait::No => false,
            Wait::AsConfigured => !lacking.iter().any(denies),
        };
        if !queues {
            let text = lacking.first().map_or_else(String::new, |want| self.busy(want));
            return Some(Denied { refusal: Refusal::Busy, text, lacking });
        }
        (self.queue.len() >= WAITERS_MAX).then(|| Denied {
            refusal: Refusal::QueueFull,
            text: format!("{WAITERS_MAX} requests wait already"),
            lacking,
        })
    }

    fn busy(&self, want: &Want) -> String {
        let pool = self.pool(want);
        let (feature, held, seats) = (&want.feature, pool.held, self.seats(want));
        match pool.wanted {
            0 => format!("no seat of {feature} is free: {held} of {seats} in use"),
            wanted => format!(
                "no seat of {feature} is free: {held} of {seats} in use, {wanted} waited for"
            ),
        }
    }

    fn seats(&self, want: &Want) -> String {
        match self.pool(want).tool.seats {
            capacity::Seats::Limited(seats) => seats.to_string(),
            capacity::Seats::Unlimited => "unlimited".to_owned(),
        }
    }

    /// The pool of a want whose feature is known.
    fn pool(&self, want: &Want) -> &capacity::Pool {
        let pool = self.pools.find(&want.feature).expect("impossible wants were refused before");
        self.pools.get(pool)
    }
}

#[cfg(test)]
mod tests;
