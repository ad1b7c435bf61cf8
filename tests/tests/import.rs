//! Importing a log twice, or in two halves in any order, gives the same history; a log without usage tracing is never read as 0 users.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, tz::TimeZone};
use lic_protocol::view::{Overview, Session};
use lic_tests::{
    programs::command,
    site::{SERVER, Site, shown},
    vendor::{Vendor, moment},
    wait,
};

/// A working day of a pretend server.
fn day() -> String {
    let mut vendor = Vendor::new(5, TimeZone::UTC);
    let mut text = vendor.banner(moment(0));
    let mut at = moment(0);
    while at < moment(8 * 3600) {
        at = vendor.next_after(at, SignedDuration::from_mins(2));
        text.push_str(&vendor.something(at));
    }
    text
}

fn written(site: &Site, name: &str, text: &str) -> PathBuf {
    let path = site.path(name);
    fs::write(&path, text).expect("a log");
    path
}

#[track_caller]
fn import(site: &Site, name: &str, text: &str) {
    let path = written(site, name, text);
    let arguments = ["import", "--system", "dsls", "--server", SERVER, "--zone", "UTC"];
    let output = site.licmon(&arguments).arg(path).output().expect("licmon runs");
    assert!(output.status.success(), "{}", shown(&output));
}

/// What a history tells, without the numbers and times that belong to the reading of it.
#[track_caller]
fn told(mut site: Site) -> (Vec<String>, usize) {
    site.start();
    let mut sessions: Vec<String> = site.sessions().iter().map(story).collect();
    sessions.sort_unstable();
    (sessions, site.denials().denials.len())
}

fn story(session: &Session) -> String {
    let Session { feature, user, host, handle, started, ended, end_reason, seat, .. } = session;
    format!("{feature} {user} {host} {handle:?} {started} {ended:?} {end_reason:?} {seat:?}")
}

#[test]
fn twice_and_in_halves_gives_the_same_history() {
    let text = day();
    let middle = text[..text.len() / 2].rfind('\n').unwrap() + 1;
    let (first, second) = text.split_at(middle);
    let name = "LicenseServer20251103080000.log";

    let once = Site::with_log("");
    import(&once, name, &text);
    let twice = Site::with_log("");
    import(&twice, name, &text);
    import(&twice, name, &text);
    let halves = Site::with_log("");
    import(&halves, "a.log", first);
    import(&halves, "b.log", second);
    let backwards = Site::with_log("");
    import(&backwards, "b.log", second);
    import(&backwards, "a.log", first);

    let expected = told(once);
    assert!(expected.0.len() > 100, "a busy day: {}", expected.0.len());
    assert!(expected.1 > 0, "with denials");
    assert_eq!(told(twice), expected, "twice");
    assert_eq!(told(halves), expected, "in halves");
    assert_eq!(told(backwards), expected, "the second half first");
}

#[test]
fn folder_of_packed_logs_gives_the_same_history() {
    let text = day();
    let middle = text[..text.len() / 2].rfind('\n').unwrap() + 1;
    let (first, second) = text.split_at(middle);
    let once = Site::with_log("");
    import(&once, "a.log", &text);
    let expected = told(once);
    for pack in ["gzip", "xz", "zstd"] {
        let site = Site::with_log("");
        fs::create_dir_all(site.path("old/2025")).unwrap();
        packed(pack, &written(&site, "old/2025/b.log", second));
        packed(pack, &written(&site, "old/a.log", first));
        let folder = site.path("old");
        let arguments = ["import", "--system", "dsls", "--server", SERVER, "--zone", "UTC"];
        let output = site.licmon(&arguments).arg(folder).output().expect("licmon runs");
        assert!(output.status.success(), "{}", shown(&output));
        // zstd leaves the log beside what it packs.
        let count = if pack == "zstd" { 4 } else { 2 };
        let summary = format!("{count} of {count} files read: ");
        assert!(shown(&output).contains(&summary), "{}", shown(&output));
        assert_eq!(told(site), expected, "packed by {pack}");
    }
}

#[test]
fn damaged_log_is_read_as_far_as_it_goes_and_told() {
    let mut site = Site::with_log("");
    site.start();
    let path = packed("gzip", &written(&site, "a.log", &day()));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let arguments = ["import", "--system", "dsls", "--server", SERVER, "--zone", "UTC"];
    let output = site.licmon(&arguments).arg(&path).output().expect("licmon runs");
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("a.log.gz is damaged"), "{}", shown(&output));
    assert!(site.sessions().len() > 10, "what is before the damage is read");
}

/// Packs a file with a program that puts another in its place.
fn packed(pack: &str, path: &Path) -> PathBuf {
    let suffix = match pack {
        "gzip" => "gz",
        "zstd" => "zst",
        suffix => suffix,
    };
    let status = command(pack).arg("-q").arg(path).status().expect("it runs");
    assert!(status.success(), "{pack} of {}", path.display());
    path.with_added_extension(suffix)
}

#[test]
fn a_running_licmon_takes_the_file_over() {
    let text = day();
    let mut site = Site::with_log("");
    site.start();
    import(&site, "a.log", &text);
    let grants = text.matches(" Grant!!").count();
    wait::until("every session", || site.sessions().len() == grants);
    import(&site, "a.log", &text);
    assert_eq!(site.sessions().len(), grants, "nothing comes twice");
}

#[test]
fn a_log_that_was_imported_may_be_followed() {
    let text = day();
    let mut site = Site::with_log("");
    import(&site, "a.log", &text);
    site.append("LicenseServer20251103080000.log", &text);
    site.start();
    let mut vendor = Vendor::new(6, TimeZone::UTC);
    site.append("LicenseServer20251103080000.log", &vendor.grant(moment(9 * 3600), 0, 0));
    let grants = text.matches(" Grant!!").count() + 1;
    wait::until("the line that was not imported", || site.sessions().len() >= grants);
    assert_eq!(site.sessions().len(), grants, "nothing comes twice");
}

#[test]
fn a_log_without_tracing_is_said_to_be_one() {
    let vendor = Vendor::new(1, TimeZone::UTC);
    let denial = vendor.denial(moment(60), 2, 0, "no more available license");
    let mut site = Site::with_log("");
    import(&site, "a.log", &(vendor.banner(moment(0)) + &denial));
    site.start();
    let server = site.server().expect("the server is known");
    assert_eq!(server.usage_visible, Some(false));
    assert_eq!(server.denials_visible, Some(true));
    assert_eq!((server.coverage.events > 0, server.coverage.unknown), (true, 0));
    let overview: Overview = site.api("/overview");
    let feature = overview.features.iter().find(|feature| feature.feature.as_str() == "CAC");
    assert_eq!(feature.expect("a feature that was denied").in_use, None, "unknown is not zero");
    let page = site.get("/servers").body;
    assert!(page.contains("racing is not enabled"), "{page}");
    assert!(page.contains("License usage tracing"), "where it is switched on: {page}");
}
