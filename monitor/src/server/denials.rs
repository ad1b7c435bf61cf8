//! Denials on their way to history: one by one, and of those who ask without end so many in one, since history only grows.
//! None is left out: what is not told at once is counted, and told within a minute. Pure.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use lic_protocol::{
    event::{Event, Fact, ReasonClass},
    name::{FeatureName, UserName},
};

/// Denials of one kind that are told one by one, before the others are counted.
const ONE_BY_ONE_MAX: u32 = 10;
/// How long denials are counted before they are told in one.
const COUNTED: SignedDuration = SignedDuration::from_secs(60);
/// Most kinds that are counted; denials of others are told one by one.
const KINDS_MAX: usize = 4096;

/// The denials that are not told yet.
#[derive(Debug, Default)]
pub(super) struct Denials {
    kinds: HashMap<Kind, Counted>,
}

/// What makes denials the same but for their time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    user: UserName,
    feature: FeatureName,
    class: ReasonClass,
}

/// The denials of one kind in the minute since then.
#[derive(Debug)]
struct Counted {
    since: Timestamp,
    one_by_one: u32,
    /// The latest of the others, with the tries of all of them.
    latest: Option<Event>,
}

impl Denials {
    /// Takes what happened now. Gives it back where it is to be told at once.
    pub(super) fn take(&mut self, event: Event, now: Timestamp) -> Option<Event> {
        let Fact::Denial(denial) = &event.fact else { return Some(event) };
        let kind = Kind {
            user: denial.user.clone(),
            feature: denial.feature.clone(),
            class: denial.class,
        };
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            return Some(event);
        }
        let fresh = Counted { since: now, one_by_one: 0, latest: None };
        let counted = self.kinds.entry(kind).or_insert(fresh);
        if counted.one_by_one < ONE_BY_ONE_MAX {
            counted.one_by_one += 1;
            return Some(event);
        }
        let before = counted.latest.take();
        counted.latest = Some(with_tries_of(event, before.as_ref()));
        None
    }

    /// Those whose minute is over. Who was counted in it is counted on, without being told one by one first.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Event> {
        let mut due = Vec::new();
        self.kinds.retain(|_, counted| {
            // A clock that was set back ends the minute too.
            if (SignedDuration::ZERO..COUNTED).contains(&now.duration_since(counted.since)) {
                return true;
            }
            let Some(latest) = counted.latest.take() else { return false };
            due.push(latest);
            counted.since = now;
            true
        });
        due
    }

    /// All of them, now.
    pub(super) fn all(&mut self) -> Vec<Event> {
        self.kinds.drain().filter_map(|(_, counted)| counted.latest).collect()
    }

    /// Whether there is nothing that will be due.
    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }
}

fn with_tries_of(mut event: Event, before: Option<&Event>) -> Event {
    if let (Fact::Denial(denial), Some(Fact::Denial(before))) =
        (&mut event.fact, before.map(|before| &before.fact))
    {
        denial.tries = denial.tries.saturating_add(before.tries);
    }
    event
}

#[cfg(test)]
mod tests {
    use lic_protocol::event::{Denial, Identity};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn denial(user: &str, second: i64) -> Event {
        let fact = Fact::Denial(Denial {
            feature: "x".into(),
            user: user.into(),
            host: "h".into(),
            count: 1,
            reason: "no seat".into(),
            class: ReasonClass::Exhausted,
            process: None,
            tries: 1,
        });
        let identity = Identity { hash: second.unsigned_abs(), ordinal: 0 };
        Event { at: at(second), fact, identity, raw: None }
    }

    fn shown(events: &[Event]) -> Vec<String> {
        let tries = |event: &Event| match &event.fact {
            Fact::Denial(denial) => denial.tries,
            _ => 0,
        };
        events.iter().map(|event| format!("{} x{}", event.at.as_second(), tries(event))).collect()
    }

    /// Who asks at each of these seconds is told of at these, and then what was counted.
    #[track_caller]
    fn check(asked: &[i64], at_once: usize, then: &[(i64, &[&str])]) {
        let mut denials = Denials::default();
        let told =
            asked.iter().filter_map(|second| denials.take(denial("ann", *second), at(*second)));
        assert_eq!(told.count(), at_once);
        for (second, expected) in then {
            assert_eq!(shown(&denials.due(at(*second))), *expected, "at {second}");
        }
        assert!(denials.is_empty());
    }

    #[test]
    fn who_asks_without_end_is_told_ten_times_and_then_once_a_minute() {
        check(&[100], 1, &[(159, &[]), (160, &[])]);
        check(&[100; 10], 10, &[(160, &[])]);
        check(&[100; 11], 10, &[(159, &[]), (160, &["100 x1"]), (220, &[])]);
        check(&[100; 1000], 10, &[(160, &["100 x990"]), (161, &[]), (220, &[])]);
        // The clock was set back.
        check(&[100; 12], 10, &[(99, &["100 x2"]), (98, &[])]);
    }

    #[test]
    fn who_goes_on_is_only_counted() {
        let mut denials = Denials::default();
        for _ in 0..11 {
            denials.take(denial("ann", 100), at(100));
        }
        denials.due(at(160));
        assert_eq!(denials.take(denial("ann", 170), at(170)), None);
        assert!(denials.take(denial("ben", 171), at(171)).is_some(), "somebody else");
        assert_eq!(shown(&denials.due(at(220))), ["170 x1"]);
        assert_eq!(denials.take(denial("ann", 230), at(230)), None);
        assert_eq!(shown(&denials.all()), ["230 x1"]);
    }

    #[test]
    fn kinds_are_bounded() {
        let mut denials = Denials::default();
        for number in 0..KINDS_MAX {
            denials.take(denial(&number.to_string(), 1), at(1));
        }
        for _ in 0..20 {
            assert!(denials.take(denial("one more", 1), at(1)).is_some());
        }
        assert_eq!(denials.kinds.len(), KINDS_MAX);
    }
}
