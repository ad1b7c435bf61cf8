//! How a supervised tool ended: its parent tells it, and nobody else.

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
    // The seat is free at once, and its end comes when it is known.
    let mut next = site.holder("one\nsupervised=yes");
    assert!(next.reply().starts_with("status=granted"));
    site.expect_events(&["0 checkout one:1"]);
    tell(&site);
    check(&site.event(), OUTCOME);
    tell(&site);
    next.kill();
    check(&site.event(), OUTCOME);
}

#[test]
fn an_end_is_told_without_an_outcome_that_does_not_come() {
    let site = Site::start();
    let mut holder = site.holder("one\nsupervised=yes");
    holder.reply();
    site.expect_events(&["0 checkout one:1"]);
    holder.kill();
    check(&site.event(), Outcome::default());
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
    check(&site.event(), Outcome::default());
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
    // Its end is seen when the seat is free.
    let mut next = site.ask("feature=three:3\nwait=yes");
    while !next.reply().starts_with("status=granted") {}
    let site = Site::start_in(site.stop(), Before::default());
    site.expect_events(&["0 checkout three:1"]);
    check(&site.event(), Outcome::default());
}
