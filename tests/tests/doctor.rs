//! `licmon doctor` finds nothing on a machine that is well, and on each that is not it names what is wrong and nothing else.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use jiff::{Timestamp, tz::TimeZone};
use lic_protocol::doctor::{Findings, Level};
use lic_tests::{
    programs::{command, programs},
    site::{SERVER, Site, append, shown},
    vendor::{Vendor, moment},
    wait,
};
use nix::unistd::geteuid;

const NOBODY: u32 = 65_534;

/// A site that is well: licmon follows a log with one session.
struct Patient {
    site: Site,
    vendor: Vendor,
    log: String,
}

impl Patient {
    fn new() -> Self {
        let mut vendor = Vendor::new(7, TimeZone::UTC);
        let mut patient = Self::that_writes(&vendor.banner(moment(0)));
        let grant = vendor.grant(moment(1), 0, 0);
        patient.vendor = vendor;
        patient.writes(&grant);
        patient
    }

    fn that_writes(text: &str) -> Self {
        let vendor = Vendor::new(7, TimeZone::UTC);
        let log = vendor.file_name(moment(0));
        let site = Site::with_log("");
        site.append(&log, text);
        let mut patient = Self { site, vendor, log };
        patient.site.start_licmon();
        patient.is_read();
        patient
    }

    fn writes(&self, text: &str) {
        self.site.append(&self.log, text);
        self.is_read();
    }

    /// Waits until everything that was written is read.
    #[track_caller]
    fn is_read(&self) {
        let written = fs::read_to_string(self.log_path()).expect("a log").lines().count() as u64;
        wait::until("the log is read", || {
            let output = self.site.run_licmon(&["servers", "--json"]);
            let servers = serde_json::from_slice::<lic_protocol::view::Servers>(&output.stdout);
            let servers = servers.map(|document| document.servers).unwrap_or_default();
            let known = servers.iter().find(|server| server.name.as_str() == SERVER);
            known.is_some_and(|server| server.coverage.lines >= written)
        });
    }

    fn log_path(&self) -> PathBuf {
        self.site.logs().join(&self.log)
    }

    fn history(&self) -> PathBuf {
        self.site.state().join("history.db")
    }

    /// Has the owner of the state folder be nobody: root may do everything, and what counts is whom licmon runs as.
    fn is_of_nobody(&self) {
        if geteuid().is_root() {
            let files = fs::read_dir(self.site.state()).expect("a folder");
            for file in files.map(|entry| entry.expect("an entry").path()) {
                chown(file, Some(NOBODY), None).expect("an owner");
            }
            chown(self.site.state(), Some(NOBODY), None).expect("an owner");
            fs::set_permissions(self.site.path(""), fs::Permissions::from_mode(0o755))
                .expect("a mode");
        }
    }

    /// The only finding is of this level and holds these words.
    #[track_caller]
    fn has(&self, level: Level, words: &str) {
        check(self.site.licmon(&["doctor", "--json"]), level, words);
    }
}

#[track_caller]
fn check(mut doctor: Command, level: Level, words: &str) {
    let output = doctor.output().expect("licmon runs");
    let findings = findings(&output);
    // What is less here than elsewhere is told besides.
    let wrong: Vec<_> =
        findings.findings.iter().filter(|found| found.level != Level::Note).collect();
    let [finding] = wrong.as_slice() else { panic!("{words}: {findings:#?}") };
    assert!(finding.what.contains(words), "{words}: {finding:?}");
    assert!(!finding.mend.is_empty(), "{finding:?}");
    assert_eq!(finding.level, level, "{finding:?}");
    let code = i32::from(level == Level::Fault);
    assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
}

#[track_caller]
fn findings(output: &Output) -> Findings {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", shown(output)))
}

