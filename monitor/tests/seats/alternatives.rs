//! Alternatives over the socket: what is taken is written down and told, what is waited for is kept through a restart; how
//! many seats a run takes; and licenses that end.

use std::fs;

use lic_protocol::event::Fact;

use crate::site::{Before, Site, number};

#[test]
fn the_alternative_that_is_taken_is_recorded() {
    let site = Site::start();
    assert!(site.ask("feature=one").reply().starts_with("status=granted"));
    let reply = site.ask("feature=one || three:2\nfeature=free").reply();
    let lease = number(&reply, "lease");
    site.expect_events(&["0 checkout one:1", "0 checkout three:2", "0 checkout free:1"]);
    let text = fs::read_to_string(site.seat_folder().join(format!("{lease}.lease"))).unwrap();
    assert!(text.contains("\nfeature=three:2\nfeature=free:1\n"), "{text}");
    let reply = site.ask("feature=nothing || three:9\nwait=no").reply();
    let text = "no tool named nothing is configured; 9 seats of three asked for, it has 3";
    assert_eq!(reply, format!("status=refused refusal=too_many text={text}"));
    site.expect_events(&[&format!("0 denial three:9 other {text}")]);
}

#[test]
fn a_waiter_takes_whichever_is_free_first_even_after_a_restart() {
    let site = Site::start();
    let mut one = site.holder("one");
    assert!(one.reply().starts_with("status=granted"));
    let mut three = site.holder("three:3");
    assert!(three.reply().starts_with("status=granted"));
    let mut either = site.holder("one || three:2");
    let ticket = number(&either.reply(), "ticket");
    site.expect_events(&[
        "0 checkout one:1",
        "0 checkout three:3",
        "0 queue one:1",
        "0 queue three:2",
    ]);
    let text = fs::read_to_string(site.seat_folder().join(format!("{ticket}.ticket"))).unwrap();
    assert!(text.contains("\nfeature=one:1 || three:2\n"), "{text}");
    // Nobody overtakes it on either.
    let mut behind = site.ask("feature=three");
    assert_eq!(number(&behind.reply(), "place"), 2);
    site.expect_events(&["0 queue three:1"]);
    drop(behind);
    site.expect_events(&["0 dequeue three left"]);
    three.kill();
    assert!(either.reply().starts_with("status=granted"));
    site.expect_events(&[
        "0 checkin three tool_exited",
        "0 checkout three:2",
        "0 dequeue one granted",
        "0 dequeue three granted",
    ]);
    let folder = site.stop();
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["0 checkout one:1", "0 checkout three:2"]);
    assert!(site.ask("feature=three\nwait=no").reply().starts_with("status=granted"));
    assert!(site.ask("feature=three\nwait=no").reply().starts_with("status=refused refusal=busy"));
}

#[test]
fn who_waits_for_a_license_that_ends_is_refused() {
    let site = Site::start();
    let mut holder = site.holder("ends");
    assert!(holder.reply().starts_with("status=granted"));
    let mut waiter = site.ask("feature=ends");
    assert_eq!(number(&waiter.reply(), "place"), 1);
    site.expect_events(&["0 checkout ends:1", "0 queue ends:1"]);
    site.set_clock(3_600_000);
    let text = "the license of ends has expired: it was valid until 2025-11-24T13:00:00Z";
    assert_eq!(waiter.reply(), format!("status=refused refusal=expired text={text}"));
    let denied = format!("3600000 denial ends:1 expired {text}");
    site.expect_events(&[&denied, "3600000 dequeue ends refused"]);
    assert!(site.ask("feature=ends").reply().starts_with("status=refused refusal=expired"));
    site.expect_events(&[&denied]);
    // Whoever runs, runs on.
    assert_eq!(site.records("lease"), 1);
}

#[test]
fn a_run_that_does_not_say_takes_the_tokens_of_its_tool() {
    let site = Site::start();
    for request in ["feature=pair", "feature=pair:1", "feature=pair"] {
        let reply = site.ask(request).reply();
        assert!(reply.starts_with("status=granted"), "{request}: {reply}");
    }
    let text = "no seat of pair is free: 5 of 5 in use";
    let refused = site.ask("feature=pair\nwait=no").reply();
    assert_eq!(refused, format!("status=refused refusal=busy text={text}"));
    site.expect_events(&[
        "0 checkout pair:2",
        "0 checkout pair:1",
        "0 checkout pair:2",
        &format!("0 denial pair:2 exhausted {text}"),
    ]);
}

#[test]
fn tokens_for_each_core_are_counted_by_the_kernel() {
    let site = Site::start();
    // Whatever else is in the message.
    assert!(site.ask("feature=wide\ncores=1").reply().starts_with("status=granted"));
    let Fact::Checkout(checkout) = site.event().fact else { panic!("no checkout") };
    // This counts what a cgroup's quota allows, which may be less than the cores it runs on.
    let cores = u32::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    assert!(checkout.count >= 3 * cores, "{} seats on {cores} cores", checkout.count);
    assert_eq!(checkout.count % 3, 0);
}
