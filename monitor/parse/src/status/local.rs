//! Local times of an answer, also where it leaves out the year.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

use crate::text::number;

/// The years that are tried for a day without one: a day of the week and a day of the month meet within these, leap days too.
const YEARS_BACK: i16 = 40;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// The month of an English name of three letters.
pub(super) fn month(name: &str) -> Option<i8> {
    (1..).zip(MONTHS).find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|found| found.0)
}

/// The day of the week of an English name of three letters.
pub(super) fn weekday(name: &str) -> Option<Weekday> {
    WEEKDAYS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|found| found.1)
}

/// `H:MM` or `H:MM:SS`.
pub(super) fn time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    if parts.next().is_some() {
        return None;
    }
    Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()
}

/// A number of a date or a time.
pub(super) fn small(text: &str) -> Option<i8> {
    number(text).and_then(|number| i8::try_from(number).ok())
}

/// `2024-09-17 17:59:34`, also without seconds.
pub(super) fn iso(text: &str) -> Option<DateTime> {
    let mut words = text.split_ascii_whitespace();
    let (date, of_day) = (words.next()?, words.next()?);
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let date =
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Some(date.ok()?.to_datetime(time(of_day)?))
}

/// `Tue Nov  2 23:00:06 2021`, as `ctime` writes it.
pub(super) fn spelled(text: &str) -> Option<DateTime> {
    let mut words = text.split_ascii_whitespace();
    weekday(words.next()?)?;
    let (month, day) = (month(words.next()?)?, small(words.next()?)?);
    let (of_day, year) = (time(words.next()?)?, i16::try_from(number(words.next()?)?).ok()?);
    Some(Date::new(year, month, day).ok()?.to_datetime(of_day))
}

/// The instant of a local time: of two, the first. `None` only at the ends of the calendar.
pub(super) fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    if !(1971..=9000).contains(&local.year()) {
        return None;
    }
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

/// A day whose line leaves out the year.
#[derive(Clone, Copy)]
pub(super) struct YearlessDay {
    /// The day of the week, where it is told.
    pub(super) weekday: Option<Weekday>,
    /// From 1.
    pub(super) month: i8,
    /// From 1.
    pub(super) day: i8,
}

impl YearlessDay {
    /// `10/20`: month and day.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (month, day) = text.split_once('/')?;
        Some(Self { weekday: None, month: small(month)?, day: small(day)? })
    }

    /// The same day, on this day of the week.
    pub(super) fn on(self, weekday: Weekday) -> Self {
        Self { weekday: Some(weekday), ..self }
    }

    /// The newest such day that is not after `now`; one day is allowed for clocks that differ.
    pub(super) fn before(self, now: Timestamp, zone: &TimeZone) -> Option<Date> {
        let last = zone.to_datetime(now).date().checked_add(1.day()).ok()?;
        (last.year().saturating_sub(YEARS_BACK)..=last.year())
            .rev()
            .filter_map(|year| Date::new(year, self.month, self.day).ok())
            .find(|day| *day <= last && self.weekday.is_none_or(|told| told == day.weekday()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day of the week, month and day as seen on a date in, the day out.
    #[track_caller]
    fn check(seen: &str, weekday_name: &str, day: &str, expected: Option<&str>) {
        let now: Timestamp = format!("{seen}T12:00:00Z").parse().unwrap();
        let mut day = YearlessDay::of(day).unwrap();
        day.weekday = weekday(weekday_name);
        let told = day.before(now, &TimeZone::UTC).map(|day| day.to_string());
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn year_is_the_newest_whose_weekday_fits() {
        check("2017-10-20", "Fri", "10/20", Some("2017-10-20"));
        check("2017-10-20", "Mon", "6/11", Some("2012-06-11"));
        check("2018-01-01", "Sun", "12/31", Some("2017-12-31"));
    }

    #[test]
    fn leap_day_is_found_far_back() {
        check("2026-03-16", "Thu", "2/29", Some("2024-02-29"));
        check("2026-03-16", "Tue", "2/29", Some("2000-02-29"));
    }

    #[test]
    fn clock_that_is_a_day_ahead_is_believed() {
        check("2017-10-20", "Sat", "10/21", Some("2017-10-21"));
        check("2017-10-20", "", "10/22", Some("2016-10-22"));
    }

    #[test]
    fn day_that_is_in_no_year_is_unknown() {
        check("2017-10-20", "Fri", "2/30", None);
    }
}
