//! What is asked about seats besides seats: why one would wait, and giving back a lease of somebody else.

use lic_protocol::wire::Reply;

use crate::site::{Client, Site, number};

/// Sends a request that is no request for seats, and shows the words of its reply.
fn said(site: &Site, lines: &str) -> (String, String) {
    let mut client: Client = site.client();
    client.send(&format!("licwrap=1\n{lines}\n\n"));
    let shown = client.reply();
    let (status, text) = shown.split_once(" text=").unwrap_or((&shown, ""));
    let whole = format!("licwrap=1\nstatus=done\ntext={text}\n\n");
    let Ok(Reply::Done { text }) = Reply::decode(&whole) else { panic!("{whole}") };
    (status.to_owned(), text)
}

#[test]
fn a_lease_that_is_released_is_free_though_its_tool_runs() {
    let site = Site::start();
    let mut holder = site.holder("one");
    let lease = number(&holder.reply(), "lease");
    let mut waiter = site.ask("feature=one");
    assert_eq!(number(&waiter.reply(), "place"), 1);
    site.expect_events(&["0 checkout one:1", "0 queue one:1"]);
    site.set_clock(9);
    let (status, text) = said(&site, &format!("op=release\nlease={lease}"));
    assert_eq!(status, "status=done");
    let own = crate::own_name();
    assert!(text.starts_with(&format!("lease {lease} of {own} on node7 is released: one is free")));
    assert!(waiter.reply().starts_with("status=granted"));
    let by = format!("released by {own} (uid {})", nix::unistd::getuid());
    site.expect_events(&[
        &format!("9 checkin one released {by}"),
        "9 checkout one:1",
        "9 dequeue one granted",
    ]);
    let (status, text) = said(&site, &format!("op=release\nlease={lease}"));
    assert_eq!(status, "status=failed");
    assert!(text.starts_with(&format!("there is no lease {lease} now")), "{text}");
    // Its process ends, and nothing more is told of it.
    holder.kill();
    assert!(site.ask("feature=free").reply().starts_with("status=granted"));
    site.expect_events(&["9 checkout free:1"]);
}

#[test]
fn why_one_would_wait_is_explained() {
    let site = Site::start();
    let (status, text) = said(&site, "op=explain\nfeature=one");
    assert_eq!(status, "status=done");
    assert_eq!(text, "one: 0 of 1 seats in use, 0 waiting\na run of yours would start now");
    let lease = number(&site.ask("feature=one\ntool=blender").reply(), "lease");
    site.expect_events(&["0 checkout one:1"]);
    site.set_clock(600_000);
    let (status, text) = said(&site, "op=explain\nfeature=one");
    assert_eq!(status, "status=refused refusal=busy");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "one: 1 of 1 seats in use, 0 waiting");
    let own = crate::own_name();
    assert!(lines[1].starts_with(&format!("  {own} on node7 holds 1 since ")), "{text}");
    assert!(lines[1].ends_with(&format!(" (10 min 0 s): blender, lease {lease}")), "{text}");
    assert_eq!(
        lines[2],
        "a run of yours would wait at place 1, about 20 min 0 s if runs last as long as those before (30 min 0 s)"
    );
    let (status, text) = said(&site, "op=explain\nfeature=denied");
    assert_eq!(status, "status=refused refusal=forbidden");
    let rule = "  decided by: deny group * (line 7 of the configuration)";
    assert_eq!(text.lines().nth(1), Some(rule));
    let (status, _) = said(&site, "op=explain\nfeature=nothing");
    assert_eq!(status, "status=refused refusal=unknown");
    // Nothing was taken, and nobody was put in the queue.
    assert_eq!((site.records("lease"), site.records("ticket")), (1, 0));
}

#[test]
fn another_number_of_seats_ends_nobody() {
    let mut site = Site::start();
    assert!(site.ask("feature=one").reply().starts_with("status=granted"));
    assert!(site.ask("feature=quiet").reply().starts_with("status=granted"));
    let mut first = site.ask("feature=one");
    let mut second = site.ask("feature=one");
    let mut in_vain = site.ask("feature=quiet\nwait=yes");
    for waiter in [&mut first, &mut second, &mut in_vain] {
        assert!(waiter.reply().starts_with("status=queued"));
    }
    site.expect_events(&[
        "0 checkout one:1",
        "0 checkout quiet:1",
        "0 queue one:1",
        "0 queue one:1",
        "0 queue quiet:1",
    ]);
    site.reconfigure(2);
    assert!(first.reply().starts_with("status=granted"));
    let text = "no tool named quiet is configured";
    assert_eq!(in_vain.reply(), format!("status=refused refusal=unknown text={text}"));
    site.expect_events(&["0 dequeue quiet refused", "0 checkout one:1", "0 dequeue one granted"]);
    // Fewer seats than are held: they stay held, and who waits goes on waiting.
    site.reconfigure(1);
    let (_, text) = loop {
        let told = said(&site, "op=explain\nfeature=one");
        if told.1.starts_with("one: 2 of 1 seats in use, 1 waiting") {
            break told;
        }
    };
    assert!(text.ends_with("a run of yours would wait at place 2, about 1 h 0 min if runs last as long as those before (30 min 0 s)"), "{text}");
    site.reconfigure(3);
    assert!(second.reply().starts_with("status=granted"));
    site.expect_events(&["0 checkout one:1", "0 dequeue one granted"]);
}
