//! Runs while the monitor was away: each is counted once, whatever else lies in the folder.

use std::{fs, os::unix::fs::symlink, path::Path};

use licmon::server::record::Kind;
use tempfile::TempDir;

use crate::{
    adoption::{EARLIER, boot_id, keep, record, start_time},
    eventually,
    site::{Before, Site, number, sleeper, write},
};

/// What licwrap leaves of a run of process `pid`.
fn run(wants: &str, pid: u32, start_time: u64, boot_id: &str) -> String {
    let features = wants.replace(' ', "\nfeature=");
    format!("feature={features}\ntool=x\npid={pid}\nstart_time={start_time}\nboot_id={boot_id}\n\n")
}

fn leave(folder: &TempDir, name: &str, text: &str) {
    write(&folder.path().join("spool").join(name), text);
}

fn left(folder: &Path) -> usize {
    fs::read_dir(folder.join("spool")).unwrap().count()
}

#[test]
fn a_run_that_lives_holds_its_seat_even_above_what_there_is() {
    let mut child = sleeper();
    let site = Site::start();
    let mut holder = site.holder("one");
    holder.reply();
    site.expect_events(&["0 checkout one:1"]);
    let folder = site.stop();
    let living = run("one", child.id(), start_time(child.id()), &boot_id());
    leave(&folder, "17", &living);
    leave(&folder, "18", &living);
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["0 checkout one:1", "0 checkout one:1"]);
    assert_eq!(left(site.folder.path()), 0, "and one process is one run");
    let reply = site.ask("feature=one\nwait=no").reply();
    assert!(reply.ends_with("2 of 1 in use"), "{reply}");
    site.expect_events(&["0 denial one:1 exhausted no seat of one is free: 2 of 1 in use"]);
    // It stays held over a restart, and is given back like any other.
    let site = Site::start_in(site.stop(), Before::default());
    site.expect_events(&["0 checkout one:1", "0 checkout one:1"]);
    let mut waiter = site.ask("feature=one");
    assert_eq!(number(&waiter.reply(), "place"), 1);
    site.expect_events(&["0 queue one:1"]);
    child.kill().unwrap();
    child.wait().unwrap();
    site.expect_events(&["0 checkin one tool_exited"]);
    holder.kill();
    let lease = number(&waiter.reply(), "lease");
    assert!(lease < 1 << 59, "numbers that were drawn are not gone on from: {lease}");
}

#[test]
fn a_run_that_ended_meanwhile_ended_at_a_time_nobody_saw() {
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    leave(&folder, "1", &run("one free:2", own, start_time(own) + 1, &boot_id()));
    leave(&folder, "2", &run("three", own, start_time(own), "another"));
    let mut site = Site::start_in(folder, Before::default());
    site.commit_no_more();
    let first = [
        "0 checkout one:1",
        "0 checkout free:2",
        "0 checkin one lost before 0",
        "0 checkin free lost before 0",
        "0 checkout three:1",
        "0 checkin three host_rebooted before 0",
    ];
    let mut told: Vec<_> = first.iter().map(|_| site.event()).collect();
    assert_eq!(left(site.folder.path()), 0);
    // A monitor that dies before they are committed tells the same again.
    let site = Site::start_in(site.stop(), Before::default());
    let mut again: Vec<_> = first.iter().map(|_| site.event()).collect();
    told.sort_by_key(|event| event.identity);
    again.sort_by_key(|event| event.identity);
    assert_eq!(told, again);
    eventually(|| site.records("lease") == 0);
}

#[test]
fn a_run_that_was_granted_and_never_told_is_counted_once() {
    let folder = TempDir::new().unwrap();
    let gone = record(EARLIER, u32::MAX / 2, 1, "one");
    keep(folder.path(), Kind::Lease, &gone);
    leave(&folder, "1", &run("one", u32::MAX / 2, 1, &boot_id()));
    // What the same process asked for besides is another run.
    leave(&folder, "2", &run("three", u32::MAX / 2, 1, &boot_id()));
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&[
        "-60000 checkout one:1",
        "-60000 checkin one tool_exited before 0",
        "0 checkout three:1",
        "0 checkin three lost before 0",
    ]);
    assert_eq!(left(site.folder.path()), 0);
}

