//! What the rooms of tests share: a site with tools, people who ask, and steps in words. The rows are in the rooms; so is the
//! rule against a model that recounts everything from nothing at every step.

mod alternatives;
mod busy;
mod follow;
mod model;
mod queue;
mod rules;
mod seats;

use super::{
    Admission, Decision, Grant, LeaseId, Outlook, Ticket, Timestamp, Tool, Wait, Want,
    asker::{Asker, Who},
    capacity::{OnFull, Seats, Unit},
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

fn rule(verdict: Verdict, who: Who, line: usize) -> Rule {
    Rule { verdict, who, line }
}

fn hours(text: &str) -> Windows {
    Windows { windows: vec![Window::parse(text).unwrap()], ..Windows::default() }
}

fn user(name: &str) -> Who {
    Who { user: Some(pattern(name)), ..Who::default() }
}

fn group(name: &str) -> Who {
    Who { group: Some(pattern(name)), ..Who::default() }
}

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

/// `@ann a b:2|c`: who, and what; bob where nobody is named.
fn asked(text: &str) -> (Asker, Vec<Vec<Want>>) {
    match text.strip_prefix('@').and_then(|text| text.split_once(' ')) {
        Some((name, rest)) => (asker(name), choices(rest)),
        None => (asker("bob"), choices(text)),
    }
}

fn choices(text: &str) -> Vec<Vec<Want>> {
    let choice = |text: &str| text.split('|').map(|want| Want::parse(want).unwrap()).collect();
    text.split(' ').map(choice).collect()
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
            let (asker, choices) = asked(rest);
            match site.outlook(&asker, &choices, NOW) {
                Outlook::Free(_) => "free".into(),
                Outlook::Waits { place } => format!("place {place}"),
                Outlook::Refused(denied) => denied.text,
            }
        }
        "observe" => {
            let (asker, choices) = asked(rest);
            let observed = site.observed(&asker, &choices, NOW);
            observed.iter().map(|denied| denied.text.as_str()).collect::<Vec<_>>().join("; ")
        }
        "held" => {
            let held = site.held_by(LeaseId(number(rest)));
            held.iter().map(Want::shown).collect::<Vec<_>>().join(" ")
        }
        "release" => grants(&site.release(LeaseId(number(rest)), NOW)),
        "leave" => grants(&site.leave(Ticket(number(rest)), NOW)),
        "welcome" => site
            .welcome(Ticket(number(rest)), NOW)
            .map_or("no place".into(), |started| grants(&started)),
        "stand" => grants(&site.stand_back(Ticket(number(rest)), NOW)),
        "expect" => {
            site.expect_back(Ticket(number(rest)));
            String::new()
        }
        "pass" => {
            let (ticket, rest) = rest.split_once(' ').unwrap();
            let (lease, rest) = rest.split_once(' ').unwrap();
            let (asker, choices) = asked(rest);
            let grant = Grant { ticket: Ticket(number(ticket)), lease: LeaseId(number(lease)) };
            grants(&site.pass_over(grant, &asker, &choices, NOW))
        }
        "place" => format!("{:?}", site.place(Ticket(number(rest)))),
        "adopt" => {
            let (lease, rest) = rest.split_once(' ').unwrap();
            let (asker, choices) = asked(rest);
            site.adopt(LeaseId(number(lease)), &asker, &choices.concat());
            String::new()
        }
        "restore" => {
            let (ticket, rest) = rest.split_once(' ').unwrap();
            let (asker, choices) = asked(rest);
            let restored = site.restore(Ticket(number(ticket)), &asker, &choices, NOW);
            restored.map_or_else(|denied| denied.text, |()| String::new())
        }
        _ => panic!("no such step"),
    }
}

fn ask(site: &mut Admission, text: &str, wait: Wait) -> Decision {
    let (asker, choices) = asked(text);
    site.ask(&asker, &choices, wait, NOW)
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
