//! A series in steps: the mean as an area, the peak as a line over it, the seats there are as a line across.

use std::ops::Range;

use jiff::{ZonedDateTime, tz::TimeZone};
use lic_analytics::series::Reach;
use lic_protocol::view::series::{Point, Series};

use super::{HEIGHT, coordinate, height, left, line, scale};

/// Labels nearer than this to an edge would be cut off.
const EDGE_PERCENT: f64 = 3.0;

/// What is drawn of a series.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Steps {
    /// The path round the mean.
    pub(crate) area: String,
    /// The path along the mean.
    pub(crate) mean: String,
    /// The path along the peak.
    pub(crate) peak: String,
    /// Where nothing was observed: beginning and width.
    pub(crate) gaps: Vec<(String, String)>,
    /// Where the line of all seats is.
    pub(crate) issued: Option<String>,
    /// Lines of the scale: where in percent, and what they say.
    pub(crate) levels: Vec<(String, String)>,
    /// Times: where in percent, and what they say.
    pub(crate) times: Vec<(String, String)>,
    /// The same figures in words.
    pub(crate) rows: Vec<Row>,
}

/// One point in words.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    /// When it begins, in the zone of the series.
    pub(crate) at: String,
    pub(crate) mean: Option<String>,
    pub(crate) peak: Option<u32>,
}

impl Steps {
    /// What to draw of `series`, whose points are those of `reach`.
    pub(crate) fn of(series: &Series, reach: Reach) -> Self {
        let zone = TimeZone::get(&series.zone).unwrap_or(TimeZone::UTC);
        let points = &series.points;
        let greatest = points.iter().filter_map(|point| point.peak).chain(series.issued).max();
        let end = scale(greatest.unwrap_or(0).into());
        let means: Vec<Option<f64>> = points.iter().map(|point| point.mean).collect();
        let peaks: Vec<Option<f64>> =
            points.iter().map(|point| point.peak.map(f64::from)).collect();
        let mut steps = Self {
            area: area(&means, end),
            mean: line(&means, end),
            peak: line(&peaks, end),
            gaps: gaps(&means),
            issued: series.issued.map(|seats| coordinate(height(seats.into(), end))),
            levels: levels(end),
            ..Self::default()
        };
        let begins = |point: &Point| point.at.to_zoned_datetime(zone.clone());
        for (at, point) in points.iter().enumerate() {
            let (now, percent) = (begins(point), left(at, points.len()) / 10.0);
            let before = at.checked_sub(1).map(|before| begins(&points[before]));
            let is_inside = (EDGE_PERCENT..=100.0 - EDGE_PERCENT).contains(&percent);
            if let Some(words) = label(reach, before.as_ref(), &now).filter(|_| is_inside) {
                steps.times.push((coordinate(percent), words));
            }
            steps.rows.push(row(point, &now));
        }
        steps
    }
}

/// The path round what is under `means`.
fn area(means: &[Option<f64>], end: f64) -> String {
    let seen = runs(means, Option::is_some).into_iter();
    let under = seen.map(|run| {
        let mut inside = vec![None; means.len()];
        inside[run.clone()].copy_from_slice(&means[run.clone()]);
        let from = coordinate(left(run.start, means.len()));
        format!("{}V{HEIGHT}H{from}Z", line(&inside, end))
    });
    under.collect()
}

/// Where there are no figures, as beginning and width.
fn gaps(means: &[Option<f64>]) -> Vec<(String, String)> {
    let drawn = |run: Range<usize>| {
        let width = left(run.end - run.start, means.len());
        (coordinate(left(run.start, means.len())), coordinate(width))
    };
    runs(means, Option::is_none).into_iter().map(drawn).collect()
}

/// Runs of those that `is_one`.
fn runs(means: &[Option<f64>], is_one: impl Fn(&Option<f64>) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in means.iter().enumerate().filter(|(_, mean)| is_one(mean)) {
        match runs.last_mut().filter(|run| run.end == at) {
            Some(run) => run.end = at + 1,
            None => runs.push(at..at + 1),
        }
    }
    runs
}

