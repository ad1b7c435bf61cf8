//! Days exported on one machine and imported on another tell there what they told here, whether a licmon runs there or not.

use std::{collections::BTreeSet, fs, path::PathBuf};

use jiff::{SignedDuration, tz::TimeZone};
use lic_protocol::view::{Denials, Session};
use lic_tests::{
    site::{SERVER, Site, shown},
    vendor::{Vendor, moment},
};

/// Two days of a pretend server.
fn days() -> String {
    let mut vendor = Vendor::new(5, TimeZone::UTC);
    let mut text = vendor.banner(moment(0));
    let mut at = moment(0);
    while at < moment(36 * 3600) {
        at = vendor.next_after(at, SignedDuration::from_mins(9));
        text.push_str(&vendor.something(at));
    }
    text
}

/// A site that has read a log, and the days of which it tells.
fn source() -> (Site, BTreeSet<String>) {
    let mut site = Site::with_log("");
    let log = site.path("two_days.log");
    fs::write(&log, days()).expect("a log");
    let arguments = ["import", "--system", "dsls", "--server", SERVER, "--zone", "UTC"];
    let output = site.licmon(&arguments).arg(log).output().expect("licmon runs");
    assert!(output.status.success(), "{}", shown(&output));
    site.start();
    let sessions = site.sessions();
    let times = sessions.iter().flat_map(|session| [Some(session.started), session.ended]);
    let denials = site.denials().denials;
    let times = times.flatten().chain(denials.iter().map(|denial| denial.at));
    let days: BTreeSet<String> = times.map(|at| at.to_string()[..10].to_owned()).collect();
    assert!(sessions.len() > 5 && denials.len() > 3 && days.len() > 1, "{days:?}");
    (site, days)
}

/// What a site tells, without the numbers of its own.
#[track_caller]
fn told(site: &Site) -> (Vec<Session>, usize) {
    let mut sessions = site.sessions();
    for session in &mut sessions {
        session.id = 0;
    }
    let Denials { denials, .. } = site.denials();
    (sessions, denials.iter().map(|denial| denial.tries as usize).sum())
}

#[track_caller]
fn exported(site: &Site, day: &str) -> PathBuf {
    let path = site.path(&format!("{day}.ndjson"));
    let to = path.display().to_string();
    let output = site.run_licmon(&["export", "--day", day, "--server", SERVER, "-o", &to]);
    assert!(output.status.success(), "{}", shown(&output));
    let printed = site.run_licmon(&["export", "--day", day, "--server", SERVER]);
    assert!(printed.stdout == fs::read(&path).expect("a file"), "{}", shown(&printed));
    let again = site.run_licmon(&["export", "--day", day, "-o", &to]);
    assert_eq!(again.status.code(), Some(1), "nothing is written over: {}", shown(&again));
    path
}

#[track_caller]
fn import(site: &Site, files: &[PathBuf]) -> String {
    let mut import = site.licmon(&["import", "--system", "licmon"]);
    let output = import.args(files).output().expect("licmon runs");
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn days_carried_elsewhere_tell_the_same_there() {
    let (here, days) = source();
    let files: Vec<PathBuf> = days.iter().map(|day| exported(&here, day)).collect();
    let mut there = Site::with_log("");
    import(&there, &files[..1]);
    there.start();
    let said = import(&there, &files);
    assert!(said.contains("events added") && said.contains("head"), "{said}");
    assert_eq!(told(&there), told(&here));
    let said = import(&there, &files);
    assert_eq!(said.matches(": 0 events added").count(), files.len(), "{said}");
    assert_eq!(told(&there), told(&here));
    let output = there.run_licmon(&["verify"]);
    assert!(output.status.success(), "{}", shown(&output));
}
