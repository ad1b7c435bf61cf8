//! A sparkline: a day of one feature in the height of a line of text.

use lic_protocol::view::series::Point;

use super::line;

/// The path along the means, as high as the greatest of `whole` and the peaks; what was not observed is left out. `None` where
/// there is nothing to draw.
pub(crate) fn spark(points: &[Point], whole: Option<u32>) -> Option<String> {
    let peak = points.iter().filter_map(|point| point.peak).max()?;
    let end = f64::from(peak.max(whole.unwrap_or(0)).max(1));
    let means: Vec<Option<f64>> = points.iter().map(|point| point.mean).collect();
    Some(line(&means, end))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[track_caller]
    fn check(means: &[Option<f64>], whole: Option<u32>, expected: Option<&str>) {
        let point = |mean: &Option<f64>| Point {
            at: Timestamp::UNIX_EPOCH,
            mean: *mean,
            peak: mean.map(|_| 2),
        };
        let points: Vec<Point> = means.iter().map(point).collect();
        assert_eq!(spark(&points, whole).as_deref(), expected);
    }

    #[test]
    fn lines_break_at_gaps() {
        check(&[], None, None);
        check(&[None], None, None);
        check(&[Some(1.0), None, Some(2.0), Some(0.0)], None, Some("M0 50H250M500 0H750V100H1000"));
        check(&[Some(1.0)], Some(4), Some("M0 75H1000"));
    }
}
