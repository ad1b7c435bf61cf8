//! Until when a tool may be started at all: its license ends with a day, or at a moment.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

/// The length of `2027-01-31`.
const DATE_BYTES: usize = 10;

/// The end of a license.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    at: Timestamp,
    text: String,
}

impl Expiry {
    /// Reads `2027-01-31`, which is valid to the end of that day in this zone, or `2027-01-31T12:00:00+01:00`. `None` when it
    /// is neither.
    #[must_use]
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Self> {
        let at = match text.parse() {
            Ok(at) => at,
            Err(_) if text.len() == DATE_BYTES => {
                let day: Date = text.parse().ok()?;
                let over = day.tomorrow().ok()?.to_datetime(Time::midnight());
                zone.to_timestamp(over).ok()?
            }
            Err(_) => return None,
        };
        Some(Self { at, text: text.to_owned() })
    }

    /// The first moment at which it is valid no more.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether it is valid no more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.at <= now
    }
}

impl std::fmt::Display for Expiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let expiry = Expiry::parse(text, &zone);
        assert_eq!(expiry.as_ref().map(Expiry::at), expected.map(|at| at.parse().unwrap()));
        if let Some(expiry) = expiry {
            let before = expiry.at() - jiff::SignedDuration::from_nanos(1);
            assert_eq!((expiry.is_over(before), expiry.is_over(expiry.at())), (false, true));
        }
    }

    #[test]
    fn a_day_is_valid_to_its_end_in_its_zone() {
        check("2027-01-31", Some("2027-01-31T23:00:00Z"));
        check("2027-06-30", Some("2027-06-30T22:00:00Z"));
        // The day on which the clock is turned has 25 hours.
        check("2026-10-25", Some("2026-10-25T23:00:00Z"));
        check("2027-01-31T12:00:00+01:00", Some("2027-01-31T11:00:00Z"));
        for text in ["", "2027", "2027-02-30", "2027-01-31T12:00:00", "180d", "31.01.2027"] {
            check(text, None);
        }
    }
}
