//! A line appended to a followed log is on the page within a second; new files, renames and cuts are followed, a restart resumes.

use std::{
    fs,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use lic_protocol::event::EndReason;
use lic_tests::{
    programs::command,
    site::Site,
    vendor::{Vendor, moment},
    wait,
};

/// What a person at the page should wait at most.
const VISIBLE: Duration = Duration::from_secs(1);

fn vendor() -> Vendor {
    Vendor::new(1, TimeZone::UTC)
}

/// A site whose server has started at 08:00, and the file it writes.
fn started_site(vendor: &Vendor) -> (Site, String) {
    let mut site = Site::with_log("");
    let file = vendor.file_name(moment(0));
    site.append(&file, &vendor.banner(moment(0)));
    site.start();
    (site, file)
}

#[track_caller]
fn sessions_become(site: &Site, count: usize) {
    wait::until(&format!("{count} sessions"), || site.sessions().len() >= count);
    assert_eq!(site.sessions().len(), count, "nothing comes twice");
}

#[test]
fn a_line_is_visible_within_a_second() {
    let mut vendor = vendor();
    let (site, file) = started_site(&vendor);
    let mut spans = Vec::new();
    for number in 0..20 {
        let line = vendor.grant(moment(60 + number), 0, 0);
        let appended = Instant::now();
        site.append(&file, &line);
        let wanted = usize::try_from(number).unwrap() + 1;
        wait::until("a session", || site.active().len() == wanted);
        spans.push(appended.elapsed());
    }
    spans.sort_unstable();
    println!("visible after {:?} (median), {:?} (slowest of 20)", spans[10], spans[19]);
    assert!(spans[19] < VISIBLE, "{spans:?}");
}

#[test]
fn a_session_ends_with_its_detachment_and_with_its_time_out() {
    let mut vendor = vendor();
    let (site, file) = started_site(&vendor);
    let first = vendor.grant(moment(10), 0, 0);
    site.append(&file, &first);
    site.append(&file, &vendor.detach(moment(70)).unwrap());
    let second = vendor.grant(moment(80), 1, 1);
    site.append(&file, &second);
    site.append(&file, &vendor.time_out(moment(200)).unwrap());
    wait::until("two ended sessions", || {
        site.sessions().iter().filter(|session| session.ended.is_some()).count() == 2
    });
    let told = site
        .sessions()
        .into_iter()
        .map(|session| (session.user.as_str().to_owned(), session.end_reason, session.duration_s));
    let expected = [
        ("bferrari".to_owned(), Some(EndReason::Timeout), Some(120.0)),
        ("alindqvist".to_owned(), Some(EndReason::Checkin), Some(60.0)),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert!(site.active().is_empty());
}

#[test]
fn a_half_written_line_waits_for_its_end() {
    let mut vendor = vendor();
    let (site, file) = started_site(&vendor);
    let line = vendor.grant(moment(10), 0, 0);
    let (head, tail) = line.split_at(90);
    site.append(&file, head);
    let lines = vendor.banner(moment(0)).lines().count() as u64;
    wait::until("the banner is read", || {
        site.server().is_some_and(|server| server.coverage.lines >= lines)
    });
    assert_eq!(site.sessions().len(), 0);
    site.append(&file, tail);
    sessions_become(&site, 1);
    assert_eq!(site.server().unwrap().coverage.unknown, 0);
}

#[test]
fn a_new_file_of_a_new_start_is_followed() {
    let mut vendor = vendor();
    let (site, file) = started_site(&vendor);
    site.append(&file, &vendor.grant(moment(10), 0, 0));
    sessions_become(&site, 1);
    let next = vendor.file_name(moment(3600));
    site.append(&next, &vendor.banner(moment(3600)));
    site.append(&next, &vendor.grant(moment(3700), 1, 1));
    sessions_become(&site, 2);
}

#[test]
fn a_file_that_is_moved_away_and_made_again_is_followed() {
    let mut vendor = vendor();
    let (site, file) = started_site(&vendor);
    site.append(&file, &vendor.grant(moment(10), 0, 0));
    sessions_become(&site, 1);
    fs::rename(site.logs().join(&file), site.logs().join(format!("{file}.1"))).unwrap();
    site.append(&file, &vendor.grant(moment(20), 1, 1));
    sessions_become(&site, 2);
    site.append(&file, &vendor.grant(moment(30), 2, 1));
    sessions_become(&site, 3);
}

#[test]
fn a_file_that_is_cut_to_nothing_is_read_from_its_start() {
    let mut vendor = vendor();
    let (site, file) = started_site(&vendor);
    site.append(&file, &vendor.grant(moment(10), 0, 0));
    sessions_become(&site, 1);
    fs::File::options().write(true).truncate(true).open(site.logs().join(&file)).unwrap();
    site.append(&file, &vendor.grant(moment(20), 1, 1));
    sessions_become(&site, 2);
}

#[test]
fn a_restart_resumes_where_it_stopped() {
    let mut vendor = vendor();
    let (mut site, file) = started_site(&vendor);
    site.append(&file, &vendor.grant(moment(10), 0, 0));
    sessions_become(&site, 1);
    site.stop_licmon();
    site.append(&file, &vendor.grant(moment(20), 1, 1));
    site.start_licmon();
    site.append(&file, &vendor.grant(moment(30), 2, 1));
    sessions_become(&site, 3);
    let lines = vendor.banner(moment(0)).lines().count() as u64 + 3;
    assert_eq!(site.server().unwrap().coverage.lines, lines, "no line is read twice");
}

#[test]
fn both_programs_stop_within_two_seconds() {
    let (mut site, _) = started_site(&vendor());
    site.stop_licmon();
    site.stop_licdash();
}

#[test]
fn a_log_that_was_packed_while_licmon_was_away_is_read_on() {
    let mut vendor = vendor();
    let (mut site, file) = started_site(&vendor);
    site.append(&file, &vendor.grant(moment(10), 0, 0));
    sessions_become(&site, 1);
    site.kill_licmon();
    site.append(&file, &vendor.grant(moment(20), 1, 0));
    let old = site.logs().join(format!("{file}.1"));
    fs::rename(site.logs().join(&file), &old).unwrap();
    let packed = command("gzip").arg(&old).status().expect("gzip runs");
    assert!(packed.success(), "it packs the log");
    site.append(&file, &vendor.grant(moment(30), 2, 0));
    site.start_licmon();
    sessions_become(&site, 3);
    site.kill_licmon();
    site.start_licmon();
    sessions_become(&site, 3);
    let server = site.server().expect("the server is known");
    assert_eq!((server.error, server.coverage.unknown), (None, 0));
    assert_eq!(server.sources.len(), 2, "{:?}", server.sources);
}
