//! Rows for the rule, and the rule against a model that recounts everything from nothing at every step.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

use super::{
    Admission, Decision, Grant, LeaseId, Refusal, Ticket, Timestamp, Tool, Wait, Want,
    capacity::{OnFull, Seats},
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// `a` has 1 seat, `b` 2, `c` 4 and denies when full, `u` is unlimited.
fn tools() -> Vec<(&'static str, Tool)> {
    vec![
        ("a", Tool { seats: Seats::Limited(1), on_full: OnFull::Wait }),
        ("b", Tool { seats: Seats::Limited(2), on_full: OnFull::Wait }),
        ("c", Tool { seats: Seats::Limited(4), on_full: OnFull::Deny }),
        ("u", Tool { seats: Seats::Unlimited, on_full: OnFull::Wait }),
    ]
}

fn site() -> Admission {
    Admission::new(tools().into_iter().map(|(name, tool)| (name.into(), tool)))
}

fn wants(text: &str) -> Vec<Want> {
    text.split(' ').map(|want| Want::parse(want).unwrap()).collect()
}

/// Runs steps such as `ask b:2`, `try a` (does not wait), `as a` (as configured), `release 1`, `leave 2`, `adopt 9 b:2`,
/// `restore 3 a`, `welcome 3`, `pass 3 4` (ticket, lease), `place 3` and compares what each answers. Numbers count up from 1: the clock stands still.
#[track_caller]
fn check(steps: &[(&str, &str)]) {
    let mut site = site();
    for (place, (step, expected)) in steps.iter().enumerate() {
        assert_eq!(answer(&mut site, step), *expected, "step {place}: {step}");
    }
}

fn answer(site: &mut Admission, step: &str) -> String {
    let (verb, rest) = step.split_once(' ').unwrap();
    let number = |text: &str| text.parse::<u64>().unwrap();
    match verb {
        "ask" => decision(&site.ask(&wants(rest), Wait::Yes, NOW)),
        "try" => decision(&site.ask(&wants(rest), Wait::No, NOW)),
        "as" => decision(&site.ask(&wants(rest), Wait::AsConfigured, NOW)),
        "release" => grants(&site.release(LeaseId(number(rest)), NOW)),
        "leave" => grants(&site.leave(Ticket(number(rest)), NOW)),
        "welcome" => site
            .welcome(Ticket(number(rest)), NOW)
            .map_or("no place".into(), |started| grants(&started)),
        "pass" => {
            let (ticket, lease) = rest.split_once(' ').unwrap();
            let grant = Grant { ticket: Ticket(number(ticket)), lease: LeaseId(number(lease)) };
            grants(&site.pass_over(grant, NOW))
        }
        "place" => format!("{:?}", site.place(Ticket(number(rest)))),
        "adopt" => {
            let (lease, rest) = rest.split_once(' ').unwrap();
            site.adopt(LeaseId(number(lease)), &wants(rest));
            String::new()
        }
        "restore" => {
            let (ticket, rest) = rest.split_once(' ').unwrap();
            let restored = site.restore(Ticket(number(ticket)), &wants(rest));
            restored.map_or_else(|denied| denied.text, |()| String::new())
        }
        _ => panic!("no such step"),
    }
}

fn decision(decision: &Decision) -> String {
    match decision {
        Decision::Granted(lease) => format!("lease {}", lease.0),
        Decision::Queued { ticket, place } => format!("ticket {} place {place}", ticket.0),
        Decision::Refused(denied) => format!("{:?}: {}", denied.refusal, denied.text),
    }
}

fn grants(grants: &[Grant]) -> String {
    let shown = grants.iter().map(|grant| format!("{}->{}", grant.ticket.0, grant.lease.0));
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_seat_given_back_goes_to_the_first_who_waits() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a", "ticket 2 place 1"),
        ("ask a", "ticket 3 place 2"),
        ("release 1", "2->4"),
        ("release 1", ""),
        ("place 3", "Some(1)"),
        ("release 4", "3->5"),
        ("release 5", ""),
        ("ask a", "lease 6"),
    ]);
}

#[test]
fn who_is_passed_over_keeps_its_place_and_no_seat() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a", "ticket 2 place 1"),
        ("ask a", "ticket 3 place 2"),
        ("release 1", "2->4"),
        ("pass 2 4", "3->5"),
        ("ask a", "ticket 6 place 2"),
        ("welcome 2", ""),
        ("release 5", "2->7"),
        ("pass 2 7", "6->8"),
        ("release 8", ""),
        ("try a", "lease 9"),
        ("try a", "Busy: no seat of a is free: 1 of 1 in use"),
        ("release 9", ""),
        ("welcome 2", "2->10"),
        ("welcome 2", "no place"),
        ("pass 2 9", ""),
        ("release 10", ""),
        ("ask a", "lease 11"),
    ]);
}

