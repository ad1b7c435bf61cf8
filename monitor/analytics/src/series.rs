//! Seats of one feature over time: on average and at most between two times, where they were observed.

use std::ops::Range;

use jiff::{
    RoundMode, SignedDuration, Timestamp, ToSpan, Unit, ZonedDateTime, ZonedDateTimeRound,
    tz::TimeZone,
};
use lic_protocol::{span::Span, view::series::Point};

use crate::concurrency::seat_steps;

/// How far back a series goes, and how fine it is: never more than 170 points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// 60 minutes.
    Hour,
    /// A day in quarters of an hour.
    Day,
    /// 7 days in hours.
    #[default]
    Week,
    /// 30 days in quarters of a day.
    Month,
    /// 13 weeks in days.
    Quarter,
    /// 53 weeks.
    Year,
    /// 105 weeks.
    TwoYears,
}

impl Reach {
    /// All of them, the shortest first.
    pub const ALL: [Self; 7] =
        [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year, Self::TwoYears];

    /// The word in an address.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::TwoYears => "2years",
        }
    }

    /// The one that `word` names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reach| reach.word() == word)
    }

    /// How many points, and how long each is.
    fn points(self) -> (i32, Step) {
        match self {
            Self::Hour => (60, Step::Minutes(1)),
            Self::Day => (96, Step::Minutes(15)),
            Self::Week => (168, Step::Minutes(60)),
            Self::Month => (120, Step::Hours(6)),
            Self::Quarter => (91, Step::Hours(24)),
            Self::Year => (53, Step::Weeks),
            Self::TwoYears => (105, Step::Weeks),
        }
    }

    /// Where the points of a series that ends with `now` begin, and where the last one ends.
    #[must_use]
    pub fn edges(self, now: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let (count, step) = self.points();
        let Some(last) = step.floor(now, zone) else { return Vec::new() };
        let edges = (-1..count).rev();
        let mut edges: Vec<Timestamp> =
            edges.filter_map(|back| step.before(&last, back, zone)).collect();
        edges.dedup();
        edges
    }
}

/// How long a point is.
#[derive(Clone, Copy)]
enum Step {
    /// Up to an hour, and always as long.
    Minutes(i32),
    /// By the clock on the wall: on the day that clocks are put back, one lasts longer.
    Hours(i32),
    /// From Monday to Sunday.
    Weeks,
}

impl Step {
    /// The beginning of the step that `now` is in.
    fn floor(self, now: Timestamp, zone: &TimeZone) -> Option<ZonedDateTime> {
        let (unit, increment) = match self {
            Self::Minutes(60) => (Unit::Hour, 1),
            Self::Minutes(minutes) => (Unit::Minute, minutes),
            Self::Hours(hours @ ..24) => (Unit::Hour, hours),
            Self::Hours(_) | Self::Weeks => (Unit::Day, 1),
        };
        let round = ZonedDateTimeRound::new().smallest(unit).increment(i64::from(increment));
        let now = now.to_zoned_datetime(zone.clone());
        let floor = now.round(round.mode(RoundMode::Floor)).ok()?;
        match self {
            Self::Weeks => {
                let days = i64::from(floor.weekday().to_monday_zero_offset());
                floor.checked_sub(days.days()).ok()
            }
            Self::Minutes(_) | Self::Hours(_) => Some(floor),
        }
    }

    /// The beginning of the step so many before the one that begins at `last`.
    fn before(self, last: &ZonedDateTime, back: i32, zone: &TimeZone) -> Option<Timestamp> {
        let hours = match self {
            Self::Minutes(minutes) => {
                let span = SignedDuration::from_mins(i64::from(minutes * back));
                return last.timestamp().checked_sub(span).ok();
            }
            Self::Hours(hours) => hours,
            Self::Weeks => 7 * 24,
        };
        let civil = last.datetime().checked_sub(i64::from(hours * back).hours()).ok()?;
        zone.to_timestamp(civil).ok()
    }
}

/// Seats in use between each two of `edges`, which are in order, by the sessions of one feature in any order. `observed` are
/// the times that anything can be said of, in order and apart. O(n log n).
#[must_use]
pub fn series(spans: &[Span], edges: &[Timestamp], observed: &[Range<Timestamp>]) -> Vec<Point> {
    let points = buckets(spans, edges, observed).into_iter();
    points.map(|bucket| Point { at: bucket.at, mean: bucket.mean(), peak: bucket.peak }).collect()
}

/// What is known of the time between two edges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    pub(crate) at: Timestamp,
    pub(crate) observed_s: f64,
    pub(crate) seat_seconds: f64,
    pub(crate) peak: Option<u32>,
}

impl Bucket {
    /// Seats on average; `None` where nothing was observed.
    pub(crate) fn mean(&self) -> Option<f64> {
        self.peak.map(|_| self.seat_seconds / self.observed_s)
    }
}

/// What is known of the time between each two of `edges`.
pub(crate) fn buckets(
    spans: &[Span],
    edges: &[Timestamp],
    observed: &[Range<Timestamp>],
) -> Vec<Bucket> {
    let levels = levels(spans);
    let bucket = |pair: &[Timestamp]| {
        let mut bucket = Bucket { at: pair[0], observed_s: 0.0, seat_seconds: 0.0, peak: None };
        for seen in observed {
            add(&mut bucket, &levels, seen.start.max(pair[0]), seen.end.min(pair[1]));
        }
        bucket
    };
    edges.windows(2).map(bucket).collect()
}

