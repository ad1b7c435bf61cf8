//! A tool's own "no license": the exit statuses by which it says so, and how often the run is put back in the queue then. Pure.

use std::time::Duration;

use lic_protocol::pairs::Pairs;

use crate::policy::{EXIT_BUSY, EXIT_FAILED, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, EXIT_WAITED_OUT};

/// The most that `--requeue` may say.
pub const REQUEUE_MAX: u32 = 1000;
/// Pauses before a run asks again: the first, and the longest; each is twice the one before.
const PAUSE_S: [u64; 2] = [1, 60];

/// Statuses by which licwrap itself speaks: with them, nobody could tell the tool's word from ours.
const OURS: [u8; 5] =
    [EXIT_BUSY, EXIT_WAITED_OUT, EXIT_FAILED, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND];

/// A set of exit statuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statuses([u64; 4]);

/// What follows when a tool says that it got no license.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// So it says it.
    pub statuses: Statuses,
    /// How often it is run again.
    pub requeue: u32,
}

impl Statuses {
    /// Reads `1,3-5`. `None` where that is no list of statuses from 1 to 255, or one of them is licwrap's own.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut statuses = Self::default();
        for part in text.split(|byte| *byte == b',') {
            let mut bounds = part.splitn(2, |byte| *byte == b'-');
            let first = number(bounds.next()?)?;
            let last = bounds.next().map_or(Some(first), number)?;
            if first == 0 || first > last {
                return None;
            }
            (first..=last).for_each(|status| statuses.add(status));
        }
        OURS.iter().all(|status| !statuses.contain(*status)).then_some(statuses)
    }

    /// Whether this one is in the set.
    #[must_use]
    pub fn contain(&self, status: u8) -> bool {
        self.0.get(usize::from(status / 64)).is_some_and(|word| word >> (status % 64) & 1 == 1)
    }

    fn add(&mut self, status: u8) {
        if let Some(word) = self.0.get_mut(usize::from(status / 64)) {
            *word |= 1 << (status % 64);
        }
    }
}

impl Denied {
    /// What a tool's file says: `denied_exit`, `requeue`.
    #[must_use]
    pub fn of(pairs: &Pairs) -> Option<Self> {
        let statuses = Statuses::parse(pairs.get("denied_exit")?.as_bytes())?;
        let requeue = pairs.get("requeue").and_then(|text| times(text.as_bytes()));
        Some(Self { statuses, requeue: requeue.unwrap_or(0) })
    }
}

/// Reads the N of `--requeue`.
#[must_use]
pub fn times(text: &[u8]) -> Option<u32> {
    let times = std::str::from_utf8(text).ok()?.parse().ok()?;
    (times <= REQUEUE_MAX).then_some(times)
}

/// How long to wait before the run asks for the `again`th time, from 1.
#[must_use]
pub fn pause(again: u32) -> Duration {
    let [first, longest] = PAUSE_S;
    Duration::from_secs(longest.min(first << again.saturating_sub(1).min(10)))
}

fn number(text: &[u8]) -> Option<u8> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_lists_of_numbers_and_spans() {
        for (text, expected) in [
            ("1", Some(vec![1])),
            ("1,3-5", Some(vec![1, 3, 4, 5])),
            ("63-64,255", Some(vec![63, 64, 255])),
            ("7,7-7", Some(vec![7])),
            ("0", None),
            ("0-2", None),
            ("5-3", None),
            ("256", None),
            ("", None),
            ("1,", None),
            ("-1", None),
            ("1-", None),
            ("1 ,2", None),
            ("one", None),
            // licwrap's own.
            ("75", None),
            ("70-80", None),
            ("127", None),
        ] {
            let statuses = Statuses::parse(text.as_bytes());
            let found =
                statuses.map(|set| (0..=255).filter(|n| set.contain(*n)).collect::<Vec<_>>());
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_may_say_it() {
        let statuses = Statuses::parse(b"1,3").unwrap();
        for (text, expected) in [
            ("denied_exit=1,3\nrequeue=5\n", Some(Denied { statuses, requeue: 5 })),
            ("denied_exit=1,3\n", Some(Denied { statuses, requeue: 0 })),
            ("denied_exit=1,3\nrequeue=1001\n", Some(Denied { statuses, requeue: 0 })),
            ("requeue=5\n", None),
            ("denied_exit=x\nrequeue=5\n", None),
        ] {
            assert_eq!(Denied::of(&Pairs::of(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let pauses = [1, 2, 3, 6, 7, 1000].map(|again| pause(again).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60]);
    }
}
