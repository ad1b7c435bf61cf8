//! Local times of a log to instants, over clock changes. It reads no clock: the log's own lines are all it knows.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// Turns the local times of one log into instants, in the order of its lines.
pub struct Clock {
    zone: TimeZone,
    newest: Option<Timestamp>,
}

/// An instant, and whether the zone allowed another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The instant, or the better guess.
    pub at: Timestamp,
    /// Whether it is a guess.
    pub ambiguous: bool,
}

impl Clock {
    /// A clock for a log written in `zone`, whose newest line so far is of `last`.
    #[must_use]
    pub fn new(zone: TimeZone, last: Option<Timestamp>) -> Self {
        Self { zone, newest: last }
    }

    /// The instant of a local time. `None` only at the ends of the calendar.
    ///
    /// Where a clock change repeats an hour, it is the first candidate that does not go back behind the newest line so
    /// far: a guess, unless that leaves one. A local time that a clock change skipped is read with the offset from
    /// before the change.
    pub fn instant(&mut self, local: DateTime) -> Option<Instant> {
        let instant = match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => sure(at(offset, local)?),
            AmbiguousOffset::Gap { before, .. } => guess(at(before, local)?),
            AmbiguousOffset::Fold { before, after } => {
                self.repeated(at(before, local)?, at(after, local)?)
            }
        };
        self.newest = self.newest.max(Some(instant.at));
        Some(instant)
    }

    fn repeated(&self, first: Timestamp, second: Timestamp) -> Instant {
        match self.newest {
            Some(newest) if second < newest => guess(second),
            Some(newest) if first < newest => sure(second),
            _ => guess(first),
        }
    }
}

fn at(offset: Offset, local: DateTime) -> Option<Timestamp> {
    offset.to_timestamp(local).ok()
}

fn sure(at: Timestamp) -> Instant {
    Instant { at, ambiguous: false }
}

fn guess(at: Timestamp) -> Instant {
    Instant { at, ambiguous: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Local times of Stockholm in, instants out; `?` marks a guess.
    #[track_caller]
    fn check(last: Option<&str>, locals: &[&str], expected: &[&str]) {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut clock = Clock::new(zone, last.map(|last| last.parse().unwrap()));
        let instants = locals.iter().map(|local| clock.instant(local.parse().unwrap()).unwrap());
        let told: Vec<String> = instants
            .map(|instant| format!("{}{}", instant.at, if instant.ambiguous { "?" } else { "" }))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn summer_and_winter_have_their_offsets() {
        check(
            None,
            &["2025-07-01T12:00:00", "2025-12-01T12:00:00"],
            &["2025-07-01T10:00:00Z", "2025-12-01T11:00:00Z"],
        );
    }

    #[test]
    fn repeated_hour_follows_the_lines_before() {
        check(
            None,
            &[
                "2025-10-26T01:59:00",
                "2025-10-26T02:10:00",
                "2025-10-26T02:50:00",
                "2025-10-26T02:10:00",
                "2025-10-26T02:50:00",
                "2025-10-26T03:00:00",
            ],
            &[
                "2025-10-25T23:59:00Z",
                "2025-10-26T00:10:00Z?",
                "2025-10-26T00:50:00Z?",
                "2025-10-26T01:10:00Z",
                "2025-10-26T01:50:00Z",
                "2025-10-26T02:00:00Z",
            ],
        );
    }

    #[test]
    fn reading_resumed_in_the_repeated_hour_goes_on() {
        check(Some("2025-10-26T01:05:00Z"), &["2025-10-26T02:10:00"], &["2025-10-26T01:10:00Z"]);
    }

    #[test]
    fn repeated_hour_after_a_step_back_is_a_guess() {
        check(Some("2025-10-26T08:00:00Z"), &["2025-10-26T02:10:00"], &["2025-10-26T01:10:00Z?"]);
    }

    #[test]
    fn skipped_hour_is_a_guess() {
        check(None, &["2025-03-30T02:30:00"], &["2025-03-30T01:30:00Z?"]);
    }
}
