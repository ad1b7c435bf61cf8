//! Seats of one feature by weekday and hour.

use std::ops::Range;

use jiff::{RoundMode, Timestamp, ToSpan, Unit, ZonedDateTimeRound, tz::TimeZone};
use lic_protocol::{span::Span, view::series::Cell};

use crate::series::buckets;

/// Hours of a week.
const CELLS: usize = 7 * 24;

/// Seats in use at each hour of the week in `zone`, Monday 0 o'clock first, over `period`. `observed` are the times that
/// anything can be said of, in order and apart. An hour that clocks repeat counts twice, one that they skip not at all.
#[must_use]
pub fn heat(
    spans: &[Span],
    period: &Range<Timestamp>,
    zone: &TimeZone,
    observed: &[Range<Timestamp>],
) -> Vec<Cell> {
    let mut cells: Vec<Sum> = vec![Sum::default(); CELLS];
    for bucket in buckets(spans, &hours(period, zone), observed) {
        let at = bucket.at.to_zoned_datetime(zone.clone());
        let cell = i64::from(at.weekday().to_monday_zero_offset()) * 24 + i64::from(at.hour());
        let Some(cell) = usize::try_from(cell).ok().and_then(|cell| cells.get_mut(cell)) else {
            continue;
        };
        cell.observed_s += bucket.observed_s;
        cell.seat_seconds += bucket.seat_seconds;
        cell.peak = cell.peak.max(bucket.peak);
    }
    (0_u8..).zip(cells).map(|(at, sum)| sum.cell(at)).collect()
}

/// The beginnings of the hours that `period` touches, and the end of the last.
fn hours(period: &Range<Timestamp>, zone: &TimeZone) -> Vec<Timestamp> {
    let floor = ZonedDateTimeRound::new().smallest(Unit::Hour).mode(RoundMode::Floor);
    let first = period.start.to_zoned_datetime(zone.clone()).round(floor);
    let mut hours: Vec<Timestamp> = first.iter().map(jiff::ZonedDateTime::timestamp).collect();
    while let Some(next) = hours.last().and_then(|last| last.checked_add(1.hour()).ok()) {
        let is_last = next >= period.end;
        hours.push(next);
        if is_last {
            break;
        }
    }
    hours
}

/// All hours of one cell.
#[derive(Clone, Default)]
struct Sum {
    observed_s: f64,
    seat_seconds: f64,
    peak: Option<u32>,
}

impl Sum {
    fn cell(&self, at: u8) -> Cell {
        Cell {
            weekday: at / 24 + 1,
            hour: at % 24,
            mean: self.peak.map(|_| self.seat_seconds / self.observed_s),
            peak: self.peak,
            observed_s: self.observed_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use lic_protocol::event::EndReason;

    use super::*;

    /// Cells that were observed, as `weekday.hour mean/peak observed`.
    #[track_caller]
    fn check(held: (&str, &str), period: (&str, &str), zone: &str, expected: &[&str]) {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let span = Span {
            started: at(held.0),
            ended: Some((at(held.1), EndReason::Checkin)),
            seat: None,
            count: 1,
        };
        let period = at(period.0)..at(period.1);
        let zone = TimeZone::get(zone).unwrap();
        let cells = heat(&[span], &period, &zone, std::slice::from_ref(&period));
        assert_eq!(cells.len(), CELLS);
        let seen = cells.into_iter().filter_map(|cell| {
            let (mean, peak) = (cell.mean?, cell.peak?);
            Some(format!("{}.{} {mean:.2}/{peak} {}", cell.weekday, cell.hour, cell.observed_s))
        });
        assert_eq!(seen.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn hours_are_those_of_the_license_server() {
        check(
            ("2025-08-18T08:30:00Z", "2025-08-18T09:00:00Z"),
            ("2025-08-18T08:00:00Z", "2025-08-18T10:00:00Z"),
            "Europe/Stockholm",
            &["1.10 0.50/1 3600", "1.11 0.00/0 3600"],
        );
    }

    #[test]
    fn the_hour_that_clocks_repeat_counts_twice() {
        check(
            ("2025-10-26T00:00:00Z", "2025-10-26T01:00:00Z"),
            ("2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z"),
            "Europe/Stockholm",
            &["7.2 0.50/1 7200"],
        );
    }

    #[test]
    fn half_an_hour_at_the_edge_is_half_observed() {
        check(
            ("2025-08-18T08:00:00Z", "2025-08-18T09:00:00Z"),
            ("2025-08-18T08:00:00Z", "2025-08-18T09:00:00Z"),
            "Asia/Kolkata",
            &["1.13 1.00/1 1800", "1.14 1.00/1 1800"],
        );
    }
}
