//! What licmon does where the machine fails it: it waits for room and says so, and it ends at once where what it wrote may be gone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use lic_protocol::view::Servers;
use lic_tests::{
    process::Process,
    programs::command,
    site::Site,
    vendor::{Vendor, moment},
    wait,
};

/// Lines that do not fit into the small disk beside what fills it.
const LINES: usize = 3000;
/// Makes a small disk of a folder for itself alone, leaves its number, and becomes the program.
const ON_SMALL_DISK: &str =
    r#"mount -t tmpfs -o size=4m tmpfs "$0" && echo $$ >"$1" && shift && exec "$@""#;
/// licmon ends so many seconds after a sync failed at most.
const ENDS_WITHIN_S: f64 = 2.0;
/// The file that a commit of history is written to, as strace names it.
const COMMIT: &str = "/history.db-wal>";

/// `count` lines of a log.
fn lines(vendor: &mut Vendor, from: i64, count: usize) -> String {
    (from..).take(count).map(|second| vendor.grant(moment(second), 0, 0)).collect()
}

/// The number that a program left of itself.
fn pid(path: &Path) -> i32 {
    wait::soon("it has left its number", || fs::read_to_string(path).ok()?.trim().parse().ok())
}

fn on_small_disk(site: &Site, pid: &Path) -> Command {
    let serve = site.licmon(&["serve"]);
    let mut alone = command("unshare");
    alone.args(["--user", "--map-root-user", "--mount", "sh", "-c", ON_SMALL_DISK]);
    alone.arg(site.state()).arg(pid).arg(serve.get_program()).args(serve.get_args());
    alone
}

/// The same command where that process sees its disk.
fn beside(pid: i32, command_there: &Command) -> Command {
    let mut nsenter = command("nsenter");
    nsenter.args(["--user", "--mount", "--preserve-credentials", "--target", &pid.to_string()]);
    nsenter.arg(command_there.get_program()).args(command_there.get_args());
    nsenter
}

fn printed(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    String::from_utf8(output.stdout).expect("text")
}

/// How many checkouts are stored.
fn counted(site: &Site) -> Command {
    let mut sqlite = command("sqlite3");
    sqlite.arg(site.state().join("history.db")).arg("select count(*) from checkout");
    sqlite
}

fn stored(site: &Site) -> usize {
    printed(&mut counted(site)).trim().parse().unwrap_or(0)
}

#[test]
fn where_the_disk_is_full_everything_waits_for_room() {
    let probe = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
    let can_mount = command("unshare").args(probe).stderr(Stdio::null()).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        return println!("not run: no user namespace may mount a small disk here");
    }
    let site = Site::with_log("[monitor]\nscan = \"100ms\"\n");
    fs::create_dir(site.state()).unwrap();
    let mut vendor = Vendor::new(3, jiff::tz::TimeZone::UTC);
    let file = vendor.file_name(moment(0));
    site.append(&file, &lines(&mut vendor, 0, 100));
    let number = site.path("pid");
    let mut serve = on_small_disk(&site, &number);
    let mut licmon = Process::start("licmon", &mut serve, &site.path("licmon.said")).unwrap();
    let pid = pid(&number);
    let stored = || printed(&mut beside(pid, &counted(&site))).trim().parse().unwrap_or(0);
    let asked = |arguments: &[&str]| printed(&mut beside(pid, &site.licmon(arguments)));
    wait::until("the log is read", || stored() == 100);

    // What is left is filled to the last page.
    let filler = PathBuf::from(format!("/proc/{pid}/root{}/filler", site.state().display()));
    let _ = fs::write(&filler, vec![0; 4 << 20]);
    site.append(&file, &lines(&mut vendor, 100, LINES));
    wait::until("it says so", || asked(&["servers", "--json"]).contains("disk full"));
    assert!(licmon.ended().is_none(), "{}", licmon.said());
    assert!(asked(&["doctor"]).contains("disk full"));
    assert!(stored() < 100 + LINES);

    fs::remove_file(&filler).unwrap();
    wait::until("all of it is stored", || stored() == 100 + LINES);
    wait::until("it says so no more", || {
        let text = asked(&["servers", "--json"]);
        let servers: Servers = serde_json::from_str(&text).expect("a document");
        servers.servers.iter().all(|server| server.error.is_none())
    });

    // Whoever waits for room can be stopped: what waits is in the log still.
    let _ = fs::write(&filler, vec![0; 4 << 20]);
    site.append(&file, &lines(&mut vendor, 5000, LINES));
    wait::until("it says so again", || asked(&["servers", "--json"]).contains("disk full"));
    licmon.stop().expect("it stops");
}

