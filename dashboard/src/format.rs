//! Names, numbers, spans and times as people read them: the only room with units and zones of people. Pure.

use std::{collections::BTreeMap, fmt::Write};

use jiff::{Timestamp, tz::TimeZone};
use lic_protocol::{
    name::ServerName,
    view::{Episode, EpisodeOutcome, Server},
};

/// Text from outside with every character that could act on a reader shown instead: controls as `\xNN`, and the
/// invisible characters that turn or hide text as `\u{NNNN}`. Escaping for HTML is the template's.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let code = u32::from(character);
        let written = match character {
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => write!(out, "\\x{code:02x}"),
            '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => write!(out, "\\u{{{code:x}}}"),
            _ => out.write_char(character),
        };
        written.expect("a string takes whatever is written");
    }
    out
}

/// A whole number, not negative, with its thousands apart: `12,345`.
pub(crate) fn count(number: impl std::fmt::Display) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A span in its two greatest units: `3 d 4 h`, `2 h 15 min`, `45 s`. The page's script writes the same.
pub(crate) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{} d {} h", count(days), hours % 24),
    }
}

/// How tries in a row ended, where that is known: `granted after 4 min`.
pub(crate) fn outcome(episode: &Episode) -> Option<String> {
    match (episode.outcome?, episode.granted_at) {
        (EpisodeOutcome::Granted, Some(at)) => {
            Some(format!("granted after {}", age(episode.first, at)))
        }
        (EpisodeOutcome::Granted, None) => Some("granted".to_owned()),
        (EpisodeOutcome::GaveUp, _) => Some("gave up".to_owned()),
    }
}

/// A measured length: as `span`, but below a minute with a tenth, because a short run is not no run.
pub(crate) fn length(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float is cut to the whole seconds people read"
    )]
    let whole = seconds as i64;
    if whole < 3600 { format!("{} min {:02} s", whole / 60, whole % 60) } else { span(whole) }
}

/// How long ago `then` was at `now`.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    span(now.as_second() - then.as_second())
}

/// How far ahead an estimate is at `now`. The page's script writes the same.
pub(crate) fn until(then: Timestamp, now: Timestamp) -> String {
    match then.as_second() - now.as_second() {
        ..=0 => "any moment".to_owned(),
        seconds => format!("in about {}", span(seconds)),
    }
}

/// Seat-hours and session-hours, to the four decimals that reports agree on.
pub(crate) fn hours(hours: f64) -> String {
    // An empty sum is -0.0, whose sign nobody wants to read.
    format!("{:.4}", hours + 0.0)
}

/// A figure with one decimal, for a glance: `1,234.5`.
pub(crate) fn tenths(number: f64) -> String {
    let text = format!("{:.1}", number.max(0.0));
    let (whole, tenth) = text.split_once('.').unwrap_or((&text, "0"));
    format!("{}.{tenth}", count(whole))
}

/// A size: `11.8 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "people read one decimal")]
    let mut size = bytes as f64 / 1024.0;
    if size < 1.0 {
        return format!("{bytes} B");
    }
    let mut unit = units[0];
    for greater in &units[1..] {
        if size >= 1024.0 {
            size /= 1024.0;
            unit = greater;
        }
    }
    format!("{size:.1} {unit}")
}

/// A time in UTC, to the second: what a page shows where no script runs.
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The file name in the path of a program, on Windows or Unix.
pub(crate) fn program(path: &str) -> String {
    shown(path.rsplit(['/', '\\']).next().unwrap_or(path))
}

/// How many of `whole` are `part`, in percent from 0 to 100, for the length of a bar.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    let parts = part.min(whole).saturating_mul(100);
    parts.checked_div(whole).unwrap_or(0)
}

/// The zones in which license servers write their times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zones(BTreeMap<ServerName, TimeZone>);

impl Zones {
    /// The zones of `servers`; those this machine does not know are left out.
    pub(crate) fn of(servers: &[Server]) -> Self {
        let zone = |server: &Server| TimeZone::get(server.zone.as_deref()?).ok();
        let zones = servers.iter().filter_map(|server| Some((server.name.clone(), zone(server)?)));
        Self(zones.collect())
    }

    /// A time as the log of `server` has it; in UTC where its zone is not known.
    pub(crate) fn own(&self, server: &ServerName, at: &Timestamp) -> String {
        match self.0.get(server).and_then(|zone| Some((zone, zone.iana_name()?))) {
            Some((zone, name)) => {
                let own =
                    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
                format!("{own} {name}, the zone of {}", shown(server.as_str()))
            }
            None => utc(*at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(formatted: impl AsRef<str>, expected: &str) {
        assert_eq!(formatted.as_ref(), expected);
    }

    #[test]
    fn hostile_names_cannot_act() {
        check(shown("ann@node7"), "ann@node7");
        check(shown("\u{1b}[31mred\n\u{0}"), "\\x1b[31mred\\x0a\\x00");
        check(shown("a\u{202e}b\u{9b}c"), "a\\u{202e}b\\x9bc");
        check(shown("Müller 山田"), "Müller 山田");
    }

    #[test]
    fn numbers_spans_and_sizes() {
        check(count(0_u64), "0");
        check(count(999), "999");
        check(count(1_234_567), "1,234,567");
        check(span(-3), "0 s");
        check(span(59), "59 s");
        check(span(3599), "59 min");
        check(span(8100), "2 h 15 min");
        check(span(273_600), "3 d 4 h");
        check(length(5.04), "5.0 s");
        check(length(61.9), "1 min 01 s");
        check(length(8100.0), "2 h 15 min");
        check(hours(93.460_24), "93.4602");
        check(hours(-0.0), "0.0000");
        check(tenths(1234.56), "1,234.6");
        check(tenths(0.04), "0.0");
        check(bytes(512), "512 B");
        check(bytes(12_345_678), "11.8 MiB");
        check(program("C:\\Program Files\\bin\\CNEXT.exe"), "CNEXT.exe");
        check(program("/usr/bin/sleep"), "sleep");
        check(percent(1, 3).to_string(), "33");
        check(percent(5, 3).to_string(), "100");
        check(percent(1, 0).to_string(), "0");
    }

    #[test]
    fn estimates_lie_ahead_or_are_due() {
        let at = |second| Timestamp::from_second(second).unwrap();
        check(until(at(1000), at(100)), "in about 15 min");
        check(until(at(1000), at(1000)), "any moment");
        check(until(at(1000), at(9000)), "any moment");
    }

    #[test]
    fn time_is_told_in_the_zone_of_its_server() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let zones = Zones([("catia".into(), zone)].into());
        let at: Timestamp = "2025-08-18T06:28:06.989Z".parse().unwrap();
        check(utc(at), "2025-08-18 06:28:06 UTC");
        let own = "2025-08-18 08:28:06 Europe/Stockholm, the zone of catia";
        check(zones.own(&"catia".into(), &at), own);
        check(zones.own(&"far".into(), &at), "2025-08-18 06:28:06 UTC");
    }
}
