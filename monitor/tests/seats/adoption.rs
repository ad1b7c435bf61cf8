//! After a restart: seats that are held stay held, places are kept, and every end is told exactly once.

use std::{fs, path::Path};

use jiff::Timestamp;
use lic_protocol::{event::Fact, name::HostName, outcome::Outcome};
use licmon::server::{
    config::{Believed, BelievedSession, BelievedWaiter},
    record::{Holder, Kind, Record},
};
use tempfile::TempDir;

use crate::{
    eventually,
    site::{Before, START_MS, Site, number, sleeper, write},
};

/// An id of the time before: a second before the clock's start.
pub(crate) const EARLIER: u64 = 1_763_985_599_000_000;

pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned()
}

pub(crate) fn start_time(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(START_MS + ms).unwrap()
}

/// A record of process `pid`, a minute old.
pub(crate) fn record(id: u64, pid: u32, start_time: u64, wants: &str) -> Record {
    let want = |text| lic_protocol::want::Want::parse(text).unwrap();
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid).unwrap().unwrap().name;
    Record {
        id,
        holder: Holder {
            uid: uid.as_raw(),
            user: user.as_str().into(),
            pid,
            start_time: Some(start_time),
        },
        boot_id: boot_id(),
        host: HostName::from("node7"),
        tool: "tool".into(),
        choices: wants.split(' ').map(|text| vec![want(text)]).collect(),
        project: None,
        ticket: None,
        since: at(-60_000),
        supervisor: None,
        outcome: Outcome::default(),
    }
}

pub(crate) fn keep(folder: &Path, kind: Kind, record: &Record) {
    let name = format!("run/seat/{}.{}", record.id, kind.extension());
    write(&folder.join(name), &record.encode(kind));
}

#[test]
fn a_seat_whose_process_lives_stays_held() {
    let folder = TempDir::new().unwrap();
    let mut child = sleeper();
    let lease = record(EARLIER, child.id(), start_time(child.id()), "one");
    keep(folder.path(), Kind::Lease, &lease);
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["-60000 checkout one:1"]);
    let mut waiter = site.ask("feature=one");
    assert_eq!(number(&waiter.reply(), "place"), 1);
    site.expect_events(&["0 queue one:1"]);
    site.set_clock(7);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(waiter.reply().starts_with("status=granted"));
    site.expect_events(&["7 checkin one tool_exited", "7 checkout one:1", "7 dequeue one granted"]);
}

#[test]
fn a_seat_whose_process_died_meanwhile_ended_between_two_times() {
    let folder = TempDir::new().unwrap();
    let mut child = sleeper();
    // The number lives and the process does not: another one has it now.
    let passed_on = record(EARLIER, child.id(), start_time(child.id()) + 1, "one");
    keep(folder.path(), Kind::Lease, &passed_on);
    let unborn = record(EARLIER + 1, u32::MAX / 2, 1, "three:2 free");
    keep(folder.path(), Kind::Lease, &unborn);
    let before = Before { last_alive: Some(at(-4_000)), ..Before::default() };
    let site = Site::start_in(folder, before);
    site.expect_events(&[
        "-60000 checkout one:1",
        "-4000 checkin one tool_exited before 0",
        "-60000 checkout three:2",
        "-60000 checkout free:1",
        "-4000 checkin three tool_exited before 0",
        "-4000 checkin free tool_exited before 0",
    ]);
    assert!(site.ask("feature=one\nfeature=three:3").reply().starts_with("status=granted"));
    eventually(|| site.records("lease") == 1);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_seat_of_another_boot_went_down_with_the_host() {
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    let mut lease = record(EARLIER, own, start_time(own), "one");
    lease.boot_id = "another".into();
    keep(folder.path(), Kind::Lease, &lease);
    keep(folder.path(), Kind::Ticket, &Record { id: EARLIER + 1, ..lease });
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&[
        "-60000 checkout one:1",
        "-60000 checkin one host_rebooted before 0",
        "-60000 queue one:1",
        "0 dequeue one left",
    ]);
    assert!(site.ask("feature=one").reply().starts_with("status=granted"));
}

#[test]
fn a_restart_keeps_seats_and_the_order_of_those_who_wait() {
    let site = Site::start();
    let mut holder = site.holder("one");
    let held = number(&holder.reply(), "lease");
    let mut first = site.ask("feature=one");
    let first_ticket = number(&first.reply(), "ticket");
    let mut second = site.ask("feature=one");
    let second_ticket = number(&second.reply(), "ticket");
    site.expect_events(&["0 checkout one:1", "0 queue one:1", "0 queue one:1"]);

    let site = Site::start_in(site.stop(), Before::default());
    assert_eq!([first.reply(), second.reply()], ["closed", "closed"]);
    site.expect_events(&["0 checkout one:1", "0 queue one:1", "0 queue one:1"]);
    assert!(site.seat_folder().join(format!("{held}.lease")).exists());
    let mut late = site.ask("feature=one");
    assert_eq!(number(&late.reply(), "place"), 3);
    site.expect_events(&["0 queue one:1"]);
    // Nobody takes the place of those who are expected back, though the seat is free.
    holder.kill();
    site.expect_events(&["0 checkin one tool_exited"]);
    let reply = site.ask("feature=one\nwait=no").reply();
    assert!(reply.ends_with("0 of 1 in use, 3 waited for"), "{reply}");
    let mut second = site.ask(&format!("feature=one\nticket={second_ticket}"));
    let reply = second.reply();
    assert_eq!((number(&reply, "ticket"), number(&reply, "place")), (second_ticket, 2));
    let mut first = site.ask(&format!("feature=one\nticket={first_ticket}"));
    let reply = first.reply();
    assert!(reply.starts_with("status=granted"), "{reply}");
    assert!(number(&reply, "lease") > held);
}

