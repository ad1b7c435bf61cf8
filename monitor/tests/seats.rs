//! The seat server, spoken to over its socket: who gets a seat, who waits, and what is recorded of it.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "seats/acts.rs"]
mod acts;
#[path = "seats/adoption.rs"]
mod adoption;
#[path = "seats/again.rs"]
mod again;
#[path = "seats/alternatives.rs"]
mod alternatives;
#[path = "seats/linear.rs"]
mod linear;
#[path = "seats/outcome.rs"]
mod outcome;
#[path = "seats/site.rs"]
mod site;
#[path = "seats/spool.rs"]
mod spool;
#[path = "seats/stopped.rs"]
mod stopped;
#[path = "seats/units.rs"]
mod units;

use std::{
    fs,
    io::{IoSlice, Write},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
};

use lic_protocol::{event::Fact, wire::Request};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tempfile::TempDir;

use crate::site::{Before, Client, PATIENCE, START_MS, Site, number};

#[test]
fn a_free_seat_is_granted_and_recorded() {
    let site = Site::start();
    let mut client = site.ask("feature=three:2\nfeature=free\ntool=blender\nproject=film");
    let reply = client.reply();
    assert!(reply.starts_with("status=granted lease="), "{reply}");
    let lease = number(&reply, "lease");
    assert_eq!(lease, u64::try_from(START_MS).unwrap() * 1000);
    let Fact::Checkout(first) = site.event().fact else { panic!("no checkout") };
    assert_eq!((first.user.as_str(), first.host.as_str()), (own_name().as_str(), "node7"));
    assert_eq!((first.feature.as_str(), first.count), ("three", 2));
    assert_eq!((first.handle, first.seat), (lease.to_string(), None));
    assert_eq!(first.process.as_deref(), Some("blender"));
    assert_eq!(first.project.as_deref(), Some("film"));
    site.expect_events(&["0 checkout free:1"]);
    assert_eq!(client.reply(), "closed");
    let text = fs::read_to_string(site.seat_folder().join(format!("{lease}.lease"))).unwrap();
    assert!(text.contains(&format!("\npid={}\n", std::process::id())), "{text}");
}

#[test]
fn with_a_seat_comes_its_token() {
    let site = Site::start();
    let client = site.ask("feature=one");
    let token = received(&client).expect("a descriptor");
    let named = fs::read_dir(site.seat_folder()).unwrap().map(|e| e.unwrap());
    let fifo = named.into_iter().find(|e| e.file_type().unwrap().is_fifo()).unwrap();
    let token = fs::File::from(token).metadata().unwrap();
    assert_eq!(token.ino(), fifo.metadata().unwrap().ino());
}

#[test]
fn a_seat_goes_to_the_first_who_waits_when_its_process_dies() {
    let site = Site::start();
    let mut first = site.holder("one");
    assert!(first.reply().starts_with("status=granted"));
    site.expect_events(&["0 checkout one:1"]);
    let mut second = site.holder("one");
    let reply = second.reply();
    assert_eq!(number(&reply, "place"), 1, "{reply}");
    let mut third = site.holder("one");
    assert_eq!(number(&third.reply(), "place"), 2);
    site.expect_events(&["0 queue one:1", "0 queue one:1"]);
    site.set_clock(5_000);
    first.kill();
    assert!(second.reply().starts_with("status=granted"));
    site.expect_events(&[
        "5000 checkin one tool_exited",
        "5000 checkout one:1",
        "5000 dequeue one granted",
    ]);
    site.set_clock(6_000);
    second.kill();
    assert!(third.reply().starts_with("status=granted"));
    site.expect_events(&[
        "6000 checkin one tool_exited",
        "6000 checkout one:1",
        "6000 dequeue one granted",
    ]);
    eventually(|| (site.records("lease"), site.records("ticket")) == (1, 0));
}

