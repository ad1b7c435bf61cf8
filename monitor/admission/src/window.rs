//! When a tool may be started: hours of the day by the clock on a wall, on some days of the week.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// From an hour to another, the next day's if that is earlier. Where a clock is turned, an hour that is skipped is the one
/// after it, and of an hour that comes twice the first is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it opens, by their offset from Monday.
    days: [bool; 7],
    opens: Time,
    closes: Time,
    text: String,
}

/// The windows of a tool, in its zone. Without any it is always open.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Open when any of them is.
    pub windows: Vec<Window>,
    /// Where the clock hangs.
    pub zone: TimeZone,
}

impl Default for Windows {
    fn default() -> Self {
        Self { windows: Vec::new(), zone: TimeZone::UTC }
    }
}

impl Window {
    /// Reads `20:00-07:00`, `mon-fri 20:00-07:00` or `sat,sun 00:00-24:00`. `None` when it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (days, hours) = match text.trim().split_once(' ') {
            Some((days, hours)) => (days_of(days)?, hours.trim()),
            None => ([true; 7], text.trim()),
        };
        let (opens, closes) = hours.split_once('-')?;
        let midnight = Time::midnight();
        let closes = if closes == "24:00" { midnight } else { time_of(closes)? };
        let opens = time_of(opens)?;
        (opens != closes || opens == midnight).then(|| Self {
            days,
            opens,
            closes,
            text: text.trim().to_owned(),
        })
    }

    /// When it opens and closes, if it opens on that day.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        if !self.days[usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0)] {
            return None;
        }
        let last = if self.closes > self.opens { day } else { day.checked_add(1.day()).ok()? };
        let at = |day: Date, time| zone.to_timestamp(day.to_datetime(time)).ok();
        Some((at(day, self.opens)?, at(last, self.closes)?))
    }
}

impl Windows {
    /// Whether the tool may be started now.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.windows.is_empty() || self.closing(now).is_some()
    }

    /// When the window that is open now closes; `None` when none is open, or the tool has none.
    #[must_use]
    pub fn closing(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        let yesterday = today.checked_sub(1.day()).ok();
        let days = yesterday.into_iter().chain([today]);
        let spans = days.flat_map(|day| {
            self.windows.iter().filter_map(move |window| window.on(day, &self.zone))
        });
        spans.filter(|(opens, closes)| (*opens..*closes).contains(&now)).map(|(_, end)| end).max()
    }
}

impl std::fmt::Display for Windows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<&str> = self.windows.iter().map(|window| window.text.as_str()).collect();
        let zone = self.zone.iana_name().unwrap_or("local time");
        write!(f, "{} ({zone})", texts.join(" or "))
    }
}

fn time_of(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let is_plain = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    (is_plain(hour) && is_plain(minute)).then_some(())?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn days_of(text: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    let day = |name: &str| DAYS.iter().position(|(word, _)| *word == name);
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let mut at = first;
        days[at] = true;
        while at != last {
            at = (at + 1) % 7;
            days[at] = true;
        }
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(windows: &[&str], rows: &[(&str, bool)]) {
        let windows = Windows {
            windows: windows.iter().map(|text| Window::parse(text).unwrap()).collect(),
            zone: TimeZone::get("Europe/Stockholm").unwrap(),
        };
        for (at, expected) in rows {
            assert_eq!(windows.is_open(at.parse().unwrap()), *expected, "{windows} at {at}");
        }
    }

    #[test]
    fn a_night() {
        check(
            &["20:00-07:00"],
            &[
                ("2026-01-14T12:00+01", false),
                ("2026-01-14T19:59:59+01", false),
                ("2026-01-14T20:00+01", true),
                ("2026-01-14T22:00+01", true),
                ("2026-01-15T06:59:59+01", true),
                ("2026-01-15T07:00+01", false),
            ],
        );
    }

    #[test]
    fn days_are_those_on_which_it_opens() {
        // 2026-01-16 is a Friday.
        check(
            &["mon-fri 18:00-08:00", "sat,sun 00:00-24:00"],
            &[
                ("2026-01-15T12:00+01", false),
                ("2026-01-16T17:00+01", false),
                ("2026-01-16T18:00+01", true),
                ("2026-01-17T07:00+01", true),
                ("2026-01-17T12:00+01", true),
                ("2026-01-18T23:59+01", true),
                ("2026-01-19T00:00+01", false),
            ],
        );
        check(&["fri-mon 09:00-10:00"], &[("2026-01-18T09:30+01", true)]);
    }

    #[test]
    fn by_the_clock_on_the_wall_when_it_is_turned() {
        // It is turned on 2026-03-29 from 02:00 to 03:00, and on 2026-10-25 from 03:00 back to 02:00.
        check(
            &["20:00-07:00"],
            &[
                ("2026-03-28T19:30Z", true),
                ("2026-03-29T04:59Z", true),
                ("2026-03-29T05:00Z", false),
                ("2026-10-25T05:59Z", true),
                ("2026-10-25T06:00Z", false),
            ],
        );
        // 02:30 is skipped in spring: it opens an hour later, which is when 02:30 would have been.
        check(
            &["02:30-04:00"],
            &[
                ("2026-03-29T01:15Z", false),
                ("2026-03-29T01:30Z", true),
                ("2026-03-29T02:00Z", false),
                // In autumn it comes twice: from the first.
                ("2026-10-25T00:29Z", false),
                ("2026-10-25T00:30Z", true),
                ("2026-10-25T02:59Z", true),
                ("2026-10-25T03:00Z", false),
            ],
        );
    }

    #[test]
    fn what_is_no_window() {
        for text in ["", "20", "20:00", "20:00-", "8:00-9:00", "25:00-26:00", "xxx 08:00-09:00"] {
            assert_eq!(Window::parse(text), None, "{text:?}");
        }
        for text in ["08:00-08:00", "mon- 08:00-09:00", "08:00-09:60", "+8:00-09:00"] {
            assert_eq!(Window::parse(text), None, "{text:?}");
        }
    }
}
