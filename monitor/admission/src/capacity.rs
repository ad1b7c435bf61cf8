//! A tool as it is configured, how many of its seats are held, and how many are spoken for by those who wait.

use std::collections::HashMap;

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, HostName},
    want::Want,
};

use crate::{
    asker::Asker,
    expiry::Expiry,
    load::Load,
    priority::Priority,
    reserve::{Membership, Reserve, membership, set_aside},
    rule::Rule,
    window::Windows,
};

/// Seats of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seats {
    /// So many at once, and no more.
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

/// What takes a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Every run.
    Run,
    /// Every run, for as long as any process lives that it started and that inherited its token.
    Tree,
    /// All runs of a user together.
    User,
    /// All runs on a host together.
    Host,
    /// All runs of a user on a host together.
    UserHost,
}

/// Seats that a run takes which does not say how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// So many.
    PerRun(u32),
    /// So many for each core it may run on.
    PerCore(u32),
}

/// Whether what is decided is also done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is decided: runs are counted.
    Off,
    /// What would be refused or kept waiting is told, and runs.
    Observe,
    /// What is decided is done.
    Enforce,
}

/// A tool as it is configured.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its seats.
    pub seats: Seats,
    /// What to do when they are all in use.
    pub on_full: OnFull,
    /// What takes a seat.
    pub unit: Unit,
    /// Seats that a run takes which does not say how many.
    pub tokens: Tokens,
    /// Whether its limits hold.
    pub mode: Mode,
    /// Seats set aside; at most [`RESERVES_MAX`](crate::reserve::RESERVES_MAX), and not more seats than there are.
    pub reserves: Vec<Reserve>,
    /// Who may use it.
    pub rules: Vec<Rule>,
    /// When it may be started.
    pub windows: Windows,
    /// Until when.
    pub expires: Option<Expiry>,
    /// Who goes first.
    pub priority: Priority,
}

/// So many seats of the pool at this index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) pool: usize,
    pub(crate) count: u32,
    /// Runs with the same key share a seat.
    pub(crate) share: Option<Box<str>>,
    /// The reservations that mean the asker.
    pub(crate) membership: Membership,
}

/// Needs of which one will do, for everything that somebody asks for. No pool comes twice, so that of each choice the first
/// that can be had is taken, whatever is taken of the others.
pub(crate) type Choices = Box<[Box<[Need]>]>;

/// The seats of one tool. The loads repeat what the lease table and the queue say, so that asking does not walk them.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) name: FeatureName,
    pub(crate) tool: Tool,
    /// What all leases take.
    pub(crate) held: Load,
    /// What all leases and all waiters would take together, who could take it otherwise too.
    pub(crate) spoken: Load,
    /// Waiters who want it and are expected back.
    pub(crate) away: usize,
}

/// What is taken before somebody's turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    /// By leases.
    pub(crate) held: &'a Load,
    /// By leases and everybody who waits before him.
    pub(crate) spoken: &'a Load,
    /// Whether one of these is expected back.
    pub(crate) is_kept: bool,
}

/// Every pool, and the way from a name to its index.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pools: Vec<Pool>,
    index: HashMap<FeatureName, usize>,
}

impl Unit {
    /// What a user's runs on a host share; `None` where each is a seat of its own.
    #[must_use]
    pub fn share(self, uid: u32, host: &HostName) -> Option<String> {
        match self {
            Self::Run | Self::Tree => None,
            Self::User => Some(format!("user:{uid}")),
            Self::Host => Some(format!("host:{host}")),
            Self::UserHost => Some(format!("user:{uid}@{host}")),
        }
    }

    /// The word in a configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Tree => "tree",
            Self::User => "user",
            Self::Host => "host",
            Self::UserHost => "user_host",
        }
    }
}

impl Tokens {
    /// How many that are; `cores` is asked only where it depends on them.
    #[must_use]
    pub fn seats(self, cores: impl FnOnce() -> u32) -> u32 {
        match self {
            Self::PerRun(seats) => seats,
            Self::PerCore(seats) => seats.saturating_mul(cores()),
        }
    }
}

impl Tool {
    /// A tool with so many seats of which every run takes one, for everybody and at any time.
    #[must_use]
    pub fn new(seats: Seats, on_full: OnFull) -> Self {
        Self {
            seats,
            on_full,
            unit: Unit::Run,
            tokens: Tokens::PerRun(1),
            mode: Mode::Enforce,
            reserves: Vec::new(),
            rules: Vec::new(),
            windows: Windows::default(),
            expires: None,
            priority: Priority::default(),
        }
    }

