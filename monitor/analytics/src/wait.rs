//! How long somebody who waits may have to wait yet, by how long runs before lasted. It knows no clock, and no names.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::Filter,
    view::Session,
};

/// Most past runs of a feature that an estimate is made of: the newest.
pub const RUNS_MAX: u32 = 100;
/// With fewer past runs than these, nothing is said.
pub const RUNS_MIN: usize = 5;
/// Older runs tell nothing: neither the work nor the tool is the same.
pub const RUNS_AGE_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long past runs of one feature lasted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// The shortest first.
    lasted: Vec<Duration>,
}

/// Seats that somebody holds.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Runs with the same key share a seat, which is free once all of them have ended; `None` is a seat of its own.
    pub share: Option<&'a str>,
    /// How many.
    pub seats: u32,
    /// For how long.
    pub age: Duration,
}

impl Runs {
    /// Runs that lasted so long, in any order.
    #[must_use]
    pub fn new(lasted: impl IntoIterator<Item = Duration>) -> Self {
        let mut lasted: Vec<Duration> = lasted.into_iter().collect();
        lasted.sort_unstable();
        Self { lasted }
    }

    /// The runs among ended sessions whose length is known.
    #[must_use]
    pub fn of(ended: &[Session]) -> Self {
        let lengths = ended.iter().filter_map(|session| session.duration_s);
        Self::new(lengths.filter_map(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }

    /// The ended sessions that [`of`](Self::of) is to be given.
    #[must_use]
    pub fn filter(server: &ServerName, feature: &FeatureName, now: Timestamp) -> Filter {
        Filter {
            server: Some(server.clone()),
            feature: Some(feature.clone()),
            from: now.checked_sub(RUNS_AGE_MAX).ok(),
            limit: RUNS_MAX,
            ..Filter::default()
        }
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.lasted.len()).unwrap_or(u32::MAX)
    }

    /// How long a run lasts: the median. `None` with fewer than [`RUNS_MIN`].
    #[must_use]
    pub fn typical(&self) -> Option<Duration> {
        (self.lasted.len() >= RUNS_MIN).then(|| self.lasted[self.lasted.len() / 2])
    }

    /// How much longer a run goes on that has lasted for `age`: the median of those that lasted longer than that. `None` with
    /// fewer than [`RUNS_MIN`], and where no run before lasted so long.
    #[must_use]
    pub fn left(&self, age: Duration) -> Option<Duration> {
        let longer = &self.lasted[self.lasted.partition_point(|lasted| *lasted <= age)..];
        let median = longer.get(longer.len() / 2).filter(|_| self.lasted.len() >= RUNS_MIN)?;
        median.checked_sub(age)
    }
}

/// How long each of those who wait for `asked` seats may have to wait yet, the next one first.
///
/// `free` seats are free to them; it is below 0 where more are held than there are. Everybody waits until those before him
/// have started and there are seats enough; who has started holds them for as long as a run typically lasts. `None` where it
/// is not known, and for who could start at once: he does not wait for seats. What is known never falls from one to the
/// next. O((held + asked) log held).
#[must_use]
pub fn expected_waits<'a>(
    runs: &Runs,
    held: impl IntoIterator<Item = Held<'a>>,
    free: i64,
    asked: &[u32],
) -> Vec<Option<Duration>> {
    let mut waits = vec![None; asked.len()];
    let Some(typical) = runs.typical() else { return waits };
    let mut ends: BinaryHeap<_> = ends(runs, held).into_iter().map(Reverse).collect();
    let (mut free, mut start) = (free, None);
    for (wait, seats) in waits.iter_mut().zip(asked) {
        while free < i64::from(*seats) {
            // When seats come back for him is not known, and so it is not for those behind him.
            let Some(Reverse((end, more))) = ends.pop() else { return waits };
            (free, start) = (free + i64::from(more), Some(end));
        }
        let Some(start) = start else { continue };
        *wait = Some(start);
        free -= i64::from(*seats);
        ends.push(Reverse((start.saturating_add(typical), *seats)));
    }
    waits
}

