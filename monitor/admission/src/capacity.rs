//! How many seats each tool has, how many are held, and how many are spoken for by those who wait.

use std::collections::HashMap;

use lic_protocol::{name::FeatureName, wire::Want};

/// Seats of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seats {
    /// So many runs at once, and no more.
    Limited(u32),
    /// Runs are counted, none is refused.
    Unlimited,
}

/// What becomes of a request that finds no seat free and does not say what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// It waits in the queue.
    Wait,
    /// It is refused.
    Deny,
}

/// A tool as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its seats.
    pub seats: Seats,
    /// What to do when they are all in use.
    pub on_full: OnFull,
}

/// So many seats of the pool at this index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) pool: usize,
    pub(crate) count: u32,
}

/// The seats of one tool. The sums repeat what the lease table and the queue say, so that asking does not walk them.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) tool: Tool,
    /// Seats of all leases.
    pub(crate) held: u64,
    /// Seats that all waiters want.
    pub(crate) wanted: u64,
    /// Waiters who want it and are expected back.
    pub(crate) away: usize,
}

/// Every pool, and the way from a name to its index.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pools: Vec<Pool>,
    index: HashMap<FeatureName, usize>,
}

impl Pool {
    /// Seats not held: below zero when adopted leases exceed the configuration. `None` has no limit.
    pub(crate) fn free(&self) -> Option<i64> {
        match self.tool.seats {
            Seats::Limited(seats) => Some(i64::from(seats) - signed(self.held)),
            Seats::Unlimited => None,
        }
    }

    /// Whether so many seats can be had now behind everybody who waits. Nobody passes a waiter who is expected back.
    pub(crate) fn has(&self, count: u32) -> bool {
        match self.free() {
            Some(free) => self.away == 0 && free - signed(self.wanted) >= i64::from(count),
            None => true,
        }
    }

    /// Whether this many seats could be had if nobody else were here.
    pub(crate) fn is_possible(&self, count: u32) -> bool {
        match self.tool.seats {
            Seats::Limited(seats) => count <= seats,
            Seats::Unlimited => true,
        }
    }
}

impl Pools {
    pub(crate) fn new(tools: impl IntoIterator<Item = (FeatureName, Tool)>) -> Self {
        let mut all = Self::default();
        for (name, tool) in tools {
            all.index.insert(name, all.pools.len());
            all.pools.push(Pool { tool, held: 0, wanted: 0, away: 0 });
        }
        all
    }

    pub(crate) fn find(&self, feature: &str) -> Option<usize> {
        self.index.get(&FeatureName::from(feature)).copied()
    }

    pub(crate) fn get(&self, pool: usize) -> &Pool {
        &self.pools[pool]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.pools.iter()
    }

    /// What is wanted of the pools there are; wants of unknown features are left out.
    pub(crate) fn needs(&self, wants: &[Want]) -> Box<[Need]> {
        let need = |want: &Want| Some(Need { pool: self.find(&want.feature)?, count: want.count });
        wants.iter().filter_map(need).collect()
    }

    /// Whether every need can be had now, behind everybody who waits.
    pub(crate) fn have(&self, needs: &[Need]) -> bool {
        needs.iter().all(|need| self.get(need.pool).has(need.count))
    }

    pub(crate) fn hold(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].held += u64::from(need.count);
        }
    }

    pub(crate) fn free(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].held -= u64::from(need.count);
        }
    }

    pub(crate) fn want(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].wanted += u64::from(need.count);
        }
    }

    pub(crate) fn unwant(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].wanted -= u64::from(need.count);
        }
    }

    pub(crate) fn expect_back(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].away += 1;
        }
    }

    pub(crate) fn expect_no_more(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].away -= 1;
        }
    }
}

fn signed(seats: u64) -> i64 {
    i64::try_from(seats).unwrap_or(i64::MAX)
}