#[test]
fn a_run_takes_the_seats_that_its_tool_says() {
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    leave(&folder, "1", &run("pair", own, start_time(own), &boot_id()));
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["0 checkout pair:2"]);
}

#[test]
fn a_run_that_was_granted_an_alternative_and_never_told_is_counted_once() {
    let folder = TempDir::new().unwrap();
    let gone = record(EARLIER, u32::MAX / 2, 1, "three:2");
    keep(folder.path(), Kind::Lease, &gone);
    let either = run("one", u32::MAX / 2, 1, &boot_id()).replace("=one", "=one || three");
    leave(&folder, "1", &either);
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["-60000 checkout three:2", "-60000 checkin three tool_exited before 0"]);
    eventually(|| left(site.folder.path()) == 0);
    assert!(site.ask("feature=one\nwait=no").reply().starts_with("status=granted"));
    site.expect_events(&["0 checkout one:1"]);
}

#[test]
fn a_file_that_is_left_while_the_monitor_is_here_is_found() {
    let site = Site::start();
    let own = std::process::id();
    leave(&site.folder, "1", &run("one", own, start_time(own), &boot_id()));
    site.expect_events(&["0 checkout one:1"]);
    eventually(|| left(site.folder.path()) == 0);
}

#[test]
fn what_is_no_run_is_removed_and_hurts_nobody() {
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    let good = run("one", own, start_time(own), &boot_id());
    let spool = folder.path().join("spool");
    leave(&folder, "empty lines", "\n\n");
    leave(&folder, "unknown tool", &good.replace("=one", "=nothing"));
    leave(&folder, "too many seats", &good.replace("=one", "=one:2"));
    leave(&folder, "twice", &good.replace("feature=one", "feature=one\nfeature=one"));
    leave(&folder, "no number", &good.replace("pid=", "pid=x"));
    leave(&folder, "too long", &format!("{}{good}", "x=y\n".repeat(2000)));
    fs::write(spool.join("no text"), b"\xff\n\n").unwrap();
    nix::unistd::mkfifo(&spool.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    write(&elsewhere, &good);
    symlink(&elsewhere, spool.join("link")).unwrap();
    symlink("/dev/zero", spool.join("device")).unwrap();
    fs::hard_link(&elsewhere, spool.join("second name")).unwrap();
    fs::create_dir(spool.join("folder")).unwrap();
    leave(&folder, "z", &good);
    let site = Site::start_in(folder, Before::default());
    site.expect_events(&["0 checkout one:1"]);
    assert_eq!(left(site.folder.path()), 1, "the folder stays");
    assert!(elsewhere.exists());
    assert!(site.ask("feature=three:3").reply().starts_with("status=granted"));
    site.expect_events(&["0 checkout three:3"]);
}

#[test]
fn a_file_speaks_for_its_owner_alone() {
    if !nix::unistd::geteuid().is_root() {
        return println!("not run: only root can make files of other users");
    }
    let folder = TempDir::new().unwrap();
    let own = std::process::id();
    leave(&folder, "1", &run("one", own, start_time(own), &boot_id()));
    std::os::unix::fs::chown(folder.path().join("spool/1"), Some(54_321), None).unwrap();
    let site = Site::start_in(folder, Before::default());
    let told = site.event();
    let lic_protocol::event::Fact::Checkout(checkout) = told.fact else { panic!("{told:?}") };
    assert_eq!(checkout.user.as_str(), "54321");
    // It may not hold a seat as long as somebody else's process lives.
    site.expect_events(&["0 checkin one lost before 0"]);
}