/// What was written may be gone once a sync has failed: nothing is told as stored after that.
#[test]
fn a_sync_that_fails_ends_licmon_at_once_and_the_next_goes_on() {
    let mut site = Site::with_log("[monitor]\nscan = \"100ms\"\n");
    let mut vendor = Vendor::new(5, jiff::tz::TimeZone::UTC);
    let file = vendor.file_name(moment(0));
    // Databases that are there already: what fails is a commit, not their making.
    site.start_licmon();
    site.stop_licmon();
    let calls = site.path("calls");
    let mut traced = traced(&site, &calls);
    wait::until("it is ready", || site.licmon_said().matches("ready:").count() == 2);
    let mut written = 0_usize;
    let status = wait::soon("it ends", || {
        site.append(&file, &lines(&mut vendor, written.try_into().expect("few"), 1));
        written += 1;
        traced.ended()
    });
    assert!(!status.success());
    let calls = Calls::of(&fs::read_to_string(&calls).expect("what strace wrote down"));
    assert_eq!(calls.failed.len(), 1, "it is not tried again: {calls:?}");
    assert!(calls.ended - calls.failed[0] < ENDS_WITHIN_S, "{calls:?}");
    site.start_licmon();
    wait::until("all of it is stored", || stored(&site) == written);
}

/// What strace saw, by the seconds of its clock.
#[derive(Debug)]
struct Calls {
    /// When a sync of what a commit wrote was made to fail; what else is synced is none of its concern.
    failed: Vec<f64>,
    /// When the last thread was gone.
    ended: f64,
}

impl Calls {
    fn of(text: &str) -> Self {
        let at = |line: &str| line.split_whitespace().nth(1)?.parse::<f64>().ok();
        let failed = text
            .lines()
            .filter(|line| line.contains(COMMIT) && line.contains("(INJECTED)"))
            .filter_map(at);
        let ended = text.lines().filter_map(at).next_back().expect("it saw something");
        Self { failed: failed.collect(), ended }
    }
}

/// licmon under strace, which lets every sync but the first fail, and writes down what it sees.
fn traced(site: &Site, calls: &Path) -> Process {
    let mut strace = command("strace");
    strace.args(["-f", "-q", "-y", "-ttt", "-e", "trace=fsync,fdatasync"]);
    strace.args(["-e", "inject=fsync,fdatasync:error=EIO:when=2+", "-o"]).arg(calls);
    let serve = site.licmon(&["serve"]);
    strace.arg(serve.get_program()).args(serve.get_args());
    Process::start("strace", &mut strace, &site.path("licmon.said")).expect("strace starts")
}

/// Sets how many files a program may have open.
fn allow_files(pid: u32, most: usize) {
    let limit = format!("--nofile={most}:");
    let status = command("prlimit").args(["--pid", &pid.to_string(), &limit]).status();
    assert!(status.expect("prlimit runs").success());
}

#[test]
fn logs_for_which_no_file_may_be_opened_are_read_when_one_may() {
    const LOGS: usize = 30;
    let site = Site::with_log("[monitor]\nscan = \"100ms\"\n");
    fs::create_dir(site.state()).unwrap();
    let mut vendor = Vendor::new(3, jiff::tz::TimeZone::UTC);
    let file = vendor.file_name(moment(0));
    site.append(&file, &lines(&mut vendor, 0, 100));
    let mut serve = site.licmon(&["serve"]);
    let mut licmon = Process::start("licmon", &mut serve, &site.path("licmon.said")).unwrap();
    wait::until("the log is read", || stored(&site) == 100);
    let open = fs::read_dir(format!("/proc/{}/fd", licmon.pid())).unwrap().count();
    allow_files(licmon.pid(), open + 3);

    for number in 0..LOGS {
        let second = i64::try_from(1000 * (number + 1)).unwrap();
        site.append(&vendor.file_name(moment(second)), &lines(&mut vendor, second, 10));
    }
    let told = || printed(&mut site.licmon(&["servers", "--json"]));
    wait::until("it says so", || told().contains("Too many open files"));
    assert!(stored(&site) < 100 + 10 * LOGS);
    let doctor = || printed(&mut site.licmon(&["doctor"]));
    wait::until("doctor says so", || doctor().contains("Too many open files"));
    assert!(licmon.ended().is_none(), "{}", licmon.said());

    allow_files(licmon.pid(), 1024);
    wait::until("all of it is stored", || stored(&site) == 100 + 10 * LOGS);
    wait::until("it says so no more", || !told().contains("Too many open files"));
    assert!(licmon.stop().unwrap().success(), "{}", licmon.said());
}