#[test]
fn who_asks_without_end_does_not_fill_history() {
    let site = Site::start();
    let ask = || assert!(site.ask("feature=three:4").reply().starts_with("status=refused"));
    let row = |tries| format!("0 denial three:4 other 4 seats of three asked for, it has 3{tries}");
    (0..753).for_each(|_| ask());
    site.expect_events(&[row("").as_str(); 10]);
    // The others are told in one, after a minute or when the monitor stops.
    assert_eq!(site.stop_and_listen(), [row(" 743 tries")]);
}

#[test]
fn refusals_say_why_and_are_recorded() {
    let site = Site::start();
    for (request, reply, event) in [
        (
            "feature=nothing",
            "status=refused refusal=unknown text=no tool named nothing is configured",
            // Anybody may ask for anything: that is no denial of a tool.
            "",
        ),
        (
            "feature=three:4",
            "status=refused refusal=too_many text=4 seats of three asked for, it has 3",
            "0 denial three:4 other 4 seats of three asked for, it has 3",
        ),
        ("feature=quiet", "status=granted", "0 checkout quiet:1"),
        (
            "feature=quiet",
            "status=refused refusal=busy text=no seat of quiet is free: 1 of 1 in use",
            "0 denial quiet:1 exhausted no seat of quiet is free: 1 of 1 in use",
        ),
        ("feature=one", "status=granted", "0 checkout one:1"),
        (
            "feature=one\nwait=no",
            "status=refused refusal=busy text=no seat of one is free: 1 of 1 in use",
            "0 denial one:1 exhausted no seat of one is free: 1 of 1 in use",
        ),
    ] {
        let answer = site.ask(request).reply();
        assert!(answer.starts_with(reply), "{request}: {answer}");
        if !event.is_empty() {
            site.expect_events(&[event]);
        }
    }
}

#[test]
fn a_waiter_that_closes_leaves_the_queue() {
    let site = Site::start();
    assert!(site.ask("feature=three:3").reply().starts_with("status=granted"));
    let mut big = site.ask("feature=three:3\nfeature=one");
    assert_eq!(number(&big.reply(), "place"), 1);
    let mut behind = site.ask("feature=one");
    assert_eq!(number(&behind.reply(), "place"), 2);
    drop(big);
    assert!(behind.reply().starts_with("status=granted"));
    site.expect_events(&[
        "0 checkout three:3",
        "0 queue three:3",
        "0 queue one:1",
        "0 queue one:1",
        "0 dequeue three left",
        "0 dequeue one left",
        "0 checkout one:1",
        "0 dequeue one granted",
    ]);
}

#[test]
fn a_grant_nobody_reads_frees_its_seat() {
    let site = Site::start();
    let mut holder = site.holder("one");
    assert!(holder.reply().starts_with("status=granted"));
    // It sends its request and is gone before there is an answer.
    for _ in 0..20 {
        drop(site.ask("feature=three:3"));
    }
    let mut next = site.ask("feature=three:3");
    while next.reply().starts_with("status=queued") {}
    assert_eq!(site.records("lease"), 2);
}

#[test]
fn what_is_no_message_is_refused() {
    let site = Site::start();
    for (message, reply) in [
        ("\n\n", "not a message of this version"),
        ("licwrap=1\nop=dance\n\n", "unknown op"),
        ("licwrap=1\nop=acquire\nfeature=one:x\n\n", "a number of seats follows `:`"),
        (&"x".repeat(5000), "a message has at most 4096 bytes"),
        (&format!("licwrap=1\n{}\n\n", "x".repeat(4090)), "a message has at most 4096 bytes"),
    ] {
        let mut client = site.client();
        client.send(message);
        let expected = format!("status=refused refusal=malformed text={reply}");
        assert_eq!(client.reply(), expected);
    }
    let mut client = site.client();
    client.stream.write_all(b"licwrap=1\nop=\xff\n\n").unwrap();
    assert_eq!(client.reply(), "status=refused refusal=malformed text=a message is text");
}

#[test]
fn a_message_may_come_in_pieces() {
    let site = Site::start();
    let mut client = site.client();
    for piece in ["licwrap=1\nop=acq", "uire\nfeature=one\n", "\n"] {
        client.send(piece);
        // Another request in between: the first piece has been read when it is answered.
        assert!(site.ask("feature=free").reply().starts_with("status=granted"));
    }
    assert!(client.reply().starts_with("status=granted"));
}