#[test]
fn who_is_passed_over_may_leave() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a", "ticket 2 place 1"),
        ("release 1", "2->3"),
        ("pass 2 3", ""),
        ("leave 2", ""),
        ("ask a", "lease 4"),
        ("ask a", "ticket 5 place 1"),
        ("release 4", "5->6"),
    ]);
}

#[test]
fn impossible_requests_are_refused_at_once() {
    check(&[
        ("ask x", "Unknown: no tool named x is configured"),
        ("ask a:2", "TooMany: 2 seats of a asked for, it has 1"),
        ("ask a b:3", "TooMany: 3 seats of b asked for, it has 2"),
        ("ask u:4000000000", "lease 1"),
        ("ask u:4000000000", "lease 2"),
    ]);
}

#[test]
fn who_does_not_wait_is_refused() {
    check(&[
        ("try c:4", "lease 1"),
        ("try c", "Busy: no seat of c is free: 4 of 4 in use"),
        ("as c", "Busy: no seat of c is free: 4 of 4 in use"),
        ("ask c", "ticket 2 place 1"),
        ("as c:2", "Busy: no seat of c is free: 4 of 4 in use, 1 waited for"),
        ("ask a", "lease 3"),
        ("as a", "ticket 4 place 1"),
    ]);
}

#[test]
fn a_big_request_is_not_starved_by_small_ones() {
    check(&[
        ("ask b", "lease 1"),
        ("ask b:2", "ticket 2 place 1"),
        ("ask b", "ticket 3 place 2"),
        ("try b", "Busy: no seat of b is free: 1 of 2 in use, 3 waited for"),
        ("release 1", "2->4"),
        ("release 4", "3->5"),
    ]);
}

#[test]
fn other_features_pass() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a b", "ticket 2 place 1"),
        ("ask b", "lease 3"),
        ("ask b", "ticket 4 place 2"),
        ("ask u", "lease 5"),
        ("leave 2", "4->6"),
        ("leave 2", ""),
    ]);
}

#[test]
fn opposite_orders_do_not_deadlock() {
    check(&[
        ("ask a b:2", "lease 1"),
        ("ask b:2 a", "ticket 2 place 1"),
        ("ask a b:2", "ticket 3 place 2"),
        ("release 1", "2->4"),
        ("release 4", "3->5"),
    ]);
}

#[test]
fn adopted_leases_may_exceed_what_is_configured() {
    check(&[
        ("adopt 8 b:2", ""),
        ("adopt 9 b:2", ""),
        ("adopt 9 b:2", ""),
        ("adopt 10 gone b", ""),
        ("ask b", "ticket 11 place 1"),
        ("release 8", ""),
        ("release 10", ""),
        ("release 9", "11->12"),
    ]);
}

#[test]
fn nobody_passes_a_waiter_who_is_expected_back() {
    check(&[
        ("restore 5 b", ""),
        ("restore 6 b:2", ""),
        ("restore 7 b:3", "3 seats of b asked for, it has 2"),
        ("try b", "Busy: no seat of b is free: 0 of 2 in use, 3 waited for"),
        ("welcome 6", ""),
        ("place 6", "Some(2)"),
        ("welcome 5", "5->8"),
        ("welcome 5", "no place"),
        ("leave 6", ""),
        ("try b", "lease 9"),
    ]);
}

#[test]
fn who_comes_back_first_starts_no_sooner() {
    check(&[
        ("restore 5 c", ""),
        ("restore 6 c", ""),
        ("restore 7 c", ""),
        ("welcome 7", ""),
        ("try c", "Busy: no seat of c is free: 0 of 4 in use, 3 waited for"),
        ("welcome 5", "5->8"),
        ("leave 6", "7->9"),
        ("try c", "lease 10"),
    ]);
}

#[test]
fn full_features_do_not_keep_a_waiter_for_others() {
    check(&[
        ("adopt 1 a b:2 c:4", ""),
        ("restore 5 u", ""),
        ("restore 6 a", ""),
        ("welcome 6", ""),
        ("welcome 5", "5->7"),
    ]);
}

/// What a test may do; small numbers choose among the leases and waiters there are.
#[derive(Clone, Debug)]
enum Step {
    Ask(Vec<(usize, u32)>, u8),
    Release(usize),
    Leave(usize),
    Adopt(Vec<(usize, u32)>),
    Restore(Vec<(usize, u32)>),
    Welcome(usize),
}

const FEATURES: [&str; 5] = ["a", "b", "c", "u", "unknown"];

