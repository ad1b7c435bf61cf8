//! When a license ends, in the forms that license systems write. A day counts to its last second.

use jiff::{
    civil::{Date, DateTime, Time, time},
    tz::TimeZone,
};
use lic_protocol::snapshot::Expiry;

use super::local;
use crate::text::number;

/// The last second of a day.
const LAST: Time = time(23, 59, 59, 0);
/// Two-digit years from this on are of the century before ours.
const CENTURY_FROM: u32 = 70;

/// `31-dec-2018`, `9-Jul-24`, and what never ends: `permanent`, `permanent(no expiration date)`, `1-jan-0`, `01-jan-0000`.
///
/// Source: "Feature/Increment Line Format" in the "License Administration Guide" of FlexNet; RLM writes the same.
pub(super) fn dashed(text: &str, zone: &TimeZone) -> Option<Expiry> {
    let text = text.trim();
    if starts_with_word(text, "permanent") {
        return Some(Expiry::Permanent);
    }
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || month.len() != 3 {
        return None;
    }
    let month = local::month(month)?;
    let year = match (number(year)?, year.len()) {
        (0, _) => return Some(Expiry::Permanent),
        (short, 1 | 2) if short >= CENTURY_FROM => 1900 + short,
        (short, 1 | 2) => 2000 + short,
        (year, _) => year,
    };
    day_of(i16::try_from(year).ok()?, month, number(day)?, zone)
}

/// `2023-01-31`.
pub(super) fn iso(text: &str, zone: &TimeZone) -> Option<Expiry> {
    let mut parts = text.trim().split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    day_of(i16::try_from(year).ok()?, i8::try_from(month).ok()?, day, zone)
}

/// `12/30/2022`: month, day and year.
pub(super) fn american(text: &str, zone: &TimeZone) -> Option<Expiry> {
    let mut parts = text.trim().split('/').map(number);
    let (month, day, year) = (parts.next()??, parts.next()??, parts.next()??);
    day_of(i16::try_from(year).ok()?, i8::try_from(month).ok()?, day, zone)
}

/// An instant that a license tells to the second.
pub(super) fn at(local: DateTime, zone: &TimeZone) -> Option<Expiry> {
    local::instant(local, zone).map(Expiry::At)
}

fn day_of(year: i16, month: i8, day: u32, zone: &TimeZone) -> Option<Expiry> {
    if !(1971..=9000).contains(&year) {
        return None;
    }
    let day = Date::new(year, month, i8::try_from(day).ok()?).ok()?;
    at(day.to_datetime(LAST), zone)
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A date in, the last second out.
    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let told = dashed(text, &TimeZone::UTC).map(|expiry| match expiry {
            Expiry::At(at) => at.to_string(),
            Expiry::Permanent => "permanent".to_owned(),
        });
        assert_eq!(told.as_deref(), expected, "{text}");
    }

    #[test]
    fn day_counts_to_its_last_second() {
        check("31-dec-2018", Some("2018-12-31T23:59:59Z"));
        check("1-Jul-2024", Some("2024-07-01T23:59:59Z"));
    }

    #[test]
    fn year_of_two_digits_is_near() {
        check("31-dec-99", Some("1999-12-31T23:59:59Z"));
        check("31-dec-26", Some("2026-12-31T23:59:59Z"));
    }

    #[test]
    fn year_nought_is_never() {
        for text in
            ["1-jan-0", "1-jan-00", "01-jan-0000", "permanent(no expiration date)", "PERMANENT"]
        {
            check(text, Some("permanent"));
        }
    }

    #[test]
    fn what_is_no_day_is_unknown() {
        for text in ["30-feb-2024", "30-Apr-20202", "soon", "1-2-2024", "31-dec-2018-1", ""] {
            check(text, None);
        }
    }
}