/// The lines of a scale that ends with `end`, the highest first; that 0 is at the bottom need not be said.
fn levels(end: f64) -> Vec<(String, String)> {
    let level = |part: f64| (coordinate(100.0 - part * 25.0), coordinate(end * part / 4.0));
    let mut levels = [4.0, 3.0, 2.0, 1.0].map(level).to_vec();
    levels.push(("100".to_owned(), String::new()));
    levels
}

/// What is written under a point, if anything: `before` is the point before it.
fn label(reach: Reach, before: Option<&ZonedDateTime>, now: &ZonedDateTime) -> Option<String> {
    let is_midnight = now.hour() == 0;
    let is_new_month = before.is_some_and(|before| before.month() != now.month());
    let (is_told, form) = match reach {
        Reach::Hour => (now.minute() % 10 == 0, "%H:%M"),
        Reach::Day => (now.minute() == 0 && now.hour() % 4 == 0, "%H:%M"),
        Reach::Week => (is_midnight, "%a %-d"),
        Reach::Month => (is_midnight && now.weekday().to_monday_zero_offset() == 0, "%-d %b"),
        Reach::Quarter => (now.day() == 1 || now.day() == 15, "%-d %b"),
        Reach::Year => (is_new_month && now.month() % 2 == 1, "%b %Y"),
        Reach::TwoYears => (is_new_month && now.month() % 4 == 1, "%b %Y"),
    };
    is_told.then(|| now.strftime(form).to_string())
}

fn row(point: &Point, at: &ZonedDateTime) -> Row {
    Row {
        at: at.strftime("%a %Y-%m-%d %H:%M").to_string(),
        mean: point.mean.map(|mean| format!("{mean:.1}")),
        peak: point.peak,
    }
}

/// The time between two points in words, for the caption of a chart.
pub(crate) fn step_words(reach: Reach) -> &'static str {
    match reach {
        Reach::Hour => "minute by minute",
        Reach::Day => "in quarters of an hour",
        Reach::Week => "hour by hour",
        Reach::Month => "in quarters of a day",
        Reach::Quarter => "day by day",
        Reach::Year | Reach::TwoYears => "week by week",
    }
}

/// A reach in words, for a choice.
pub(crate) fn reach_words(reach: Reach) -> &'static str {
    match reach {
        Reach::Hour => "Hour",
        Reach::Day => "Day",
        Reach::Week => "Week",
        Reach::Month => "Month",
        Reach::Quarter => "Quarter",
        Reach::Year => "Year",
        Reach::TwoYears => "2 years",
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn series(values: &[Option<(f64, u32)>], issued: Option<u32>) -> Series {
        let at = |hour: i64| Timestamp::from_second(1_755_504_000 + hour * 3600).unwrap();
        let point = |(hour, value): (i64, &Option<(f64, u32)>)| Point {
            at: at(hour),
            mean: value.map(|value| value.0),
            peak: value.map(|value| value.1),
        };
        Series {
            server: "catia".into(),
            feature: "CAC".into(),
            from: at(0),
            to: at(4),
            zone: "Europe/Stockholm".to_owned(),
            issued,
            recount: None,
            points: (0..).zip(values).map(point).collect(),
            lengths: lic_analytics::lengths::lengths(&[], &(at(0)..at(4))),
        }
    }

    #[test]
    fn a_step_is_as_wide_as_it_lasts_and_a_gap_is_a_gap() {
        let values = [Some((1.0, 2)), None, Some((4.0, 4)), Some((2.0, 3))];
        let steps = Steps::of(&series(&values, Some(4)), Reach::Week);
        assert_eq!(steps.mean, "M0 75H250M500 0H750V50H1000");
        assert_eq!(steps.area, "M0 75H250V100H0ZM500 0H750V50H1000V100H500Z");
        assert_eq!(steps.peak, "M0 50H250M500 0H750V25H1000");
        assert_eq!(steps.gaps, [("250".to_owned(), "250".to_owned())]);
        assert_eq!(steps.issued.as_deref(), Some("0"));
        assert_eq!(
            steps.rows[1],
            Row { at: "Mon 2025-08-18 11:00".to_owned(), mean: None, peak: None }
        );
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let steps = Steps::of(&series(&[], None), Reach::Week);
        assert_eq!((steps.area.as_str(), steps.gaps.len(), steps.issued), ("", 0, None));
    }
}
