//! However often licmon is killed while a log grows, nothing is lost and nothing comes twice, and live equals the fold of history.
//!
//! `TORTURE_KILLS=500` makes it last longer.

use std::{
    collections::BTreeSet,
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lic_tests::{
    process::Process,
    site::Site,
    vendor::{Vendor, moment},
    wait,
};

const KILLS: u64 = 50;
/// The writer rests so long after each handful of lines.
const REST: Duration = Duration::from_millis(5);

/// What was written.
#[derive(Debug)]
struct Written {
    vendor: Vendor,
    at: Timestamp,
    grants: BTreeSet<String>,
    ends: usize,
    denials: usize,
    lines: u64,
}

impl Written {
    /// One more line.
    fn line(&mut self) -> String {
        self.at = self.vendor.next_after(self.at, SignedDuration::from_secs(20));
        let line = self.vendor.something(self.at);
        match line.split_once("!!") {
            Some((head, fields)) if head.ends_with("Grant") => {
                let handle = fields.split('!').nth(1).expect("a session id");
                assert!(self.grants.insert(handle.to_owned()), "a new session id");
            }
            Some(_) => self.ends += 1,
            None => self.denials += 1,
        }
        self.lines += 1;
        line
    }

    /// A new file, as after a restart of the license server.
    fn new_file(&mut self) -> (String, String) {
        self.at += SignedDuration::from_secs(5);
        let banner = self.vendor.banner(self.at);
        self.lines += banner.lines().count() as u64;
        (self.vendor.file_name(self.at), banner)
    }
}

#[test]
fn killed_at_any_moment_nothing_is_lost_and_nothing_comes_twice() {
    let kills =
        env::var("TORTURE_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let mut site = Site::with_log("");
    let lines = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (logs, lines, done) = (site.logs(), Arc::clone(&lines), Arc::clone(&done));
        thread::spawn(move || write_until(&logs, &lines, &done))
    };
    let mut vendor = Vendor::new(99, TimeZone::UTC);
    for kill in 0..kills {
        // Killed after so many more lines: sometimes before it has opened its store, sometimes in the midst of a batch.
        let more = u64::try_from(
            (vendor.next_after(moment(0), SignedDuration::from_secs(120)) - moment(0)).as_secs(),
        )
        .unwrap();
        let until = lines.load(Ordering::Relaxed) + more;
        let mut serve = site.licmon(&["serve"]);
        let mut licmon = Process::start("licmon", &mut serve, &site.path("licmon.said")).unwrap();
        wait::until("the log grows", || lines.load(Ordering::Relaxed) >= until);
        assert!(licmon.ended().is_none(), "kill {kill}: licmon ended by itself: {}", licmon.said());
        licmon.kill();
    }
    done.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    println!("{kills} kills over {} lines", written.lines);

    site.start();
    wait::until("every line is read", || {
        site.server().is_some_and(|server| server.coverage.lines >= written.lines)
    });
    check(&site, &written);
    let live = live(&site);
    site.stop_licmon();
    let output = site.run_licmon(&["rebuild"]);
    assert!(output.status.success(), "{}", lic_tests::site::shown(&output));
    site.start_licmon();
    wait::until("live is there again", || !self::live(&site).is_empty());
    assert_eq!(self::live(&site), live, "live equals the fold of history");
    check(&site, &written);
}

#[track_caller]
fn check(site: &Site, written: &Written) {
    assert_eq!(site.server().expect("the server is known").coverage.lines, written.lines, "lines");
    let sessions = site.sessions();
    let handles: Vec<String> =
        sessions.iter().filter_map(|session| session.handle.clone()).collect();
    let unique: BTreeSet<String> = handles.iter().cloned().collect();
    assert_eq!(handles.len(), unique.len(), "no session comes twice");
    assert_eq!(unique, written.grants, "no session is lost");
    let ended = sessions.iter().filter(|session| session.ended.is_some()).count();
    assert_eq!(ended, written.ends, "ended sessions");
    assert_eq!(live(site), open(&written.vendor), "held sessions");
    assert_eq!(denials(site), written.denials, "denials");
}

fn live(site: &Site) -> BTreeSet<String> {
    site.active().into_iter().filter_map(|session| session.handle).collect()
}

fn open(vendor: &Vendor) -> BTreeSet<String> {
    vendor.open().iter().map(|open| open.id.clone()).collect()
}

fn denials(site: &Site) -> usize {
    let mut count = 0;
    let mut after = String::new();
    loop {
        let page: lic_protocol::view::Denials = site.api(&format!("/denials?limit=1000{after}"));
        count += page.denials.len();
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => return count,
        }
    }
}

/// Writes handfuls of lines until told to stop, and a new file now and then.
fn write_until(logs: &std::path::Path, count: &AtomicU64, done: &AtomicBool) -> Written {
    let vendor = Vendor::new(7, TimeZone::UTC);
    let mut written =
        Written { vendor, at: moment(0), grants: BTreeSet::new(), ends: 0, denials: 0, lines: 0 };
    let (mut file, banner) = written.new_file();
    lic_tests::site::append(&logs.join(&file), banner.as_bytes());
    while !done.load(Ordering::Relaxed) {
        if written.lines.is_multiple_of(701) {
            let (next, banner) = written.new_file();
            file = next;
            lic_tests::site::append(&logs.join(&file), banner.as_bytes());
        }
        for _ in 0..=written.lines % 7 {
            let line = written.line();
            lic_tests::site::append(&logs.join(&file), line.as_bytes());
        }
        count.store(written.lines, Ordering::Relaxed);
        let _ = wait::answer(REST, || None::<()>);
    }
    written
}
