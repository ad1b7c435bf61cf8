//! FlexNet Publisher (FlexLM): the frame of the lines of a debug log, their days, and what a license server says of itself.
//! Who took and gave back what is in the file beside.
//!
//! A debug log numbers no checkouts and its lines tell only the time of day. Dates stand in some lines, by what they say every
//! six hours at the latest; the others follow from the midnights between. The report log of FlexNet is encrypted: only its
//! vendor reads it.
//!
//! Source: lines in `fixtures/flexlm`, in the shape of real ones; "Debug Log File Format" in the vendor's "License
//! Administration Guide".

mod activity;

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use lic_protocol::event::{Fact, ServerChange, ServerEvent};

use crate::{
    LicenseSystem, Line, LogParser, Meaning,
    calendar::Days,
    clock::{Clock, Instant},
    text::{self, number},
};

/// The daemon that starts the vendor daemons.
const MANAGER: &str = "lmgrd";

/// The license system.
pub struct Flexlm;

impl LicenseSystem for Flexlm {
    fn name(&self) -> &'static str {
        "flexlm"
    }

    fn log_pattern(&self) -> &'static str {
        "*.log"
    }

    fn log(&self, zone: TimeZone, last: Option<Timestamp>) -> Box<dyn LogParser> {
        Box::new(Log { zone: zone.clone(), clock: Clock::new(zone, last), days: Days::default() })
    }

    fn tells_dates(&self) -> bool {
        false
    }

    fn shows_denials(&self) -> bool {
        true
    }

    fn tracing_help(&self) -> &'static str {
        "Remove NOLOG OUT and NOLOG IN from the options file of the vendor daemon, and see that the log is its debug log \
         (lmgrd -l +FILE)."
    }
}

struct Log {
    zone: TimeZone,
    clock: Clock,
    days: Days,
}

impl LogParser for Log {
    fn line(&mut self, line: &[u8]) -> Line {
        let Some(text) = text::line(line) else { return Line::too_long() };
        let text = text.trim_start_matches('\0');
        match Frame::of(text) {
            Some(frame) => self.framed(&frame),
            None if is_filling(text) => Line::timeless(Meaning::Noise),
            None => Line::timeless(Meaning::unknown("not a FlexNet line")),
        }
    }

    fn first_day(&self, last: Option<Date>) -> Option<Date> {
        self.days.first_day(last)
    }

    fn begin(&mut self, day: Date) {
        self.days.begin(day);
    }
}

impl Log {
    fn framed(&mut self, frame: &Frame<'_>) -> Line {
        let meaning = meaning(frame);
        match frame.stamp {
            Stamp::Whole(at) => {
                let local = self.zone.to_datetime(at);
                self.days.pass(local.time());
                self.days.tell(local.date());
                Line { at: Some(at), ambiguous: false, day: None, meaning }
            }
            Stamp::Time(time) => {
                let mut day = self.days.pass(time);
                if let Some(told) = told_day(frame.message) {
                    self.days.tell(told);
                    day = Some(told);
                }
                let instant = day.and_then(|day| self.clock.instant(day.to_datetime(time)));
                match (instant, meaning) {
                    (Some(Instant { at, ambiguous }), meaning) => {
                        Line { at: Some(at), ambiguous, day, meaning }
                    }
                    (None, Meaning::Event(_)) => {
                        Line::timeless(Meaning::unknown("no line told the date yet"))
                    }
                    (None, meaning) => Line::timeless(meaning),
                }
            }
        }
    }
}

/// When a line was written.
enum Stamp {
    /// ` 8:42:25`: the time of day.
    Time(Time),
    /// `2024-01-02T08:03:11Z`, what `lmgrd -datestamp` writes.
    Whole(Timestamp),
}

/// A line taken apart: ` 8:42:25 (MLM) IN: "MATLAB" ann@pine`.
struct Frame<'a> {
    stamp: Stamp,
    /// Its name may hold blanks.
    daemon: &'a str,
    message: &'a str,
}

impl<'a> Frame<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (stamp, rest) = line.trim_start_matches(' ').split_once(' ')?;
        let (daemon, message) = rest.strip_prefix('(')?.split_once(')')?;
        let stamp = match time(stamp) {
            Some(time) => Stamp::Time(time),
            None => Stamp::Whole(whole(stamp)?),
        };
        Some(Self { stamp, daemon, message: message.strip_prefix(' ').unwrap_or(message) })
    }
}

/// `H:MM:SS` or `HH:MM:SS`.
fn time(text: &str) -> Option<Time> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    if hour.len() > 2 || minute.len() != 2 || second.len() != 2 {
        return None;
    }
    Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()
}

fn whole(stamp: &str) -> Option<Timestamp> {
    let at: Timestamp = if stamp.contains('T') { stamp.parse().ok()? } else { return None };
    is_believed(TimeZone::UTC.to_datetime(at).date()).then_some(at)
}

