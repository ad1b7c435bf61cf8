//! A log of any license system, read by the regular expressions of whoever knows it. The expressions are searched once a line,
//! which is linear in the line; nothing iterates.

mod parts;

use jiff::{
    Timestamp,
    civil::{DateTime, date},
    fmt::strtime::BrokenDownTime,
    tz::TimeZone,
};
use lic_protocol::event::Fact;
use regex::{Regex, RegexBuilder};

use self::parts::Parts;
use crate::{
    LicenseSystem, Line, LogParser, Meaning,
    clock::{Clock, Instant},
    text,
};

/// The name of the license system in configuration.
pub const NAME: &str = "pattern";
/// A time that says in all its parts which they are: no month is a day, and no hour is one of twelve.
const SAMPLE: DateTime = date(2025, 11, 27).at(15, 34, 56, 0);
/// Largest compiled expression. One that would be larger takes a second to say so.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// Groups that an expression may have.
const GROUPS: [&str; 11] = [
    "at", "feature", "user", "host", "count", "handle", "seat", "version", "process", "project",
    "reason",
];

/// The expressions, as a configuration has them. Each matches somewhere in a line; those of events name its parts by groups.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    /// How the group `at` is written, as for strftime.
    pub time: String,
    /// A seat taken.
    pub checkout: Option<String>,
    /// A seat given back.
    pub checkin: Option<String>,
    /// A refused checkout.
    pub denial: Option<String>,
    /// The reason of a denial because every seat was in use.
    pub exhausted: Option<String>,
    /// Lines that mean nothing.
    pub noise: Option<String>,
}

/// What is wrong with one of them.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` {message}")]
pub struct ExpressionError {
    /// Its key in the configuration.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What an expression of events makes of a match.
#[derive(Clone, Copy)]
enum Kind {
    Checkout,
    Checkin,
    Denial,
}

/// The license system.
#[derive(Clone)]
pub struct Pattern {
    time: String,
    events: Vec<(Kind, Regex)>,
    exhausted: Option<Regex>,
    noise: Option<Regex>,
    shows_denials: bool,
}

impl Pattern {
    /// Compiles the expressions.
    ///
    /// # Errors
    /// At the first that is none, or does not name what an event needs.
    pub fn new(expressions: &Expressions) -> Result<Self, ExpressionError> {
        let of_events = [
            ("checkout", Kind::Checkout, &expressions.checkout),
            ("checkin", Kind::Checkin, &expressions.checkin),
            ("denial", Kind::Denial, &expressions.denial),
        ];
        let mut events = Vec::new();
        for (key, kind, expression) in of_events {
            if let Some(regex) = compiled(key, expression.as_deref())? {
                check_groups(key, &regex)?;
                events.push((kind, regex));
            }
        }
        if events.is_empty() {
            return Err(wrong("checkout", "is missing, and so is every other kind of event"));
        }
        check_time(&expressions.time)?;
        Ok(Self {
            time: expressions.time.clone(),
            shows_denials: expressions.denial.is_some(),
            events,
            exhausted: compiled("exhausted", expressions.exhausted.as_deref())?,
            noise: compiled("noise", expressions.noise.as_deref())?,
        })
    }
}

pub(crate) fn compiled(
    key: &'static str,
    text: Option<&str>,
) -> Result<Option<Regex>, ExpressionError> {
    let Some(text) = text else { return Ok(None) };
    match RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build() {
        Ok(regex) => Ok(Some(regex)),
        Err(error) => {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            Err(wrong(
                key,
                &format!("is no regular expression: {}", last.trim_start_matches("error: ")),
            ))
        }
    }
}

fn check_groups(key: &'static str, regex: &Regex) -> Result<(), ExpressionError> {
    let named: Vec<&str> = regex.capture_names().flatten().collect();
    if let Some(strange) = named.iter().find(|name| !GROUPS.contains(name)) {
        let known = GROUPS.join(", ");
        return Err(wrong(key, &format!("has the group `{strange}`; known: {known}")));
    }
    match ["at", "feature", "user"].iter().find(|name| !named.contains(name)) {
        Some(missing) => Err(wrong(key, &format!("has no group (?<{missing}>...)"))),
        None => Ok(()),
    }
}

/// Writes an instant as `time` says and reads it again. What is told too little of, or twice, does not come back.
fn check_time(time: &str) -> Result<(), ExpressionError> {
    let sample = SAMPLE.in_tz("UTC").expect("an instant");
    let told = BrokenDownTime::from(&sample).to_string(time);
    let told = told.map_err(|error| wrong("time", &format!("cannot be written: {error}")))?;
    let read = instant(&mut Clock::new(TimeZone::UTC, None), time, &told);
    let is_same = read.is_some_and(|read| {
        let local = TimeZone::UTC.to_datetime(read.at);
        local.date() == SAMPLE.date() && [0, SAMPLE.hour()].contains(&local.hour())
    });
    if is_same {
        return Ok(());
    }
    let text = format!("must tell year, month, day and hour of 24: nobody can read `{told}`");
    Err(wrong("time", &text))
}

pub(crate) fn wrong(key: &'static str, message: &str) -> ExpressionError {
    ExpressionError { key, message: message.to_owned() }
}

impl LicenseSystem for Pattern {
    fn name(&self) -> &'static str {
        NAME
    }

