//! Who waits, in order of arrival, and who of them may start.

use std::collections::BTreeMap;

use crate::{
    Ticket,
    capacity::{Need, Pools},
};

/// Whether a waiter can be given seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Connected.
    Here,
    /// Its connection broke in a restart; its place is kept, and nobody behind it starts on its features.
    Away,
    /// It could not take what it was granted; those behind it pass, and it keeps its place.
    PassedOver,
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) needs: Box<[Need]>,
    pub(crate) presence: Presence,
}

/// Everybody who waits. Tickets are drawn in order of arrival, so the order of tickets is the order of the queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiters: BTreeMap<Ticket, Waiter>,
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

    pub(crate) fn join(&mut self, ticket: Ticket, needs: Box<[Need]>, presence: Presence) {
        self.waiters.insert(ticket, Waiter { needs, presence });
    }

    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.waiters.remove(&ticket)
    }

    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiter> {
        self.waiters.get_mut(&ticket)
    }

    /// 1 for the first of those who want any of the same features.
    pub(crate) fn place(&self, ticket: Ticket) -> Option<u32> {
        let own = self.waiters.get(&ticket)?;
        let ahead = self.waiters.range(..ticket).filter(|(_, other)| shares(other, own)).count();
        Some(u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// Those who may start now, first come first: all whose needs are free after everybody before them has been thought of.
    ///
    /// A waiter that may not start keeps what it needs from those behind it, so small requests never starve a big one, and
    /// requests for other features pass it. One that is away keeps all of it: who comes back first starts no sooner. O(waiters).
    pub(crate) fn startable(&self, pools: &Pools) -> Vec<Ticket> {
        let mut left: Vec<Left> = pools.iter().map(|pool| Left::of(pool.free())).collect();
        let mut start = Vec::new();
        for (ticket, waiter) in &self.waiters {
            if waiter.presence == Presence::PassedOver {
                continue;
            }
            let is_here = waiter.presence == Presence::Here;
            if is_here && waiter.needs.iter().all(|need| left[need.pool].has(need.count)) {
                start.push(*ticket);
            }
            for need in &waiter.needs {
                let of_pool = &mut left[need.pool];
                *of_pool = if is_here { of_pool.without(need.count) } else { of_pool.kept() };
            }
        }
        start
    }
}

/// What those further behind in the queue may have of a pool.
#[derive(Clone, Copy, Debug)]
enum Left {
    Unlimited,
    Seats(i64),
    /// It is kept for somebody who is away.
    Nothing,
}

impl Left {
    fn of(free: Option<i64>) -> Self {
        free.map_or(Self::Unlimited, Self::Seats)
    }

    fn has(self, count: u32) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Seats(seats) => seats >= i64::from(count),
            Self::Nothing => false,
        }
    }

    fn without(self, count: u32) -> Self {
        match self {
            Self::Seats(seats) => Self::Seats(seats - i64::from(count)),
            other => other,
        }
    }

    fn kept(self) -> Self {
        match self {
            Self::Unlimited => Self::Unlimited,
            Self::Seats(_) | Self::Nothing => Self::Nothing,
        }
    }
}

fn shares(one: &Waiter, other: &Waiter) -> bool {
    one.needs.iter().any(|need| other.needs.iter().any(|own| own.pool == need.pool))
}
