//! Who waits, in order, and who of them may start.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::{
    Ticket,
    capacity::{Before, Choices, Need, Pool, Pools},
    load::Load,
};

/// Whether a waiter can be given seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Connected.
    Here,
    /// Its connection broke in a restart; its place is kept, and nobody behind it starts on its features.
    Away,
    /// It could not take what it was granted, or cannot come back yet; those behind it pass, and it keeps its place.
    PassedOver,
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) choices: Choices,
    pub(crate) presence: Presence,
}

/// A place in the order: when it came, in microseconds, less what its class is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    came_us: i128,
    ticket: Ticket,
}

/// Everybody who waits. Tickets are drawn in order of arrival and count the microseconds, so that without classes the order
/// of tickets is the order of the queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiters: BTreeMap<Rank, Waiter>,
    ranks: HashMap<Ticket, Rank>,
}

/// What those before somebody take of a pool, as the queue is walked.
#[derive(Debug)]
struct Walked {
    held: Load,
    spoken: Load,
    is_kept: bool,
    is_open: bool,
}

impl Waiter {
    /// Everything that it could take: so much is kept for it, of whichever alternative it will be.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &Need> {
        self.choices.iter().flatten()
    }
}

impl Rank {
    pub(crate) fn new(ticket: Ticket, credit_us: u64) -> Self {
        Self { came_us: i128::from(ticket.0) - i128::from(credit_us), ticket }
    }
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Everybody, first come first.
    #[cfg(test)]
    pub(crate) fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.values()
    }

    pub(crate) fn join(&mut self, rank: Rank, choices: Choices, presence: Presence) {
        self.ranks.insert(rank.ticket, rank);
        self.waiters.insert(rank, Waiter { choices, presence });
    }

    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let rank = self.ranks.remove(&ticket)?;
        self.waiters.remove(&rank)
    }

    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiter> {
        self.waiters.get_mut(self.ranks.get(&ticket)?)
    }

    /// 1 for the first of those who want any of the same features.
    pub(crate) fn place(&self, ticket: Ticket) -> Option<u32> {
        let rank = *self.ranks.get(&ticket)?;
        Some(self.place_at(rank, &self.waiters.get(&rank)?.choices))
    }

    /// By how much it goes before those who came when it did.
    pub(crate) fn credit_us(&self, ticket: Ticket) -> Option<u64> {
        let rank = self.ranks.get(&ticket)?;
        u64::try_from(i128::from(ticket.0) - rank.came_us).ok()
    }

    /// Every ticket, the first to be served first.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = Ticket> {
        self.waiters.keys().map(|rank| rank.ticket)
    }

    /// The place that somebody with these choices has or would have.
    pub(crate) fn place_at(&self, rank: Rank, choices: &Choices) -> u32 {
        let ahead = self.waiters.range(..rank).filter(|(_, other)| shares(other, choices));
        u32::try_from(ahead.count()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Whether everybody who waits goes before somebody of this rank.
    pub(crate) fn is_last(&self, rank: Rank) -> bool {
        self.waiters.last_key_value().is_none_or(|(last, _)| *last < rank)
    }

    /// Whether a need can be had by somebody of this rank who does not wait yet. O(waiters).
    pub(crate) fn has(&self, pools: &Pools, rank: Rank, need: &Need) -> bool {
        let pool = pools.get(need.pool);
        let mut walked = Walked::of(pool, true);
        let before = self.waiters.range(..rank).map(|(_, waiter)| waiter);
        for waiter in before.filter(|waiter| waiter.presence != Presence::PassedOver) {
            let needs = waiter.needs().filter(|other| other.pool == need.pool);
            needs.for_each(|need| walked.pass(need, waiter));
        }
        walked.has(pool, need)
    }

    /// Those who may start now and with what, in order: all whose needs are free after everybody before them has been thought of.
    ///
    /// A waiter that may not start keeps what it needs from those behind it, so small requests never starve a big one, and
    /// requests for other features pass it. Of alternatives it takes the first that is free, and until then keeps its place for each. One that is away keeps all of it: who comes back first starts no sooner. O(waiters).
    pub(crate) fn startable(&self, pools: &Pools, now: Timestamp) -> Vec<(Ticket, Box<[Need]>)> {
        if self.waiters.is_empty() {
            return Vec::new();
        }
        let mut walked: Vec<Walked> =
            pools.iter().map(|pool| Walked::of(pool, pool.is_open(now))).collect();
        let mut start = Vec::new();
        for (rank, waiter) in &self.waiters {
            if waiter.presence == Presence::PassedOver {
                continue;
            }
            let has = |need: &Need| walked[need.pool].has(pools.get(need.pool), need);
            let takes = match waiter.presence {
                Presence::Here => first_of_each(&waiter.choices, has),
                Presence::Away | Presence::PassedOver => None,
            };
            match takes {
                Some(needs) => {
                    for need in &needs {
                        walked[need.pool].held.add(need);
                        walked[need.pool].spoken.add(need);
                    }
                    start.push((rank.ticket, needs));
                }
                None => waiter.needs().for_each(|need| walked[need.pool].pass(need, waiter)),
            }
        }
        start
    }
}

impl Walked {
    fn of(pool: &Pool, is_open: bool) -> Self {
        Self { held: pool.held.clone(), spoken: pool.held.clone(), is_kept: false, is_open }
    }

    /// Thinks of what a waiter needs of this pool.
    fn pass(&mut self, need: &Need, waiter: &Waiter) {
        self.spoken.add(need);
        self.is_kept |= waiter.presence == Presence::Away;
    }

    fn has(&self, pool: &Pool, need: &Need) -> bool {
        let before = Before { held: &self.held, spoken: &self.spoken, is_kept: self.is_kept };
        let fits = |seats| pool.tool.has(seats, before, need);
        self.is_open && pool.tool.limit().is_none_or(fits)
    }
}

/// Of each choice the first that can be had; `None` where of one nothing can.
pub(crate) fn first_of_each(choices: &Choices, has: impl Fn(&Need) -> bool) -> Option<Box<[Need]>> {
    choices.iter().map(|choice| choice.iter().find(|need| has(need)).cloned()).collect()
}

fn shares(one: &Waiter, choices: &Choices) -> bool {
    one.needs().any(|need| choices.iter().flatten().any(|own| own.pool == need.pool))
}
