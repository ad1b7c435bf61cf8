//! Dates of lines that tell only a part of them: the time of day, or day and month. It knows no clock: some lines tell the whole
//! date, the others follow from their order.

use jiff::civil::{Date, Time};

/// A step back of more than this is a midnight; a smaller one is a clock that was set back.
///
/// Source: eight logs of FlexNet vendor daemons with 145 598 lines, 331 midnights and 8 584 dates: no date contradicts this.
const MIDNIGHT_S: i32 = 12 * 3600;
/// A step on of more than this is one back over midnight: two daemons that write one log are a second out of order. It is looked
/// for anywhere, not only behind a midnight that was counted, so that reading may begin between the two.
///
/// Source: a FlexNet manager tells the time every six hours, so no log is silent for so long. One that was away tells the date
/// when it starts.
const BACK_S: i32 = 23 * 3600;

/// Days of lines that tell the time of day.
#[derive(Debug, Default)]
pub struct Days {
    day: Option<Date>,
    second: Option<i32>,
    midnights: i64,
    first: Option<Date>,
}

impl Days {
    /// The next line is of this day.
    pub fn begin(&mut self, day: Date) {
        *self = Self { day: Some(day), first: Some(day), ..Self::default() };
    }

    /// The day of the next line, whose time is this; `None` while no day is known.
    pub fn pass(&mut self, time: Time) -> Option<Date> {
        let second = (i32::from(time.hour()) * 60 + i32::from(time.minute())) * 60
            + i32::from(time.second());
        let step = self.second.map_or(0, |last| second - last);
        if step < -MIDNIGHT_S {
            self.midnights += 1;
            self.day = self.day.and_then(|day| day.tomorrow().ok());
        } else if step > BACK_S {
            self.midnights -= 1;
            self.day = self.day.and_then(|day| day.yesterday().ok());
        }
        self.second = Some(second);
        self.day
    }

    /// The line that passed last tells its day.
    pub fn tell(&mut self, day: Date) {
        self.day = Some(day);
        self.first = self.first.or_else(|| days_before(day, self.midnights));
    }

    /// The day of the first line, as told or counted back from `last`, the day of the line that passed last.
    #[must_use]
    pub fn first_day(&self, last: Option<Date>) -> Option<Date> {
        self.first.or_else(|| days_before(last?, self.midnights))
    }
}

fn days_before(day: Date, days: i64) -> Option<Date> {
    day.checked_sub(jiff::Span::new().try_days(days).ok()?).ok()
}

/// A month that is so many months before the last one is of the next year.
const YEAR_MONTHS: i8 = 6;
/// A month that is so many months behind the last one is of the year before: December behind January. A log that is silent for
/// fewer is of a server that was away.
const BACK_MONTHS: i8 = 11;

/// Days of lines that tell day and month.
#[derive(Debug, Default)]
pub struct Years {
    year: Option<i16>,
    month: Option<i8>,
    turns: i16,
    /// Month and day of the first line.
    first: Option<(i8, i8)>,
    first_year: Option<i16>,
}

impl Years {
    /// The next line is of the year of this day.
    pub fn begin(&mut self, day: Date) {
        *self = Self { year: Some(day.year()), first_year: Some(day.year()), ..Self::default() };
    }

    /// The day of the next line, of this month and day; `None` while no year is known, and for a day that is not in it.
    pub fn pass(&mut self, month: i8, day: i8) -> Option<Date> {
        // What is in no leap year is in none.
        Date::new(2000, month, day).ok()?;
        let step = self.month.map_or(0, |last| month - last);
        if step <= -YEAR_MONTHS {
            self.turns = self.turns.saturating_add(1);
            self.year = self.year.map(|year| year.saturating_add(1));
        } else if step >= BACK_MONTHS {
            self.turns = self.turns.saturating_sub(1);
            self.year = self.year.map(|year| year.saturating_sub(1));
        }
        self.month = Some(month);
        self.first = self.first.or(Some((month, day)));
        Date::new(self.year?, month, day).ok()
    }

    /// A line tells its whole date.
    pub fn tell(&mut self, day: Date) {
        self.pass(day.month(), day.day());
        self.year = Some(day.year());
        self.first_year = self.first_year.or(Some(day.year().saturating_sub(self.turns)));
    }

