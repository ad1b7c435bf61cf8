//! One look at the processes of this machine, and whether a lease covers one of them. Pure: what was seen goes in.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    process::{Process, ProcessKey},
    rule::Rule,
};
use crate::server::held::Held;

/// Most parents that are followed.
const ANCESTORS_MAX: usize = 1024;

/// What was covered by which leases when it was last looked at: a process stays inside a lease when the process between them
/// is gone.
pub(super) type Covered = HashMap<ProcessKey, Vec<u64>>;

/// The processes that were there, and what was held just after.
pub(super) struct Look<'a> {
    processes: BTreeMap<u32, &'a Process>,
    held: HashMap<u64, &'a Held>,
    holders: HashMap<u32, Vec<&'a Held>>,
    supervisors: HashSet<u32>,
    before: &'a Covered,
}

impl<'a> Look<'a> {
    /// `before` is what the look before this one found.
    pub(super) fn new(processes: &'a [Process], held: &'a [Held], before: &'a Covered) -> Self {
        let mut holders: HashMap<u32, Vec<&Held>> = HashMap::new();
        for held in held {
            holders.entry(held.pid).or_default().push(held);
        }
        Self {
            processes: processes.iter().map(|process| (process.key.pid, process)).collect(),
            held: held.iter().map(|held| (held.id, held)).collect(),
            holders,
            supervisors: held.iter().filter_map(|held| held.supervisor).collect(),
            before,
        }
    }

    pub(super) fn processes(&self) -> impl Iterator<Item = &'a Process> {
        self.processes.values().copied()
    }

    pub(super) fn find(&self, key: ProcessKey) -> Option<&'a Process> {
        self.processes.get(&key.pid).copied().filter(|process| process.key == key)
    }

    /// A process, its parent, and so on. A number that was given again meanwhile is nobody's parent.
    pub(super) fn line(&self, process: &'a Process) -> impl Iterator<Item = &'a Process> {
        let parent = |process: &&'a Process| {
            let parent = self.processes.get(&process.parent?)?;
            (parent.key.start_time <= process.key.start_time).then_some(*parent)
        };
        std::iter::successors(Some(process), parent).take(ANCESTORS_MAX)
    }

    /// The processes that fit a rule and are inside none that does.
    pub(super) fn topmost(&self, rule: &Rule) -> Vec<&'a Process> {
        let fits: HashMap<u32, &Process> = self
            .processes()
            .filter(|process| rule.process.fits(process))
            .map(|process| (process.key.pid, process))
            .collect();
        let is_topmost = |process: &&Process| {
            !self.line(process).skip(1).any(|above| fits.contains_key(&above.key.pid))
        };
        let mut topmost: Vec<&Process> = fits.values().copied().filter(is_topmost).collect();
        topmost.sort_unstable_by_key(|process| process.key);
        topmost
    }

    /// Whether a process needs no seat of this feature: it holds a lease or a place in a queue itself, stays beside one as its
    /// licwrap, or is inside a lease of the feature.
    pub(super) fn is_covered(&self, feature: &str, process: &'a Process) -> bool {
        self.held_by(process).next().is_some()
            || self.supervisors.contains(&process.key.pid)
            || self.leases_over(process).iter().any(|lease| has(lease, feature))
    }

    /// Whether a process or one above it has the token of a lease of this feature open; `pipes` are those a process has.
    pub(super) fn has_token(
        &self,
        feature: &str,
        process: &'a Process,
        pipes: impl Fn(u32) -> Vec<(u64, u64)>,
    ) -> bool {
        let leases = self.held.values().filter(|lease| has(lease, feature));
        let tokens: Vec<(u64, u64)> = leases.filter_map(|lease| lease.token).collect();
        let shows =
            |process: &Process| pipes(process.key.pid).iter().any(|pipe| tokens.contains(pipe));
        !tokens.is_empty() && self.line(process).any(shows)
    }

    /// What is covered now, for the next look.
    pub(super) fn covered(&self) -> Covered {
        let mut covered = Covered::new();
        if self.held.is_empty() {
            return covered;
        }
        for process in self.processes() {
            let leases: Vec<u64> = self.leases_over(process).iter().map(|held| held.id).collect();
            if !leases.is_empty() {
                covered.insert(process.key, leases);
            }
        }
        covered
    }

    /// The leases that a process or one above it holds, or was inside of.
    fn leases_over(&self, process: &'a Process) -> Vec<&'a Held> {
        let mut leases: Vec<&Held> = Vec::new();
        for above in self.line(process) {
            leases.extend(self.held_by(above));
            let before = self.before.get(&above.key).into_iter().flatten();
            leases.extend(before.filter_map(|id| self.held.get(id)));
        }
        leases.sort_unstable_by_key(|lease| lease.id);
        leases.dedup_by_key(|lease| lease.id);
        leases
    }

    fn held_by(&self, process: &Process) -> impl Iterator<Item = &'a Held> {
        let start_time = process.key.start_time;
        let held = self.holders.get(&process.key.pid).into_iter().flatten().copied();
        held.filter(move |held| held.start_time.is_none_or(|time| time == start_time))
    }
}

fn has(held: &Held, feature: &str) -> bool {
    held.features.iter().any(|name| name == feature)
}
