//! The document of `licmon doctor --json`: what is wrong on this machine, and how to mend it.

use serde::{Deserialize, Serialize};

use crate::event::words;

/// Everything that was found, faults first. Nothing is wrong where there are notes alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// One row each.
    pub findings: Vec<Finding>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is about: `configuration`, `databases`, `own log`, `logs`, `seats`, `tools`, `kernel`.
    pub about: String,
    /// What is so, as a sentence.
    pub what: String,
    /// How to mend it, as a sentence.
    pub mend: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something is not done that was asked for.
    Fault,
    /// It works, and may surprise.
    Warning,
    /// It is as it should be, and less than it could be here.
    Note,
}

words!(Level { Fault = "fault", Warning = "warning", Note = "note" });

impl Findings {
    /// Something is not done that was asked for.
    pub fn fault(&mut self, about: &str, what: impl Into<String>, mend: impl Into<String>) {
        self.add(Level::Fault, about, what.into(), mend.into());
    }

    /// It works, and may surprise.
    pub fn warning(&mut self, about: &str, what: impl Into<String>, mend: impl Into<String>) {
        self.add(Level::Warning, about, what.into(), mend.into());
    }

    /// It is as it should be, and less than it could be here.
    pub fn note(&mut self, about: &str, what: impl Into<String>, mend: impl Into<String>) {
        self.add(Level::Note, about, what.into(), mend.into());
    }

    /// Whether there is something to mend.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.level == Level::Note)
    }

    /// How many things are not done that were asked for.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Fault).count()
    }

    fn add(&mut self, level: Level, about: &str, what: String, mend: String) {
        self.findings.push(Finding { level, about: about.to_owned(), what, mend });
    }
}
