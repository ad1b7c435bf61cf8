//! How License-Monitor-Lite writes times and actions.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use lic_protocol::event::EndReason;

/// The smallest number taken for seconds since 1970: a smaller one is no time anybody logged (before March 1973).
const UNIX_SECONDS_MIN: f64 = 1e8;
/// The smallest number taken for milliseconds since 1970: as seconds it is past the year 5000.
const UNIX_MILLISECONDS_MIN: f64 = 1e11;
/// The largest number taken for a time.
const UNIX_MILLISECONDS_MAX: f64 = 1e14;

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Checkout,
    Checkin(EndReason),
    Denial,
}

/// What a word for an action means, in any case and spelling; `None` for one that is not known.
pub(super) fn action(word: &str) -> Option<Action> {
    let letters = word.chars().filter(char::is_ascii_alphabetic);
    Some(match letters.collect::<String>().to_ascii_lowercase().as_str() {
        "grant" | "granted" | "checkout" | "out" | "start" | "started" | "active" | "open" => {
            Action::Checkout
        }
        "detachment" | "detach" | "detached" | "checkin" | "in" | "end" | "ended" | "stop"
        | "release" | "released" | "closed" => Action::Checkin(EndReason::Checkin),
        "timeout" | "timedout" => Action::Checkin(EndReason::Timeout),
        "denied" | "denial" | "deny" | "notgranted" | "refused" | "rejected" => Action::Denial,
        _ => return None,
    })
}

/// Whether a text stands for no value.
pub(super) fn is_nothing(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text == "-"
        || ["null", "none"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The moment a text means, to the millisecond.
///
/// `YYYY-MM-DD HH:MM:SS` is in UTC, as `datetime('now')` writes it; an offset or a `Z` is heeded where there is one. Taken as
/// well: slashes between the parts of the date, `T` before the time, a fraction after a point or a third colon, a date alone
/// (its midnight), and a number of seconds or milliseconds since 1970.
/// Source: `sqlite.org/lang_datefunc.html`, 2; Python's `datetime.isoformat`.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return unix(number);
    }
    let text = point_before_fraction(&text.replace('/', "-"));
    let moment = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())?;
    Timestamp::from_millisecond(moment.as_millisecond()).ok()
}

/// `08:28:06:123` is `08:28:06.123`, as DSLS writes it.
fn point_before_fraction(text: &str) -> String {
    match text.split(':').collect::<Vec<_>>()[..] {
        [hour, minute, second, fraction] if second.len() == 2 => {
            format!("{hour}:{minute}:{second}.{fraction}")
        }
        _ => text.to_owned(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the number is within the limits above")]
fn unix(number: f64) -> Option<Timestamp> {
    let milliseconds = match number {
        UNIX_SECONDS_MIN..UNIX_MILLISECONDS_MIN => number * 1000.0,
        UNIX_MILLISECONDS_MIN..=UNIX_MILLISECONDS_MAX => number,
        _ => return None,
    };
    Timestamp::from_millisecond(milliseconds.round() as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let moment = moment(text).map_or("-".to_owned(), |moment| moment.to_string());
        assert_eq!(moment, expected);
    }

    #[test]
    fn text_without_a_zone_is_in_utc() {
        check("2025-08-18 06:28:06", "2025-08-18T06:28:06Z");
        check(" 2025-08-18T06:28:06.1239 ", "2025-08-18T06:28:06.123Z");
        check("2025-08-18 06:28", "2025-08-18T06:28:00Z");
        check("2025-08-18", "2025-08-18T00:00:00Z");
        check("2025/08/18 06:28:06:123", "2025-08-18T06:28:06.123Z");
    }

    #[test]
    fn zone_is_heeded() {
        check("2025-08-18T06:28:06+02:00", "2025-08-18T04:28:06Z");
        check("2025-08-18 06:28:06.5-05:00", "2025-08-18T11:28:06.5Z");
        check("2025-08-18T06:28:06Z", "2025-08-18T06:28:06Z");
    }

    #[test]
    fn number_is_since_1970() {
        check("1755498486", "2025-08-18T06:28:06Z");
        check("1755498486.25", "2025-08-18T06:28:06.25Z");
        check("1755498486123", "2025-08-18T06:28:06.123Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "06:28:06",
            "2025",
            "1e300",
            "NaN",
            "inf",
            "-5",
            "2025-02-30 01:00:00",
            "::::",
        ] {
            check(text, "-");
        }
    }

    #[test]
    fn actions_are_known_in_any_case() {
        let ended = |reason| Some(Action::Checkin(reason));
        for (word, expected) in [
            ("GRANT", Some(Action::Checkout)),
            ("Granted!", Some(Action::Checkout)),
            ("Detachment", ended(EndReason::Checkin)),
            ("TimeOut", ended(EndReason::Timeout)),
            ("time_out", ended(EndReason::Timeout)),
            ("DENIED", Some(Action::Denial)),
            ("not granted", Some(Action::Denial)),
            ("ConcurrentUser", None),
            ("", None),
        ] {
            assert_eq!(action(word), expected, "{word}");
        }
    }
}