/// `licmon doctor` on another state folder than licmon has.
fn on_state(patient: &Patient, state: &Path) -> Command {
    let mut doctor = command(&programs().licmon);
    doctor.args(["doctor", "--json", "--config"]).arg(patient.site.config());
    doctor.arg("--runtime").arg(patient.site.path("runtime")).arg("--state").arg(state);
    doctor
}

fn sqlite(database: &Path, statement: &str) {
    let output = command("sqlite3").arg(database).arg(statement).output().expect("sqlite3 runs");
    assert!(output.status.success(), "{}", shown(&output));
}

#[test]
fn nothing_is_wrong_where_nothing_is() {
    let patient = Patient::new();
    let output = patient.site.run_licmon(&["doctor"]);
    let text = shown(&output);
    assert!(text.starts_with("exit status: 0\nnothing is wrong\n"), "{text}");
    // What this kernel cannot do is no matter of ours.
    let found = findings(&patient.site.run_licmon(&["doctor", "--json"]));
    assert!(found.findings.iter().all(|finding| finding.about == "kernel"), "{found:#?}");
    assert_eq!(text.lines().count(), 2 + 2 * found.findings.len(), "{text}");
}

#[test]
fn what_is_wrong_is_told_to_people_too() {
    let mut patient = Patient::new();
    patient.site.stop_licmon();
    let output = patient.site.run_licmon(&["doctor"]);
    let text = shown(&output);
    assert!(text.starts_with("exit status: 1\nfault: seats: licmon does not answer at "), "{text}");
    assert!(text.contains("\n  start it: `systemctl start licmon`"), "{text}");
    assert!(text.ends_with("licmon: 1 thing is wrong: what mends it stands there too\n"), "{text}");
}

#[test]
fn a_mistake_in_the_configuration() {
    let patient = Patient::new();
    append(&patient.site.config(), b"[monitor]\nscan = \"soon\"\n");
    patient.has(Level::Fault, "`soon` is not a duration");
}

#[test]
fn licmon_does_not_run() {
    let mut patient = Patient::new();
    patient.site.stop_licmon();
    patient.has(Level::Fault, "licmon does not answer at");
}

#[test]
fn a_folder_of_logs_that_is_not_there() {
    let patient = Patient::new();
    fs::rename(patient.site.logs(), patient.site.path("moved")).expect("a folder");
    patient.has(Level::Fault, "cannot be read: No such file or directory");
}

#[test]
fn a_source_that_matches_no_file() {
    let patient = Patient::new();
    fs::rename(patient.log_path(), patient.site.logs().join("other.log")).expect("a file");
    patient.has(Level::Fault, "no file in");
}

#[test]
fn a_license_server_that_does_not_answer() {
    let mut site = Site::with_log(
        "[[server]]\nname = \"asked\"\nsystem = \"olicense\"\npoll = { command = [\"/bin/false\"], every = \"1s\" }\n",
    );
    let mut vendor = Vendor::new(7, TimeZone::UTC);
    let log = vendor.file_name(moment(0));
    site.append(&log, &(vendor.banner(moment(0)) + &vendor.grant(moment(1), 0, 0)));
    site.start_licmon();
    wait::until("it was asked", || {
        let said = site.run_licmon(&["servers", "--json"]);
        let servers = serde_json::from_slice::<lic_protocol::view::Servers>(&said.stdout);
        let servers = servers.map(|document| document.servers).unwrap_or_default();
        servers.iter().any(|server| server.name.as_str() == "asked" && server.error.is_some())
    });
    check(site.licmon(&["doctor", "--json"]), Level::Fault, "server asked: ");
}

#[test]
fn a_log_that_licmon_may_not_read() {
    let patient = Patient::new();
    patient.is_of_nobody();
    fs::set_permissions(patient.log_path(), fs::Permissions::from_mode(0o000)).expect("a mode");
    patient.has(Level::Fault, "may not read 1 of the 1 logs");
}