/// Adds what was observed from `from` to `to`.
fn add(bucket: &mut Bucket, levels: &[(Timestamp, u32)], from: Timestamp, to: Timestamp) {
    if from >= to {
        return;
    }
    let first = levels.partition_point(|(at, _)| *at <= from);
    let before = first.checked_sub(1).map_or(0, |at| levels[at].1);
    let inside = levels[first..].iter().take_while(|(at, _)| *at < to);
    let mut now = (from, before);
    for next in inside.copied().chain([(to, 0)]) {
        let length_s = next.0.duration_since(now.0).as_secs_f64();
        bucket.observed_s += length_s;
        bucket.seat_seconds += length_s * f64::from(now.1);
        bucket.peak = bucket.peak.max(Some(now.1));
        now = next;
    }
}

/// From when on how many seats were in use.
fn levels(spans: &[Span]) -> Vec<(Timestamp, u32)> {
    let mut steps = seat_steps(spans);
    steps.sort_unstable();
    let mut levels: Vec<(Timestamp, u32)> = Vec::new();
    let mut seats = 0;
    for (at, step) in steps {
        seats += step;
        let level = u32::try_from(seats).unwrap_or(0);
        match levels.last_mut().filter(|last| last.0 == at) {
            Some(last) => last.1 = level,
            None => levels.push((at, level)),
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use lic_protocol::event::EndReason;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn held(from: i64, to: i64, count: u32) -> Span {
        Span { started: at(from), ended: Some((at(to), EndReason::Checkin)), seat: None, count }
    }

    /// Points of 10 seconds from 0 to 40, as `mean/peak`.
    #[track_caller]
    fn check(spans: &[Span], observed: &[(i64, i64)], expected: &str) {
        let edges: Vec<Timestamp> = (0..=4).map(|edge| at(edge * 10)).collect();
        let observed: Vec<_> = observed.iter().map(|seen| at(seen.0)..at(seen.1)).collect();
        let shown = series(spans, &edges, &observed).into_iter().map(|point| {
            let mean = point.mean.map_or("-".to_owned(), |mean| format!("{mean:.1}"));
            format!("{mean}/{}", point.peak.map_or("-".to_owned(), |peak| peak.to_string()))
        });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn a_seat_counts_for_the_time_it_is_held() {
        check(&[held(5, 20, 2)], &[(0, 40)], "1.0/2 2.0/2 0.0/0 0.0/0");
        check(&[held(0, 1, 3), held(9, 10, 1)], &[(0, 40)], "0.4/3 0.0/0 0.0/0 0.0/0");
    }

    #[test]
    fn seat_passed_on_is_one_seat() {
        check(&[held(0, 5, 1), held(5, 10, 1)], &[(0, 40)], "1.0/1 0.0/0 0.0/0 0.0/0");
    }

    #[test]
    fn what_was_not_observed_has_no_figures() {
        check(&[held(0, 30, 1)], &[(5, 15), (25, 30)], "1.0/1 1.0/1 1.0/1 -/-");
        check(&[], &[], "-/- -/- -/- -/-");
        check(&[], &[(12, 40)], "-/- 0.0/0 0.0/0 0.0/0");
    }

    #[test]
    fn who_holds_a_seat_yet_holds_it_to_the_end() {
        let open = Span { started: at(15), ended: None, seat: Some(1), count: 1 };
        check(&[open], &[(0, 35)], "0.0/0 0.5/1 1.0/1 1.0/1");
    }

    /// How many edges, the first, the second last and the last, in the zone.
    #[track_caller]
    fn check_edges(reach: Reach, now: &str, zone: &str, expected: [&str; 4]) {
        let zone = TimeZone::get(zone).unwrap();
        let edges = reach.edges(now.parse().unwrap(), &zone);
        assert!(edges.is_sorted());
        let shown =
            |edge: Timestamp| edge.to_zoned_datetime(zone.clone()).strftime("%F %R").to_string();
        let n = edges.len();
        let found = [n.to_string(), shown(edges[0]), shown(edges[n - 2]), shown(edges[n - 1])];
        assert_eq!(found, expected);
    }

    #[test]
    fn series_end_with_now() {
        let now = "2025-08-18T08:28:06Z";
        let utc = "UTC";
        check_edges(
            Reach::Hour,
            now,
            utc,
            ["61", "2025-08-18 07:29", "2025-08-18 08:28", "2025-08-18 08:29"],
        );
        check_edges(
            Reach::Day,
            now,
            utc,
            ["97", "2025-08-17 08:30", "2025-08-18 08:15", "2025-08-18 08:30"],
        );
        check_edges(
            Reach::Week,
            now,
            utc,
            ["169", "2025-08-11 09:00", "2025-08-18 08:00", "2025-08-18 09:00"],
        );
        check_edges(
            Reach::Year,
            now,
            utc,
            ["54", "2024-08-19 00:00", "2025-08-18 00:00", "2025-08-25 00:00"],
        );
    }

    #[test]
    fn days_begin_at_midnight_over_a_change_of_clocks() {
        let now = "2025-11-03T12:00:00Z";
        let zone = "Europe/Stockholm";
        check_edges(
            Reach::Quarter,
            now,
            zone,
            ["92", "2025-08-05 00:00", "2025-11-03 00:00", "2025-11-04 00:00"],
        );
        check_edges(
            Reach::Month,
            now,
            zone,
            ["121", "2025-10-04 18:00", "2025-11-03 12:00", "2025-11-03 18:00"],
        );
        let zone = TimeZone::get(zone).unwrap();
        let edges = Reach::Quarter.edges(now.parse().unwrap(), &zone);
        let hours = edges.windows(2).map(|day| day[1].duration_since(day[0]).as_hours());
        assert_eq!(hours.filter(|hours| *hours == 25).count(), 1);
    }
}
