//! Lines to events: what the parser makes of each, its identity, and what was understood in all.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use lic_parse::{Late, Line, LogParser, Meaning, text};
use lic_protocol::{
    event::{Event, Fact, Identity},
    name::ServerName,
    view::{Coverage, EXAMPLES_MAX, Example},
};

use super::lines::RawLine;
use crate::identity::{dated_identity_hash, identity_hash};

/// Characters of a line that was not understood that are kept to be shown.
const EXAMPLE_CHARS_MAX: usize = 400;

/// Reads the lines of one file.
pub struct Reading {
    server: ServerName,
    parser: Box<dyn LogParser>,
    ordinals: Ordinals,
    /// What was understood so far.
    pub coverage: Coverage,
    /// Lines that showed a checkout or a checkin.
    pub usage_lines: u64,
    /// The newest time so far.
    pub last_at: Option<Timestamp>,
}

impl Reading {
    /// Reads from the beginning of a file of `server`.
    #[must_use]
    pub fn new(server: ServerName, parser: Box<dyn LogParser>) -> Self {
        Self {
            server,
            parser,
            ordinals: Ordinals::default(),
            coverage: Coverage::default(),
            usage_lines: 0,
            last_at: None,
        }
    }

    /// Reads a line and counts it. Told are what earlier lines turn out to mean, and then the event it is, if it is one.
    pub fn line(&mut self, line: &RawLine<'_>, mut told: impl FnMut(Event)) {
        self.coverage.lines += 1;
        match line {
            RawLine::Whole(bytes) => {
                let line = text::bare(bytes);
                let read = self.parser.line(line);
                if let Some(late) = self.parser.late() {
                    self.late(late).into_iter().for_each(&mut told);
                }
                self.whole(line, read).into_iter().for_each(told);
            }
            RawLine::TooLong(head) => self.unknown(head, "longer than 64 KiB".to_owned()),
        }
    }

    /// No line follows for now: what waits for one is told without.
    pub fn end(&mut self, told: impl FnMut(Event)) {
        let rest = self.parser.rest();
        rest.into_iter().filter_map(|late| self.late(late)).for_each(told);
    }

    /// Looks at a line that was read before, so that equal lines after it get their places. Nothing is counted.
    pub fn remember(&mut self, line: &RawLine<'_>) {
        let RawLine::Whole(line) = line else { return };
        let line = text::bare(line);
        let read = self.parser.line(line);
        if let Some(late) = self.parser.late() {
            self.place(&late.bytes, &late.line);
        }
        self.place(line, &read);
    }

    fn place(&mut self, bytes: &[u8], line: &Line) {
        if let (Meaning::Event(_), Some(at)) = (&line.meaning, line.at) {
            self.identity(at, line.day, bytes);
        }
    }

    fn identity(&mut self, at: Timestamp, day: Option<Date>, line: &[u8]) -> Identity {
        let hash = match day {
            Some(day) => dated_identity_hash(&self.server, day, line),
            None => identity_hash(&self.server, line),
        };
        Identity { hash, ordinal: self.ordinals.next(at, hash) }
    }

    fn whole(&mut self, line: &[u8], read: Line) -> Option<Event> {
        let Line { at, ambiguous, day, meaning } = read;
        self.last_at = self.last_at.max(at);
        match (meaning, at) {
            (Meaning::Event(fact), Some(at)) => {
                self.coverage.events += 1;
                self.usage_lines += u64::from(is_usage(&fact));
                let identity = self.identity(at, day, line);
                let raw = ambiguous.then(|| text::decode(line).into_owned());
                Some(Event { at, fact, identity, raw })
            }
            (Meaning::Noise, _) => {
                self.coverage.noise += 1;
                None
            }
            (Meaning::Unknown(why), _) => {
                self.unknown(line, why);
                None
            }
            (Meaning::Event(_), None) => {
                self.unknown(line, "an event without a time".to_owned());
                None
            }
        }
    }

    /// It was counted as noise, and is that no more.
    fn late(&mut self, late: Late) -> Option<Event> {
        self.coverage.noise = self.coverage.noise.saturating_sub(1);
        self.whole(&late.bytes, late.line)
    }

    fn unknown(&mut self, line: &[u8], why: String) {
        self.coverage.unknown += 1;
        let text = text::decode(line).chars().take(EXAMPLE_CHARS_MAX).collect();
        let example = Example { line: self.coverage.lines, why, text };
        // The first ones tell what kind of file it is, the newest one what is going on.
        if self.coverage.examples.len() >= EXAMPLES_MAX {
            self.coverage.examples.pop();
        }
        self.coverage.examples.push(example);
    }
}

fn is_usage(fact: &Fact) -> bool {
    matches!(fact, Fact::Checkout(_) | Fact::Checkin(_))
}

/// How many equal lines stood before a line. Equal lines carry one time, so only those of the newest time are remembered.
#[derive(Default)]
struct Ordinals {
    at: Option<Timestamp>,
    seen: HashMap<u64, u32>,
}

impl Ordinals {
    fn next(&mut self, at: Timestamp, hash: u64) -> u32 {
        if self.at != Some(at) {
            self.at = Some(at);
            self.seen.clear();
        }
        let seen = self.seen.entry(hash).or_insert(0);
        *seen += 1;
        *seen - 1
    }
}