#[test]
fn a_log_that_is_a_link() {
    let patient = Patient::new();
    let elsewhere = patient.site.path("elsewhere");
    fs::write(&elsewhere, "").expect("a file");
    symlink(elsewhere, patient.site.logs().join("LicenseServer20990101000000.log"))
        .expect("a link");
    let told = || String::from_utf8(patient.site.run_licmon(&["servers", "--json"]).stdout);
    wait::until("licmon tells", || told().is_ok_and(|told| told.contains("symbolic link")));
    patient.has(Level::Fault, "links are not followed");
}

#[test]
fn usage_tracing_that_is_off() {
    let vendor = Vendor::new(7, TimeZone::UTC);
    let denial = vendor.denial(moment(1), 0, 0, "no license available");
    let patient = Patient::that_writes(&(vendor.banner(moment(0)) + &denial));
    patient.has(Level::Warning, "shows no checkouts: usage tracing is off");
}

#[test]
fn lines_that_are_not_understood() {
    let patient = Patient::new();
    patient.writes("this is no line of a license server\n");
    patient.has(Level::Warning, "were not understood");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a log of tomorrow is one that this machine thinks is of tomorrow"
)]
fn a_log_whose_times_have_yet_to_come() {
    let mut patient = Patient::new();
    let tomorrow = Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let grant = patient.vendor.grant(tomorrow, 1, 1);
    patient.writes(&grant);
    patient.has(Level::Fault, "has yet to come");
}

#[test]
fn a_database_of_a_newer_program() {
    let patient = Patient::new();
    sqlite(&patient.history(), "pragma user_version = 999");
    patient.has(Level::Fault, "is at schema 999, this program knows up to");
}

#[test]
fn databases_that_are_not_there() {
    let patient = Patient::new();
    check(on_state(&patient, &patient.site.path("empty")), Level::Fault, "no database at");
}

#[test]
fn databases_in_each_others_place() {
    let patient = Patient::new();
    let other = patient.site.path("other");
    fs::create_dir(&other).expect("a folder");
    for (from, to) in [("history.db", "license_manager.db"), ("license_manager.db", "history.db")] {
        let backup = format!(".backup {}", other.join(to).display());
        sqlite(&patient.site.state().join(from), &backup);
        fs::set_permissions(other.join(to), fs::Permissions::from_mode(0o640)).expect("a mode");
    }
    check(on_state(&patient, &other), Level::Fault, "exchange the two paths");
}

#[test]
fn a_database_that_everybody_may_read() {
    let patient = Patient::new();
    fs::set_permissions(patient.history(), fs::Permissions::from_mode(0o644)).expect("a mode");
    patient.has(Level::Warning, "everybody on this machine may read");
}

/// Nothing is followed on, so licmon need not be started again.
fn with_own_log(patient: &Patient, file: &Path) {
    let log = format!("[monitor]\nlog = {{ file = \"{}\" }}\n", file.display());
    append(&patient.site.config(), log.as_bytes());
}

#[test]
fn a_log_of_its_own_without_a_folder() {
    let patient = Patient::new();
    with_own_log(&patient, &patient.site.path("nowhere/licmon.log"));
    patient.has(Level::Fault, "there is no folder");
}

#[test]
fn a_log_of_its_own_that_licmon_may_not_write() {
    let patient = Patient::new();
    patient.is_of_nobody();
    let folder = patient.site.path("log");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("a mode");
    with_own_log(&patient, &folder.join("licmon.log"));
    patient.has(Level::Fault, "where the log is to be kept");
}

#[test]
fn a_kernel_that_does_not_tell_of_files() {
    let patient = Patient::new();
    let doctor = patient.site.licmon(&["doctor", "--json"]);
    let mut strace = command("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=inotify_add_watch"]);
    strace.args(["-e", "inject=inotify_add_watch:error=ENOSPC"]);
    strace.arg(doctor.get_program()).args(doctor.get_args());
    check(strace, Level::Warning, "the kernel does not tell when a file is written");
}