#[test]
fn a_ticket_is_good_for_its_own_process_alone() {
    let folder = TempDir::new().unwrap();
    let mut child = sleeper();
    let place = record(EARLIER, child.id(), start_time(child.id()), "one");
    keep(folder.path(), Kind::Ticket, &place);
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["-60000 queue one:1"]);
    let mut thief = site.ask(&format!("feature=one\nticket={EARLIER}"));
    let reply = thief.reply();
    assert_eq!(number(&reply, "place"), 2, "{reply}");
    assert!(number(&reply, "ticket") > EARLIER);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_comes_back_first_starts_no_sooner() {
    let site = Site::start();
    let mut holder = site.holder("three:3");
    holder.reply();
    let mut waiters = [site.ask("feature=three"), site.ask("feature=three")];
    let tickets = waiters.each_mut().map(|waiter| number(&waiter.reply(), "ticket"));
    let site = Site::start_in(site.stop(), Before::default());
    holder.kill();
    site.expect_events(&[
        "0 checkout three:3",
        "0 queue three:1",
        "0 queue three:1",
        "0 checkin three tool_exited",
    ]);
    let mut second = site.ask(&format!("feature=three\nticket={}", tickets[1]));
    assert_eq!(number(&second.reply(), "place"), 2);
    let mut first = site.ask(&format!("feature=three\nticket={}", tickets[0]));
    let leases = [first.reply(), second.reply()].map(|reply| number(&reply, "lease"));
    assert!(leases[0] < leases[1]);
    site.expect_events(&[
        "0 checkout three:1",
        "0 dequeue three granted",
        "0 checkout three:1",
        "0 dequeue three granted",
    ]);
}

#[test]
fn the_place_of_a_process_that_dies_before_it_is_back_is_free_at_once() {
    let folder = TempDir::new().unwrap();
    let mut child = sleeper();
    let place = record(EARLIER, child.id(), start_time(child.id()), "one");
    keep(folder.path(), Kind::Ticket, &place);
    let site = Site::start_in(folder, Before::default());
    let mut waiter = site.ask("feature=one");
    assert_eq!(number(&waiter.reply(), "place"), 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(waiter.reply().starts_with("status=granted"));
}

#[test]
fn a_grant_whose_reply_was_lost_is_given_again() {
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    let place = record(EARLIER, own, start_time(own), "one");
    let lease = Record { id: EARLIER + 1, ticket: Some(EARLIER), ..place.clone() };
    keep(folder.path(), Kind::Ticket, &place);
    keep(folder.path(), Kind::Lease, &lease);
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["-60000 checkout one:1", "-60000 queue one:1", "0 dequeue one granted"]);
    let mut client = site.ask(&format!("feature=one\nticket={EARLIER}"));
    assert_eq!(client.reply(), format!("status=granted lease={}", EARLIER + 1));
    let mut other = site.ask("feature=one\nwait=no");
    assert!(other.reply().ends_with("1 of 1 in use"));
}

#[test]
fn an_end_that_was_not_committed_is_told_again() {
    let mut site = Site::start();
    site.commit_no_more();
    let mut holder = site.holder("one");
    holder.reply();
    site.expect_events(&["0 checkout one:1"]);
    site.set_clock(3_000);
    holder.kill();
    let told = site.event();
    assert_eq!(site.records("lease"), 1);

    let site = Site::start_in(site.stop(), Before::default());
    site.expect_events(&["0 checkout one:1"]);
    assert_eq!(site.event(), told);
    eventually(|| site.records("lease") == 0);
}

#[test]
fn the_same_grant_has_the_same_identity() {
    let site = Site::start();
    assert!(site.ask("feature=one").reply().starts_with("status=granted"));
    let told = site.event();
    let site = Site::start_in(site.stop(), Before::default());
    assert_eq!(site.event(), told);
}

#[test]
fn what_only_the_live_database_shows_is_over() {
    let session = |handle: &str, started| BelievedSession {
        handle: handle.into(),
        feature: "one".into(),
        user: "ann".into(),
        host: "node7".into(),
        started,
    };
    let believed = Believed {
        sessions: vec![
            session("77", Timestamp::UNIX_EPOCH),
            session("9000000000000000", "9000-01-01T00:00:00Z".parse().unwrap()),
        ],
        waiters: vec![BelievedWaiter { ticket: "78".into(), feature: "one".into() }],
    };
    let before = Before { last_alive: Some(at(-1_000)), believed };
    let site = Site::start_in(TempDir::new().unwrap(), before);
    site.expect_events(&["-1000 checkin one host_rebooted before 0"]);
    let Fact::Checkin(second) = site.event().fact else { panic!("no checkin") };
    assert_eq!((second.handle.as_str(), second.reason.word()), ("9000000000000000", "lost"));
    site.expect_events(&["0 dequeue one left"]);
    // No number is given twice.
    let reply = site.ask("feature=one").reply();
    assert_eq!(number(&reply, "lease"), 9_000_000_000_000_001);
}

#[test]
fn a_record_that_was_cut_off_is_removed() {
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    let text = record(EARLIER, own, start_time(own), "one").encode(Kind::Lease);
    let path = folder.path().join(format!("run/seat/{EARLIER}.lease"));
    write(&path, &text[..text.len() - 3]);
    let site = Site::start_in(folder, Before::default());
    assert!(!path.exists());
    assert!(site.ask("feature=one").reply().starts_with("status=granted"));
}