fn small(text: &str) -> Option<i8> {
    number(text).and_then(|number| i8::try_from(number).ok())
}

/// The years we believe.
fn is_believed(day: Date) -> bool {
    (1971..=2100).contains(&day.year())
}

/// Whether a line without a frame is known to mean nothing: empty, or more of the message before it.
fn is_filling(text: &str) -> bool {
    text.trim().is_empty() || text.starts_with([' ', '\t']) || text.starts_with("Shut down FlexNet")
}

/// The date that a line tells of itself. Others, of peaks and starts, are of the past.
fn told_day(message: &str) -> Option<Date> {
    let day = if let Some(date) = message.strip_prefix("TIMESTAMP ") {
        slashed(date)
    } else if let Some(date) = message.strip_prefix("Server's System Date and Time: ") {
        spelled(date)
    } else if message.starts_with("(@") {
        spelled(message.split_once("-SLOG@) ")?.1.strip_prefix("Time: ")?)
    } else if is_banner(message) {
        slashed(message.trim_end().strip_suffix(')')?.rsplit_once('(')?.1)
    } else {
        None
    };
    day.filter(|day| is_believed(*day))
}

/// Whether the manager tells that it started: `FlexNet Licensing (v11.18) started on pine (linux) (6/9/2022)`. Other lines hold
/// names that users chose.
fn is_banner(message: &str) -> bool {
    let is_of_flex = message.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("flex"));
    is_of_flex && message.contains(") started on ")
}

/// `6/9/2022`: month, day and year.
fn slashed(date: &str) -> Option<Date> {
    let mut numbers = date.trim_end().split('/').map(number);
    let (month, day, year) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Thu Jun 09 2022 10:25:31 ZONE`. The zone is in the language of the host.
fn spelled(date: &str) -> Option<Date> {
    let mut words = date.split_ascii_whitespace().skip(1);
    let month = words.next()?;
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let day = small(words.next()?)?;
    Date::new(number(words.next()?)?.try_into().ok()?, month, day).ok()
}

fn meaning(frame: &Frame<'_>) -> Meaning {
    if let Some(change) = server_change(frame) {
        return Meaning::Event(Fact::Server(change));
    }
    match frame.message.split_once(": ") {
        Some((action, rest)) if is_action(action) => activity::meaning(frame.daemon, action, rest),
        _ => Meaning::Noise,
    }
}

/// Whether a word is one of those in capitals that tell what happened: `OUT`. Feature lists and banners are in no such form.
fn is_action(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase() || b"_-".contains(&byte))
}

/// A vendor daemon that starts knows nothing of the sessions before. One that stops tells some of their ends after that.
fn server_change(frame: &Frame<'_>) -> Option<ServerEvent> {
    let message = frame.message.trim_end();
    let (change, ends) = if frame.daemon == MANAGER {
        if is_banner(message) {
            (ServerChange::Started, None)
        } else if let Some(vendor) = message.strip_prefix("REStarted ") {
            (ServerChange::Started, vendor.split_once(" (").map(|(vendor, _)| vendor))
        } else if message.starts_with("EXITING DUE TO SIGNAL") {
            (ServerChange::Stopped, None)
        } else {
            return None;
        }
    } else if message.starts_with("Server started on ") {
        (ServerChange::Started, Some(frame.daemon))
    } else {
        return None;
    };
    Some(ServerEvent { change, text: message.to_owned(), ends: ends.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message in, the date it tells out.
    #[track_caller]
    fn check(message: &str, expected: Option<&str>) {
        assert_eq!(told_day(message).map(|day| day.to_string()).as_deref(), expected);
    }

    #[test]
    fn dates_are_told_in_four_forms() {
        check("TIMESTAMP 3/11/2017", Some("2017-03-11"));
        check(
            "FlexNet Licensing (v11.1 build 1 x64_n6) started on pine (IBM PC) (6/9/2022)",
            Some("2022-06-09"),
        );
        check("Server's System Date and Time: Sun Jan 08 2017 17:17:45 EST", Some("2017-01-08"));
        check(
            "(@MLM-SLOG@) Time: Thu Jun 09 2022 10:34:59 Hora de verano romance",
            Some("2022-06-09"),
        );
    }

    #[test]
    fn dates_of_the_past_and_impossible_ones_are_none() {
        check("(@MLM-SLOG@) Start-Date: Thu Jun 09 2022 10:25:28 EST", None);
        check(
            "(@MLM-SLOG@) Peak active connections #3 attempted at Tue Jun 07 2022 12:00:00 EST",
            None,
        );
        check("OUT: \"cad\" x) started on (1/1/2050)@(1/1/2050)", None);
        check("(@MLM-SLOG@) 16 ms at 8:00:00,#1,(-SLOG@) Time: Sat Jan 01 2050,pine,1)", None);
        check("TIMESTAMP 13/1/2017", None);
        check("TIMESTAMP 3/11/1900", None);
        check("TIMESTAMP 3/11", None);
    }
}
