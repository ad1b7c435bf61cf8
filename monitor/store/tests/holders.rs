//! A log that numbers no checkouts: the oldest session of a holder ends first, and none outlives its vendor daemon.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::collections::BTreeMap;

use lic_protocol::event::{EndReason, Event, Fact, HandleOf, ServerChange, ServerEvent};
use proptest::prelude::*;
use site::{Site, at, batch, checkin, checkout, event, queue};

/// One line: `o10` a checkout at second 10, `o10x3` of three seats, `i12` a checkin, `i12x3` of three seats, `e12` a checkin of
/// all, `s30` a start of the daemon. All are of one feature and holder.
fn line(text: &str) -> Event {
    let (kind, rest) = text.split_at(1);
    let (second, count) = rest.split_once('x').unwrap_or((rest, "1"));
    let (second, count): (i64, u32) = (second.parse().unwrap(), count.parse().unwrap());
    let fact = match kind {
        "o" => taken(count),
        "s" => Fact::Server(ServerEvent {
            change: ServerChange::Started,
            text: "Server started".to_owned(),
            ends: Some("cadd".to_owned()),
        }),
        _ => given((kind == "i").then_some(count)),
    };
    event(second * 1000, u64::from(text.as_bytes()[0]) << 32 | second.unsigned_abs(), fact)
}

fn taken(count: u32) -> Fact {
    let Fact::Checkout(mut taken) = checkout("solve", "ann", "cadd ann@pine", None) else {
        unreachable!()
    };
    (taken.handle_of, taken.count) = (HandleOf::Holder, count);
    Fact::Checkout(taken)
}

fn given(count: Option<u32>) -> Fact {
    let Fact::Checkin(mut given) = checkin("solve", "ann", "cadd ann@pine") else { unreachable!() };
    (given.handle_of, given.count) = (HandleOf::Holder, count);
    if count.is_none() {
        given.reason = EndReason::Shutdown;
    }
    Fact::Checkin(given)
}

/// Files in the order of their import; the sessions that must be there, by their starts: start, end, reason and seats.
#[track_caller]
fn check(files: &[&str], expected: &[&str]) {
    let site = Site::new();
    let mut writer = site.writer();
    for file in files {
        for text in file.split_whitespace() {
            writer.commit(&[batch("lic1", &[line(text)])], at(0)).unwrap();
        }
    }
    // What a restart does, a quiet moment does as well.
    let mut writer = if files.len().is_multiple_of(2) { site.writer_after(writer) } else { writer };
    writer.settle(at(0)).unwrap();
    assert_eq!(told(&site), expected, "{files:?}");
    let live = site.picture();
    writer.rebuild().unwrap();
    assert_eq!(site.picture(), live, "live made again");
}

fn told(site: &Site) -> Vec<String> {
    let mut sessions = site.sessions();
    sessions.sort_by_key(|session| (session.started, session.id));
    let told = sessions.iter().map(|session| {
        let ended = session.ended.map(|at| at.as_second().to_string()).unwrap_or_default();
        let reason = session.end_reason.map(|reason| format!(" {reason}")).unwrap_or_default();
        format!("{}-{ended}{reason} x{}", session.started.as_second(), session.count)
    });
    told.collect()
}

#[test]
fn oldest_session_ends_first() {
    check(&["o10 o20 i30 i40"], &["10-30 checkin x1", "20-40 checkin x1"]);
}

#[test]
fn session_of_as_many_seats_ends_before_an_older_one() {
    check(&["o10x3 o20 i30 i40x3"], &["10-40 checkin x3", "20-30 checkin x1"]);
}

#[test]
fn part_of_the_seats_ends_the_oldest() {
    check(&["o10x4 o20x3 i30x2"], &["10-30 checkin x4", "20- x3"]);
}

#[test]
fn shutdown_ends_all_that_a_holder_has() {
    check(&["o10 o20x3 o30 e40"], &["10-40 shutdown x1", "20-40 shutdown x3", "30-40 shutdown x1"]);
}

#[test]
fn start_of_the_daemon_ends_what_was_before() {
    check(&["o10 o20 s30 o40"], &["10-30 shutdown x1", "20-30 shutdown x1", "40- x1"]);
}

