//! Hours summed up: between two times each, and by the hour of the week.

use jiff::{Timestamp, tz::TimeZone};

use super::hours::{Hour, Hours};
use crate::meter::HOUR_MS;

const HOUR_S: i64 = HOUR_MS / 1000;

/// Several hours together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summed {
    /// Seconds in which a license server was seen at work.
    pub observed_s: f64,
    /// Seats in use times seconds, of the hours of which anything was observed.
    pub seat_s: f64,
    /// The largest peak; `None` where nothing was observed, and for several features together.
    pub peak: Option<u32>,
    /// Sessions that began.
    pub checkouts: u64,
    /// Checkouts that were refused, every try.
    pub denials: u64,
}

impl Summed {
    /// Seats in use on average; `None` where nothing was observed.
    #[must_use]
    pub fn seats(&self) -> Option<f64> {
        (self.observed_s > 0.0).then(|| self.seat_s / self.observed_s)
    }

    /// Adds what happened in an hour.
    fn add_steps(&mut self, hour: &Hour) {
        self.checkouts += hour.checkouts;
        self.denials += hour.denials;
    }

    /// Adds the seats of such a share of an hour. Where it was observed in part, no more than its peak is in use in that part: what
    /// is held over a silence is counted through it.
    fn add_seats(&mut self, hour: &Hour, share: f64) {
        if hour.observed_s <= 0.0 || share <= 0.0 {
            return;
        }
        let most = hour.peak.map_or(f64::INFINITY, |peak| f64::from(peak) * hour.observed_s);
        self.observed_s += hour.observed_s * share;
        self.seat_s += hour.seat_s.min(most) * share;
        self.peak = self.peak.max(hour.peak);
    }
}

/// Whether hours can be summed up between these times: whether each is the beginning of an hour of UTC.
#[must_use]
pub fn are_whole_hours(edges: &[Timestamp]) -> bool {
    edges.iter().all(|edge| edge.as_millisecond().rem_euclid(HOUR_MS) == 0)
}

/// Hours summed up between each two of `edges`, which are in order; an hour counts where it begins.
#[must_use]
pub fn between(hours: &Hours, edges: &[Timestamp]) -> Vec<Summed> {
    let mut sums = vec![Summed::default(); edges.len().saturating_sub(1)];
    for hour in &hours.hours {
        let place = edges.partition_point(|edge| *edge <= hour.begins).checked_sub(1);
        if let Some(sum) = place.and_then(|place| sums.get_mut(place)) {
            sum.add_steps(hour);
            sum.add_seats(hour, 1.0);
        }
    }
    sums
}

/// Hours by weekday, Monday first, and hour of the day in `zone`. An hour that clocks repeat counts twice, one that they skip not at
/// all.
///
/// Where clocks differ from UTC by no whole hours, an hour of UTC is of two hours of the day: its seconds are shared between them as
/// if it had been even, its peak is one of both, and what began or was refused counts where it begins.
#[must_use]
pub fn by_hour_of_week(hours: &Hours, zone: &TimeZone) -> [[Summed; 24]; 7] {
    let mut week = [[Summed::default(); 24]; 7];
    for hour in &hours.hours {
        let local = zone.to_datetime(hour.begins);
        let late_s = i64::from(local.minute()) * 60 + i64::from(local.second());
        let first = cell(&mut week, hour.begins, zone);
        first.add_steps(hour);
        first.add_seats(hour, share(HOUR_S - late_s));
        let rest = Timestamp::from_second(hour.begins.as_second() + HOUR_S - late_s);
        if let Some(rest) = rest.ok().filter(|_| late_s > 0) {
            cell(&mut week, rest, zone).add_seats(hour, share(late_s));
        }
    }
    week
}

fn cell<'w>(week: &'w mut [[Summed; 24]; 7], at: Timestamp, zone: &TimeZone) -> &'w mut Summed {
    let local = zone.to_datetime(at);
    let place = |number: i8| usize::try_from(number).unwrap_or(0);
    &mut week[place(local.date().weekday().to_monday_zero_offset())][place(local.hour())]
}

