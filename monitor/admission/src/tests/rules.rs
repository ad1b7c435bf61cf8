//! Rows of who may have a seat at all, and when, and what is only observed.

use super::{
    Decision, OnFull, Seats, Timestamp, Tool, Verdict, Wait, asked, check, check_at, decision,
    group, hours, rule, site_of, user,
};
use crate::{Refusal, capacity::Mode, expiry::Expiry};
use jiff::tz::TimeZone;

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
    let tool = Tool { windows: hours("08:00-09:00"), ..Tool::new(Seats::Limited(1), OnFull::Wait) };
    let mut site = site_of(vec![("t", tool)]);
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let (asker, choices) = asked("t");
    let refused = site.ask(&asker, &choices, Wait::Yes, at("2026-01-01T07:59Z"));
    assert_eq!(decision(&refused), "Forbidden: t may be started at 08:00-09:00 (UTC) only");
    let Decision::Granted(lease) = site.ask(&asker, &choices, Wait::Yes, at("2026-01-01T08:30Z"))
    else {
        panic!("it is open")
    };
    let queued = site.ask(&asker, &choices, Wait::Yes, at("2026-01-01T08:40Z"));
    assert!(matches!(queued, Decision::Queued { .. }));
    assert!(site.has_hours());
    assert_eq!(site.release(lease, at("2026-01-01T09:00Z")), []);
    assert_eq!(site.wake(at("2026-01-01T09:00Z")), []);
    assert_eq!(site.wake(at("2026-01-02T08:00Z")).len(), 1);
}

#[test]
fn what_has_expired_is_granted_to_nobody_and_taken_from_nobody() {
    let expires = Expiry::parse("2026-01-31", &TimeZone::UTC);
    let tool = |mode| Tool {
        expires: expires.clone(),
        mode,
        ..Tool::new(Seats::Limited(1), OnFull::Wait)
    };
    let mut site = site_of(vec![("t", tool(Mode::Enforce)), ("o", tool(Mode::Observe))]);
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let (last, over) = (at("2026-01-31T23:59:59Z"), at("2026-02-01T00:00Z"));
    let (asker, choices) = asked("t");
    assert!(site.has_hours());
    let Decision::Granted(lease) = site.ask(&asker, &choices, Wait::Yes, last) else {
        panic!("it is valid to the end of the day")
    };
    assert!(matches!(site.ask(&asker, &choices, Wait::Yes, last), Decision::Queued { .. }));
    assert_eq!(site.release(lease, over), []);
    let text = "the license of t has expired: it was valid until 2026-01-31";
    let refused = site.ask(&asker, &choices, Wait::Yes, over);
    assert_eq!(decision(&refused), format!("Expired: {text}"));
    assert_eq!(site.never(&asker, &choices, over).map(|denied| denied.text), Some(text.into()));
    // What is only observed is told, and runs; an alternative will do.
    let (_, observed) = asked("o");
    assert_eq!(site.observed(&asker, &observed, over)[0].refusal, Refusal::Expired);
    assert!(matches!(site.ask(&asker, &observed, Wait::Yes, over), Decision::Granted(_)));
    let (_, either) = asked("t|o");
    assert!(matches!(site.ask(&asker, &either, Wait::Yes, over), Decision::Granted(_)));
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
