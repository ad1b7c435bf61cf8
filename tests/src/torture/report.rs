//! What came of it, on a screenful; and everything that was known, in files, where something is wrong.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;

use super::{
    check::{Evidence, Finding, Rule},
    faults::{Faults, Victim},
    history::What,
};

/// Findings of one rule that are shown; all are in the file.
const SHOWN_MAX: usize = 3;

/// What came of it.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    folder: PathBuf,
    kills: BTreeMap<Victim, u64>,
    stops: BTreeMap<Victim, u64>,
    /// How many runs there were of each kind.
    runs: BTreeMap<&'static str, usize>,
    /// How often all seats of a tool were asked for after quiet and a restart.
    pub probes: u64,
    /// The longest that took, from the start of licwrap to the first instruction of the tool.
    pub slowest_probe: Duration,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Nothing yet, of a site in this folder.
    #[must_use]
    pub fn new(seed: u64, folder: PathBuf) -> Self {
        Self {
            seed,
            folder,
            kills: BTreeMap::new(),
            stops: BTreeMap::new(),
            runs: BTreeMap::new(),
            probes: 0,
            slowest_probe: Duration::ZERO,
            findings: Vec::new(),
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Counts what happened.
    pub(super) fn count(&mut self, faults: &Faults, evidence: &Evidence) {
        self.kills.clone_from(&faults.kills);
        self.stops.clone_from(&faults.stops);
        let status =
            |status| evidence.runs.values().filter(|run| run.status == Some(status)).count();
        let starts = || evidence.seen.values().filter_map(|seen| seen.start);
        let checkouts = evidence.records.iter().filter(|r| matches!(r.what, What::Checkout { .. }));
        self.runs = BTreeMap::from([
            ("runs", evidence.runs.len()),
            ("grants to a tool", starts().filter(|start| start.lease.is_some()).count()),
            ("tools uncounted at first", starts().filter(|start| start.lease.is_none()).count()),
            ("sessions counted later", evidence.drawn()),
            ("grants not taken", evidence.not_taken()),
            ("refused: no seat free", status(75)),
            ("refused: waited in vain", status(124)),
            ("refused: licmon away or other", status(125)),
            ("checkouts in history", checkouts.count()),
        ]);
    }

    /// Writes all findings, faults and runs into the folder.
    pub(super) fn write_down(&self, faults: &Faults, evidence: &Evidence) -> anyhow::Result<()> {
        let findings = self.findings.iter().map(|f| format!("{}: {}\n", f.rule, f.text));
        let runs = evidence
            .runs
            .iter()
            .map(|(run, known)| format!("{run} {known:?} {:?}\n", evidence.seen.get(run)));
        for (name, text) in [
            ("findings.txt", findings.collect::<String>()),
            ("faults.txt", faults.told.join("\n")),
            ("runs.txt", runs.collect()),
        ] {
            let path = self.folder.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        for (what, counts) in [("kills", &self.kills), ("stops", &self.stops)] {
            let mut each = String::new();
            for (victim, count) in counts {
                write!(each, ", {count} of {victim}")?;
            }
            writeln!(f, "{:>7} {what}{each}", counts.values().sum::<u64>())?;
        }
        for (what, count) in &self.runs {
            writeln!(f, "{count:>7} {what}")?;
        }
        let slowest = self.slowest_probe;
        writeln!(
            f,
            "{:>7} times all seats of a tool after a restart, the slowest in {slowest:.1?}",
            self.probes
        )?;
        for rule in Rule::ALL {
            let of_rule: Vec<&Finding> =
                self.findings.iter().filter(|finding| finding.rule == rule).collect();
            writeln!(f, "{:>7} {rule}", of_rule.len())?;
            for finding in of_rule.iter().take(SHOWN_MAX) {
                writeln!(f, "        - {}", finding.text)?;
            }
        }
        if self.is_clean() {
            return f.write_str("clean");
        }
        write!(f, "not clean: everything is kept in {}", self.folder.display())
    }
}