#[test]
fn a_client_that_says_nothing_is_dropped() {
    let site = Site::start();
    let mut client = site.client();
    client.send("licwrap=1\n");
    assert_eq!(client.reply(), "closed");
}

#[test]
fn a_thousand_may_wait() {
    let site = Site::start();
    assert!(site.ask("feature=one").reply().starts_with("status=granted"));
    site.expect_events(&["0 checkout one:1"]);
    let mut waiters: Vec<Client> = Vec::new();
    for place in 1..=1000 {
        let mut client = site.ask("feature=one");
        assert_eq!(number(&client.reply(), "place"), place);
        site.expect_events(&["0 queue one:1"]);
        waiters.push(client);
    }
    drop(waiters);
    for _ in 1..=1000 {
        site.expect_events(&["0 dequeue one left"]);
    }
    eventually(|| site.records("ticket") == 0);
    let reply = site.ask("feature=one\nwait=no").reply();
    assert!(reply.ends_with("1 of 1 in use"), "{reply}");
}

#[test]
fn nobody_may_open_too_many_connections() {
    let site = Site::start();
    let open: Vec<Client> = (0..2048).map(|_| site.client()).collect();
    let mut client = site.client();
    assert!(client.reply().starts_with("status=refused refusal=queue_full"));
    drop(open);
    eventually(|| site.ask("feature=free").reply().starts_with("status=granted"));
}

#[test]
fn acts_are_handed_over_with_their_descriptor() {
    let site = Site::start();
    let mut client = site.client();
    client.send("licwrap=1\nop=rebuild\n\n");
    let act = site.acts.recv_timeout(PATIENCE).unwrap();
    assert_eq!((act.request, act.file.is_none()), (Request::Rebuild, true));
    assert_eq!(act.uid, nix::unistd::getuid().as_raw());
    fs::File::from(act.connection).write_all(b"status=done\n\n").unwrap();
    assert_eq!(client.reply(), "status=done");

    let import = "licwrap=1\nop=import\nsystem=dsls\nserver=catia\nzone=UTC\npath=a.log\n\n";
    let mut client = site.client();
    client.send(import);
    assert!(client.reply().starts_with("status=refused refusal=malformed"));
    let client = site.client();
    let log = fs::File::open(site.seat_folder()).unwrap();
    send_with(&client, import, &log);
    let act = site.acts.recv_timeout(PATIENCE).unwrap();
    let file = fs::File::from(act.file.unwrap());
    assert_eq!(file.metadata().unwrap().ino(), log.metadata().unwrap().ino());
}

