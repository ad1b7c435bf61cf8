//! Seats and sessions open at one instant.

use std::collections::HashMap;

use jiff::Timestamp;
use lic_protocol::span::Span;

/// Largest number of sessions open at one instant.
///
/// Each counts from its start up to, not including, its end. Nothing in gives 0. O(n log n).
#[must_use]
pub fn peak_sessions(spans: &[Span]) -> u32 {
    peak(spans.iter().flat_map(|span| steps(span, 1)).collect())
}

/// Largest number of seats in use at one instant.
///
/// Sessions that share a seat use it once, from the first start to the last end among those that overlap, for as many seats as
/// the largest of them asked for. A session without a seat key uses as many seats as it asked for. O(n log n).
#[must_use]
pub fn peak_seats(spans: &[Span]) -> u32 {
    peak(seat_steps(spans))
}

/// Every change of the number of seats in use, in no order: when, and by how many. Sessions held yet end at
/// `Timestamp::MAX`.
pub(crate) fn seat_steps(spans: &[Span]) -> Vec<(Timestamp, i64)> {
    let mut shared: HashMap<i64, Vec<Span>> = HashMap::new();
    let mut changes = Vec::new();
    for span in spans {
        match span.seat {
            Some(seat) => shared.entry(seat).or_default().push(*span),
            None => changes.extend(steps(span, span.count)),
        }
    }
    for sessions in shared.values_mut() {
        changes.extend(merged(sessions).iter().flat_map(|span| steps(span, span.count)));
    }
    changes
}

/// Sessions of one seat, those that overlap or touch made one.
fn merged(sessions: &mut [Span]) -> Vec<Span> {
    sessions.sort_unstable_by_key(|span| span.started);
    let mut merged: Vec<Span> = Vec::new();
    for span in sessions {
        match merged.last_mut() {
            Some(last) if end(last) >= span.started => {
                if end(span) > end(last) {
                    last.ended = span.ended;
                }
                last.count = last.count.max(span.count);
            }
            _ => merged.push(*span),
        }
    }
    merged
}

fn end(span: &Span) -> Timestamp {
    span.ended.map_or(Timestamp::MAX, |(ended, _)| ended)
}

fn steps(span: &Span, seats: u32) -> [(Timestamp, i64); 2] {
    [(span.started, i64::from(seats)), (end(span), -i64::from(seats))]
}

fn peak(mut steps: Vec<(Timestamp, i64)>) -> u32 {
    // At equal times the negative step sorts first: a checkin frees the seat for the checkout.
    steps.sort_unstable();
    let mut now = 0;
    let mut peak = 0;
    for (_, step) in steps {
        now += step;
        peak = peak.max(now);
    }
    u32::try_from(peak).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use lic_protocol::event::EndReason;

    use super::*;

    /// `start-end` in seconds, `@seat` and `*count` where they matter; `start-` is open.
    fn span(text: &str) -> Span {
        let (text, count) = text.split_once('*').unwrap_or((text, "1"));
        let (text, seat) =
            text.split_once('@').map_or((text, None), |(text, seat)| (text, Some(seat)));
        let (start, end) = text.split_once('-').unwrap();
        let at = |text: &str| Timestamp::from_second(text.parse().unwrap()).unwrap();
        Span {
            started: at(start),
            ended: (!end.is_empty()).then(|| (at(end), EndReason::Checkin)),
            seat: seat.map(|seat| seat.parse().unwrap()),
            count: count.parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(spans: &str, sessions: u32, seats: u32) {
        let spans: Vec<Span> = spans.split_whitespace().map(span).collect();
        assert_eq!((peak_sessions(&spans), peak_seats(&spans)), (sessions, seats));
    }

    #[test]
    fn nothing_is_no_seat() {
        check("", 0, 0);
    }

    #[test]
    fn seat_passed_on_is_one_seat() {
        check("0-10 10-20", 1, 1);
        check("0-11 10-20", 2, 2);
    }

    #[test]
    fn sessions_of_one_seat_are_one_seat() {
        check("0-10@7 1-9@7 2-12@7 3-4@8", 4, 2);
        check("0-5@7 20-25@7 0-5@8", 2, 2);
        check("0-@7 1-@7 2-@7", 3, 1);
    }

    #[test]
    fn counts_weigh() {
        check("0-10*4 5-15*3", 2, 7);
        check("0-10@1*4 5-15@1*6", 2, 6);
    }
}
