//! The checker: what was configured, what each run did, and what licmon committed go in; what is wrong comes out. Pure.
//!
//! Nothing here asks licmon whether it did well. What a tool did counts only from its first instruction to its last, or to the
//! signal that killed it, whichever came first: only then did it certainly hold its seats.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lic_protocol::want::Want;

use super::{
    history::{Record, What},
    journal::{Seen, Start},
    load::Load,
    plan::{Pool, Unit},
};

/// Leases from here on were drawn by runs that licmon did not see begin, and are no grants. Source: ARCHITECTURE.md, the spool.
pub const DRAWN_LEASE_MIN: u64 = 1 << 59;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The order of commits, replayed, never has more seats in use than there are.
    Ledger,
    /// Tools that certainly ran at one instant never had more seats than there are, so none is handed on under a running tool.
    World,
    /// After quiet nothing is left: no seat in use, no waiter, no file.
    Leak,
    /// Numbers of leases rise, through restarts too.
    Rising,
    /// One lease is one grant to one run, and ends once.
    Once,
    /// Once faults are healed a free seat is had.
    Alive,
    /// Every run of a tool is a session, and every session was a run or never came to be one.
    Counted,
}

/// Something wrong, and all that is needed to find out why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it breaks.
    pub rule: Rule,
    /// The facts.
    pub text: String,
}

/// A run as the one who started it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose it was: 0 is the user that seats are set aside for.
    pub user: u32,
    /// Its seats.
    pub wants: Vec<Want>,
    /// Whether the process that was started and killed is the parent of the tool, and not the tool.
    pub is_supervised: bool,
    /// When licwrap was started.
    pub asked_ns: u64,
    /// When SIGKILL was sent to it, just before.
    pub killed_ns: Option<u64>,
    /// How it ended, where it was not by a signal.
    pub status: Option<i32>,
}

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The tools.
    pub pools: BTreeMap<String, Pool>,
    /// Who ran, by the number of the run.
    pub runs: BTreeMap<u64, Run>,
    /// What the tools said.
    pub seen: BTreeMap<u64, Seen>,
    /// What licmon committed, in order.
    pub records: Vec<Record>,
}

/// A lease as history tells it.
#[derive(Debug, Default)]
struct Told {
    runs: BTreeSet<u64>,
    wants: BTreeMap<String, u32>,
    taken: BTreeMap<String, u32>,
    given_back: BTreeMap<String, u32>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ledger => "H1 committed order, more seats in use than there are",
            Self::World => "H2 running tools, more than there are seats (and M4)",
            Self::Leak => "H3 left over after quiet",
            Self::Rising => "H4 lease numbers that do not rise",
            Self::Once => "H5 leases granted or ended twice",
            Self::Alive => "H7 free seats that could not be had",
            Self::Counted => "M2 runs without a session, sessions without a run",
        })
    }
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Ledger,
        Self::World,
        Self::Leak,
        Self::Rising,
        Self::Once,
        Self::Alive,
        Self::Counted,
    ];

    /// Something that breaks it.
    pub fn broken(self, text: impl Into<String>) -> Finding {
        Finding { rule: self, text: text.into() }
    }
}

