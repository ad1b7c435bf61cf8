//! Who waits, in order of arrival, and who of them may start.

use std::collections::BTreeMap;

use crate::{
    Ticket,
    capacity::{Need, Pool, Pools, fits},
};

/// Whether a waiter can be given seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Connected.
    Here,
    /// Its connection broke in a restart; its place is kept, and nobody behind it takes what it needs.
    Away,
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

    /// Marks a waiter as connected; false when it has no place.
    pub(crate) fn welcome(&mut self, ticket: Ticket) -> bool {
        match self.waiters.get_mut(&ticket) {
            Some(waiter) => {
                waiter.presence = Presence::Here;
                true
            }
            None => false,
        }
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
    /// requests for other features pass it. O(waiters).
    pub(crate) fn startable(&self, pools: &Pools) -> Vec<Ticket> {
        let mut left: Vec<Option<i64>> = pools.iter().map(Pool::free).collect();
        let mut start = Vec::new();
        for (ticket, waiter) in &self.waiters {
            let may_start = waiter.needs.iter().all(|need| fits(left[need.pool], need.count));
            if may_start && waiter.presence == Presence::Here {
                start.push(*ticket);
            }
            for need in &waiter.needs {
                left[need.pool] = left[need.pool].map(|left| left - i64::from(need.count));
            }
        }
        start
    }
}

fn shares(one: &Waiter, other: &Waiter) -> bool {
    one.needs.iter().any(|need| other.needs.iter().any(|own| own.pool == need.pool))
}
