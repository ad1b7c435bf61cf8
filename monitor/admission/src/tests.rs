//! Rows for the rule, and the rule against a model that recounts everything from nothing at every step.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

use super::{
    Admission, Decision, Grant, LeaseId, Outlook, Refusal, Ticket, Timestamp, Tool, Wait, Want,
    asker::{Asker, Who},
    capacity::{Mode, OnFull, Seats, Unit},
    priority::{Class, Priority},
    reserve::Reserve,
    rule::{Rule, Verdict},
    window::{Window, Windows},
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// `a` has 1 seat, `b` 2, `c` 4 and denies when full, `u` is unlimited. One seat of `p` is for all runs of a user together,
/// of `h` for all on a host, of `x` for all of a user on a host. Of `r` 2 of 4 seats are set aside, of `s` one for the group cfd, and that
/// tool counts by host. On `q` ann comes 5 microseconds earlier than she does, and eve 10.
fn tools() -> Vec<(&'static str, Tool)> {
    let waits = |seats| Tool::new(Seats::Limited(seats), OnFull::Wait);
    let by = |unit, seats| Tool { unit, ..waits(seats) };
    let aside = |seats, who| Reserve { seats, who };
    let class = |class, who| Class { class, who };
    vec![
        ("a", waits(1)),
        ("b", waits(2)),
        ("c", Tool::new(Seats::Limited(4), OnFull::Deny)),
        ("u", Tool::new(Seats::Unlimited, OnFull::Wait)),
        ("p", by(Unit::User, 2)),
        ("h", by(Unit::Host, 1)),
        ("x", by(Unit::UserHost, 2)),
        ("r", Tool { reserves: vec![aside(1, user("ann")), aside(1, group("cfd"))], ..waits(4) }),
        ("s", Tool { reserves: vec![aside(1, group("cfd"))], ..by(Unit::Host, 2) }),
        (
            "q",
            Tool {
                priority: Priority {
                    classes: vec![class(1, user("ann")), class(2, user("eve"))],
                    ageing: std::time::Duration::from_micros(5),
                },
                ..waits(2)
            },
        ),
    ]
}

fn pattern(text: &str) -> glob::Pattern {
    glob::Pattern::new(text).unwrap()
}

fn user(name: &str) -> Who {
    Who { user: Some(pattern(name)), ..Who::default() }
}

fn group(name: &str) -> Who {
    Who { group: Some(pattern(name)), ..Who::default() }
}

const PEOPLE: [&str; 4] = ["bob", "ann", "eve", "ann@n2"];

/// `ann` on host n1, or `ann@n2`; ann and eve are of the group cfd.
fn asker(text: &str) -> Asker {
    let (name, host) = text.split_once('@').unwrap_or((text, "n1"));
    let groups = if name == "bob" { vec!["fem".into()] } else { vec!["fem".into(), "cfd".into()] };
    let uid = u32::from(name.as_bytes()[0]);
    Asker { uid, user: name.into(), groups, host: host.into(), project: None }
}

fn site() -> Admission {
    site_of(tools())
}

fn site_of(tools: Vec<(&'static str, Tool)>) -> Admission {
    Admission::new(tools.into_iter().map(|(name, tool)| (name.into(), tool)))
}

/// `@ann a b:2`: who, and what; bob where nobody is named.
fn asked(text: &str) -> (Asker, Vec<Want>) {
    match text.strip_prefix('@').and_then(|text| text.split_once(' ')) {
        Some((name, rest)) => (asker(name), wants(rest)),
        None => (asker("bob"), wants(text)),
    }
}

fn wants(text: &str) -> Vec<Want> {
    text.split(' ').map(|want| Want::parse(want).unwrap()).collect()
}

/// Runs steps such as `ask b:2`, `try a` (does not wait), `as a` (as configured), `release 1`, `leave 2`, `adopt 9 b:2`,
/// `restore 3 a`, `welcome 3`, `pass 3 4 a` (ticket, lease, what), `place 3`, `look a` and compares what each answers. Numbers
/// count up from 1: the clock stands still.
#[track_caller]
fn check(steps: &[(&str, &str)]) {
    check_at(site(), steps);
}

#[track_caller]
fn check_at(mut site: Admission, steps: &[(&str, &str)]) {
    for (place, (step, expected)) in steps.iter().enumerate() {
        assert_eq!(answer(&mut site, step), *expected, "step {place}: {step}");
    }
}

fn answer(site: &mut Admission, step: &str) -> String {
    let (verb, rest) = step.split_once(' ').unwrap();
    let number = |text: &str| text.parse::<u64>().unwrap();
    match verb {
        "ask" => decision(&ask(site, rest, Wait::Yes)),
        "try" => decision(&ask(site, rest, Wait::No)),
        "as" => decision(&ask(site, rest, Wait::AsConfigured)),
        "look" => {
            let (asker, wants) = asked(rest);
            match site.outlook(&asker, &wants, NOW) {
                Outlook::Free => "free".into(),
                Outlook::Waits { place } => format!("place {place}"),
                Outlook::Refused(denied) => denied.text,
            }
        }
        "observe" => {
            let (asker, wants) = asked(rest);
            let observed = site.observed(&asker, &wants, NOW);
            observed.iter().map(|denied| denied.text.as_str()).collect::<Vec<_>>().join("; ")
        }
        "release" => grants(&site.release(LeaseId(number(rest)), NOW)),
        "leave" => grants(&site.leave(Ticket(number(rest)), NOW)),
        "welcome" => site
            .welcome(Ticket(number(rest)), NOW)
            .map_or("no place".into(), |started| grants(&started)),
        "pass" => {
            let (ticket, rest) = rest.split_once(' ').unwrap();
            let (lease, rest) = rest.split_once(' ').unwrap();
            let (asker, wants) = asked(rest);
            let grant = Grant { ticket: Ticket(number(ticket)), lease: LeaseId(number(lease)) };
            grants(&site.pass_over(grant, &asker, &wants, NOW))
        }
        "place" => format!("{:?}", site.place(Ticket(number(rest)))),
        "adopt" => {
            let (lease, rest) = rest.split_once(' ').unwrap();
            let (asker, wants) = asked(rest);
            site.adopt(LeaseId(number(lease)), &asker, &wants);
            String::new()
        }
        "restore" => {
            let (ticket, rest) = rest.split_once(' ').unwrap();
            let (asker, wants) = asked(rest);
            let restored = site.restore(Ticket(number(ticket)), &asker, &wants, NOW);
            restored.map_or_else(|denied| denied.text, |()| String::new())
        }
        _ => panic!("no such step"),
    }
}

fn ask(site: &mut Admission, text: &str, wait: Wait) -> Decision {
    let (asker, wants) = asked(text);
    site.ask(&asker, &wants, wait, NOW)
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
        ("pass 2 4 a", "3->5"),
        ("ask a", "ticket 6 place 2"),
        ("welcome 2", ""),
        ("release 5", "2->7"),
        ("pass 2 7 a", "6->8"),
        ("release 8", ""),
        ("try a", "lease 9"),
        ("try a", "Busy: no seat of a is free: 1 of 1 in use"),
        ("release 9", ""),
        ("welcome 2", "2->10"),
        ("welcome 2", "no place"),
        ("pass 2 9 a", ""),
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
        ("pass 2 3 a", ""),
        ("leave 2", ""),
        ("ask a", "lease 4"),
        ("ask a", "ticket 5 place 1"),
        ("release 4", "5->6"),
    ]);
}