    fn log_pattern(&self) -> &'static str {
        "*.log"
    }

    fn log(&self, zone: TimeZone, last: Option<Timestamp>) -> Box<dyn LogParser> {
        Box::new(Log { clock: Clock::new(zone, last), pattern: self.clone() })
    }

    fn shows_denials(&self) -> bool {
        self.shows_denials
    }

    fn tracing_help(&self) -> &'static str {
        "No line matched `checkout` or `checkin` of its configuration: try it with licmon parse --system pattern."
    }
}

struct Log {
    clock: Clock,
    pattern: Pattern,
}

impl LogParser for Log {
    fn line(&mut self, line: &[u8]) -> Line {
        let Some(text) = text::line(line) else { return Line::too_long() };
        let found = self.pattern.events.iter().find_map(|(kind, regex)| {
            regex.captures(&text).map(|captures| (*kind, Parts(captures)))
        });
        match found {
            Some((kind, parts)) => event(&mut self.clock, &self.pattern, kind, &parts),
            None if text.trim().is_empty() => Line::timeless(Meaning::Noise),
            None if self.pattern.noise.as_ref().is_some_and(|noise| noise.is_match(&text)) => {
                Line::timeless(Meaning::Noise)
            }
            None => Line::timeless(Meaning::unknown("no expression matches")),
        }
    }
}

fn event(clock: &mut Clock, pattern: &Pattern, kind: Kind, parts: &Parts<'_>) -> Line {
    let Some(instant) = instant(clock, &pattern.time, parts.get("at")) else {
        return Line::timeless(Meaning::unknown("`at` is not as `time` says"));
    };
    let fact = match kind {
        Kind::Checkout => parts.checkout().map(Fact::Checkout),
        Kind::Checkin => parts.checkin().map(Fact::Checkin),
        Kind::Denial => parts.denial(pattern.exhausted.as_ref()).map(Fact::Denial),
    };
    let Some(fact) = fact else {
        return Line::timeless(Meaning::unknown(
            "a group is empty, or `count` is no number of seats",
        ));
    };
    let Instant { at, ambiguous } = instant;
    Line { at: Some(at), ambiguous, day: None, meaning: Meaning::Event(fact) }
}

fn instant(clock: &mut Clock, format: &str, text: &str) -> Option<Instant> {
    let time = BrokenDownTime::parse(format, text).ok()?;
    let instant = if time.offset().is_some() {
        Instant { at: time.to_timestamp().ok()?, ambiguous: false }
    } else {
        let local: DateTime = time.to_datetime().ok()?;
        clock.instant(local)?
    };
    let year = TimeZone::UTC.to_datetime(instant.at).year();
    (1971..=2100).contains(&year).then_some(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An expression of checkouts in, what is wrong with it out.
    #[track_caller]
    fn check(checkout: Option<&str>, expected: Option<&str>) {
        let checkout = checkout.map(str::to_owned);
        let time = "%F %T".to_owned();
        let expressions = Expressions { time, checkout, ..Expressions::default() };
        let told = Pattern::new(&expressions).err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn what_an_event_needs_is_asked_for() {
        check(Some(r"(?<at>\S+) OUT (?<feature>\S+) (?<user>\S+)"), None);
        check(
            Some(r"(?<at>\S+) OUT (?<feature>\S+)"),
            Some("`checkout` has no group (?<user>...)"),
        );
        check(None, Some("`checkout` is missing, and so is every other kind of event"));
    }

    /// A `time` in, what is wrong with it out.
    #[track_caller]
    fn check_time(time: &str, expected: Option<&str>) {
        let told = super::check_time(time).err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn time_that_can_be_read_again_is_taken() {
        for time in
            ["%F %T", "%F %H:%M", "%F", "%Y%m%d%H%M%S", "%d/%b/%Y:%T %z", "%m/%d/%y %I:%M %p"]
        {
            check_time(time, None);
        }
    }

    #[test]
    fn time_that_cannot_be_read_again_is_told() {
        check_time(
            "%b %d %T",
            Some(
                "`time` must tell year, month, day and hour of 24: nobody can read `Nov 27 15:34:56`",
            ),
        );
        check_time(
            "",
            Some("`time` must tell year, month, day and hour of 24: nobody can read ``"),
        );
        check_time(
            "%F %I:%M",
            Some(
                "`time` must tell year, month, day and hour of 24: nobody can read `2025-11-27 03:34`",
            ),
        );
        check_time(
            "%F %!",
            Some(
                "`time` cannot be written: strftime formatting failed: found unrecognized specifier directive `!`",
            ),
        );
    }

    #[test]
    fn what_is_no_expression_is_told() {
        check(Some("(?<at>"), Some("`checkout` is no regular expression: unclosed group"));
        check(
            Some(r"\w{1000}{1000}"),
            Some(
                "`checkout` is no regular expression: Compiled regex exceeds size limit of 1048576 bytes.",
            ),
        );
    }
}
