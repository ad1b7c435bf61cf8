//! RLM, the license manager of Reprise Software: which line is of which of its two logs, and the year that most lines leave out.
//! What the lines of each mean is in the files beside.
//!
//! Source: "Report Log File Format" and the debug log in the vendor's "License Administration Manual"; lines in
//! `fixtures/rlm`, in the shape of real ones.

mod debug;
mod report;

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use self::{
    debug::{Frame, Pending},
    report::{Header, Start},
};
use crate::{
    Late, LicenseSystem, Line, LogParser, Meaning,
    calendar::Years,
    clock::{Clock, Instant},
    text::{self, number},
};

/// The license system.
pub struct Rlm;

impl LicenseSystem for Rlm {
    fn name(&self) -> &'static str {
        "rlm"
    }

    fn log_pattern(&self) -> &'static str {
        "*.rl"
    }

    fn log(&self, zone: TimeZone, last: Option<Timestamp>) -> Box<dyn LogParser> {
        Box::new(Log {
            clock: Clock::new(zone, last),
            years: Years::default(),
            header: Header::default(),
            start: Start::default(),
            pending: Pending::default(),
            late: None,
        })
    }

    fn tells_dates(&self) -> bool {
        false
    }

    fn shows_denials(&self) -> bool {
        true
    }

    fn tracing_help(&self) -> &'static str {
        "Have the ISV server write a report log: REPORTLOG +FILE std in its options file, then a reread."
    }
}

struct Log {
    clock: Clock,
    years: Years,
    header: Header,
    start: Start,
    pending: Pending,
    late: Option<Late>,
}

impl LogParser for Log {
    fn line(&mut self, line: &[u8]) -> Line {
        let Some(text) = text::line(line) else { return Line::too_long() };
        let text = text.trim_start_matches('\0').trim_end();
        match Frame::of(text) {
            Some(frame) => self.debugged(line, &frame),
            None => self.reported(line, text),
        }
    }

    fn first_day(&self, last: Option<Date>) -> Option<Date> {
        self.years.first_day(last)
    }

    fn begin(&mut self, day: Date) {
        self.years.begin(day);
    }

    fn late(&mut self) -> Option<Late> {
        self.late.take()
    }

    fn rest(&mut self) -> Vec<Late> {
        self.start.take().into_iter().chain(self.pending.take()).collect()
    }
}

impl Log {
    /// A line of the debug log.
    fn debugged(&mut self, bytes: &[u8], frame: &Frame<'_>) -> Line {
        let meaning;
        (meaning, self.late) = self.pending.meaning(frame);
        let line = self.timed(Some(&frame.stamp), meaning);
        if frame.is_denial() && matches!(line.meaning, Meaning::Event(_)) {
            return self.pending.add(frame, Late { bytes: text::bare(bytes).to_vec(), line });
        }
        line
    }

    /// A line of the report log.
    fn reported(&mut self, bytes: &[u8], text: &str) -> Line {
        self.late = self.start.before(text);
        let (stamp, meaning) = self.header.record(text);
        let line = self.timed(stamp.as_ref(), meaning);
        if text.starts_with("START ") && self.header.tells_no_switch() {
            return self.start.wait(Late { bytes: text::bare(bytes).to_vec(), line });
        }
        line
    }

    fn timed(&mut self, stamp: Option<&Stamp>, meaning: Meaning) -> Line {
        let Some(stamp) = stamp else { return Line::timeless(meaning) };
        let local = self.local(stamp);
        match (local.and_then(|local| self.clock.instant(local)), meaning) {
            (Some(Instant { at, ambiguous }), meaning) => {
                let day = local.map(DateTime::date);
                Line { at: Some(at), ambiguous, day, meaning }
            }
            (None, Meaning::Event(_)) => Line::timeless(Meaning::unknown("its date is not known")),
            (None, meaning) => Line::timeless(meaning),
        }
    }

    fn local(&mut self, stamp: &Stamp) -> Option<DateTime> {
        let day = match stamp.day {
            StampDay::Whole(day) => {
                self.years.tell(day);
                day
            }
            StampDay::NoYear(month, day) => self.years.pass(month, day)?,
        };
        Some(day.to_datetime(stamp.time))
    }
}

/// When a line was written.
struct Stamp {
    day: StampDay,
    time: Time,
}

/// Most lines leave out the year.
enum StampDay {
    Whole(Date),
    /// Month and day.
    NoYear(i8, i8),
}

impl Stamp {
    /// `09/04` or `09/04/2024`, and `0:04`, `00:04:24` or `00:04:24.1234`.
    fn of(day: &str, time: &str) -> Option<Self> {
        Some(Self { day: StampDay::of(day)?, time: of_day(time)? })
    }
}

impl StampDay {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(number);
        let (month, day) = (small(parts.next()??)?, small(parts.next()??)?);
        match (parts.next(), parts.next()) {
            (None, _) => {
                let is_day = (1..=12).contains(&month) && (1..=31).contains(&day);
                is_day.then_some(Self::NoYear(month, day))
            }
            (Some(year), None) => {
                let year = year.filter(|year| (1971..=2100).contains(year))?;
                Date::new(year.try_into().ok()?, month, day).ok().map(Self::Whole)
            }
            (Some(_), Some(_)) => None,
        }
    }
}

fn of_day(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute) = (small(number(parts.next()?)?)?, small(number(parts.next()?)?)?);
    let second = match parts.next() {
        Some(second) => {
            small(number(second.split_once('.').map_or(second, |(second, _)| second))?)?
        }
        None => 0,
    };
    if parts.next().is_some() { None } else { Time::new(hour, minute, second, 0).ok() }
}

fn small(number: u32) -> Option<i8> {
    i8::try_from(number).ok()
}
