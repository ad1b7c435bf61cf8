//! A line on a terminal that is written over; nothing where there is no terminal.

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;

use crate::table::shown;

/// How often the line is written.
const PROGRESS_MS: i64 = 200;

/// The line, and when it was last written.
pub struct Progress {
    is_shown: bool,
    last: Timestamp,
}

impl Progress {
    /// Nothing is shown yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { is_shown: false, last: now }
    }

    /// Writes the line, if the last one has stood for a while.
    pub fn show(&mut self, text: &str, now: Timestamp) {
        let waited_ms = now.as_millisecond() - self.last.as_millisecond();
        if waited_ms >= PROGRESS_MS && io::stderr().is_terminal() {
            self.is_shown = true;
            self.last = now;
            drop(write!(io::stderr(), "\r\x1b[2K{}", shown(text)));
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if self.is_shown {
            drop(write!(io::stderr(), "\r\x1b[2K"));
        }
    }
}
