//! What came of it, in a few lines.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use super::{Watch, check::Stored, writer::Life};

/// Findings that are shown.
const SHOWN_MAX: usize = 6;

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing that was written is lost without a gap.
    Lost,
    /// Nothing is stored twice.
    Twice,
    /// Lines are stored in the order of their file.
    Order,
    /// A gap covers what is missing, and nothing else.
    Gap,
    /// The database is whole.
    Integrity,
}

impl Rule {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Lost, "lost in silence"),
        (Self::Twice, "stored twice"),
        (Self::Order, "out of order"),
        (Self::Gap, "gaps that are none"),
        (Self::Integrity, "damaged"),
    ];

    /// It is broken, and how.
    pub(super) fn broken(self, text: String) -> Finding {
        Finding { rule: self, text }
    }
}

/// Something is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    rule: Rule,
    text: String,
}

/// What came of torturing in one way to watch.
#[derive(Debug)]
pub struct Report {
    watch: Watch,
    seed: u64,
    folder: PathBuf,
    /// How often licmon was killed.
    pub kills: u64,
    written: usize,
    stored: usize,
    gaps: usize,
    /// How often a log was rotated in each way.
    pub styles: BTreeMap<u32, usize>,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(watch: Watch, seed: u64, folder: PathBuf) -> Self {
        let (kills, written, stored, gaps) = (0, 0, 0, 0);
        let (styles, findings) = (BTreeMap::new(), Vec::new());
        Self { watch, seed, folder, kills, written, stored, gaps, styles, findings }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn count(&mut self, lives: &[&Life], stored: &Stored) {
        self.written += lives.iter().map(|life| life.lines.len()).sum::<usize>();
        self.stored += stored.lines.len();
        self.gaps += stored.gaps.len();
        for life in lives.iter().filter(|life| life.style > 0) {
            *self.styles.entry(life.style).or_default() += 1;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { watch, seed, kills, written, stored, gaps, styles, .. } = self;
        writeln!(f, "{watch:?}, seed {seed}")?;
        writeln!(f, "{kills:>9} kills of licmon")?;
        writeln!(f, "{:>9} rotations in {} ways", styles.values().sum::<usize>(), styles.len())?;
        writeln!(f, "{written:>9} lines written, {stored} stored, the others in {gaps} gaps")?;
        for (rule, words) in Rule::ALL {
            let broken = self.findings.iter().filter(|finding| finding.rule == rule).count();
            writeln!(f, "{broken:>9} {words}")?;
        }
        for finding in self.findings.iter().take(SHOWN_MAX) {
            writeln!(f, "          - {}", finding.text)?;
        }
        if self.is_clean() {
            return f.write_str("clean");
        }
        write!(f, "not clean: everything is kept in {}", self.folder.display())
    }
}
