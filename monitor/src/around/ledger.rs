//! The runs that are open, and what each look changes: which began, which ended, and between which times.
//!
//! A run is counted when two looks in a row find it: whoever is about to get a seat has it by then. It is open as long as its
//! process lives, whatever that calls itself later; a run of a tree as long as any process that was ever seen inside it.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use lic_admission::capacity::Unit;
use lic_protocol::{
    event::EndReason,
    name::{FeatureName, HostName, UserName},
};

use super::{
    look::{Covered, Look},
    process::{Handle, Process, ProcessKey},
    rule::Rule,
};
use crate::server::{config::BelievedSession, held::Held};

/// Most runs of one tool that are counted at once.
pub(super) const RUNS_PER_TOOL_MAX: usize = 4096;

/// What the ledger is shown.
pub(super) struct Shown<'a, P> {
    /// When the processes were looked at.
    pub(super) at: Timestamp,
    pub(super) processes: &'a [Process],
    /// What was held, read after the processes: who has become a tool by then has its record.
    pub(super) held: &'a [Held],
    /// The pipes that a process has open, by device and number.
    pub(super) pipes: P,
}

/// The runs that are open.
#[derive(Default)]
pub(super) struct Ledger {
    boot_id: String,
    open: BTreeMap<(FeatureName, ProcessKey), Open>,
    /// Found by the last look, for the first time.
    once: HashSet<(FeatureName, ProcessKey)>,
    /// Tools of which it has been told that there are too many.
    too_many: HashSet<FeatureName>,
    covered: Covered,
    /// When the processes that fit a rule were last covered.
    covered_until: HashMap<ProcessKey, Timestamp>,
}

struct Open {
    handle: String,
    who: Who,
    started: Timestamp,
    /// When it was last seen to live.
    seen: Timestamp,
    /// The living processes inside it, where it is a tree.
    members: HashSet<ProcessKey>,
}

/// Whose a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Uid(u32),
    /// As the session says that a monitor before this one began.
    Named(UserName, HostName),
}

/// What became of a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Began {
        feature: FeatureName,
        handle: String,
        uid: u32,
        unit: Unit,
        process: String,
        at: Timestamp,
    },
    Ended {
        feature: FeatureName,
        handle: String,
        who: Who,
        reason: EndReason,
        at: Timestamp,
        before: Timestamp,
    },
    /// So many more runs of a tool are not counted.
    TooMany { feature: FeatureName, runs: usize },
}

impl Ledger {
    /// Takes over what the monitor before this one began; `seen` is when it looked last. Returns what a reboot ended.
    pub(super) fn adopt(
        boot_id: String,
        believed: Vec<BelievedSession>,
        seen: Option<Timestamp>,
        now: Timestamp,
    ) -> (Self, Vec<Change>) {
        let mut ledger = Self { boot_id, ..Self::default() };
        let mut ended = Vec::new();
        for session in believed {
            let seen = seen.map_or(session.started, |seen| seen.max(session.started));
            let handle = Handle::parse(&session.handle);
            let open = Open {
                handle: session.handle,
                who: Who::Named(session.user, session.host),
                started: session.started,
                seen,
                members: HashSet::new(),
            };
            match handle {
                Some(handle) if handle.is_of_boot(&ledger.boot_id) => {
                    ledger.open.insert((session.feature, handle.key), open);
                }
                Some(_) => ended.push(open.end(&session.feature, EndReason::HostRebooted, now)),
                None => ended.push(open.end(&session.feature, EndReason::Lost, now)),
            }
        }
        (ledger, ended)
    }

    /// Whether no run is open.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What changed since the last look.
    pub(super) fn see<P: Fn(u32) -> Vec<(u64, u64)>>(
        &mut self,
        rules: &[Rule],
        shown: &Shown<'_, P>,
    ) -> Vec<Change> {
        let before = std::mem::take(&mut self.covered);
        let look = Look::new(shown.processes, shown.held, &before);
        self.grow_trees(rules, &look);
        let mut changes = self.end(&look, shown.at);
        let mut once = HashSet::new();
        for rule in rules {
            self.begin(rule, &look, shown, &mut once, &mut changes);
        }
        self.once = once;
        self.covered_until.retain(|key, _| look.find(*key).is_some());
        self.covered = look.covered();
        changes
    }

