//! Text of license systems to events. Pure: bytes in, values out; no files, no clock, no log, no panic.

pub mod registry;

pub mod calendar;
pub mod clock;
pub mod dsls;
pub mod flexlm;
pub mod pattern;
pub mod rlm;
pub mod status;
pub mod text;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use lic_protocol::event::Fact;

/// A license system: what its texts are called and who reads them. One file and one row in [`registry`] each.
pub trait LicenseSystem: Send + Sync {
    /// Its name in configuration and data: `dsls`.
    fn name(&self) -> &'static str;

    /// The names of its log files, as a glob over one folder.
    fn log_pattern(&self) -> &'static str;

    /// A reader of one of its logs, from the beginning or from the middle.
    ///
    /// `zone` is that of the times in the log. `last` is the newest time before the place where reading begins: in the hour
    /// that a clock change repeats, the reader takes the candidate that does not go back behind it.
    fn log(&self, zone: TimeZone, last: Option<Timestamp>) -> Box<dyn LogParser>;

    /// Whether each line of its log tells its whole date. Where it does not, a reader is told by [`LogParser::begin`].
    fn tells_dates(&self) -> bool {
        true
    }

    /// Whether its log shows refused checkouts.
    fn shows_denials(&self) -> bool;

    /// What to do when its log shows no checkouts, as a sentence.
    fn tracing_help(&self) -> &'static str;
}

/// Reads one log, line by line.
pub trait LogParser: Send {
    /// Reads a line without its line end. Any bytes are safe.
    fn line(&mut self, line: &[u8]) -> Line;

    /// The day of the first line it read, where only some lines tell the date: counted back from the first that does, or else
    /// from `last`, the day of the last line it read. `None` where lines tell their dates, and where nobody can know.
    fn first_day(&self, _last: Option<Date>) -> Option<Date> {
        None
    }

    /// The line that comes next is of this day.
    fn begin(&mut self, _day: Date) {}

    /// The event of an earlier line, which waited for what the line just read might say of it. To be asked after each line, and
    /// told before what that line means.
    fn late(&mut self) -> Option<Late> {
        None
    }

    /// The events that wait still, where no line follows.
    fn rest(&mut self) -> Vec<Late> {
        Vec::new()
    }
}

/// A line that was taken for noise, and is an event now that more is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// Its bytes, without its line end.
    pub bytes: Vec<u8>,
    /// When it was written, and what it means.
    pub line: Line,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The time it carries.
    pub at: Option<Timestamp>,
    /// Whether the log's zone gives its local time two instants or none; `at` is then the better guess.
    pub ambiguous: bool,
    /// The day it is of, where it does not say so itself: equal lines of two days are two events.
    pub day: Option<Date>,
    /// Its meaning.
    pub meaning: Meaning,
}

impl Line {
    /// A line that carries no time.
    #[must_use]
    pub fn timeless(meaning: Meaning) -> Self {
        Self { at: None, ambiguous: false, day: None, meaning }
    }

    /// A line that nobody reads.
    #[must_use]
    pub fn too_long() -> Self {
        Self::timeless(Meaning::unknown("line longer than 64 KiB"))
    }
}

/// What a line means.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one line, and most lines that matter are events"
)]
pub enum Meaning {
    /// Something happened.
    Event(Fact),
    /// A known line that means nothing to us.
    Noise,
    /// A line we do not understand, and why.
    Unknown(String),
}

impl Meaning {
    /// A line we do not understand, and why.
    #[must_use]
    pub fn unknown(why: &str) -> Self {
        Self::Unknown(why.to_owned())
    }
}