#[test]
fn session_goes_on_in_the_next_file() {
    check(&["o10 o20 i30", "i40"], &["10-30 checkin x1", "20-40 checkin x1"]);
}

#[test]
fn checkin_learned_first_ends_a_session() {
    check(&["i40", "o10 o20 i30"], &["10-40 checkin x1", "20-30 checkin x1"]);
}

#[test]
fn session_of_an_older_log_ends_at_the_start_that_is_known() {
    check(&["s30 o40", "s5 o10 o20 i25"], &["10-25 checkin x1", "20-30 shutdown x1", "40- x1"]);
}

#[test]
fn start_in_the_older_log_is_nearer() {
    check(&["s50 o60", "o10 s30 o40 i45"], &["10-30 shutdown x1", "40-45 checkin x1", "60- x1"]);
}

#[test]
fn session_of_another_daemon_goes_on() {
    let site = Site::new();
    let mut writer = site.writer();
    let other = event(1000, 1, checkout("solve", "ann", "cadd2 ann@pine", None));
    writer.commit(&[batch("lic1", &[other, line("s30")])], at(0)).unwrap();
    writer.settle(at(0)).unwrap();
    assert_eq!(told(&site), ["1- x1"]);
}

#[test]
fn seats_that_are_given_end_the_wait_for_them() {
    let site = Site::new();
    let mut writer = site.writer();
    let waits = event(1000, 1, queue("solve", "ann", "cadd ann@pine"));
    writer.commit(&[batch("lic1", &[waits, line("o30")])], at(0)).unwrap();
    let history = rusqlite::Connection::open(&site.paths.history).unwrap();
    let ended = "select count(*) from dequeued where queued is not null";
    assert_eq!(history.query_row(ended, [], |row| row.get::<_, u32>(0)).unwrap(), 1);
    assert!(!site.picture().iter().any(|row| row.contains("waiter")));
    writer.commit(&[batch("lic1", &[line("o30")])], at(0)).unwrap();
    assert_eq!(history.query_row(ended, [], |row| row.get::<_, u32>(0)).unwrap(), 1);
}

/// Seats that are open after each line, if the oldest session of as many seats ends first.
fn reference(lines: &[(bool, u32)]) -> Vec<u32> {
    let mut open: BTreeMap<u32, u32> = BTreeMap::new();
    let after = lines.iter().map(|(is_taken, count)| {
        let sessions = open.entry(*count).or_default();
        *sessions = if *is_taken { *sessions + 1 } else { sessions.saturating_sub(1) };
        open.iter().map(|(count, sessions)| count * sessions).sum()
    });
    after.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Nothing is given back that was not taken: then the seats in use are those of the log, cut and restarted anywhere.
    #[test]
    fn seats_in_use_are_those_of_the_log(
        drawn in prop::collection::vec((any::<bool>(), 1..4_u32), 1..40),
        restart in any::<prop::sample::Index>(),
    ) {
        let mut open: BTreeMap<u32, u32> = BTreeMap::new();
        let lines: Vec<(bool, u32)> = drawn.into_iter().map(|(is_taken, count)| {
            let sessions = open.entry(count).or_default();
            let is_taken = is_taken || *sessions == 0;
            *sessions = if is_taken { *sessions + 1 } else { *sessions - 1 };
            (is_taken, count)
        }).collect();
        let expected = reference(&lines);
        let site = Site::new();
        let mut writer = site.writer();
        for (second, (is_taken, count)) in (1_u32..).zip(&lines) {
            let text = format!("{}{second}x{count}", if *is_taken { "o" } else { "i" });
            writer.commit(&[batch("lic1", &[line(&text)])], at(0)).unwrap();
            if restart.index(lines.len()) == second as usize - 1 {
                writer = site.writer_after(writer);
            }
        }
        let sessions = site.sessions();
        let in_use = |second: i64| -> u32 {
            let held = sessions.iter().filter(|session| {
                session.started.as_second() <= second
                    && session.ended.is_none_or(|ended| ended.as_second() > second)
            });
            held.map(|session| session.count).sum()
        };
        let found: Vec<u32> = (1..).map(in_use).take(lines.len()).collect();
        prop_assert_eq!(found, expected);
    }
}