    /// Whoever was started inside a tree belongs to it, and still does when its parent is gone.
    fn grow_trees(&mut self, rules: &[Rule], look: &Look<'_>) {
        for rule in rules.iter().filter(|rule| rule.unit == Unit::Tree) {
            let mut roots = HashMap::new();
            for ((_, key), open) in self.open.iter().filter(|((name, _), _)| *name == rule.feature)
            {
                roots.extend(open.members.iter().map(|member| (*member, *key)));
                roots.insert(*key, *key);
            }
            let mut grown: HashMap<ProcessKey, HashSet<ProcessKey>> = HashMap::new();
            for process in look.processes() {
                let root = look.line(process).find_map(|above| roots.get(&above.key));
                if let Some(root) = root {
                    grown.entry(*root).or_default().insert(process.key);
                }
            }
            for ((_, key), open) in
                self.open.iter_mut().filter(|((name, _), _)| *name == rule.feature)
            {
                open.members = grown.remove(key).unwrap_or_default();
            }
        }
    }

    fn end(&mut self, look: &Look<'_>, at: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.open.retain(|(feature, key), open| {
            let process = look.find(*key);
            if process.is_some_and(|process| look.is_covered(feature.as_str(), process)) {
                changes.push(open.end(feature, EndReason::Superseded, at));
                return false;
            }
            let lives = |member: &ProcessKey| look.find(*member).is_some();
            if process.is_none() && !open.members.iter().any(lives) {
                changes.push(open.end(feature, EndReason::ToolExited, at));
                return false;
            }
            open.seen = open.seen.max(at);
            true
        });
        changes
    }

    fn begin<P: Fn(u32) -> Vec<(u64, u64)>>(
        &mut self,
        rule: &Rule,
        look: &Look<'_>,
        shown: &Shown<'_, P>,
        once: &mut HashSet<(FeatureName, ProcessKey)>,
        changes: &mut Vec<Change>,
    ) {
        let (mut inside, mut above) = self.taken(&rule.feature, look);
        let mut count = self.open.keys().filter(|(name, _)| *name == rule.feature).count();
        let mut too_many = 0;
        for process in look.topmost(rule) {
            let feature = rule.feature.as_str();
            let is_part = look.line(process).any(|own| inside.contains(&own.key));
            if is_part || above.contains(&process.key) {
                continue;
            }
            if look.is_covered(feature, process) || look.has_token(feature, process, &shown.pipes) {
                self.covered_until.insert(process.key, shown.at);
                continue;
            }
            let found = (rule.feature.clone(), process.key);
            if !self.once.contains(&found) {
                once.insert(found);
            } else if count >= RUNS_PER_TOOL_MAX {
                too_many += 1;
                once.insert(found);
            } else {
                count += 1;
                inside.insert(process.key);
                above.extend(look.line(process).map(|own| own.key));
                changes.push(self.open(rule, process, shown.at));
            }
        }
        if too_many == 0 {
            self.too_many.remove(&rule.feature);
        } else if self.too_many.insert(rule.feature.clone()) {
            changes.push(Change::TooMany { feature: rule.feature.clone(), runs: too_many });
        }
    }

    /// The processes of a feature's open runs; and those that are above one.
    fn taken(
        &self,
        feature: &FeatureName,
        look: &Look<'_>,
    ) -> (HashSet<ProcessKey>, HashSet<ProcessKey>) {
        let (mut inside, mut above) = (HashSet::new(), HashSet::new());
        for ((_, key), open) in self.open.iter().filter(|((name, _), _)| name == feature) {
            inside.insert(*key);
            inside.extend(&open.members);
            if let Some(process) = look.find(*key) {
                above.extend(look.line(process).map(|own| own.key));
            }
        }
        (inside, above)
    }

    /// Opens a run. It began with its process, or with the end of the lease that its process was inside of.
    fn open(&mut self, rule: &Rule, process: &Process, at: Timestamp) -> Change {
        let covered_until = self.covered_until.get(&process.key).copied();
        let started = covered_until.map_or(process.started, |until| until.max(process.started));
        let handle = Handle::new(process.key, &self.boot_id).to_string();
        let open = Open {
            handle: handle.clone(),
            who: Who::Uid(process.uid),
            started,
            seen: at.max(started),
            members: HashSet::new(),
        };
        self.open.insert((rule.feature.clone(), process.key), open);
        Change::Began {
            feature: rule.feature.clone(),
            handle,
            uid: process.uid,
            unit: rule.unit,
            process: process.shown_name(),
            at: started,
        }
    }
}

impl Open {
    fn end(&self, feature: &FeatureName, reason: EndReason, before: Timestamp) -> Change {
        let at = self.seen.max(self.started);
        Change::Ended {
            feature: feature.clone(),
            handle: self.handle.clone(),
            who: self.who.clone(),
            reason,
            at,
            before: before.max(at),
        }
    }
}
