//! A year of a license server, as lines of a DSLS log: the history that pages are made of when they are measured.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::dice::Dice;

/// Its features.
pub const FEATURES: u64 = 200;
/// Who uses them.
pub const PEOPLE: u64 = 500;
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// So many sessions over the year before `last`, each of about an hour, and a denial after every tenth.
#[must_use]
pub fn history(sessions: u64, last: Timestamp) -> String {
    let mut dice = Dice::new(5);
    let mut lines: Vec<(i64, String)> = Vec::new();
    let step_ms = YEAR.as_millis() / i128::from(sessions.max(1));
    for number in 0..sessions {
        let back = i64::try_from(step_ms * i128::from(sessions - number)).unwrap_or(0);
        let began = last - SignedDuration::from_millis(back);
        let (feature, person) = (dice.below(FEATURES), dice.below(PEOPLE));
        let lasted = SignedDuration::from_secs(i64::try_from(60 + dice.below(7200)).unwrap_or(0));
        let ended = began + lasted;
        lines.push((began.as_millisecond(), grant(began, number, feature, person)));
        if ended < last {
            let line = grant(ended, number, feature, person).replace("Grant", "Detachment");
            lines.push((ended.as_millisecond(), line));
        }
        if number % 10 == 0 {
            lines.push((began.as_millisecond(), denial(began, feature, person)));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn stamp(at: Timestamp) -> String {
    let local = at.to_zoned_datetime(TimeZone::UTC);
    let mut text = local.strftime("%Y/%m/%d %H:%M:%S").to_string();
    write!(text, ":{:03}", local.millisecond()).expect("a string takes whatever is written");
    text
}

/// The line of a checkout by a person, by number.
#[must_use]
pub fn grant(at: Timestamp, number: u64, feature: u64, person: u64) -> String {
    format!(
        "{} I USGTRACING  Grant!!F{feature}!{number:016X}!Dassault Systemes V5!ConcurrentUser!1!STD!WS{person} (00-1.{person})!192.0.2.1!user{person}!s{number}!C:\\x.exe!5.34!ALC\n",
        stamp(at)
    )
}

fn denial(at: Timestamp, feature: u64, person: u64) -> String {
    format!(
        "{} W LICENSESERV F{feature} not granted, no more available license ( from client WS{person} (00-1.1)/192.0.2.1|user{person}|x|x.exe )\n",
        stamp(at)
    )
}
