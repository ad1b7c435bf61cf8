//! A heat map: seven days of 24 hours, each as warm as the share of the seats in use on average.

use lic_protocol::view::series::{Cell, HeatMap};

/// Shades beside none.
const SHADES: f64 = 8.0;
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// One day of the week.
pub(crate) struct Day<'a> {
    pub(crate) name: &'static str,
    pub(crate) hours: Vec<Warm<'a>>,
}

/// One hour of the week.
pub(crate) struct Warm<'a> {
    pub(crate) cell: &'a Cell,
    /// Class of its shade.
    pub(crate) shade: String,
    /// The mean, short.
    pub(crate) mean: Option<String>,
}

/// The days of `map`, Monday first.
pub(crate) fn days(map: &HeatMap) -> Vec<Day<'_>> {
    let greatest = map.cells.iter().filter_map(|cell| cell.peak).max().unwrap_or(0);
    let whole = f64::from(map.issued.unwrap_or(greatest).max(1));
    let days = WEEKDAYS.into_iter().zip(map.cells.chunks(24));
    let warm = |cell| warm(cell, whole, map.issued);
    days.map(|(name, cells)| Day { name, hours: cells.iter().map(warm).collect() }).collect()
}

fn warm(cell: &Cell, whole: f64, issued: Option<u32>) -> Warm<'_> {
    let is_full = issued.is_some_and(|issued| cell.peak >= Some(issued.max(1)));
    let full = if is_full { " brim" } else { "" };
    let shade = cell.mean.map_or("gap".to_owned(), |mean| {
        let share = (mean / whole).clamp(0.0, 1.0);
        format!("q{}{full}", (share * SHADES).ceil())
    });
    Warm { cell, shade, mean: cell.mean.map(short) }
}

/// A mean in at most three characters where it can be.
fn short(mean: f64) -> String {
    match mean {
        0.0 => "0".to_owned(),
        ..9.95 => format!("{mean:.1}"),
        _ => format!("{mean:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mean: Option<f64>, peak: Option<u32>, issued: Option<u32>, expected: &str) {
        let cell = Cell { weekday: 1, hour: 0, mean, peak, observed_s: 0.0 };
        let warm = warm(&cell, issued.unwrap_or(8).into(), issued);
        assert_eq!(format!("{} {}", warm.shade, warm.mean.unwrap_or_default()), expected);
    }

    #[test]
    fn shades_follow_the_mean_and_a_full_hour_is_marked() {
        check(None, None, Some(8), "gap ");
        check(Some(0.0), Some(0), Some(8), "q0 0");
        check(Some(0.01), Some(1), Some(8), "q1 0.0");
        check(Some(4.0), Some(8), Some(8), "q4 brim 4.0");
        check(Some(12.0), Some(12), None, "q8 12");
    }
}