fn some_wants() -> impl Strategy<Value = Vec<(usize, u32)>> {
    let feature = prop::sample::select(&[0_usize, 0, 1, 1, 1, 2, 2, 3, 4][..]);
    prop::collection::btree_map(feature, 1..=3_u32, 1..=3)
        .prop_map(|wants| wants.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (some_wants(), 0..5_u8).prop_map(|(wants, wait)| Step::Ask(wants, wait)),
        4 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => some_wants().prop_map(Step::Adopt),
        1 => some_wants().prop_map(Step::Restore),
        1 => any::<usize>().prop_map(Step::Welcome),
    ]
}

fn as_wants(numbers: &[(usize, u32)]) -> Vec<Want> {
    let want = |(feature, count): &(usize, u32)| Want {
        feature: FEATURES[*feature].to_owned(),
        count: *count,
    };
    numbers.iter().map(want).collect()
}

/// The naive model: lists, and every count taken anew.
#[derive(Default)]
struct Model {
    leases: BTreeMap<u64, Vec<Want>>,
    waiters: Vec<(u64, Vec<Want>)>,
    away: BTreeSet<u64>,
}

impl Model {
    fn seats(feature: &str) -> Option<u64> {
        match tools().iter().find(|(name, _)| *name == feature)?.1.seats {
            Seats::Limited(seats) => Some(u64::from(seats)),
            Seats::Unlimited => Some(u64::MAX),
        }
    }

    fn count<'a>(lists: impl Iterator<Item = &'a Vec<Want>>, feature: &str) -> u64 {
        lists.flatten().filter(|w| w.feature == feature).map(|w| u64::from(w.count)).sum()
    }

    fn held(&self, feature: &str) -> u64 {
        Self::count(self.leases.values(), feature)
    }

    /// The rule as it is written down: free, less what earlier waiters need, is enough, and none of those is away.
    fn lacks(&self, wants: &[Want], earlier: usize) -> Vec<Want> {
        let lacks = |want: &&Want| {
            let is_kept = |(ticket, wants): &(u64, Vec<Want>)| {
                self.away.contains(ticket) && wants.iter().any(|w| w.feature == want.feature)
            };
            if want.feature != "u" && self.waiters[..earlier].iter().any(is_kept) {
                return true;
            }
            let before = Self::count(self.waiters[..earlier].iter().map(|w| &w.1), &want.feature);
            let seats = Self::seats(&want.feature).unwrap();
            seats < self.held(&want.feature) + before + u64::from(want.count)
        };
        wants.iter().filter(lacks).cloned().collect()
    }

    fn is_impossible(wants: &[Want]) -> bool {
        wants.iter().any(|w| Self::seats(&w.feature).is_none_or(|seats| u64::from(w.count) > seats))
    }

    /// The first waiter that may start, again and again.
    fn start(&mut self, grants: &[Grant]) {
        for grant in grants {
            let next = (0..self.waiters.len()).find(|at| {
                let (ticket, wants) = &self.waiters[*at];
                !self.away.contains(ticket) && self.lacks(wants, *at).is_empty()
            });
            let (ticket, wants) = self.waiters.remove(next.expect("nobody may start"));
            assert_eq!(ticket, grant.ticket.0, "somebody was passed");
            assert!(self.leases.insert(grant.lease.0, wants).is_none(), "a lease was given twice");
        }
        self.assert_nobody_may_start();
    }

    fn assert_nobody_may_start(&self) {
        for (at, (ticket, wants)) in self.waiters.iter().enumerate() {
            let may = !self.away.contains(ticket) && self.lacks(wants, at).is_empty();
            assert!(!may, "ticket {ticket} was forgotten");
        }
    }

    fn place(&self, ticket: u64) -> u32 {
        let at = self.waiters.iter().position(|w| w.0 == ticket).unwrap();
        let shares = |other: &[Want]| {
            other.iter().any(|w| self.waiters[at].1.iter().any(|own| own.feature == w.feature))
        };
        let ahead = self.waiters[..at].iter().filter(|w| shares(&w.1)).count();
        u32::try_from(ahead).unwrap() + 1
    }

    fn ask(&mut self, wants: Vec<Want>, wait: Wait, decision: &Decision) {
        let impossible = Self::is_impossible(&wants);
        let lacking = if impossible { Vec::new() } else { self.lacks(&wants, self.waiters.len()) };
        match decision {
            Decision::Granted(lease) => {
                assert!(!impossible && lacking.is_empty());
                assert!(self.leases.insert(lease.0, wants).is_none());
            }
            Decision::Queued { ticket, place } => {
                assert!(!impossible && !lacking.is_empty() && wait != Wait::No);
                self.waiters.push((ticket.0, wants));
                assert_eq!(*place, self.place(ticket.0));
            }
            Decision::Refused(denied) if impossible => {
                assert!(matches!(denied.refusal, Refusal::Unknown | Refusal::TooMany));
            }
            Decision::Refused(denied) => {
                let by_configuration =
                    wait == Wait::AsConfigured && lacking.iter().any(|w| w.feature == "c");
                assert!(wait == Wait::No || by_configuration);
                assert_eq!((denied.refusal, &denied.lacking), (Refusal::Busy, &lacking));
            }
        }
    }
}

