//! How long sessions last: percentiles, and how many lasted about as long.

use std::ops::Range;

use jiff::Timestamp;
use lic_protocol::{
    span::Span,
    view::series::{LengthBucket, Lengths},
};

/// Where the buckets begin, in seconds: a start that failed, a look, a task, a day's work, a license that was forgotten.
const BEGIN_S: [u64; 9] = [0, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 604_800];

/// The lengths of those of `spans` that ended in `period`. A percentile is the nearest rank: the length of a session that was.
#[must_use]
pub fn lengths(spans: &[Span], period: &Range<Timestamp>) -> Lengths {
    let ended = spans.iter().filter_map(|span| Some((span.started, span.ended?.0)));
    let inside = ended.filter(|(_, ended)| period.contains(ended));
    // A clock that was set back in between can make the end come first.
    let mut lengths: Vec<f64> = inside
        .map(|(started, ended)| ended.duration_since(started).as_secs_f64().max(0.0))
        .collect();
    lengths.sort_unstable_by(f64::total_cmp);
    Lengths {
        from: period.start,
        sessions: lengths.len() as u64,
        p50_s: percentile(&lengths, 50),
        p90_s: percentile(&lengths, 90),
        p99_s: percentile(&lengths, 99),
        buckets: buckets(&lengths),
    }
}

/// The length that `percent` of 100 do not exceed; `sorted` is in order.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn buckets(sorted: &[f64]) -> Vec<LengthBucket> {
    #[expect(clippy::cast_precision_loss, reason = "the greatest is a week")]
    let below = |second: u64| sorted.partition_point(|length| *length < second as f64);
    let ends = BEGIN_S[1..].iter().map(|end| Some(*end)).chain([None]);
    let bucket = |(from_s, to_s): (u64, Option<u64>)| {
        let sessions = to_s.map_or(sorted.len(), below) - below(from_s);
        LengthBucket { from_s, to_s, sessions: sessions as u64 }
    };
    BEGIN_S.into_iter().zip(ends).map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use lic_protocol::event::EndReason;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Sessions from 0 on that lasted so long, of which those that end before 100,000 count.
    #[track_caller]
    fn check(lengths_s: &[i64], percentiles: [Option<f64>; 3], counts: [u64; 9]) {
        let span = |length_s: &i64| Span {
            started: at(0),
            ended: Some((at(*length_s), EndReason::Checkin)),
            seat: None,
            count: 1,
        };
        let spans: Vec<Span> = lengths_s.iter().map(span).collect();
        let found = lengths(&spans, &(at(0)..at(100_000)));
        assert_eq!([found.p50_s, found.p90_s, found.p99_s], percentiles);
        let sessions: Vec<u64> = found.buckets.iter().map(|bucket| bucket.sessions).collect();
        assert_eq!((sessions.as_slice(), found.sessions), (&counts[..], counts.iter().sum()));
    }

    #[test]
    fn percentiles_are_lengths_of_sessions() {
        check(&[], [None; 3], [0; 9]);
        check(&[70], [Some(70.0); 3], [0, 1, 0, 0, 0, 0, 0, 0, 0]);
        check(
            &[0, 59, 60, 3600, 200_000],
            [Some(59.0), Some(3600.0), Some(3600.0)],
            [2, 1, 0, 0, 1, 0, 0, 0, 0],
        );
        let hundred: Vec<i64> = (1..=100).collect();
        let percentiles = [Some(50.0), Some(90.0), Some(99.0)];
        check(&hundred, percentiles, [59, 41, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_session_that_is_held_has_no_length_yet() {
        let open = Span { started: at(0), ended: None, seat: None, count: 1 };
        assert_eq!(lengths(&[open], &(at(0)..at(100))).sessions, 0);
    }
}
