//! Forged histories: each that is wrong is found, by the rule it breaks and by no other.

use super::*;

/// Runs 1, 2 and so on ask for one seat each of `one`, of two of `shared`, or of what else is named.
#[derive(Default)]
struct Forged(Evidence);

impl Forged {
    fn of(seats: u32, unit: Unit) -> Self {
        let pool = Pool { seats: Some(seats), reserved: 0, unit, runs_uncounted: false };
        let mut forged = Self::default();
        forged.0.pools.insert("a".to_owned(), pool);
        forged
    }

    /// A run of `user` that took `count` seats as lease `run * 10`, from `from` to `until`, as it says itself.
    fn run(mut self, run: u64, user: u32, count: u32, (from, until): (u64, u64)) -> Self {
        let start = Start { at_ns: from, pid: 7, lease: Some(run * 10) };
        let seen = Seen { start: Some(start), end_ns: Some(until), ..Seen::default() };
        self.0.seen.insert(run, seen);
        self.asked(run, user, count)
    }

    fn asked(mut self, run: u64, user: u32, count: u32) -> Self {
        let wants = vec![Want { feature: "a".to_owned(), count }];
        let (is_supervised, killed_ns, status) = (false, None, Some(0));
        let run_of = Run { user, wants, is_supervised, asked_ns: 0, killed_ns, status };
        self.0.runs.insert(run, run_of);
        self
    }

    fn change(mut self, run: u64, change: impl FnOnce(&mut Run, &mut Seen)) -> Self {
        let seen = self.0.seen.entry(run).or_default();
        change(self.0.runs.get_mut(&run).unwrap(), seen);
        self
    }

    /// `+RUN`, `-RUN` in the order of commits, at the milliseconds of their place; `+RUN/SHARE` shares.
    fn commits(self, text: &str) -> Self {
        let leases = |run| run * 10;
        self.commits_as(text, leases)
    }

    fn commits_as(mut self, text: &str, lease: impl Fn(u64) -> u64) -> Self {
        for (id, word) in (1..).zip(text.split_ascii_whitespace()) {
            let (word, at_ms) = match word.split_once('@') {
                Some((word, at)) => (word, at.parse().unwrap()),
                None => (word, id),
            };
            let (number, share) = match word[1..].split_once('/') {
                Some((number, share)) => (number, Some(share.to_owned())),
                None => (&word[1..], None),
            };
            let run: u64 = number.parse().unwrap();
            let count = self.0.runs.get(&run).map_or(1, |run| run.wants[0].count);
            let what = match &word[..1] {
                "+" => What::Checkout { count, share, run: Some(run) },
                _ => What::Checkin { reason: "tool_exited".to_owned() },
            };
            let feature = "a".to_owned();
            self.0.records.push(Record { id, at_ms, lease: lease(run), feature, what });
        }
        self
    }

    #[track_caller]
    fn breaks(self, rules: &[Rule]) {
        let findings = self.0.findings();
        let broken: BTreeSet<Rule> = findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(broken, rules.iter().copied().collect(), "{findings:#?}");
    }
}

#[test]
fn a_seat_passed_on_is_fine() {
    let two = |seats| Forged::of(seats, Unit::Run).run(1, 0, 1, (10, 20)).run(2, 0, 1, (20, 30));
    two(1).commits("+1 -1 +2 -2").breaks(&[]);
    two(2).commits("+1 +2 -2 -1").breaks(&[]);
}

#[test]
fn an_over_grant_is_found_in_the_ledger() {
    let two = Forged::of(1, Unit::Run).run(1, 0, 1, (10, 20)).run(2, 0, 1, (20, 30));
    two.commits("+1 +2 -1 -2").breaks(&[Rule::Ledger]);
    let big = Forged::of(3, Unit::Run).run(1, 0, 2, (10, 20)).run(2, 0, 2, (20, 30));
    big.commits("+1 +2 -1 -2").breaks(&[Rule::Ledger]);
}

#[test]
fn a_lying_ledger_is_found_in_the_world() {
    let two = |until| Forged::of(1, Unit::Run).run(1, 0, 1, (10, until)).run(2, 0, 1, (20, 30));
    two(20).commits("+1 -1 +2 -2").breaks(&[]);
    two(21).commits("+1 -1 +2 -2").breaks(&[Rule::World]);
}

#[test]
fn a_killed_tool_holds_until_the_signal_is_sent() {
    let two = |killed_ns| {
        let two = Forged::of(1, Unit::Run).run(1, 0, 1, (10, 25)).run(2, 0, 1, (20, 30));
        let two = two.change(1, |run, seen| {
            (run.killed_ns, run.status, seen.end_ns) = (Some(killed_ns), None, None);
        });
        two.commits("+1 -1 +2 -2")
    };
    two(19).breaks(&[]);
    two(21).breaks(&[Rule::World]);
    // Its parent was killed, and it ran on.
    let supervised = two(19).change(1, |run, seen| {
        (run.is_supervised, seen.end_ns) = (true, Some(25));
    });
    supervised.breaks(&[Rule::World]);
}

