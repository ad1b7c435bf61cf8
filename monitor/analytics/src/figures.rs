//! The history of a feature in figures.

use lic_protocol::{event::EndReason, span::Span, view::Figures};

use crate::concurrency::{peak_seats, peak_sessions};

const SECONDS_PER_HOUR: f64 = 3600.0;

/// Figures of the sessions of one feature, given in any order.
#[must_use]
pub fn figures(spans: &[Span]) -> Figures {
    let ends =
        spans.iter().filter_map(|span| span.ended.map(|(ended, reason)| (span, ended, reason)));
    let count = |of: fn(EndReason) -> bool| {
        ends.clone().filter(|(_, _, reason)| of(*reason)).count() as u64
    };
    let checkins = count(|reason| reason == EndReason::Checkin);
    let timeouts = count(|reason| reason == EndReason::Timeout);
    let ended_sessions = count(|_| true);
    let started = spans.iter().map(|span| span.started);
    let ended = ends.clone().map(|(_, ended, _)| ended);
    Figures {
        checkouts: spans.len() as u64,
        checkins,
        timeouts,
        other_ends: ended_sessions - checkins - timeouts,
        ended_sessions,
        ended_session_hours: ends
            .map(|(span, ended, _)| {
                ended.duration_since(span.started).as_secs_f64() / SECONDS_PER_HOUR
            })
            // An empty sum of floats is -0.
            .fold(0.0, |hours, more| hours + more),
        peak_seats: peak_seats(spans),
        peak_sessions: peak_sessions(spans),
        first: started.clone().min(),
        last: started.chain(ended).max(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn ends_are_told_apart_and_open_sessions_have_no_hours() {
        let ended = |from, to, reason| Span {
            started: at(from),
            ended: Some((at(to), reason)),
            seat: Some(1),
            count: 1,
        };
        let open = Span { started: at(7200), ended: None, seat: Some(1), count: 1 };
        let spans = [
            ended(0, 1800, EndReason::Checkin),
            ended(900, 4500, EndReason::Timeout),
            ended(0, 0, EndReason::Shutdown),
            open,
        ];
        let figures = figures(&spans);
        let ends = (figures.checkins, figures.timeouts, figures.other_ends, figures.ended_sessions);
        assert_eq!((figures.checkouts, ends), (4, (1, 1, 1, 3)));
        assert!((figures.ended_session_hours - 1.5).abs() < 1e-9);
        assert_eq!((figures.peak_seats, figures.peak_sessions), (1, 2));
        assert_eq!((figures.first, figures.last), (Some(at(0)), Some(at(7200))));
    }
}
