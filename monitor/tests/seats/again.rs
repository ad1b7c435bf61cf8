//! Who asks again because no answer came gets what was given meanwhile, and no second of it: a monitor may be killed between
//! writing a seat down and saying so.

use std::{io::Read, process::Stdio};

use licmon::server::record::Kind;
use tempfile::TempDir;

use crate::{
    adoption::{EARLIER, keep, record, start_time},
    received,
    site::{Before, Client, Site, command, number},
    units::{Leader, unconnected},
};

/// Connects standard input as soon as somebody listens, asks again, and lives until it is killed.
const PATIENT: &str = r#"
use Socket; open(S, "+<&=0"); select(undef, undef, undef, 0.01) until connect(S, sockaddr_un($ARGV[0]));
syswrite(S, "licwrap=1\nop=acquire\nfeature=tree\nagain=yes\n\n");
syswrite(STDOUT, "x"); sleep 600;
"#;

/// This process asks for what it asked for before.
fn again(site: &Site, feature: &str) -> Client {
    site.ask(&format!("feature={feature}\nwait=yes\nagain=yes"))
}

/// A folder in which the monitor before wrote something down for this process.
fn written(kind: Kind, wants: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    keep(folder.path(), kind, &record(EARLIER, own, start_time(own), wants));
    folder
}

#[test]
fn a_seat_that_was_written_down_and_never_told_is_given_again() {
    let site = Site::start_in(written(Kind::Lease, "one"), Before::default());
    site.expect_events(&["-60000 checkout one:1"]);
    let mut client = again(&site, "one");
    assert_eq!(client.reply(), format!("status=granted lease={EARLIER}"));
    assert_eq!(site.records("lease"), 1);
}

#[test]
fn a_place_that_was_written_down_and_never_told_is_taken_up() {
    let site = Site::start_in(written(Kind::Ticket, "one"), Before::default());
    site.expect_events(&["-60000 queue one:1"]);
    let reply = again(&site, "one").reply();
    assert!(reply.starts_with("status=granted"), "{reply}");
    site.expect_events(&["0 checkout one:1", "0 dequeue one granted"]);
}

#[test]
fn a_place_is_taken_up_while_its_broken_connection_is_still_there() {
    let site = Site::start();
    let mut holder = site.holder("one");
    holder.reply();
    let mut first = site.ask("feature=one");
    let ticket = number(&first.reply(), "ticket");
    let reply = again(&site, "one").reply();
    assert_eq!((number(&reply, "ticket"), number(&reply, "place")), (ticket, 1));
    assert_eq!(first.reply(), "closed");
}

#[test]
fn other_seats_are_asked_for_anew() {
    let site = Site::start_in(written(Kind::Lease, "one"), Before::default());
    site.expect_events(&["-60000 checkout one:1"]);
    let lease = number(&again(&site, "three").reply(), "lease");
    assert!(lease > EARLIER);
    site.expect_events(&["0 checkout three:1"]);
    assert!(again(&site, "three:2").reply().starts_with("status=granted"));
    site.expect_events(&["0 checkout three:2"]);
}

#[test]
fn a_process_holds_only_its_own_again() {
    let site = Site::start();
    let mut holder = site.holder("one");
    holder.reply();
    site.expect_events(&["0 checkout one:1"]);
    let reply = again(&site, "one").reply();
    assert_eq!(number(&reply, "place"), 1, "{reply}");
}

#[test]
fn a_tree_given_again_is_held_by_its_token() {
    let folder = TempDir::new().unwrap();
    let socket = unconnected();
    let mut leader = command("perl")
        .args(["-e", PATIENT])
        .arg(folder.path().join("run/seat.sock"))
        .stdin(Stdio::from(socket.try_clone().unwrap()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = leader.stdout.take().unwrap();
    let mut leader = Leader(leader);
    // Written down for it, and nobody has ever had the token.
    let lease = record(EARLIER, leader.0.id(), start_time(leader.0.id()), "tree");
    keep(folder.path(), Kind::Lease, &lease);
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["-60000 checkout tree:1"]);
    told.read_exact(&mut [0]).unwrap();
    let token = received(&Client::of(socket)).expect("a token");
    leader.end();
    // A process that is granted and ends after that one: the loop has seen both ends when this one's is told.
    let other = site.holder("three");
    site.expect_events(&["0 checkout three:1"]);
    other.kill();
    site.expect_events(&["0 checkin three tool_exited"]);
    drop(token);
    site.expect_events(&["0 checkin tree tool_exited"]);
}
