//! When a license server is asked next. Pure: spans in, spans out.

use std::time::Duration;

use lic_protocol::{name::ServerName, view::ServerState};
use xxhash_rust::xxh3::xxh3_64;

/// Servers are first asked within this, not all at once.
const FIRST_MAX: Duration = Duration::from_secs(3);
/// The share of the span by which it varies, both ways: servers that were in step do not stay so.
const JITTER: f64 = 0.05;
/// How often a server that does not answer is asked at least.
const BACK_OFF_MAX: Duration = Duration::from_mins(5);
/// The span doubles at most so often.
const DOUBLINGS_MAX: u32 = 4;

/// When one server is asked.
pub struct Plan {
    every: Duration,
    seed: u64,
    asked: u64,
    failures: u32,
}

impl Plan {
    /// Nothing asked yet. Equal names have equal plans.
    #[must_use]
    pub fn new(every: Duration, server: &ServerName) -> Self {
        Self { every, seed: xxh3_64(server.as_str().as_bytes()), asked: 0, failures: 0 }
    }

    /// How long to wait before the first time.
    #[must_use]
    pub fn first(&self) -> Duration {
        FIRST_MAX.min(self.every).mul_f64(self.share())
    }

    /// How long from the beginning of one asking to that of the next. A server that serves is asked every so often; one that
    /// does not is asked once more as soon, and then ever later.
    pub fn next(&mut self, state: ServerState) -> Duration {
        self.asked += 1;
        let serves = matches!(state, ServerState::Up | ServerState::Degraded);
        self.failures = if serves { 0 } else { self.failures.saturating_add(1) };
        let doublings = self.failures.saturating_sub(1).min(DOUBLINGS_MAX);
        let span = (self.every * 2_u32.pow(doublings)).min(BACK_OFF_MAX.max(self.every));
        span.mul_f64(1.0 - JITTER + 2.0 * JITTER * self.share())
    }

    /// From 0 to 1, another each time.
    fn share(&self) -> f64 {
        let hash = xxh3_64(&(self.seed ^ self.asked).to_le_bytes());
        f64::from(u32::try_from(hash >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// States in, seconds between them and the next out: within a twentieth.
    #[track_caller]
    fn check(every_s: u64, states: &[ServerState], expected_s: &[f64]) {
        let mut plan = Plan::new(Duration::from_secs(every_s), &"acme".into());
        assert!(plan.first() <= Duration::from_secs(3));
        for (state, expected_s) in states.iter().zip(expected_s) {
            let next_s = plan.next(*state).as_secs_f64();
            assert!((next_s / expected_s - 1.0).abs() <= JITTER, "{next_s} s, not {expected_s} s");
        }
    }

    use ServerState::{Degraded, Down, Unknown, Up};

    #[test]
    fn serving_server_is_asked_every_so_often() {
        check(30, &[Up, Degraded, Up], &[30.0, 30.0, 30.0]);
    }

    #[test]
    fn silent_server_is_asked_ever_later_until_it_serves() {
        check(
            30,
            &[Down, Unknown, Down, Down, Down, Down, Up],
            &[30.0, 60.0, 120.0, 240.0, 300.0, 300.0, 30.0],
        );
        check(600, &[Down, Down, Down], &[600.0, 600.0, 600.0]);
    }

    #[test]
    fn no_two_spans_are_the_same() {
        let mut plan = Plan::new(Duration::from_secs(30), &"acme".into());
        let mut other = Plan::new(Duration::from_secs(30), &"bolt".into());
        assert_ne!(plan.next(Up), plan.next(Up));
        assert_ne!(plan.next(Up), other.next(Up));
    }
}
