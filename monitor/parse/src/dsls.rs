//! DSLS, the license server of Dassault Systèmes: the frame of its log lines, and which lines mean something.
//! Usage and denials, whose messages have a shape of their own, are in the files beside.
//!
//! Source: lines in `fixtures/dsls`, in the shape of real ones; the list of categories in the vendor's "Error,
//! Information and Warning Messages".

mod denial;
mod usage;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use lic_protocol::event::{Fact, ServerChange, ServerEvent};

use crate::{
    LicenseSystem, Line, LogParser, Meaning,
    clock::{Clock, Instant},
    text,
};

const CATEGORIES: [&str; 13] = [
    "ADMINSERVER",
    "ENROLL",
    "FAILOVERSRV",
    "INITSERVER",
    "LICENSEDATA",
    "LICENSESERV",
    "MONITORING",
    "REPOSITORY",
    "RUNTIMEDATA",
    "STARTSERVER",
    "STATISTICS",
    "STOPSERVER",
    "USGTRACING",
];

/// The license system.
pub struct Dsls;

impl LicenseSystem for Dsls {
    fn name(&self) -> &'static str {
        "dsls"
    }

    /// `TokenUsage*.log` lie in the same folder and are none.
    fn log_pattern(&self) -> &'static str {
        "LicenseServer[0-9]*.log"
    }

    fn log(&self, zone: TimeZone, last: Option<Timestamp>) -> Box<dyn LogParser> {
        Box::new(Log { clock: Clock::new(zone, last) })
    }

    fn shows_denials(&self) -> bool {
        true
    }

    fn tracing_help(&self) -> &'static str {
        "Switch on license usage tracing for each license: License Administration Tool, server properties, \
         License usage tracing."
    }
}

struct Log {
    clock: Clock,
}

impl LogParser for Log {
    fn line(&mut self, line: &[u8]) -> Line {
        let Some(text) = text::line(line) else { return Line::too_long() };
        // A server that lost power leaves a hole of NULs before its next line.
        let text = text.trim_start_matches('\0');
        match Frame::of(text) {
            Some(frame) => self.framed(&frame),
            None if is_filling(text) => Line::timeless(Meaning::Noise),
            None => Line::timeless(Meaning::unknown("not a DSLS line")),
        }
    }
}

impl Log {
    fn framed(&mut self, frame: &Frame) -> Line {
        match frame.local.and_then(|local| self.clock.instant(local)) {
            Some(Instant { at, ambiguous }) => {
                Line { at: Some(at), ambiguous, day: None, meaning: meaning(frame) }
            }
            None => Line::timeless(Meaning::unknown("impossible time")),
        }
    }
}

/// A line taken apart: `2025/08/18 08:28:06:989 I STARTSERVER Ready`. The category is padded to 11 letters.
struct Frame<'a> {
    /// `None` if there is no such time, or not in the years we believe.
    local: Option<DateTime>,
    category: &'a str,
    message: &'a str,
}

impl<'a> Frame<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (stamp, rest) = line.split_at_checked(23)?;
        let numbers = numbers(stamp.as_bytes())?;
        let [b' ', b'A'..=b'Z', b' ', ..] = rest.as_bytes() else { return None };
        let (category, message) = rest[3..].split_once(' ')?;
        let is_word =
            !category.is_empty() && category.bytes().all(|byte| byte.is_ascii_uppercase());
        is_word.then(|| Self {
            local: local(numbers),
            category,
            message: message.trim_start_matches(' '),
        })
    }
}

/// Year, month, day, hour, minute, second and millisecond of `yyyy/MM/dd HH:mm:ss:SSS`.
fn numbers(stamp: &[u8]) -> Option<[i16; 7]> {
    const SHAPE: &[u8; 23] = b"0000/00/00 00:00:00:000";
    let mut numbers = [0; 7];
    let mut which = 0;
    for (&byte, &shape) in stamp.iter().zip(SHAPE) {
        if shape == b'0' && byte.is_ascii_digit() {
            numbers[which] = numbers[which] * 10 + i16::from(byte - b'0');
        } else if byte == shape && shape != b'0' {
            which += 1;
        } else {
            return None;
        }
    }
    Some(numbers)
}

fn local([year, month, day, hour, minute, second, ms]: [i16; 7]) -> Option<DateTime> {
    if !(1971..=2100).contains(&year) {
        return None;
    }
    // Two digits fit an i8.
    let [month, day, hour, minute, second] =
        [month, day, hour, minute, second].map(|number| i8::try_from(number).unwrap_or(-1));
    DateTime::new(year, month, day, hour, minute, second, i32::from(ms) * 1_000_000).ok()
}

/// Whether a line without a frame is known to mean nothing: empty, or more of the message before it.
fn is_filling(text: &str) -> bool {
    text.is_empty()
        || text.starts_with([' ', '\t', '\0'])
        || text.starts_with("at ")
        || text.starts_with("Caused by:")
}

fn meaning(frame: &Frame) -> Meaning {
    match frame.category {
        "USGTRACING" => usage::meaning(frame.message),
        "LICENSESERV" => denial::meaning(frame.message),
        known if CATEGORIES.contains(&known) => match server_change(frame) {
            Some(change) => {
                let text = frame.message.to_owned();
                Meaning::Event(Fact::Server(ServerEvent { change, text, ends: None }))
            }
            None => Meaning::Noise,
        },
        other => Meaning::unknown(&format!("unknown category {}", text::shortened(other))),
    }
}

/// A start says a dozen lines; the one with the version is said once.
fn server_change(frame: &Frame) -> Option<ServerChange> {
    let says = |words: &str| frame.message.contains(words);
    match frame.category {
        "STARTSERVER" if frame.message.starts_with("Server version ") => {
            Some(ServerChange::Started)
        }
        "STOPSERVER" if says("stopped") => Some(ServerChange::Stopped),
        "RUNTIMEDATA" if says("System") && says("suspended") => Some(ServerChange::Stopped),
        "RUNTIMEDATA" if says("System") && says("resumed") => Some(ServerChange::Started),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::LINE_BYTES_MAX;

    #[track_caller]
    fn check(message_bytes: usize, expected: &Meaning) {
        let line = format!("2025/03/03 08:00:00:000 I ADMINSERVER {}", "x".repeat(message_bytes));
        assert_eq!(&Dsls.log(TimeZone::UTC, None).line(line.as_bytes()).meaning, expected);
    }

    #[test]
    fn longest_line_is_read() {
        check(LINE_BYTES_MAX - 38, &Meaning::Noise);
    }

    #[test]
    fn longer_line_is_unknown() {
        check(LINE_BYTES_MAX - 37, &Meaning::unknown("line longer than 64 KiB"));
    }
}