/// The share of an hour that so many seconds are.
#[expect(clippy::cast_precision_loss, reason = "at most an hour")]
fn share(seconds: i64) -> f64 {
    seconds as f64 / HOUR_S as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An hour that was observed so long, with seats times seconds, a peak, and as many checkouts.
    fn hour(begins: &str, observed_s: f64, seat_s: f64, peak: u32) -> Hour {
        let begins = begins.parse().unwrap();
        Hour { begins, observed_s, seat_s, peak: Some(peak), checkouts: peak.into(), denials: 0 }
    }

    fn told(sum: &Summed) -> String {
        let Summed { observed_s, peak, checkouts, .. } = sum;
        let peak = peak.map_or("-".to_owned(), |peak| peak.to_string());
        let mean = sum.seats().map_or("-".to_owned(), |mean| format!("{mean:.2}"));
        format!("{mean}/{peak} {observed_s} {checkouts}")
    }

    /// Cells of which anything is known, as `weekday.hour mean/peak observed checkouts`.
    #[track_caller]
    fn check_week(hours: Vec<Hour>, zone: &str, expected: &[&str]) {
        let zone = TimeZone::get(zone).unwrap();
        let week = by_hour_of_week(&Hours { hours, stale: None }, &zone);
        let cells = (0..7).flat_map(|day| (0..24).map(move |hour| (day, hour)));
        let known = cells.filter(|(day, hour)| week[*day][*hour] != Summed::default());
        let known =
            known.map(|(day, hour)| format!("{}.{hour} {}", day + 1, told(&week[day][hour])));
        assert_eq!(known.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn hours_are_those_of_the_license_server() {
        let hours = vec![
            hour("2025-08-18T08:00:00Z", 3600.0, 1800.0, 1),
            hour("2025-08-18T09:00:00Z", 3600.0, 0.0, 0),
        ];
        check_week(hours, "Europe/Stockholm", &["1.10 0.50/1 3600 1", "1.11 0.00/0 3600 0"]);
    }

    #[test]
    fn the_hour_that_clocks_repeat_counts_twice() {
        let hours = vec![
            hour("2025-10-26T00:00:00Z", 3600.0, 3600.0, 1),
            hour("2025-10-26T01:00:00Z", 3600.0, 0.0, 0),
        ];
        check_week(hours, "Europe/Stockholm", &["7.2 0.50/1 7200 1"]);
    }

    #[test]
    fn an_hour_of_two_hours_of_the_day_is_shared_between_them() {
        let one = || vec![hour("2025-08-18T08:00:00Z", 3600.0, 7200.0, 3)];
        check_week(one(), "Asia/Kolkata", &["1.13 2.00/3 1800 3", "1.14 2.00/3 1800 0"]);
        check_week(one(), "Asia/Kathmandu", &["1.13 2.00/3 900 3", "1.14 2.00/3 2700 0"]);
    }

    /// Sums of two hours each from 8 o'clock on.
    #[track_caller]
    fn check_between(hours: Vec<Hour>, expected: &[&str]) {
        let edges =
            ["08", "10", "12"].map(|hour| format!("2025-08-18T{hour}:00:00Z").parse().unwrap());
        assert!(are_whole_hours(&edges));
        let sums = between(&Hours { hours, stale: None }, &edges);
        assert_eq!(sums.iter().map(told).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_was_not_observed_is_no_zero() {
        check_between(Vec::new(), &["-/- 0 0", "-/- 0 0"]);
        let hours = vec![
            hour("2025-08-18T07:00:00Z", 3600.0, 3600.0, 9),
            hour("2025-08-18T08:00:00Z", 3600.0, 3600.0, 2),
            // Held through a silence.
            hour("2025-08-18T09:00:00Z", 0.0, 3600.0, 5),
            hour("2025-08-18T12:00:00Z", 3600.0, 3600.0, 9),
        ];
        check_between(hours, &["1.00/2 3600 7", "-/- 0 0"]);
    }

    #[test]
    fn what_is_held_over_a_silence_counts_where_it_was_observed() {
        let hours = vec![hour("2025-08-18T08:00:00Z", 600.0, 7200.0, 2)];
        check_between(hours, &["2.00/2 600 2", "-/- 0 0"]);
    }

    #[test]
    fn half_an_hour_is_no_whole_one() {
        assert!(!are_whole_hours(&["2025-08-18T08:30:00Z".parse().unwrap()]));
    }
}
