//! Observed: when a license server was seen at work, so that an hour without use is told from one of which nobody knows.

use std::collections::BTreeMap;

/// A server that says nothing for longer is not observed meanwhile: a weekend and a holiday at either end are shorter, a log that
/// is missing is as a rule longer.
pub(crate) const SILENCE_MS: i64 = 5 * 24 * 3600 * 1000;

/// The times at which a server wrote records, those at most [`SILENCE_MS`] apart made one span. In whatever order they come, the
/// spans are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Ends by beginnings.
    spans: BTreeMap<i64, i64>,
    pub(crate) is_changed: bool,
}

impl Observed {
    /// Spans that were stored.
    pub(crate) fn of(spans: impl IntoIterator<Item = (i64, i64)>) -> Self {
        Self { spans: spans.into_iter().collect(), is_changed: false }
    }

    /// From when to when, in the order of time.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (i64, i64)> {
        self.spans.iter().map(|(from_ms, to_ms)| (*from_ms, *to_ms))
    }

    /// Something was written.
    pub(crate) fn add(&mut self, at_ms: i64) {
        let before = self.spans.range(..=at_ms).next_back().map(|(from, to)| (*from, *to));
        if before.is_some_and(|(_, to_ms)| at_ms <= to_ms) {
            return;
        }
        self.is_changed = true;
        let (mut from_ms, mut to_ms) = (at_ms, at_ms);
        if let Some((from, to)) = before
            && at_ms - to <= SILENCE_MS
        {
            from_ms = from;
        }
        let after = self.spans.range(at_ms..).next().map(|(from, to)| (*from, *to));
        if let Some((from, to)) = after
            && from - at_ms <= SILENCE_MS
        {
            self.spans.remove(&from);
            to_ms = to;
        }
        self.spans.insert(from_ms, to_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days on which something was written in, spans of days out.
    #[track_caller]
    fn check(days: &[i64], expected: &[(i64, i64)]) {
        const DAY_MS: i64 = 24 * 3600 * 1000;
        let mut observed = Observed::default();
        for day in days {
            observed.add(day * DAY_MS);
        }
        let spans: Vec<_> = observed.spans().map(|(a, b)| (a / DAY_MS, b / DAY_MS)).collect();
        assert_eq!(spans, expected, "{days:?}");
    }

    #[test]
    fn weekend_is_observed_and_a_missing_log_is_not() {
        check(&[1, 2, 5, 10, 16], &[(1, 10), (16, 16)]);
    }

    #[test]
    fn order_does_not_matter() {
        check(&[16, 10, 5, 1, 2], &[(1, 10), (16, 16)]);
        check(&[1, 10, 20, 15, 6], &[(1, 20)]);
        check(&[1, 6, 3, 6, 1], &[(1, 6)]);
    }
}
