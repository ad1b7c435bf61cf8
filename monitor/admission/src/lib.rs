//! Who may hold a seat: state, request and time in, decision out. No socket, clock or file comes in here.
//!
//! There is one queue, in order of arrival, less what a [class](priority) is worth. A request starts when for each of its
//! features the seats free, less those that everybody before it in the queue still needs, are enough: all of its seats or
//! none. Of alternatives the first that can be had is taken, and whoever waits for them keeps his place for each. So no feature is overtaken, a big request is not starved by small ones, and requests that share no feature never
//! wait for each other. Seats [set aside](reserve) are kept from those they are not for, and runs that share a seat take it once.

pub mod asker;
pub mod capacity;
pub mod expiry;
mod load;
mod observe;
pub mod priority;
mod queue;
mod refusal;
pub mod reserve;
pub mod rule;
pub mod window;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, HostName},
    want::Want,
    wire::{Refusal, Wait},
};

use crate::{
    asker::Asker,
    capacity::{Choices, Need, Pools, Tool, Unit},
    queue::{Presence, Queue, Rank, Waiter, first_of_each},
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

/// What would come of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// These seats are free.
    Free(Vec<Want>),
    /// It would wait.
    Waits {
        /// 1 is next.
        place: u32,
    },
    /// It would be refused, however long it waits.
    Refused(Denied),
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
        self.last_id = self.id_at(now);
        self.last_id
    }

    fn id_at(&self, now: Timestamp) -> u64 {
        let clock = u64::try_from(now.as_microsecond()).unwrap_or(0);
        clock.max(self.last_id + 1)
    }

    /// From now on every new number is above `id`, which was given before a restart. A number that was drawn is none of ours.
    pub fn remember_id(&mut self, id: u64) {
        if id < DRAWN_ID_MIN {
            self.last_id = self.last_id.max(id);
        }
    }

    /// Asks for one alternative of each choice: all or none. No feature comes twice. Afterwards [`wake`](Self::wake) starts
    /// whom a grant made free to.
    pub fn ask(
        &mut self,
        asker: &Asker,
        choices: &[Vec<Want>],
        wait: Wait,
        now: Timestamp,
    ) -> Decision {
        let choices = match self.possible(asker, choices, now) {
            Ok(choices) => choices,
            Err(denied) => return Decision::Refused(denied),
        };
        let rank = self.newest_rank(asker, &choices, now);
        if let Some(needs) = self.to_take(&choices, rank) {
            return Decision::Granted(self.hold(needs, now));
        }
        match self.reason_not_to_queue(asker, &self.lacking(&choices, rank), wait) {
            Some(denied) => Decision::Refused(denied),
            None => self.enqueue(asker, choices, now),
        }
    }

    /// What would come of asking now, waiting if need be. Nothing changes.
    #[must_use]
    pub fn outlook(&self, asker: &Asker, choices: &[Vec<Want>], now: Timestamp) -> Outlook {
        let choices = match self.possible(asker, choices, now) {
            Ok(choices) => choices,
            Err(denied) => return Outlook::Refused(denied),
        };
        let rank = self.newest_rank(asker, &choices, now);
        match self.to_take(&choices, rank) {
            Some(needs) => Outlook::Free(self.pools.wants(needs.iter())),
            None => Outlook::Waits { place: self.queue.place_at(rank, &choices) },
        }
    }

    /// Whether a decision about these needs to know the asker's groups.
    #[must_use]
    pub fn asks_for_groups<'a>(&self, wants: impl IntoIterator<Item = &'a Want>) -> bool {
        let asks = |want: &Want| {
            let pool = self.pools.find(&want.feature).map(|pool| &self.pools.get(pool).tool);
            pool.is_some_and(Tool::names_groups)
        };
        wants.into_iter().any(asks)
    }

    /// What a user's runs of a feature share on a host; `None` where each is a seat of its own.
    #[must_use]
    pub fn share(&self, feature: &str, uid: u32, host: &HostName) -> Option<String> {
        self.tool(feature)?.unit.share(uid, host)
    }

    /// Whether the seats are held until every process is gone that inherited their token.
    #[must_use]
    pub fn is_of_tree<'a>(&self, wants: impl IntoIterator<Item = &'a Want>) -> bool {
        wants.into_iter().any(|w| self.tool(&w.feature).is_some_and(|tool| tool.unit == Unit::Tree))
    }

    /// A tool as it is configured.
    #[must_use]
    pub fn tool(&self, feature: &str) -> Option<&Tool> {
        self.pools.find(feature).map(|pool| &self.pools.get(pool).tool)
    }

    /// Starts those who may start now though nothing was given back.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Grant> {
        self.start_waiters(now)
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
    pub fn adopt(&mut self, lease: LeaseId, asker: &Asker, wants: &[Want]) {
        let needs = self.pools.needs(asker, wants);
        self.remember_id(lease.0);
        self.pools.hold(&needs);
        if let Some(replaced) = self.leases.insert(lease, needs) {
            self.pools.free(&replaced);
        }
    }

    /// Keeps the place of a waiter of the time before a restart, until it [returns](Self::welcome) or [leaves](Self::leave).
    ///
    /// # Errors
    /// When it waits for what cannot be had any more: it has no place.
    pub fn restore(
        &mut self,
        ticket: Ticket,
        asker: &Asker,
        choices: &[Vec<Want>],
        now: Timestamp,
    ) -> Result<(), Denied> {
        self.remember_id(ticket.0);
        let choices = self.possible(asker, choices, now)?;
        self.take_out(ticket);
        self.pools.want(choices.iter().flatten());
        self.pools.expect_back(choices.iter().flatten());
        let rank = Rank::new(ticket, self.credit_us(asker, &choices));
        self.queue.join(rank, choices, Presence::Away);
        Ok(())
    }

    /// A waiter of the time before a restart is here again, or one that was passed over goes on. Starts those who may start now, perhaps itself and perhaps others it
    /// kept waiting. `None` when it has no place.
    pub fn welcome(&mut self, ticket: Ticket, now: Timestamp) -> Option<Vec<Grant>> {
        let waiter = self.queue.get_mut(ticket)?;
        match std::mem::replace(&mut waiter.presence, Presence::Here) {
            Presence::Here => {}
            Presence::Away => self.pools.expect_no_more(waiter.needs()),
            Presence::PassedOver => self.pools.want(waiter.needs()),
        }
        Some(self.start_waiters(now))
    }

    /// A waiter cannot take what it was granted: it keeps its place, and nothing is kept for it until it is
    /// [welcome](Self::welcome). Starts those it makes room for. A lease that is not held changes nothing.
    pub fn pass_over(
        &mut self,
        grant: Grant,
        asker: &Asker,
        choices: &[Vec<Want>],
        now: Timestamp,
    ) -> Vec<Grant> {
        let Some(needs) = self.leases.remove(&grant.lease) else { return Vec::new() };
        self.pools.free(&needs);
        // What was just granted can be had, whatever else of the choices can.
        let granted = || needs.iter().map(|need| Box::from([need.clone()])).collect();
        let choices = self.possible(asker, choices, now).unwrap_or_else(|_| granted());
        let rank = Rank::new(grant.ticket, self.credit_us(asker, &choices));
        self.queue.join(rank, choices, Presence::PassedOver);
        self.start_waiters(now)
    }

    /// A waiter that is expected back cannot come yet: it keeps its place, and nothing is kept for it. Starts those it makes
    /// room for. A ticket that is not expected back changes nothing.
    pub fn stand_back(&mut self, ticket: Ticket, now: Timestamp) -> Vec<Grant> {
        match self.queue.get_mut(ticket) {
            Some(waiter) if waiter.presence == Presence::Away => {
                waiter.presence = Presence::PassedOver;
                self.pools.expect_no_more(waiter.needs());
                self.pools.unwant(waiter.needs());
                self.start_waiters(now)
            }
            _ => Vec::new(),
        }
    }

    /// A waiter that was passed over is expected back from now on, and nobody behind it starts on its features. Others are
    /// as they were.
    pub fn expect_back(&mut self, ticket: Ticket) {
        if let Some(waiter) = self.queue.get_mut(ticket)
            && waiter.presence == Presence::PassedOver
        {
            waiter.presence = Presence::Away;
            self.pools.want(waiter.needs());
            self.pools.expect_back(waiter.needs());
        }
    }

    /// What a lease holds of the features there are, in the order of the choices it was taken from.
    #[must_use]
    pub fn held_by(&self, lease: LeaseId) -> Vec<Want> {
        self.pools.wants(self.leases.get(&lease).into_iter().flatten())
    }

    /// How many want a seat of the same features before it, and itself; `None` when it has no place.
    #[must_use]
    pub fn place(&self, ticket: Ticket) -> Option<u32> {
        self.queue.place(ticket)
    }

    /// By how much a waiter goes before those who came when it did and have no class; `None` when it has no place.
    #[must_use]
    pub fn credit(&self, ticket: Ticket) -> Option<Duration> {
        self.queue.credit_us(ticket).map(Duration::from_micros)
    }

    /// Everybody who waits, the first to be served first.
    pub fn queued(&self) -> impl Iterator<Item = Ticket> {
        self.queue.tickets()
    }

    /// Seats of a feature that are held now; `None` when there is no such feature.
    #[must_use]
    pub fn in_use(&self, feature: &FeatureName) -> Option<u64> {
        self.pools.find(feature.as_str()).map(|pool| self.pools.get(pool).held.seats())
    }

    /// Whether any tool has hours or an end, after which those who wait may wait no longer.
    #[must_use]
    pub fn has_hours(&self) -> bool {
        let has = |tool: &Tool| !tool.windows.windows.is_empty() || tool.expires.is_some();
        self.pools.iter().any(|pool| has(&pool.tool))
    }

    fn hold(&mut self, needs: Box<[Need]>, now: Timestamp) -> LeaseId {
        let lease = LeaseId(self.next_id(now));
        self.pools.hold(&needs);
        self.leases.insert(lease, needs);
        lease
    }

    fn enqueue(&mut self, asker: &Asker, choices: Choices, now: Timestamp) -> Decision {
        let ticket = Ticket(self.next_id(now));
        self.pools.want(choices.iter().flatten());
        self.queue.join(
            Rank::new(ticket, self.credit_us(asker, &choices)),
            choices,
            Presence::Here,
        );
        Decision::Queued { ticket, place: self.queue.place(ticket).unwrap_or(1) }
    }

    /// One start can make another possible: a seat that is shared is taken, and those who share it need no other.
    fn start_waiters(&mut self, now: Timestamp) -> Vec<Grant> {
        let mut grants = Vec::new();
        loop {
            let startable = self.queue.startable(&self.pools, now);
            if startable.is_empty() {
                return grants;
            }
            let start = |(ticket, needs)| {
                self.take_out(ticket);
                Grant { ticket, lease: self.hold(needs, now) }
            };
            grants.extend(startable.into_iter().map(start));
        }
    }

    /// Out of the queue and its sums, and nobody starts for it.
    fn take_out(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiter = self.queue.leave(ticket)?;
        if waiter.presence != Presence::PassedOver {
            self.pools.unwant(waiter.needs());
        }
        if waiter.presence == Presence::Away {
            self.pools.expect_no_more(waiter.needs());
        }
        Some(waiter)
    }

    /// The rank of somebody who comes now.
    fn newest_rank(&self, asker: &Asker, choices: &Choices, now: Timestamp) -> Rank {
        Rank::new(Ticket(self.id_at(now)), self.credit_us(asker, choices))
    }

    /// The least that his class is worth on any of the features, so that he passes nobody on one where it is worth less.
    fn credit_us(&self, asker: &Asker, choices: &Choices) -> u64 {
        let tools = choices.iter().flatten().map(|need| &self.pools.get(need.pool).tool);
        tools.map(|tool| tool.priority.credit_us(asker)).min().unwrap_or(0)
    }

    /// What somebody of this rank would take now, behind everybody who waits before him.
    fn to_take(&self, choices: &Choices, rank: Rank) -> Option<Box<[Need]>> {
        first_of_each(choices, |need| self.is_free(need, rank))
    }

    /// The choices of which nothing can be had now by somebody of this rank.
    fn lacking<'a>(&self, choices: &'a Choices, rank: Rank) -> Vec<&'a [Need]> {
        let has = |choice: &[Need]| choice.iter().any(|need| self.is_free(need, rank));
        choices.iter().map(AsRef::as_ref).filter(|choice| !has(choice)).collect()
    }

    fn is_free(&self, need: &Need, rank: Rank) -> bool {
        let pool = self.pools.get(need.pool);
        let Some(seats) = pool.tool.limit() else { return true };
        if self.queue.is_last(rank) {
            pool.tool.has(seats, pool.before(), need)
        } else {
            self.queue.has(&self.pools, rank, need)
        }
    }
}

#[cfg(test)]
mod tests;