    /// The seats to which it is held; `None` when there is no limit.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        match (self.mode, self.seats) {
            (Mode::Enforce, Seats::Limited(seats)) => Some(seats),
            _ => None,
        }
    }

    /// Seats that are set aside.
    #[must_use]
    pub fn set_aside(&self) -> u32 {
        u32::try_from(set_aside(&self.reserves)).unwrap_or(u32::MAX)
    }

    /// Whether anything about it depends on somebody's groups.
    #[must_use]
    pub fn names_groups(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.who);
        let reserves = self.reserves.iter().map(|reserve| &reserve.who);
        let classes = self.priority.classes.iter().map(|class| &class.who);
        rules.chain(reserves).chain(classes).any(|who| who.group.is_some())
    }

    /// Seats that are not set aside.
    pub(crate) fn room(&self, seats: u32) -> u64 {
        u64::from(seats).saturating_sub(set_aside(&self.reserves))
    }

    /// Whether so many seats can be had behind those before: they are free, and nobody before waits for them.
    ///
    /// A shared seat that is held already takes nothing from anybody. Seats that are set aside for the asker and that nobody
    /// before him can have, he can have however many wait for common ones.
    pub(crate) fn has(&self, seats: u32, before: Before<'_>, need: &Need) -> bool {
        let more = u64::from(before.held.more(need));
        if more == 0 {
            return true;
        }
        let room = self.room(seats);
        let common_with = |load: &Load| load.common_with(more, need.membership, &self.reserves);
        let behind = common_with(before.spoken);
        !before.is_kept
            && common_with(before.held) <= room
            && (behind <= room || behind <= before.spoken.common(&self.reserves))
    }

    /// Whether this many seats could be had if nobody else were here.
    pub(crate) fn is_possible(&self, count: u32, membership: Membership) -> bool {
        let alone = |seats| {
            Load::default().common_with(u64::from(count), membership, &self.reserves)
                <= self.room(seats)
        };
        self.limit().is_none_or(alone)
    }
}

impl Pool {
    /// What is taken before somebody who comes now.
    pub(crate) fn before(&self) -> Before<'_> {
        Before { held: &self.held, spoken: &self.spoken, is_kept: self.away > 0 }
    }

    /// Whether the tool may be started now.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        let tool = &self.tool;
        tool.mode != Mode::Enforce
            || (tool.windows.is_open(now) && !tool.expires.as_ref().is_some_and(|e| e.is_over(now)))
    }
}

impl Pools {
    pub(crate) fn new(tools: impl IntoIterator<Item = (FeatureName, Tool)>) -> Self {
        let mut all = Self::default();
        for (name, tool) in tools {
            all.index.insert(name.clone(), all.pools.len());
            let (held, spoken) = (Load::default(), Load::default());
            all.pools.push(Pool { name, tool, held, spoken, away: 0 });
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
    pub(crate) fn needs(&self, asker: &Asker, wants: &[Want]) -> Box<[Need]> {
        wants.iter().filter_map(|want| self.need(asker, want)).collect()
    }

    pub(crate) fn need(&self, asker: &Asker, want: &Want) -> Option<Need> {
        let pool = self.find(&want.feature)?;
        let tool = &self.pools[pool].tool;
        let share = tool.unit.share(asker.uid, &asker.host).map(String::into_boxed_str);
        let membership = membership(&tool.reserves, asker);
        Some(Need { pool, count: want.count, share, membership })
    }

    /// Needs by the names of their features.
    pub(crate) fn wants<'a>(&self, needs: impl Iterator<Item = &'a Need>) -> Vec<Want> {
        let want = |need: &Need| Want {
            feature: self.pools[need.pool].name.as_str().to_owned(),
            count: need.count,
        };
        needs.map(want).collect()
    }

    pub(crate) fn hold(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].held.add(need);
        }
        self.want(needs.iter());
    }

    pub(crate) fn free(&mut self, needs: &[Need]) {
        for need in needs {
            self.pools[need.pool].held.remove(need);
        }
        self.unwant(needs.iter());
    }

    pub(crate) fn want<'a>(&mut self, needs: impl Iterator<Item = &'a Need>) {
        for need in needs {
            self.pools[need.pool].spoken.add(need);
        }
    }

    pub(crate) fn unwant<'a>(&mut self, needs: impl Iterator<Item = &'a Need>) {
        for need in needs {
            self.pools[need.pool].spoken.remove(need);
        }
    }

    pub(crate) fn expect_back<'a>(&mut self, needs: impl Iterator<Item = &'a Need>) {
        for need in needs {
            self.pools[need.pool].away += 1;
        }
    }

    pub(crate) fn expect_no_more<'a>(&mut self, needs: impl Iterator<Item = &'a Need>) {
        for need in needs {
            self.pools[need.pool].away -= 1;
        }
    }
}
