//! How a tool ended: the kernel tells it, or the parent that stayed, and nobody else.

use lic_protocol::{
    event::{Event, Fact},
    outcome::Outcome,
};

use crate::site::{Before, Site};

/// What the tests tell, whose process is the parent of the holders.
const TOLD: &str = "licwrap=1\nop=outcome\nexit_status=3\ncpu_ms=20\nmemory_peak_bytes=4096\n\n";
const OUTCOME: Outcome = Outcome {
    exit_status: Some(3),
    exit_signal: None,
    cpu_ms: Some(20),
    memory_peak_bytes: Some(4096),
};

/// What the kernel says of who was killed. Before 6.15 it says nothing.
pub(crate) fn killed() -> Outcome {
    Outcome { exit_signal: the_kernel_tells().then_some(9), ..Outcome::default() }
}

fn the_kernel_tells() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

fn tell(site: &Site) {
    let mut supervisor = site.client();
    supervisor.send(TOLD);
    assert_eq!(supervisor.reply(), "status=done text=");
}

#[track_caller]
fn check(event: &Event, expected: Outcome) {
    let Fact::Checkin(checkin) = &event.fact else { panic!("{event:?}") };
    assert_eq!(checkin.outcome, expected);
}

#[test]
fn the_outcome_is_told_before_or_after_the_end_is_seen() {
    let site = Site::start();
    let mut holder = site.holder("one\nsupervised=yes");
    holder.reply();
    site.expect_events(&["0 checkout one:1"]);
    holder.kill();
    // The seat is free at once, and its end comes when it is known, before anybody else takes it.
    let mut next = site.holder("one\nsupervised=yes");
    assert!(next.reply().starts_with("status=granted"));
    tell(&site);
    check(&site.event(), OUTCOME);
    site.expect_events(&["0 checkout one:1"]);
    tell(&site);
    next.kill();
    check(&site.event(), OUTCOME);
}

#[test]
fn a_parent_that_does_not_tell_leaves_it_to_the_kernel() {
    let site = Site::start();
    let mut holder = site.holder("one\nsupervised=yes");
    holder.reply();
    site.expect_events(&["0 checkout one:1"]);
    holder.kill();
    check(&site.event(), killed());
}

#[test]
fn the_kernel_tells_how_a_tool_ended_that_has_no_parent_of_ours() {
    let site = Site::start();
    for status in [0, 3, 255] {
        let mut holder = site.holder("one");
        holder.reply();
        site.expect_events(&["0 checkout one:1"]);
        holder.exit(status);
        let exit_status = the_kernel_tells().then_some(u32::from(status));
        check(&site.event(), Outcome { exit_status, ..Outcome::default() });
    }
}

#[test]
fn a_seat_is_free_and_its_end_waits_until_the_parent_has_asked() {
    let site = Site::start();
    let mut first = site.holder("one");
    first.reply();
    site.expect_events(&["0 checkout one:1"]);
    first.kill_unasked();
    let mut second = site.holder("one");
    assert!(second.reply().starts_with("status=granted"));
    first.reap();
    check(&site.event(), killed());
}

#[test]
fn a_parent_that_never_asks_does_not_keep_the_end() {
    let site = Site::start();
    let mut first = site.holder("one");
    first.reply();
    site.expect_events(&["0 checkout one:1"]);
    first.kill_unasked();
    let mut second = site.holder("one");
    assert!(second.reply().starts_with("status=granted"));
    // What is refused meanwhile is told at once.
    site.ask("feature=three:4").reply();
    site.expect_events(&["0 denial three:4 other 4 seats of three asked for, it has 3"]);
    check(&site.event(), Outcome::default());
    second.kill();
    first.reap();
}

#[test]
fn nobody_but_the_parent_is_believed() {
    let site = Site::start();
    // This process is not the parent of the first, and nobody asked to be that of the second.
    site.ask("feature=free\nsupervised=yes").reply();
    let mut second = site.holder("one");
    second.reply();
    site.expect_events(&["0 checkout free:1", "0 checkout one:1"]);
    tell(&site);
    second.kill();
    check(&site.event(), killed());
}

#[test]
fn an_outcome_outlives_the_monitor() {
    let site = Site::start();
    let mut told = site.holder("one\nsupervised=yes");
    told.reply();
    tell(&site);
    let site = Site::start_in(site.stop(), Before::default());
    site.expect_events(&["0 checkout one:1"]);
    told.kill();
    check(&site.event(), OUTCOME);

    let mut waited_for = site.holder("three\nsupervised=yes");
    waited_for.reply();
    site.expect_events(&["0 checkout three:1"]);
    waited_for.kill();
    // Its end is seen when the seat is free, and a monitor that stops waits for nobody.
    let mut next = site.ask("feature=three:3\nwait=yes");
    while !next.reply().starts_with("status=granted") {}
    let site = Site::start_in(site.stop(), Before::default());
    site.expect_events(&["0 checkout three:1"]);
    check(&site.event(), killed());
}

#[test]
fn a_tool_that_says_it_got_no_license_is_a_denial() {
    let site = Site::start();
    let mut holder = site.holder("three:2\nsupervised=yes");
    holder.reply();
    site.expect_events(&["0 checkout three:2"]);
    let mut supervisor = site.client();
    supervisor.send(&TOLD.replace("op=outcome", "op=denied"));
    assert_eq!(supervisor.reply(), "status=done text=");
    let reason = "the tool exited with 3, its own \"no license\" status";
    site.expect_events(&[&format!("0 denial three:2 other {reason}")]);
    holder.kill();
    check(&site.event(), OUTCOME);
    // Nobody's parent denies nobody anything.
    let mut nobody = site.client();
    nobody.send(&TOLD.replace("op=outcome", "op=denied"));
    assert_eq!(nobody.reply(), "status=done text=");
    site.ask("feature=three").reply();
    site.expect_events(&["0 checkout three:1"]);
}