/// When seats come back, and how many; those of which that is not known are left out.
fn ends<'a>(runs: &Runs, held: impl IntoIterator<Item = Held<'a>>) -> Vec<(Duration, u32)> {
    let mut shared: HashMap<&str, (Option<Duration>, u32)> = HashMap::new();
    let mut ends = Vec::new();
    for Held { share, seats, age } in held {
        let left = runs.left(age);
        let Some(share) = share else {
            ends.extend(left.map(|left| (left, seats)));
            continue;
        };
        let seat = shared.entry(share).or_insert((left, seats));
        let last = seat.0.zip(left).map(|(last, left)| last.max(left));
        *seat = (last, seat.1.max(seats));
    }
    ends.extend(shared.into_values().filter_map(|(last, seats)| Some((last?, seats))));
    ends
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn min(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    fn runs(minutes: &[u64]) -> Runs {
        Runs::new(minutes.iter().copied().map(min))
    }

    fn own(seats: u32, age: u64) -> Held<'static> {
        Held { share: None, seats, age: min(age) }
    }

    const HALF_HOURS: [u64; 5] = [30; 5];

    #[track_caller]
    fn check(
        lasted: &[u64],
        held: &[Held<'_>],
        free: i64,
        asked: &[u32],
        expected: &[Option<u64>],
    ) {
        let waits = expected_waits(&runs(lasted), held.iter().copied(), free, asked);
        let expected: Vec<_> = expected.iter().map(|wait| wait.map(min)).collect();
        assert_eq!(waits, expected);
    }

    #[test]
    fn a_run_goes_on_as_those_did_that_lasted_as_long() {
        let runs = runs(&[1, 2, 3, 60, 120]);
        for (age, left) in [(0, Some(3)), (3, Some(117)), (60, Some(60)), (120, None), (500, None)]
        {
            assert_eq!(runs.left(min(age)), left.map(min), "after {age} min");
        }
        assert_eq!(runs.typical(), Some(min(3)));
    }

    #[test]
    fn with_few_runs_nothing_is_said() {
        let few = runs(&[30; RUNS_MIN - 1]);
        assert_eq!((few.typical(), few.left(min(1))), (None, None));
        check(&[30; RUNS_MIN - 1], &[own(1, 10)], 0, &[1, 1], &[None, None]);
        check(&[], &[], 0, &[1], &[None]);
    }

    #[test]
    fn the_first_seat_that_comes_back_is_for_the_next() {
        check(&HALF_HOURS, &[own(1, 10)], 0, &[1], &[Some(20)]);
        check(&HALF_HOURS, &[own(1, 10), own(1, 25)], 0, &[1, 1], &[Some(5), Some(20)]);
    }

    #[test]
    fn those_who_start_hold_their_seats_too() {
        check(&HALF_HOURS, &[own(1, 10)], 0, &[1, 1, 1], &[Some(20), Some(50), Some(80)]);
        check(
            &HALF_HOURS,
            &[own(1, 10), own(1, 25)],
            0,
            &[1, 1, 1],
            &[Some(5), Some(20), Some(35)],
        );
    }

    #[test]
    fn who_wants_many_seats_waits_for_all_and_nobody_passes_him() {
        check(&HALF_HOURS, &[own(1, 10), own(1, 25)], 0, &[2, 1], &[Some(20), Some(50)]);
        check(&HALF_HOURS, &[own(1, 10)], 0, &[2, 1], &[None, None]);
        check(&HALF_HOURS, &[own(1, 10)], 1, &[2], &[Some(20)]);
    }

    #[test]
    fn seats_beyond_the_limit_come_back_to_nobody() {
        check(&HALF_HOURS, &[own(1, 10), own(1, 25)], -1, &[1], &[Some(20)]);
    }

    #[test]
    fn who_could_start_does_not_wait_for_seats() {
        check(&HALF_HOURS, &[own(1, 10)], 1, &[1, 2], &[None, Some(20)]);
    }

    #[test]
    fn a_run_that_lasts_longer_than_any_before_tells_nothing() {
        check(&HALF_HOURS, &[own(1, 31)], 0, &[1], &[None]);
        check(&HALF_HOURS, &[own(1, 31), own(1, 10)], 0, &[1, 1], &[Some(20), Some(50)]);
    }

    #[test]
    fn a_shared_seat_is_free_when_the_last_run_of_it_ends() {
        let of_ann = |age| Held { share: Some("ann"), ..own(1, age) };
        check(&HALF_HOURS, &[of_ann(10), of_ann(25)], 0, &[1], &[Some(20)]);
        check(&HALF_HOURS, &[of_ann(10), of_ann(31)], 0, &[1], &[None]);
    }

    proptest! {
        #[test]
        fn nobody_starts_before_those_ahead_of_him(
            lasted in vec(0..1000_u64, 0..40),
            held in vec((1..4_u32, 0..1200_u64), 0..30),
            free in -5..5_i64,
            asked in vec(1..4_u32, 0..30),
        ) {
            let held = held.into_iter().map(|(seats, age)| own(seats, age));
            let waits = expected_waits(&runs(&lasted), held, free, &asked);
            prop_assert_eq!(waits.len(), asked.len());
            prop_assert!(waits.iter().flatten().is_sorted());
        }

        #[test]
        fn nobody_waits_longer_than_for_as_many_ends_as_his_place(
            lasted in vec(0..1000_u64, RUNS_MIN..40),
            ages in vec(0..1200_u64, 0..30),
        ) {
            let runs = runs(&lasted);
            let mut ends: Vec<_> = ages.iter().filter_map(|age| runs.left(min(*age))).collect();
            ends.sort_unstable();
            let held = ages.iter().map(|age| own(1, *age));
            let waits = expected_waits(&runs, held, 0, &vec![1; ends.len()]);
            for (wait, end) in waits.iter().zip(&ends) {
                prop_assert!(wait.is_some_and(|wait| wait <= *end), "{wait:?} after {end:?}");
            }
            prop_assert_eq!(waits.first().copied().flatten(), ends.first().copied());
        }
    }
}