impl Evidence {
    /// Everything that is wrong.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let leases = self.leases();
        let mut findings = self.ledger();
        findings.extend(self.world());
        findings.extend(self.rising());
        findings.extend(self.once(&leases));
        findings.extend(self.counted(&leases));
        findings
    }

    /// Grants that were never taken by a tool: licwrap was killed, or gave up, while the grant was on its way.
    #[must_use]
    pub fn not_taken(&self) -> usize {
        let runs = self.leases().into_values().flat_map(|told| told.runs).collect::<BTreeSet<_>>();
        runs.iter().filter(|run| self.start(**run).is_none()).count()
    }

    /// Sessions of runs that began while licmon was away.
    #[must_use]
    pub fn drawn(&self) -> usize {
        self.leases().into_keys().filter(|lease| *lease >= DRAWN_LEASE_MIN).count()
    }

    /// H1. Taking and giving back in the order of commits. The end of a supervised run waits for its outcome and is committed
    /// late, as is that of a run nobody saw begin: they count from the first checkout that is not earlier than they are.
    fn ledger(&self) -> Vec<Finding> {
        let mut loads: BTreeMap<&str, Load<u64>> = BTreeMap::new();
        let mut findings = Vec::new();
        for (record, what) in self.steps() {
            let Some(pool) = self.pools.get(&record.feature) else {
                findings.push(Rule::Ledger.broken(format!("no such tool: {record:?}")));
                continue;
            };
            let load = loads.entry(&record.feature).or_default();
            let What::Checkout { count, share, run } = what else {
                load.give_back(&record.lease);
                continue;
            };
            let is_member = run.is_some_and(|run| self.is_member(run));
            load.take(record.lease, *count, share.as_deref(), is_member);
            // A run that began while licmon was away is counted though there may be no seat for it; nothing may be granted then.
            if record.lease < DRAWN_LEASE_MIN
                && let Some(excess) = load.excess(pool)
            {
                let holders = load.holders().map(|lease| self.lease_shown(*lease));
                findings.push(Rule::Ledger.broken(format!(
                    "{}: {excess} after record {} (lease {}, run {run:?}, {} ms); held by {}",
                    record.feature,
                    record.id,
                    record.lease,
                    record.at_ms,
                    holders.collect::<Vec<_>>().join("; ")
                )));
            }
        }
        findings
    }

    /// Records with their place in the replay.
    fn steps(&self) -> Vec<(&Record, &What)> {
        let checkouts = self.records.iter().filter(|r| matches!(r.what, What::Checkout { .. }));
        let checkouts: Vec<&Record> = checkouts.collect();
        let is_late = |record: &&Record| match &record.what {
            What::Checkout { run: Some(run), .. } => {
                record.lease >= DRAWN_LEASE_MIN
                    || self.runs.get(run).is_some_and(|run| run.is_supervised)
            }
            _ => false,
        };
        let late = checkouts.iter().enumerate().filter(|(_, record)| is_late(record));
        let late: BTreeMap<u64, usize> = late.map(|(at, record)| (record.lease, at)).collect();
        // A place is a record's number; what comes before that record has the lower second part.
        let place = |record: &Record| match late.get(&record.lease) {
            Some(own) if matches!(record.what, What::Checkin { .. }) => {
                let mut later = checkouts[own + 1..].iter();
                let first = later.find(|checkout| checkout.at_ms >= record.at_ms);
                first.map_or((record.id, 1), |first| (first.id.min(record.id), 0))
            }
            _ => (record.id, 1),
        };
        let mut steps: Vec<_> = self.records.iter().map(|record| (place(record), record)).collect();
        steps.sort_by_key(|(place, _)| *place);
        steps.into_iter().map(|(_, record)| (record, &record.what)).collect()
    }

    /// H2 and M4. A sweep over the intervals in which tools certainly held the seats they were granted.
    fn world(&self) -> Vec<Finding> {
        let mut steps = Vec::new();
        for (run, (from, until)) in self.certain_intervals() {
            steps.push((from, 1, run));
            steps.push((until, 0, run));
        }
        // At equal times an end comes first.
        steps.sort_unstable();
        let mut loads: BTreeMap<&str, Load<u64>> = BTreeMap::new();
        let mut findings = Vec::new();
        for (at_ns, is_start, run) in steps {
            let Some(known) = self.runs.get(&run) else { continue };
            for want in &known.wants {
                let load = loads.entry(&want.feature).or_default();
                if is_start == 0 {
                    load.give_back(&run);
                    continue;
                }
                let Some(pool) = self.pools.get(&want.feature) else { continue };
                let share = match pool.unit {
                    Unit::Run | Unit::Tree => None,
                    Unit::User => Some(known.user.to_string()),
                    Unit::Host => Some("host".to_owned()),
                };
                load.take(run, want.count, share.as_deref(), self.is_member(run));
                if let Some(excess) = load.excess(pool) {
                    let holders: Vec<String> =
                        load.holders().map(|run| self.run_shown(*run)).collect();
                    findings.push(Rule::World.broken(format!(
                        "{}: {excess} at {at_ns} ns, as run {run} started; running: {}",
                        want.feature,
                        holders.join("; ")
                    )));
                }
            }
        }
        findings
    }

    /// By run. Those that run uncounted hold no seat of ours.
    fn certain_intervals(&self) -> BTreeMap<u64, (u64, u64)> {
        let interval = |(run, seen): (&u64, &Seen)| {
            let start = seen.start.filter(|start| start.lease.is_some())?;
            let known = self.runs.get(run)?;
            let is_tree = |want: &Want| {
                self.pools.get(&want.feature).is_some_and(|pool| pool.unit == Unit::Tree)
            };
            let killed_ns = known.killed_ns.filter(|_| !known.is_supervised);
            let own = [seen.end_ns, killed_ns].into_iter().flatten().min().unwrap_or(start.at_ns);
            // The child had the token before its parent could end.
            let child = [seen.child_start_ns, seen.child_end_ns].into_iter().flatten().max();
            let child = child.filter(|_| known.wants.iter().any(is_tree)).unwrap_or(0);
            Some((*run, (start.at_ns, own.max(child))))
        };
        self.seen.iter().filter_map(interval).collect()
    }

    /// H4. Each lease by its first checkout.
    fn rising(&self) -> Vec<Finding> {
        let mut last = 0;
        let mut known = BTreeSet::new();
        let mut findings = Vec::new();
        for record in &self.records {
            let is_checkout = matches!(record.what, What::Checkout { .. });
            if is_checkout && record.lease < DRAWN_LEASE_MIN && known.insert(record.lease) {
                if record.lease <= last {
                    let text = format!("lease {} comes after {last}: {record:?}", record.lease);
                    findings.push(Rule::Rising.broken(text));
                }
                last = last.max(record.lease);
            }
        }
        findings
    }

    /// H5. In history, and in what tools were told.
    fn once(&self, leases: &BTreeMap<u64, Told>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (lease, told) in leases {
            let has_many = |counts: &BTreeMap<String, u32>| counts.values().any(|n| *n > 1);
            if has_many(&told.taken) || has_many(&told.given_back) || told.runs.len() > 1 {
                findings.push(Rule::Once.broken(format!("lease {lease}: {told:?}")));
            }
        }
        let mut holders: BTreeMap<u64, u64> = BTreeMap::new();
        for (run, seen) in &self.seen {
            let Some(lease) = seen.start.and_then(|start| start.lease) else { continue };
            if let Some(other) = holders.insert(lease, *run) {
                let (one, two) = (self.run_shown(other), self.run_shown(*run));
                findings.push(Rule::Once.broken(format!("lease {lease} went to {one} and {two}")));
            }
        }
        findings
    }

    /// Both ways, and with exactly the seats that were asked for.
    fn counted(&self, leases: &BTreeMap<u64, Told>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut sessions: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (lease, told) in leases {
            for run in &told.runs {
                sessions.entry(*run).or_default().push(*lease);
            }
            if told.taken != told.given_back {
                findings.push(Rule::Counted.broken(format!("lease {lease} has no end: {told:?}")));
            }
        }
        for run in self.runs.keys() {
            let held = sessions.remove(run).unwrap_or_default();
            findings.extend(self.run_counted(*run, &held, leases));
        }
        for (run, leases) in sessions {
            findings.push(Rule::Counted.broken(format!("leases {leases:?} of run {run}: no run")));
        }
        findings
    }

    fn run_counted(&self, run: u64, held: &[u64], told: &BTreeMap<u64, Told>) -> Option<Finding> {
        let known = self.runs.get(&run)?;
        let shown = || self.run_shown(run);
        let wrong = |text: &str| Some(Rule::Counted.broken(format!("{text}: {}", shown())));
        let start = self.start(run);
        let lease = match (held, start) {
            ([], Some(_)) => return wrong("a tool ran and is no session"),
            ([], None) => return None,
            ([lease], _) => *lease,
            _ => return wrong(&format!("one run is leases {held:?}")),
        };
        let wants: BTreeMap<String, u32> =
            known.wants.iter().map(|want| (want.feature.clone(), want.count)).collect();
        if told.get(&lease).is_none_or(|told| told.wants != wants) {
            return wrong(&format!("lease {lease} is not for what was asked"));
        }
        match start {
            Some(Start { lease: Some(given), .. }) if given != lease => {
                wrong(&format!("history has lease {lease}, the tool was given {given}"))
            }
            Some(_) => None,
            // It gave up, or was killed: the parent alone, where one stays.
            None if known.status.is_some_and(|status| status != 0) => None,
            None if known.killed_ns.is_some() => None,
            None => wrong(&format!("lease {lease} is of a run that was neither seen nor killed")),
        }
    }

    fn leases(&self) -> BTreeMap<u64, Told> {
        let mut leases: BTreeMap<u64, Told> = BTreeMap::new();
        for record in &self.records {
            let told = leases.entry(record.lease).or_default();
            match &record.what {
                What::Checkout { count, run, .. } => {
                    told.runs.extend(run);
                    told.wants.insert(record.feature.clone(), *count);
                    *told.taken.entry(record.feature.clone()).or_default() += 1;
                }
                What::Checkin { .. } => {
                    *told.given_back.entry(record.feature.clone()).or_default() += 1;
                }
            }
        }
        leases
    }

    fn is_member(&self, run: u64) -> bool {
        self.runs.get(&run).is_some_and(|run| run.user == 0)
    }

    fn start(&self, run: u64) -> Option<Start> {
        self.seen.get(&run)?.start
    }

    fn run_shown(&self, run: u64) -> String {
        format!("run {run} {:?} {:?}", self.runs.get(&run), self.seen.get(&run))
    }

    fn lease_shown(&self, lease: u64) -> String {
        let records = self.records.iter().filter(|record| record.lease == lease);
        let shown =
            records.map(|record| format!("{} at {} {:?}", record.id, record.at_ms, record.what));
        format!("lease {lease}: {}", shown.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests;