#[test]
fn who_may_enter_is_set_whatever_the_umask() {
    let site = Site::start();
    let run = site.folder.path().join("run");
    for (path, mode) in [
        ("", 0o755),
        ("../spool", 0o1733),
        ("seat", 0o700),
        ("seat.sock", 0o666),
        ("tools", 0o755),
        ("tools/one", 0o644),
    ] {
        let found = fs::metadata(run.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{path}");
    }
    let text = fs::read_to_string(run.join("tools/one")).unwrap();
    let (socket, spool) = (site.socket(), site.folder.path().join("spool"));
    let (socket, spool) = (socket.display(), spool.display());
    assert_eq!(
        text,
        format!("tool=one\nsocket={socket}\non_down=wait\non_down_wait_s=60\nspool={spool}\n")
    );
}

#[test]
fn files_of_tools_that_are_no_more_go() {
    let folder = TempDir::new().unwrap();
    let old = folder.path().join("run/tools/old");
    site::write(&old, "tool=old\n");
    let _site = Site::start_in(folder, Before::default());
    assert!(!old.exists());
}

#[test]
fn there_is_one_monitor_to_a_socket() {
    let site = Site::start();
    let path = site.folder.path().to_owned();
    let again = TempDir::new_in(&path).unwrap();
    std::os::unix::fs::symlink(path.join("run"), again.path().join("run")).unwrap();
    let Err((again, error)) = Site::try_start(again, Before::default()) else {
        panic!("two monitors listen");
    };
    let message = format!("{error:#}");
    assert!(message.starts_with("another licmon listens on "), "{message}");
    assert!(site.ask("feature=one").reply().starts_with("status=granted"));
    drop(again);
    // The socket that a stopped monitor leaves behind is taken over.
    let folder = site.stop();
    assert!(folder.path().join("run/seat.sock").exists());
    let site = Site::start_in(folder, Before::default());
    assert!(site.ask("feature=free").reply().starts_with("status=granted"));
}

#[test]
fn a_socket_path_that_is_too_long_is_refused() {
    let parent = TempDir::new().unwrap();
    let long = tempfile::Builder::new().prefix(&"x".repeat(100)).tempdir_in(parent.path()).unwrap();
    let Err((_, error)) = Site::try_start(long, Before::default()) else { panic!("it listens") };
    let message = format!("{error:#}");
    assert!(message.contains("a Unix socket has at most 107"), "{message}");
}

#[test]
fn a_run_inside_a_run_is_not_counted_again() {
    let site = Site::start();
    let outer = site.ask("feature=one");
    let token = fs::File::from(received(&outer).expect("a token"));
    let Fact::Checkout(held) = site.event().fact else { panic!("no checkout") };
    let (reader, _writer) = std::io::pipe().unwrap();
    let pipe = fs::File::from(OwnedFd::from(reader));
    let acquire = |wants: &str| format!("licwrap=1\nop=acquire\n{wants}\nwait=no\n\n");

    let mut inner = site.client();
    send_with(&inner, &acquire("feature=one"), &token);
    assert_eq!(inner.reply(), format!("status=granted lease={}", held.handle));
    assert_eq!(inner.reply(), "closed");
    // It holds only what it has beyond the outer lease.
    let mut inner = site.client();
    send_with(&inner, &acquire("feature=one\nfeature=three"), &token);
    assert!(number(&inner.reply(), "lease") > held.handle.parse().unwrap());
    site.expect_events(&["0 checkout three:1"]);
    // Another FIFO proves nothing, and neither does the token of a seat that is free.
    let mut inner = site.client();
    send_with(&inner, &acquire("feature=one"), &pipe);
    assert!(inner.reply().starts_with("status=refused refusal=busy"));
    site.expect_events(&["0 denial one:1 exhausted no seat of one is free: 1 of 1 in use"]);
}

#[test]
fn a_token_is_good_as_long_as_its_lease() {
    let site = Site::start();
    let mut holder = site.holder("one");
    let lease = number(&holder.reply(), "lease");
    // Opened both ways, a FIFO waits for nobody.
    let path = site.seat_folder().join(lease.to_string());
    let token = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let acquire = "licwrap=1\nop=acquire\nfeature=one\n\n";
    let mut inner = site.client();
    send_with(&inner, acquire, &token);
    assert_eq!(number(&inner.reply(), "lease"), lease);
    site.expect_events(&["0 checkout one:1"]);
    holder.kill();
    site.expect_events(&["0 checkin one tool_exited"]);
    let mut inner = site.client();
    send_with(&inner, acquire, &token);
    assert!(number(&inner.reply(), "lease") > lease);
    site.expect_events(&["0 checkout one:1"]);
}

/// Waits until it is so.
#[track_caller]
fn eventually(mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "it never came to be");
        std::thread::yield_now();
    }
}

/// The user that runs this.
fn own_name() -> String {
    nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name
}

fn received(client: &Client) -> Option<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 4096];
    let mut parts = [std::io::IoSliceMut::new(&mut bytes)];
    recvmsg(&client.stream, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    })
}

fn send_with(client: &Client, text: &str, file: &fs::File) {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&files)));
    let parts = [IoSlice::new(text.as_bytes())];
    sendmsg(&client.stream, &parts, &mut control, SendFlags::empty()).unwrap();
}
