//! Whatever a log holds, or keeps us from reading it, is told in one clear sentence, and the rest is read on.

use std::{
    fs::{self, File, Permissions},
    io::{BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Output,
};

use jiff::tz::TimeZone;
use lic_protocol::view::{Coverage, Overview};
use lic_tests::{
    programs::{command, programs},
    site::{Site, append, shown},
    vendor::{Vendor, moment},
    wait,
};
use nix::{sys::signal::Signal, unistd::geteuid};

const LONG_LINE_BYTES: usize = 100_000_000;
/// What licmon may hold in memory while it reads a line of that length.
const MEMORY_KB_MAX: u64 = 60_000;

fn parse(path: &Path) -> Output {
    let mut licmon = command(&programs().licmon);
    licmon.args(["parse", "--system", "dsls", "--kind", "log"]).arg(path);
    licmon.output().expect("licmon runs")
}

/// What `licmon parse` understood of `bytes`: its last line, and the lines before it.
#[track_caller]
fn understood(bytes: &[u8]) -> (Coverage, Vec<serde_json::Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("LicenseServer20251103080000.log");
    fs::write(&path, bytes).expect("a log");
    let output = parse(&path);
    assert!(output.status.success(), "{}", shown(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut last = lines.pop().expect("a last line");
    (serde_json::from_value(last["coverage"].take()).expect("a coverage"), lines)
}

#[test]
fn an_empty_file_is_nothing() {
    let (coverage, events) = understood(b"");
    assert_eq!((coverage, events.len()), (Coverage::default(), 0));
}

#[test]
fn a_binary_file_is_unknown_and_harms_nobody() {
    let mut bytes: Vec<u8> =
        (0..200_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    bytes.extend_from_slice(b"\n");
    let (coverage, events) = understood(&bytes);
    assert_eq!((coverage.events, events.len()), (0, 0));
    assert!(coverage.unknown > 100, "{}", coverage.unknown);
    assert!(coverage.examples.len() <= 20);
}

#[test]
fn line_ends_of_windows_are_line_ends() {
    let mut vendor = Vendor::new(1, TimeZone::UTC);
    let text = vendor.banner(moment(0)) + &vendor.grant(moment(1), 0, 0);
    let unix = understood(text.as_bytes());
    assert_eq!(understood(text.replace('\n', "\r\n").as_bytes()), unix);
    assert_eq!((unix.0.events >= 2, unix.0.unknown), (true, 0));
}

#[test]
fn names_of_windows_1252_are_kept() {
    let mut vendor = Vendor::new(1, TimeZone::UTC);
    let text = vendor.grant(moment(1), 0, 0).replace("alindqvist", "bj\u{f6}rn");
    let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    assert!(String::from_utf8(latin.clone()).is_err());
    let (coverage, events) = understood(&latin);
    assert_eq!((coverage.events, coverage.unknown), (1, 0));
    assert_eq!(events[0]["user"], "bj\u{f6}rn");
}

#[test]
fn a_line_of_100_mb_is_one_unknown_line_and_the_next_is_read() {
    let mut vendor = Vendor::new(1, TimeZone::UTC);
    let mut site = Site::with_log("");
    let file = vendor.file_name(moment(0));
    site.append(&file, &vendor.banner(moment(0)));
    {
        let long = File::options().append(true).open(site.logs().join(&file)).unwrap();
        let mut long = BufWriter::new(long);
        let piece = vec![b'x'; 1_000_000];
        for _ in 0..LONG_LINE_BYTES / piece.len() {
            long.write_all(&piece).unwrap();
        }
        long.write_all(b"\n").unwrap();
    }
    site.append(&file, &vendor.grant(moment(5), 0, 0));
    site.start();
    wait::until("the line behind it", || site.active().len() == 1);
    let server = site.server().unwrap();
    assert_eq!(server.coverage.unknown, 1);
    assert!(server.coverage.examples[0].text.len() < 10_000, "it is cut to be shown");
    let peak_kb = site.licmon_memory_peak_kb();
    assert!(peak_kb < MEMORY_KB_MAX, "licmon held {peak_kb} kB");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let site = Site::with_log("");
    let path = site.path("not-there.log");
    for output in [
        parse(&path),
        site.licmon(&["import", "--system", "dsls", "--server", "catia"])
            .arg(&path)
            .output()
            .unwrap(),
    ] {
        one_sentence(&output, &path);
    }
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("closed.log");
    append(&path, b"x\n");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let output = if geteuid().is_root() {
        // Root may read anything: this is tried as somebody who may not, with a program where all can reach it.
        let program = folder.path().join("licmon");
        fs::copy(&programs().licmon, &program).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let mut nobody = command("setpriv");
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        nobody.args(["parse", "--system", "dsls", "--kind", "log"]).arg(&path).output().unwrap()
    } else {
        parse(&path)
    };
    one_sentence(&output, &path);
}

#[track_caller]
fn one_sentence(output: &Output, path: &Path) {
    assert_eq!(output.status.code(), Some(1), "{}", shown(output));
    let said = shown(output);
    assert!(said.contains(&path.display().to_string()), "{said}");
    assert_eq!(output.stderr.trim_ascii_end().split(|byte| *byte == b'\n').count(), 1, "{said}");
}

#[test]
fn a_folder_that_is_not_there_is_told_on_the_servers_page_until_it_is() {
    let mut site = Site::with_log("");
    fs::remove_dir(site.logs()).unwrap();
    site.start();
    let folder = site.logs().display().to_string();
    wait::until("an error that names the folder", || {
        site.server().and_then(|server| server.error).is_some_and(|error| error.contains(&folder))
    });
    let page = site.get("/servers").body;
    assert!(page.contains(&folder), "{page}");
    fs::create_dir(site.logs()).unwrap();
    let mut vendor = Vendor::new(1, TimeZone::UTC);
    site.append(&vendor.file_name(moment(0)), &vendor.grant(moment(1), 0, 0));
    wait::until("it is followed now", || site.active().len() == 1);
    wait::until("and no error is told", || {
        site.server().is_some_and(|server| server.error.is_none())
    });
}

#[test]
fn a_database_that_is_not_ours_is_never_written() {
    let mut made = command("sqlite3");
    let site = Site::with_log("");
    let path = site.path("theirs.db");
    let made = made.arg(&path).arg("create table license_history (id integer)").status().unwrap();
    assert!(made.success());
    let before = fs::read(&path).unwrap();
    let mut licmon = command(&programs().licmon);
    licmon
        .args(["serve", "--config"])
        .arg(site.config())
        .arg("--runtime")
        .arg(site.path("runtime"));
    let output =
        licmon.env("HISTORY_DB", &path).env("LIVE_DB", site.path("live.db")).output().unwrap();
    assert!(!output.status.success());
    let said = shown(&output);
    let advice = format!("licmon import --system license-monitor-lite {}", path.display());
    assert!(said.contains(&advice), "{said}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_cannot_be_read_is_still_told_after_a_reload() {
    let mut site = Site::with_log("");
    fs::remove_dir_all(site.logs()).unwrap();
    site.start();
    let error = || site.server().expect("the server is known").error;
    wait::until("the folder is missed", || error().is_some_and(|text| text.contains("logs")));
    let configuration = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), configuration + "[[tool]]\nname = \"new\"\nseats = 1\n").unwrap();
    site.signal_licmon(Signal::SIGHUP);
    wait::until("the tool is known", || {
        let overview: Overview = site.api("/overview");
        overview.features.iter().any(|feature| feature.feature.as_str() == "new")
    });
    let error = site.server().expect("the server is known").error;
    assert!(error.is_some_and(|text| text.contains("logs")), "it is not healthy");
}