#[test]
fn a_tree_holds_as_long_as_its_child() {
    let two = |unit| {
        let two = Forged::of(1, unit).run(1, 0, 1, (10, 15)).run(2, 0, 1, (20, 30));
        let two = two.change(1, |_, seen| {
            (seen.child_start_ns, seen.child_end_ns) = (Some(16), Some(25));
        });
        two.commits("+1 -1 +2 -2")
    };
    two(Unit::Run).breaks(&[]);
    two(Unit::Tree).breaks(&[Rule::World]);
}

#[test]
fn shared_seats_count_once() {
    let three = |count| {
        let three = Forged::of(2, Unit::User).run(1, 5, 1, (10, 20)).run(2, 5, count, (10, 20));
        three.run(3, 6, 1, (10, 20))
    };
    three(1).commits("+1/u5 +2/u5 +3/u6 -1 -2 -3").breaks(&[]);
    three(2).commits("+1/u5 +2/u5 +3/u6 -1 -2 -3").breaks(&[Rule::Ledger, Rule::World]);
    three(1).commits("+1 +2 +3 -1 -2 -3").breaks(&[Rule::Ledger]);
}

#[test]
fn seats_set_aside_are_for_their_user_alone() {
    let two = |user| {
        let mut two = Forged::of(2, Unit::Run).run(1, user, 1, (10, 20)).run(2, 9, 1, (10, 20));
        two.0.pools.get_mut("a").unwrap().reserved = 1;
        two.commits("+1 +2 -1 -2")
    };
    two(0).breaks(&[]);
    two(8).breaks(&[Rule::Ledger, Rule::World]);
}

#[test]
fn a_lease_without_an_end_is_found() {
    Forged::of(1, Unit::Run).run(1, 0, 1, (10, 20)).commits("+1").breaks(&[Rule::Counted]);
}

#[test]
fn a_doubled_lease_is_found() {
    let two = || Forged::of(2, Unit::Run).run(1, 0, 1, (10, 20)).run(2, 0, 1, (20, 30));
    let same =
        |forged: Forged| forged.change(2, |_, seen| seen.start.as_mut().unwrap().lease = Some(10));
    same(two()).commits_as("+1 -1 +2 -2", |_| 10).breaks(&[Rule::Once]);
    same(two()).commits("+1 -1 +2 -2").breaks(&[Rule::Once, Rule::Counted]);
    two().commits("+1 -1 -1 +2 -2").breaks(&[Rule::Once, Rule::Counted]);
}

#[test]
fn lease_numbers_rise() {
    let two = Forged::of(1, Unit::Run).run(2, 0, 1, (10, 20)).run(1, 0, 1, (20, 30));
    two.commits("+2 -2 +1 -1").breaks(&[Rule::Rising]);
}

#[test]
fn every_run_is_one_session() {
    let one = || Forged::of(3, Unit::Run).run(1, 0, 1, (10, 20));
    one().breaks(&[Rule::Counted]);
    one().commits("+1 -1 +2 -2").breaks(&[Rule::Counted]);
    let twice = |id: i64| Record {
        id,
        at_ms: id,
        lease: 11,
        feature: "a".to_owned(),
        what: What::Checkin { reason: String::new() },
    };
    let mut forged = one().commits("+1 -1");
    let taken = What::Checkout { count: 1, share: None, run: Some(1) };
    forged.0.records.extend([Record { what: taken, ..twice(3) }, twice(4)]);
    forged.breaks(&[Rule::Counted]);
}

#[test]
fn a_session_of_a_run_nobody_saw_needs_a_reason() {
    let unseen = |change: fn(&mut Run)| {
        let unseen = Forged::of(1, Unit::Run).asked(1, 0, 1).change(1, |run, _| change(run));
        unseen.commits("+1 -1")
    };
    unseen(|_| {}).breaks(&[Rule::Counted]);
    unseen(|run| run.status = Some(124)).breaks(&[]);
    unseen(|run| (run.killed_ns, run.status) = (Some(5), None)).breaks(&[]);
}

#[test]
fn the_end_of_a_supervised_run_counts_from_when_it_was() {
    let two = |is_supervised| {
        let two = Forged::of(1, Unit::Run).run(1, 0, 1, (10, 20)).run(2, 0, 1, (20, 30));
        let two = two.change(1, |run, _| run.is_supervised = is_supervised);
        two.commits("+1@1 +2@5 -1@4 -2@6")
    };
    two(true).breaks(&[]);
    two(false).breaks(&[Rule::Ledger]);
}

#[test]
fn who_ran_uncounted_is_no_grant_but_counts_against_the_next() {
    let drawn = |run| if run == 1 { DRAWN_LEASE_MIN } else { run * 10 };
    let two = |first: u64| {
        let two = Forged::of(1, Unit::Run).run(1, 0, 1, (10, 50)).run(2, 0, 1, (first, 50));
        two.change(1, |_, seen| seen.start.as_mut().unwrap().lease = None)
    };
    two(5).commits_as("+2 +1 -1 -2", drawn).breaks(&[]);
    two(20).commits_as("+1 +2 -2 -1", drawn).breaks(&[Rule::Ledger]);
}
