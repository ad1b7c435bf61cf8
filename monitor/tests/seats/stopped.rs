//! A waiter whose process was stopped, as ^Z does, is passed over; it keeps its place for when it goes on.

use std::fs;

use lic_protocol::event::Fact;
use nix::sys::signal::Signal;

use crate::{
    eventually,
    site::{Before, Holder, Site},
};

#[test]
fn stopped_waiter_is_passed_over_and_served_when_it_goes_on() {
    let site = Site::start();
    let first = granted(&site);
    let mut second = queued(&site);
    let mut third = queued(&site);
    stop(&second);
    first.kill();
    assert!(third.reply().starts_with("status=granted"));
    let fourth = queued(&site);
    second.signal(Signal::SIGCONT);
    eventually(|| !is_stopped(&second));
    third.kill();
    assert!(second.reply().starts_with("status=granted"), "it was before the fourth");
    drop(fourth);
}

#[test]
fn stopped_waiter_keeps_no_seat_from_others() {
    let site = Site::start();
    let first = granted(&site);
    let mut second = queued(&site);
    stop(&second);
    first.kill();
    told(&site, |fact| matches!(fact, Fact::Checkin(_)));
    let third = granted(&site);
    second.signal(Signal::SIGCONT);
    third.kill();
    assert!(second.reply().starts_with("status=granted"));
}

#[test]
fn seat_that_is_free_goes_to_the_stopped_waiter_when_it_goes_on() {
    let site = Site::start();
    let first = granted(&site);
    let mut second = queued(&site);
    stop(&second);
    first.kill();
    told(&site, |fact| matches!(fact, Fact::Checkin(_)));
    second.signal(Signal::SIGCONT);
    assert!(second.reply().starts_with("status=granted"));
}

#[test]
fn stopped_waiter_that_dies_leaves_the_queue() {
    let site = Site::start();
    let first = granted(&site);
    let second = queued(&site);
    stop(&second);
    first.kill();
    told(&site, |fact| matches!(fact, Fact::Checkin(_)));
    second.kill();
    told(&site, |fact| matches!(fact, Fact::Dequeue(_)));
    granted(&site).kill();
}

#[test]
fn waiter_stopped_across_a_restart_keeps_no_seat_from_others() {
    let site = Site::start();
    let first = granted(&site);
    let second = queued(&site);
    stop(&second);
    let site = Site::start_in(site.stop(), Before::default());
    first.kill();
    told(&site, |fact| matches!(fact, Fact::Checkin(_)));
    granted(&site).kill();
    drop(second);
}

#[test]
fn waiter_stopped_across_a_restart_has_its_place_when_it_goes_on() {
    let site = Site::start();
    let first = granted(&site);
    let second = queued(&site);
    stop(&second);
    let site = Site::start_in(site.stop(), Before::default());
    first.kill();
    told(&site, |fact| matches!(fact, Fact::Checkin(_)));
    let third = granted(&site);
    let mut fourth = queued(&site);
    second.signal(Signal::SIGCONT);
    eventually(|| !is_stopped(&second));
    // Nobody takes its place before it is back, or dead.
    third.kill();
    told(&site, |fact| matches!(fact, Fact::Checkin(_)));
    let reply = site.ask("feature=one\nwait=no").reply();
    assert!(reply.ends_with("0 of 1 in use, 2 waited for"), "{reply}");
    second.kill();
    assert!(fourth.reply().starts_with("status=granted"));
}

#[track_caller]
fn granted(site: &Site) -> Holder {
    let mut holder = site.holder("one");
    let reply = holder.reply();
    assert!(reply.starts_with("status=granted"), "{reply}");
    holder
}

/// Waits until such an event is told.
#[track_caller]
fn told(site: &Site, is_it: impl Fn(&Fact) -> bool) {
    while !is_it(&site.event().fact) {}
}

#[track_caller]
fn queued(site: &Site) -> Holder {
    let mut holder = site.holder("one");
    let reply = holder.reply();
    assert!(reply.starts_with("status=queued"), "{reply}");
    holder
}

#[track_caller]
fn stop(holder: &Holder) {
    holder.signal(Signal::SIGSTOP);
    eventually(|| is_stopped(holder));
}

fn is_stopped(holder: &Holder) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", holder.pid())).unwrap().contains(") T ")
}
