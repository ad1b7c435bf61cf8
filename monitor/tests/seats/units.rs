//! What takes a seat and who may have it, over the socket: shared seats, seats of a whole tree, rules, hours, seats set aside.

use std::{
    io::Read,
    os::fd::OwnedFd,
    process::{Child, Stdio},
};

use lic_protocol::event::Fact;
use licmon::server::record::Kind;
use tempfile::TempDir;

use crate::{
    adoption::{EARLIER, keep, record, start_time},
    eventually,
    outcome::killed,
    received,
    site::{Before, Client, START_MS, Site, command, number, sleeper},
};

/// Connects standard input, which somebody else has too, and lives until it is killed.
const CONNECTOR: &str = r#"
use Socket; open(S, "+<&=0") and connect(S, sockaddr_un($ARGV[0])) or die "connect: $!";
syswrite(S, "licwrap=1\nop=acquire\nfeature=$ARGV[1]\nwait=yes\ntool=tree\n\n");
syswrite(STDOUT, "x"); sleep 600;
"#;

/// A process that holds a seat, and our copy of the connection it came by.
fn leader(site: &Site, feature: &str) -> (Leader, Client) {
    let socket = unconnected();
    let mut child = command("perl")
        .args(["-e", CONNECTOR])
        .arg(site.socket())
        .arg(feature)
        .stdin(Stdio::from(socket.try_clone().unwrap()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = child.stdout.take().unwrap().read_exact(&mut [0]);
    let leader = Leader(child);
    told.unwrap();
    (leader, Client::of(socket))
}

/// A socket that somebody is to connect.
pub(crate) fn unconnected() -> OwnedFd {
    rustix::net::socket_with(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .unwrap()
}

/// A process that is gone at the latest when the test is.
pub(crate) struct Leader(pub(crate) Child);

impl Leader {
    pub(crate) fn end(&mut self) {
        // It may be gone already; both calls say so, and that is fine.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn runs_of_one_user_share_a_seat() {
    let site = Site::start();
    let mut seats = Vec::new();
    for _ in 0..2 {
        assert!(site.ask("feature=shared").reply().starts_with("status=granted"));
        let Fact::Checkout(checkout) = site.event().fact else { panic!("no checkout") };
        assert_eq!(checkout.unit.as_deref(), Some("user"));
        seats.push(checkout.seat.unwrap());
    }
    let user = format!("user:{}", nix::unistd::getuid());
    assert_eq!(seats, [user.as_str(), &user]);
}

#[test]
fn a_tree_keeps_its_seat_until_nobody_has_its_token() {
    let site = Site::start();
    let (mut leader, client) = leader(&site, "tree");
    let token = received(&client).expect("a token");
    site.expect_events(&["0 checkout tree:1"]);
    let mut waiter = site.ask("feature=tree");
    assert_eq!(number(&waiter.reply(), "place"), 1);
    site.expect_events(&["0 queue tree:1"]);
    leader.end();
    // A process that is granted and ends after that one: the loop has seen both ends when this one's is told.
    let other = site.holder("three");
    site.expect_events(&["0 checkout three:1"]);
    other.kill();
    site.expect_events(&["0 checkin three tool_exited"]);
    assert_eq!(site.ask("feature=tree\nwait=no").reply().split(' ').next(), Some("status=refused"));
    site.expect_events(&[
        "0 denial tree:1 exhausted no seat of tree is free: 1 of 1 in use, 1 waited for",
    ]);
    site.set_clock(5);
    drop(token);
    assert!(waiter.reply().starts_with("status=granted"));
    let end = site.event();
    let Fact::Checkin(checkin) = end.fact else { panic!("{end:?}") };
    assert_eq!((end.at.as_millisecond() - START_MS, checkin.outcome), (5, killed()));
    site.expect_events(&["5 checkout tree:1", "5 dequeue tree granted"]);
}

#[test]
fn a_tree_whose_token_is_closed_keeps_its_seat_while_its_process_lives() {
    let site = Site::start();
    let (mut leader, client) = leader(&site, "tree");
    drop(received(&client).expect("a token"));
    site.expect_events(&["0 checkout tree:1"]);
    let reply = site.ask("feature=tree\nwait=no").reply();
    assert!(reply.ends_with("1 of 1 in use"), "{reply}");
    leader.end();
    eventually(|| site.ask("feature=tree\nwait=no").reply().starts_with("status=granted"));
}

#[test]
fn a_tree_is_found_again_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let mut leader = Leader(sleeper());
    let lease = record(EARLIER, leader.0.id(), start_time(leader.0.id()), "tree");
    keep(folder.path(), Kind::Lease, &lease);
    let fifo = folder.path().join("run/seat").join(EARLIER.to_string());
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR)
        .unwrap();
    // Both ends, so that opening does not wait; to the server it is a process that has it.
    let both = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    leader.end();
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["-60000 checkout tree:1"]);
    let mut waiter = site.ask("feature=tree");
    assert_eq!(number(&waiter.reply(), "place"), 1);
    site.expect_events(&["0 queue tree:1"]);
    drop(both);
    assert!(waiter.reply().starts_with("status=granted"));
    site.expect_events(&[
        "0 checkin tree tool_exited",
        "0 checkout tree:1",
        "0 dequeue tree granted",
    ]);
}

#[test]
fn a_rule_refuses_and_says_its_line() {
    let site = Site::start();
    let text = format!(
        "{} may not have denied: deny group * (line 7 of the configuration)",
        crate::own_name()
    );
    let reply = site.ask("feature=denied\nwait=yes").reply();
    assert_eq!(reply, format!("status=refused refusal=forbidden text={text}"));
    site.expect_events(&[&format!("0 denial denied:1 not_authorised {text}")]);
}

#[test]
fn what_is_only_observed_is_recorded_and_runs() {
    let site = Site::start();
    assert!(site.ask("feature=watched:4").reply().starts_with("status=granted"));
    let name = crate::own_name();
    site.expect_events(&[
        &format!(
            "0 denial watched:4 not_authorised observed only: {name} may not have watched: deny group * (line 7 of the \
             configuration)"
        ),
        "0 checkout watched:4",
    ]);
}

#[test]
fn seats_set_aside_are_not_for_others() {
    let site = Site::start();
    let reply = site.ask("feature=aside\nwait=yes").reply();
    let expected = "1 seats of aside asked for, it has 1, some set aside for others";
    assert_eq!(reply, format!("status=refused refusal=too_many text={expected}"));
}

#[test]
fn who_waits_past_the_hours_is_refused() {
    let site = Site::start();
    assert!(site.ask("feature=noon").reply().starts_with("status=granted"));
    let mut waiter = site.ask("feature=noon");
    assert!(waiter.reply().starts_with("status=queued"));
    site.expect_events(&["0 checkout noon:1", "0 queue noon:1"]);
    site.set_clock(3_600_000);
    let text = "noon may be started at 11:00-13:00 (UTC) only";
    assert_eq!(waiter.reply(), format!("status=refused refusal=forbidden text={text}"));
    site.expect_events(&[
        &format!("3600000 denial noon:1 not_authorised {text}"),
        "3600000 dequeue noon refused",
    ]);
    let reply = site.ask("feature=noon").reply();
    assert_eq!(reply, format!("status=refused refusal=forbidden text={text}"));
}
