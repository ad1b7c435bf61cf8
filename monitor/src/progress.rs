//! A line on a terminal that is written over, so that whoever waits sees how far something is.

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;

use crate::table::shown;

/// How often the line is written.
const PROGRESS_MS: i64 = 200;

/// The line; nothing where there is no terminal.
pub struct Progress {
    is_shown: bool,
    last: Timestamp,
}

impl Progress {
    /// A line that is not written yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { is_shown: false, last: now }
    }

    /// Writes it, unless it was written just now.
    pub fn show(&mut self, text: &str, now: Timestamp) {
        let waited_ms = now.as_millisecond() - self.last.as_millisecond();
        if waited_ms >= PROGRESS_MS && io::stderr().is_terminal() {
            self.is_shown = true;
            self.last = now;
            drop(write!(io::stderr(), "\r\x1b[2K{}", shown(text)));
        }
    }

    /// Takes it away.
    pub fn clear(&self) {
        if self.is_shown {
            drop(write!(io::stderr(), "\r\x1b[2K"));
        }
    }
}
