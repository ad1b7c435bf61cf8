//! Figures: medians, and goals beside what was measured. Pure.

use std::time::Duration;

/// A bound that we set ourselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Less is better.
    AtMost(f64),
    /// More is better.
    AtLeast(f64),
}

/// What we want of one figure.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// The figure, in words.
    pub of: &'static str,
    /// What it should be.
    pub bound: Bound,
    /// What it counts.
    pub unit: &'static str,
}

impl Goal {
    /// One line: whether the goal holds, what it is, what was measured. What was not measured is not missed.
    #[must_use]
    pub fn told(&self, measured: Option<f64>) -> String {
        let Self { of, bound, unit } = self;
        let (verdict, found) = match measured {
            None => ("unknown", "nothing".to_owned()),
            Some(value) if bound.holds(value) => ("holds", shown(value)),
            Some(value) => ("missed", shown(value)),
        };
        format!("{verdict:7}  {of}: goal {} {unit}, measured {found}", bound.shown())
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::AtMost(most) => format!("at most {}", shown(most)),
            Self::AtLeast(least) => format!("at least {}", shown(least)),
        }
    }
}

/// Three significant digits are more than these figures carry.
fn shown(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// The value in the middle; of an even number, the upper of the two. `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// The smallest value. `None` of nothing.
#[must_use]
pub fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().min_by(f64::total_cmp)
}

/// A span in microseconds.
#[must_use]
pub fn us(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_told_in_one_line() {
        let goal = Goal { of: "size", bound: Bound::AtMost(300.0), unit: "KB" };
        for (measured, expected) in [
            (Some(300.0), "holds    size: goal at most 300 KB, measured 300"),
            (Some(443.4), "missed   size: goal at most 300 KB, measured 443"),
            (None, "unknown  size: goal at most 300 KB, measured nothing"),
        ] {
            assert_eq!(goal.told(measured), expected);
        }
        let goal = Goal { of: "rate", bound: Bound::AtLeast(1.5), unit: "/s" };
        assert_eq!(goal.told(Some(1.25)), "missed   rate: goal at least 1.50 /s, measured 1.25");
    }

    #[test]
    fn medians() {
        for (values, expected) in
            [(vec![], None), (vec![3.0, 1.0, 2.0], Some(2.0)), (vec![4.0, 1.0], Some(4.0))]
        {
            assert_eq!(median(&values), expected, "{values:?}");
        }
    }
}