    /// The day of the first line, as told or counted back from `last`, the day of the line that passed last.
    #[must_use]
    pub fn first_day(&self, last: Option<Date>) -> Option<Date> {
        let (month, day) = self.first?;
        let counted = || Some(last?.year().saturating_sub(self.turns));
        Date::new(self.first_year.or_else(counted)?, month, day).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of day in, with `=` dates that are told; the last day out, and the first.
    #[track_caller]
    fn check(lines: &[&str], last: Option<&str>, expected: (Option<&str>, Option<&str>)) {
        let mut days = Days::default();
        let mut day = None;
        for line in lines {
            match line.strip_prefix('=') {
                Some(told) => days.tell(told.parse().unwrap()),
                None => day = days.pass(line.parse().unwrap()),
            }
        }
        let first = days.first_day(last.map(|last| last.parse().unwrap()));
        let shown = |day: Option<Date>| day.map(|day| day.to_string());
        let (expected_day, expected_first) = expected;
        assert_eq!(shown(day), expected_day.map(str::to_owned));
        assert_eq!(shown(first), expected_first.map(str::to_owned));
    }

    #[test]
    fn midnight_begins_a_day_and_a_clock_set_back_does_not() {
        let lines = ["08:00:00", "=2025-03-01", "23:59:59", "00:00:01", "23:00:00", "22:00:00"];
        check(&lines, None, (Some("2025-03-02"), Some("2025-03-01")));
    }

    #[test]
    fn step_back_over_midnight_is_undone() {
        let lines = ["23:59:58", "=2025-03-01", "00:00:00", "23:59:59"];
        check(&lines, None, (Some("2025-03-01"), Some("2025-03-01")));
        let lines = [&lines[..], &["00:00:01"]].concat();
        check(&lines, None, (Some("2025-03-02"), Some("2025-03-01")));
        let lines = [&lines[..], &["23:59:59", "00:00:01", "08:00:00"]].concat();
        check(&lines, None, (Some("2025-03-02"), Some("2025-03-01")));
    }

    #[test]
    fn step_back_over_midnight_is_undone_where_reading_begins_between() {
        let lines = ["00:00:00", "=2025-03-02", "23:59:59"];
        check(&lines, None, (Some("2025-03-01"), Some("2025-03-02")));
        let lines = ["00:00:00", "23:59:59", "00:00:01", "=2025-03-02"];
        check(&lines, None, (None, Some("2025-03-02")));
        check(&lines[..3], Some("2025-03-02"), (None, Some("2025-03-02")));
    }

    #[test]
    fn first_day_is_counted_back_from_the_first_that_is_told() {
        let lines = ["23:00:00", "01:00:00", "20:00:00", "02:00:00", "=2025-03-03", "03:00:00"];
        check(&lines, None, (Some("2025-03-03"), Some("2025-03-01")));
    }

    #[test]
    fn first_day_is_counted_back_from_the_last_where_none_is_told() {
        check(&["23:00:00", "01:00:00"], Some("2025-01-01"), (None, Some("2024-12-31")));
        check(&["23:00:00"], None, (None, None));
    }

    #[test]
    fn told_day_wins() {
        let lines = ["08:00:00", "=2025-03-01", "09:00:00", "=2025-03-05", "10:00:00"];
        check(&lines, None, (Some("2025-03-05"), Some("2025-03-01")));
    }

    #[test]
    fn new_year_is_a_month_far_back() {
        let mut years = Years::default();
        assert_eq!(years.pass(11, 30), None);
        years.tell("2012-12-31".parse().unwrap());
        let days = [(12, 31), (1, 1), (2, 28)].map(|(month, day)| years.pass(month, day));
        let days = days.map(|day| day.map(|day| day.to_string()).unwrap_or_default());
        assert_eq!(days, ["2012-12-31", "2013-01-01", "2013-02-28"]);
        assert_eq!(years.first_day(None).map(|day| day.to_string()).unwrap(), "2012-11-30");
    }

    #[test]
    fn step_back_over_new_year_is_undone() {
        let mut years = Years::default();
        years.tell("2012-12-31".parse().unwrap());
        let days = [(1, 1), (12, 31), (1, 1), (8, 1)].map(|(month, day)| years.pass(month, day));
        let days = days.map(|day| day.map(|day| day.to_string()).unwrap_or_default());
        assert_eq!(days, ["2013-01-01", "2012-12-31", "2013-01-01", "2013-08-01"]);
    }

    #[test]
    fn year_is_counted_back_where_none_is_told() {
        let mut years = Years::default();
        years.pass(12, 31);
        years.pass(1, 1);
        let first = years.first_day(Some("2026-01-01".parse().unwrap()));
        assert_eq!(first.map(|day| day.to_string()).unwrap(), "2025-12-31");
    }
}