fn nth(ids: impl Iterator<Item = u64>, number: usize) -> u64 {
    let ids: Vec<u64> = ids.collect();
    if ids.is_empty() { 999_999 } else { ids[number % ids.len()] }
}

fn follow(steps: Vec<Step>) {
    let mut site = site();
    let mut model = Model::default();
    let mut adopted = false;
    for step in steps {
        match step {
            Step::Ask(numbers, wait) => {
                let wait = [Wait::Yes, Wait::Yes, Wait::Yes, Wait::No, Wait::AsConfigured]
                    [usize::from(wait)];
                let wants = as_wants(&numbers);
                let decision = site.ask(&wants, wait, NOW);
                model.ask(wants, wait, &decision);
            }
            Step::Release(number) => {
                let lease = nth(model.leases.keys().copied(), number);
                let grants = site.release(LeaseId(lease), NOW);
                model.leases.remove(&lease);
                model.start(&grants);
                assert_eq!(site.release(LeaseId(lease), NOW), [], "a second release did something");
            }
            Step::Leave(number) => {
                let ticket = nth(model.waiters.iter().map(|w| w.0), number);
                let grants = site.leave(Ticket(ticket), NOW);
                model.waiters.retain(|w| w.0 != ticket);
                model.away.remove(&ticket);
                model.start(&grants);
                assert_eq!(site.leave(Ticket(ticket), NOW), [], "a second leave did something");
            }
            Step::Adopt(numbers) => {
                let lease = site.next_id(NOW);
                site.adopt(LeaseId(lease), &as_wants(&numbers));
                model.leases.insert(lease, as_wants(&numbers));
                adopted = true;
            }
            Step::Restore(numbers) => {
                let ticket = site.next_id(NOW);
                let wants = as_wants(&numbers);
                let restored = site.restore(Ticket(ticket), &wants);
                assert_eq!(restored.is_err(), Model::is_impossible(&wants));
                if restored.is_ok() {
                    model.waiters.push((ticket, wants));
                    model.away.insert(ticket);
                }
            }
            Step::Welcome(number) => {
                let ticket = nth(model.away.iter().copied(), number);
                let waits = model.waiters.iter().any(|w| w.0 == ticket);
                model.away.remove(&ticket);
                match site.welcome(Ticket(ticket), NOW) {
                    Some(grants) => model.start(&grants),
                    None => assert!(!waits),
                }
            }
        }
        for (ticket, _) in &model.waiters {
            assert_eq!(site.place(Ticket(*ticket)), Some(model.place(*ticket)));
        }
        for (feature, _) in tools() {
            let held = model.held(feature);
            assert_eq!(site.in_use(&feature.into()), Some(held));
            assert!(adopted || held <= Model::seats(feature).unwrap(), "over capacity");
        }
        assert!(sums_are_derived(&site), "a sum drifted from what it repeats");
    }
}

/// Whether the sums of each pool are what the lease table and the queue say.
fn sums_are_derived(site: &Admission) -> bool {
    site.pools.iter().enumerate().all(|(at, pool)| {
        let of_pool = |need: &&super::Need| need.pool == at;
        let seats = |need: &super::Need| u64::from(need.count);
        let held = site.leases.values().flatten().filter(of_pool).map(seats).sum::<u64>();
        let wants = site.queue.waiters().flat_map(|waiter| &waiter.needs);
        let away = site.queue.waiters().filter(|waiter| waiter.presence == super::Presence::Away);
        let away = away.flat_map(|waiter| &waiter.needs).filter(of_pool).count();
        let wanted = wants.filter(of_pool).map(seats).sum::<u64>();
        (pool.held, pool.wanted, pool.away) == (held, wanted, away)
    })
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]

    #[test]
    fn decisions_are_those_of_the_naive_model(steps in prop::collection::vec(step(), 1..120)) {
        follow(steps);
    }
}

#[test]
fn numbers_rise_even_when_the_clock_does_not() {
    let mut site = site();
    let later = Timestamp::from_microsecond(500).unwrap();
    assert_eq!([site.next_id(later), site.next_id(NOW), site.next_id(later)], [500, 501, 502]);
    site.remember_id(9_000);
    assert_eq!(site.next_id(later), 9_001);
}