#[test]
fn impossible_requests_are_refused_at_once() {
    check(&[
        ("ask z", "Unknown: no tool named z is configured"),
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

#[test]
fn runs_of_one_user_share_a_seat() {
    check(&[
        ("ask @ann p", "lease 1"),
        ("ask @ann@n2 p", "lease 2"),
        ("ask @bob p", "lease 3"),
        ("ask @eve p", "ticket 4 place 1"),
        // It takes nothing from her who waits.
        ("ask @bob p", "lease 5"),
        ("release 1", ""),
        ("release 3", ""),
        ("release 5", "4->6"),
        ("release 2", ""),
        ("ask @ann p", "lease 7"),
    ]);
}

#[test]
fn a_shared_seat_is_as_large_as_its_largest_run() {
    check(&[
        ("ask @ann p", "lease 1"),
        ("ask @ann p:2", "lease 2"),
        ("try @bob p", "Busy: no seat of p is free: 2 of 2 in use"),
        ("release 2", ""),
        ("try @bob p", "lease 3"),
        ("ask @ann p:2", "ticket 4 place 1"),
        ("release 3", "4->5"),
    ]);
}

#[test]
fn those_who_share_a_seat_start_together() {
    check(&[
        ("ask @eve p:2", "lease 1"),
        ("ask @ann p", "ticket 2 place 1"),
        ("ask @bob p", "ticket 3 place 2"),
        ("ask @ann p", "ticket 4 place 3"),
        ("ask @eve@n2 p", "lease 5"),
        ("release 1", "2->6 4->7"),
        ("release 5", "3->8"),
    ]);
}

#[test]
fn a_host_is_one_seat() {
    check(&[
        ("ask @ann h", "lease 1"),
        ("ask @bob h", "lease 2"),
        ("try @ann@n2 h", "Busy: no seat of h is free: 1 of 1 in use"),
        ("ask @ann x", "lease 3"),
        ("ask @ann@n2 x", "lease 4"),
        ("ask @ann x", "lease 5"),
        ("try @bob x", "Busy: no seat of x is free: 2 of 2 in use"),
    ]);
}

#[test]
fn seats_set_aside_are_for_those_they_are_set_aside_for() {
    check(&[
        ("ask @bob r:2", "lease 1"),
        ("ask @bob r:3", "TooMany: 3 seats of r asked for, it has 4, some set aside for others"),
        ("try @bob r", "Busy: no seat of r is free: 2 of 4 in use, 2 set aside for others"),
        ("ask @bob r", "ticket 2 place 1"),
        ("look @eve r", "free"),
        ("look @eve r:2", "place 2"),
        // She is of both: the group's seat stays for the group.
        ("ask @ann r", "lease 3"),
        ("ask @eve r", "lease 4"),
        ("try @eve r", "Busy: no seat of r is free: 4 of 4 in use, 1 waited for"),
        ("release 3", ""),
        (
            "try @eve r",
            "Busy: no seat of r is free: 3 of 4 in use, 1 set aside for others, 1 waited for",
        ),
        ("release 1", "2->5"),
    ]);
}

#[test]
fn a_member_does_not_take_a_reserved_seat_from_an_earlier_member() {
    check(&[
        ("adopt 1 a", ""),
        ("ask @bob r:2", "lease 2"),
        ("ask @ann r", "lease 3"),
        ("ask @eve r a", "ticket 4 place 1"),
        ("try @eve r", "Busy: no seat of r is free: 3 of 4 in use, 1 waited for"),
        ("release 1", "4->5"),
    ]);
}

#[test]
fn a_class_goes_first_and_is_not_for_ever() {
    check(&[
        ("ask q:2", "lease 1"),
        ("ask @bob q:2", "ticket 2 place 1"),
        ("ask @ann q:2", "ticket 3 place 1"),
        ("ask @eve q:2", "ticket 4 place 1"),
        ("ask @bob q:2", "ticket 5 place 4"),
        ("place 2", "Some(3)"),
        ("look @eve q", "place 2"),
        ("adopt 9 u", ""),
        // Bob has waited longer by now than a class of ann's is worth.
        ("look @ann q", "place 5"),
        ("ask @ann q:2", "ticket 10 place 5"),
        // On a feature where a class is worth nothing it passes nobody.
        ("ask @eve q b", "ticket 11 place 6"),
        ("release 1", "4->12"),
        ("release 12", "3->13"),
        ("release 13", "2->14"),
        ("release 14", "5->15"),
        ("release 15", "10->16"),
    ]);
}

#[test]
fn who_goes_first_is_not_held_up_by_those_behind() {
    check(&[
        ("ask q a", "lease 1"),
        ("ask @bob q:2", "ticket 2 place 1"),
        ("ask @eve q", "lease 3"),
        ("try @bob q", "Busy: no seat of q is free: 2 of 2 in use, 2 waited for"),
    ]);
}

fn rule(verdict: Verdict, who: Who, line: usize) -> Rule {
    Rule { verdict, who, line }
}

#[test]
fn rules_decide_before_the_queue() {
    let tool = Tool {
        rules: vec![rule(Verdict::Allow, user("ann"), 3), rule(Verdict::Deny, group("cfd"), 4)],
        ..Tool::new(Seats::Limited(1), OnFull::Wait)
    };
    check_at(
        site_of(vec![("t", tool)]),
        &[
            ("ask @ann t", "lease 1"),
            (
                "ask @eve t",
                "Forbidden: eve may not have t: deny group cfd (line 4 of the configuration)",
            ),
            ("ask @bob t", "ticket 2 place 1"),
            (
                "restore 3 @eve t",
                "eve may not have t: deny group cfd (line 4 of the configuration)",
            ),
        ],
    );
}

#[test]
fn outside_its_hours_a_tool_is_refused_and_nobody_starts() {
    let windows =
        Windows { windows: vec![Window::parse("08:00-09:00").unwrap()], ..Windows::default() };
    let tool = Tool { windows, ..Tool::new(Seats::Limited(1), OnFull::Wait) };
    let mut site = site_of(vec![("t", tool)]);
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let (asker, wants) = asked("t");
    let refused = site.ask(&asker, &wants, Wait::Yes, at("2026-01-01T07:59Z"));
    assert_eq!(decision(&refused), "Forbidden: t may be started at 08:00-09:00 (UTC) only");
    let Decision::Granted(lease) = site.ask(&asker, &wants, Wait::Yes, at("2026-01-01T08:30Z"))
    else {
        panic!("it is open")
    };
    let queued = site.ask(&asker, &wants, Wait::Yes, at("2026-01-01T08:40Z"));
    assert!(matches!(queued, Decision::Queued { .. }));
    assert!(site.has_hours());
    assert_eq!(site.release(lease, at("2026-01-01T09:00Z")), []);
    assert_eq!(site.wake(at("2026-01-01T09:00Z")), []);
    assert_eq!(site.wake(at("2026-01-02T08:00Z")).len(), 1);
}

#[test]
fn what_is_only_observed_is_told_and_runs() {
    let tool = |mode| Tool {
        mode,
        rules: vec![rule(Verdict::Deny, user("eve"), 9)],
        ..Tool::new(Seats::Limited(1), OnFull::Wait)
    };
    check_at(
        site_of(vec![("t", tool(Mode::Observe)), ("o", tool(Mode::Off))]),
        &[
            ("observe t", ""),
            ("ask t", "lease 1"),
            ("observe t", "no seat of t is free: 1 of 1 in use"),
            ("ask t", "lease 2"),
            ("observe @eve t o", "eve may not have t: deny user eve (line 9 of the configuration)"),
            ("ask @eve t:2 o", "lease 3"),
            ("observe t:9", "no seat of t is free: 4 of 1 in use"),
        ],
    );
}

/// What a test may do; small numbers choose among the leases and waiters there are.
#[derive(Clone, Debug)]
enum Step {
    Ask(usize, Vec<(usize, u32)>, u8),
    Release(usize),
    Leave(usize),
    Adopt(usize, Vec<(usize, u32)>),
    Restore(usize, Vec<(usize, u32)>),
    Welcome(usize),
}

const FEATURES: [&str; 11] = ["a", "b", "c", "u", "p", "h", "x", "r", "s", "q", "unknown"];

fn some_wants() -> impl Strategy<Value = Vec<(usize, u32)>> {
    let feature = prop::sample::select(
        &[0_usize, 0, 1, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 9, 9, 10][..],
    );
    prop::collection::btree_map(feature, 1..=3_u32, 1..=3)
        .prop_map(|wants| wants.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_usize, some_wants(), 0..5_u8)
            .prop_map(|(who, wants, wait)| Step::Ask(who, wants, wait)),
        4 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => (0..4_usize, some_wants()).prop_map(|(who, wants)| Step::Adopt(who, wants)),
        1 => (0..4_usize, some_wants()).prop_map(|(who, wants)| Step::Restore(who, wants)),
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

/// One run: who, and what.
type Run = (&'static str, Vec<Want>);

/// The naive model: lists, and every count taken anew.
#[derive(Default)]
struct Model {
    leases: BTreeMap<u64, Run>,
    /// In order of their turn.
    waiters: Vec<(u64, Run)>,
    away: BTreeSet<u64>,
}

/// A seat in use: who could have it set aside.
type Seat = BTreeSet<usize>;

impl Model {
    fn seats(feature: &str) -> Option<u64> {
        match tools().iter().find(|(name, _)| *name == feature)?.1.seats {
            Seats::Limited(seats) => Some(u64::from(seats)),
            Seats::Unlimited => Some(u64::MAX),
        }
    }

    /// What a run's seat of a feature is shared by.
    fn sharers(feature: &str, who: &str) -> Option<String> {
        let (name, host) = who.split_once('@').unwrap_or((who, "n1"));
        match feature {
            "p" => Some(name.to_owned()),
            "h" | "s" => Some(host.to_owned()),
            "x" => Some(format!("{name} {host}")),
            _ => None,
        }
    }

    /// The seats set aside of a feature that somebody may have.
    fn aside(feature: &str, who: &str) -> Seat {
        match (feature, who.split('@').next().unwrap()) {
            ("r", "ann") => [0, 1].into(),
            ("r", "eve") => [1].into(),
            ("s", "ann" | "eve") => [0].into(),
            _ => Seat::new(),
        }
    }

    fn all_aside(feature: &str) -> Seat {
        match feature {
            "r" => [0, 1].into(),
            "s" => [0].into(),
            _ => Seat::new(),
        }
    }

    /// Every seat that these runs take.
    fn in_use<'a>(runs: impl Iterator<Item = &'a Run>, feature: &str) -> Vec<Seat> {
        let mut seats = Vec::new();
        let mut shared: BTreeMap<String, (u32, Seat)> = BTreeMap::new();
        for (who, wants) in runs {
            for want in wants.iter().filter(|want| want.feature == feature) {
                let aside = Self::aside(feature, who);
                match Self::sharers(feature, who) {
                    None => seats.extend((0..want.count).map(|_| aside.clone())),
                    Some(key) => {
                        let share = shared.entry(key).or_default();
                        share.0 = share.0.max(want.count);
                        share.1.extend(aside);
                    }
                }
            }
        }
        for (count, aside) in shared.into_values() {
            seats.extend((0..count).map(|_| aside.clone()));
        }
        seats
    }

    /// Seats in use beyond those set aside that could be theirs: every way to seat people is tried.
    fn common(seats: &[Seat], free: &Seat) -> u64 {
        // Who may have none set aside is not worth trying.
        let Some(at) = seats.iter().position(|seat| !seat.is_disjoint(free)) else {
            return seats.len() as u64;
        };
        let mut rest = seats.to_vec();
        let seat = rest.swap_remove(at);
        let ways = seat.intersection(free).map(|own| {
            let left: Seat = free.iter().copied().filter(|other| other != own).collect();
            Self::common(&rest, &left)
        });
        ways.min().unwrap().min(1 + Self::common(&rest, free))
    }

    fn common_of(seats: &[Seat], feature: &str) -> u64 {
        Self::common(seats, &Self::all_aside(feature))
    }

    fn room(feature: &str) -> u64 {
        Self::seats(feature).unwrap() - Self::all_aside(feature).len() as u64
    }

    fn held(&self, feature: &str) -> Vec<Seat> {
        Self::in_use(self.leases.values(), feature)
    }

    /// The rule as it is written down: a seat that is shared already is free; otherwise the seats taken, those that earlier
    /// waiters need and the ones asked for fit, or these are set aside for him and not for those; and none of those is away.
    fn lacks(&self, (who, wants): &Run, earlier: usize) -> Vec<Want> {
        let lacks = |want: &&Want| {
            let feature = want.feature.as_str();
            let held = self.held(feature);
            let run = (*who, vec![(*want).clone()]);
            let with = Self::in_use(self.leases.values().chain([&run]), feature);
            let more = with.len() - held.len();
            if feature == "u" || more == 0 {
                return false;
            }
            let earlier = &self.waiters[..earlier];
            if earlier.iter().any(|(ticket, (_, wants))| {
                self.away.contains(ticket) && wants.iter().any(|w| w.feature == feature)
            }) {
                return true;
            }
            let asked = (0..more).map(|_| Self::aside(feature, who));
            let now: Vec<Seat> = held.into_iter().chain(asked.clone()).collect();
            let before = self.leases.values().chain(earlier.iter().map(|(_, run)| run));
            let before = Self::in_use(before, feature);
            let then: Vec<Seat> = before.iter().cloned().chain(asked).collect();
            let fits = Self::common_of(&then, feature) <= Self::room(feature)
                || Self::common_of(&then, feature) <= Self::common_of(&before, feature);
            Self::common_of(&now, feature) > Self::room(feature) || !fits
        };
        wants.iter().filter(lacks).cloned().collect()
    }

    fn is_impossible((who, wants): &Run) -> bool {
        wants.iter().any(|want| {
            let alone = vec![Self::aside(&want.feature, who); want.count as usize];
            Self::seats(&want.feature)
                .is_none_or(|_| Self::common_of(&alone, &want.feature) > Self::room(&want.feature))
        })
    }

    /// When it came, less what the class is worth.
    fn rank(ticket: u64, (who, wants): &Run) -> i64 {
        let credit = |want: &Want| match (want.feature.as_str(), *who) {
            ("q", "ann" | "ann@n2") => 5,
            ("q", "eve") => 10,
            _ => 0,
        };
        i64::try_from(ticket).unwrap() - wants.iter().map(credit).min().unwrap()
    }

    fn join(&mut self, ticket: u64, run: Run) {
        self.waiters.push((ticket, run));
        self.waiters.sort_by_key(|(ticket, run)| (Self::rank(*ticket, run), *ticket));
    }

    /// Each could start at its turn, and then nobody may.
    fn start(&mut self, grants: &[Grant]) {
        for grant in grants {
            let at = self.waiters.iter().position(|(ticket, _)| *ticket == grant.ticket.0);
            let at = at.expect("who starts had waited");
            assert!(self.may_start(at), "ticket {} was started too soon", grant.ticket.0);
            let (_, run) = self.waiters.remove(at);
            assert!(self.leases.insert(grant.lease.0, run).is_none(), "a lease was given twice");
        }
        for at in 0..self.waiters.len() {
            assert!(!self.may_start(at), "ticket {} was forgotten", self.waiters[at].0);
        }
    }

    fn may_start(&self, at: usize) -> bool {
        let (ticket, run) = &self.waiters[at];
        !self.away.contains(ticket) && self.lacks(run, at).is_empty()
    }

    fn place(&self, ticket: u64) -> u32 {
        let at = self.waiters.iter().position(|w| w.0 == ticket).unwrap();
        let shares = |other: &[Want]| {
            other.iter().any(|w| self.waiters[at].1.1.iter().any(|own| own.feature == w.feature))
        };
        let ahead = self.waiters[..at].iter().filter(|w| shares(&w.1.1)).count();
        u32::try_from(ahead).unwrap() + 1
    }

    fn ask(&mut self, run: Run, wait: Wait, decision: &Decision) {
        let impossible = Self::is_impossible(&run);
        let newest = i64::MAX / 2;
        let rank = Self::rank(u64::try_from(newest).unwrap(), &run) - newest;
        let lacking = |id: u64| {
            let own = i64::try_from(id).unwrap() + rank;
            let before = |w: &&(u64, Run)| (Self::rank(w.0, &w.1), w.0) < (own, id);
            let earlier = self.waiters.iter().filter(before).count();
            if impossible { Vec::new() } else { self.lacks(&run, earlier) }
        };
        match decision {
            Decision::Granted(lease) => {
                assert!(!impossible && lacking(lease.0).is_empty());
                assert!(self.leases.insert(lease.0, run).is_none());
            }
            Decision::Queued { ticket, place } => {
                assert!(!impossible && !lacking(ticket.0).is_empty() && wait != Wait::No);
                self.join(ticket.0, run);
                assert_eq!(*place, self.place(ticket.0));
            }
            Decision::Refused(denied) if impossible => {
                assert!(matches!(denied.refusal, Refusal::Unknown | Refusal::TooMany));
            }
            Decision::Refused(denied) => {
                let last = self.leases.keys().chain(self.waiters.iter().map(|w| &w.0)).max();
                let lacking = lacking(last.unwrap() + 1);
                let by_configuration =
                    wait == Wait::AsConfigured && denied.lacking.iter().any(|w| w.feature == "c");
                assert!(wait == Wait::No || by_configuration);
                assert_eq!(denied.refusal, Refusal::Busy);
                if rank == 0 {
                    assert_eq!(denied.lacking, lacking);
                }
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
            Step::Ask(who, numbers, wait) => {
                let wait = [Wait::Yes, Wait::Yes, Wait::Yes, Wait::No, Wait::AsConfigured]
                    [usize::from(wait)];
                let wants = as_wants(&numbers);
                let who = PEOPLE[who];
                let decision = site.ask(&asker(who), &wants, wait, NOW);
                model.ask((who, wants), wait, &decision);
                model.start(&site.wake(NOW));
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
            Step::Adopt(who, numbers) => {
                let lease = site.next_id(NOW);
                site.adopt(LeaseId(lease), &asker(PEOPLE[who]), &as_wants(&numbers));
                model.leases.insert(lease, (PEOPLE[who], as_wants(&numbers)));
                model.start(&site.wake(NOW));
                adopted = true;
            }
            Step::Restore(who, numbers) => {
                let ticket = site.next_id(NOW);
                let run = (PEOPLE[who], as_wants(&numbers));
                let restored = site.restore(Ticket(ticket), &asker(run.0), &run.1, NOW);
                assert_eq!(restored.is_err(), Model::is_impossible(&run));
                if restored.is_ok() {
                    model.join(ticket, run);
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
            assert_eq!(site.in_use(&feature.into()), Some(held.len() as u64));
            let common = Model::common_of(&held, feature);
            assert!(adopted || common <= Model::room(feature), "over capacity");
        }
        assert!(sums_are_derived(&site), "a sum drifted from what it repeats");
    }
}

/// Whether the sums of each pool are what the lease table and the queue say.
fn sums_are_derived(site: &Admission) -> bool {
    site.pools.iter().enumerate().all(|(at, pool)| {
        let of_pool = |need: &&super::Need| need.pool == at;
        let mut held = super::load::Load::default();
        site.leases.values().flatten().filter(of_pool).for_each(|need| held.add(need));
        let mut spoken = held.clone();
        let wants = site.queue.waiters().flat_map(|waiter| &waiter.needs);
        wants.filter(of_pool).for_each(|need| spoken.add(need));
        let away = site.queue.waiters().filter(|waiter| waiter.presence == super::Presence::Away);
        let away = away.flat_map(|waiter| &waiter.needs).filter(of_pool).count();
        (&pool.held, &pool.spoken, pool.away) == (&held, &spoken, away)
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
