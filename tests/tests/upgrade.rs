//! Databases of every release open with the program of today and keep what is in them; a migration that is killed repeats cleanly.
//!
//! `tests/databases/make` writes a release's databases down.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use lic_protocol::view::Session;
use lic_tests::{
    dice::Dice,
    process::Process,
    programs::{checkout, command},
    site::{SERVER, Site, shown},
    wait,
};

/// What `tests/databases/make` lets a release read.
const LOGS: [&str; 2] = ["usage_on_premises.log", "denials.log"];
const KILLS: u32 = 12;
/// Records of the large history: enough for a migration of some hundred milliseconds.
const RECORDS: u64 = 60_000;
/// Before them, in milliseconds since 1970.
const FIRST_MS: i64 = 1_741_000_000_000;
/// The newest schema of history.
const NEWEST: &str = "7";

fn import(site: &Site) {
    for log in LOGS {
        let log = checkout().join("monitor/parse/fixtures/dsls").join(log);
        let arguments = ["import", "--system", "dsls", "--server", SERVER, "--zone", "UTC"];
        let output = site.licmon(&arguments).arg(log).output().expect("licmon runs");
        assert!(output.status.success(), "{}", shown(&output));
    }
}

/// Sessions, and denials, without what belongs to the reading of them.
#[track_caller]
fn told(site: &Site) -> (Vec<String>, Vec<String>) {
    let mut sessions: Vec<String> = site.sessions().iter().map(story).collect();
    let denials = site.denials().denials;
    let mut denials: Vec<String> = denials
        .iter()
        .map(|denial| format!("{} {} {} {}", denial.at, denial.feature, denial.user, denial.reason))
        .collect();
    sessions.sort_unstable();
    denials.sort_unstable();
    (sessions, denials)
}

fn story(session: &Session) -> String {
    let Session { feature, user, host, handle, started, ended, end_reason, seat, .. } = session;
    format!("{feature} {user} {host} {handle:?} {started} {ended:?} {end_reason:?} {seat:?}")
}

/// Everything sqlite3 prints.
#[track_caller]
fn sqlite(database: &Path, statement: &str) -> String {
    let output = command("sqlite3").arg(database).arg(statement).output().expect("sqlite3 runs");
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Makes a database of what a release wrote down.
fn restore(dump: &Path, database: &Path) {
    let text = fs::File::open(dump).expect("a dump");
    let mut sqlite = command("sqlite3");
    let output = sqlite.arg(database).stdin(Stdio::from(text)).output().expect("sqlite3 runs");
    assert!(output.status.success(), "{}", shown(&output));
}

fn databases() -> PathBuf {
    checkout().join("tests/databases")
}

/// The releases whose databases are kept.
fn releases() -> Vec<String> {
    let files = fs::read_dir(databases()).expect("a folder").map(|file| file.expect("a file"));
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".history.sql")?.to_owned())).collect();
    names.sort_unstable();
    names
}

/// Puts a release's databases into the state folder of a site.
fn put(release: &str, site: &Site) {
    fs::create_dir_all(site.state()).expect("a folder");
    for (kind, name) in [("history", "history.db"), ("live", "license_manager.db")] {
        restore(&databases().join(format!("{release}.{kind}.sql")), &site.state().join(name));
    }
}

/// The copies that were made before a migration.
fn copies(state: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(state).expect("a folder").map(|file| file.expect("a file").path());
    files.filter(|file| file.display().to_string().contains(".schema-")).collect()
}

#[test]
fn databases_of_every_release_keep_what_is_in_them() {
    let mut fresh = Site::with_log("");
    import(&fresh);
    fresh.start();
    let expected = told(&fresh);
    assert!(expected.0.len() > 5 && expected.1.len() > 3, "{expected:?}");
    let releases = releases();
    assert!(releases.len() > 1, "{releases:?}");
    let mut schemas = Vec::new();
    for release in releases {
        let mut site = Site::with_log("");
        put(&release, &site);
        let history = site.state().join("history.db");
        let schema = sqlite(&history, "pragma user_version");
        site.start();
        assert_eq!(told(&site), expected, "{release}");
        // What it has read is known again, whichever program read it.
        import(&site);
        assert_eq!(told(&site), expected, "{release}: read again");
        assert_eq!(sqlite(&history, "pragma user_version"), NEWEST, "{release}");
        let copies = copies(&site.state());
        if schema == NEWEST {
            assert_eq!(copies, Vec::<PathBuf>::new(), "{release}");
        } else {
            let [copy] = copies.as_slice() else { panic!("{release}: {copies:?}") };
            assert_eq!(sqlite(copy, "pragma user_version"), schema, "{release}");
            let said = site.licmon_said();
            assert!(said.contains(&copy.display().to_string()), "{release}: {said}");
        }
        schemas.push(schema);
    }
    assert!(schemas.iter().any(|schema| schema == NEWEST), "one is of today: {schemas:?}");
}

#[test]
fn a_migration_that_is_killed_repeats_cleanly() {
    let site = Site::with_log("");
    put("schema-1", &site);
    sqlite(&site.state().join("history.db"), &large());
    // The picture has seen them: opening is copying and migrating, and little else.
    let last = format!("update watermark set applied = {RECORDS}");
    sqlite(&site.state().join("license_manager.db"), &last);
    let (old, history) = (site.path("old"), site.state().join("history.db"));
    fs::rename(site.state(), &old).expect("a folder");
    let again = || {
        // There is none before the first time.
        drop(fs::remove_dir_all(site.state()));
        fs::create_dir(site.state()).expect("a folder");
        for name in ["history.db", "license_manager.db"] {
            fs::copy(old.join(name), site.state().join(name)).expect("a copy");
        }
    };
    let before = contents(&old.join("history.db"));
    again();
    import(&site);
    again();
    let began = Instant::now();
    import(&site);
    // Each log is read in by a licmon of its own, and the first of them migrates.
    let whole = began.elapsed() / 2;
    let mut dice = Dice::new(4711);
    let (mut killed, mut found) = (0, BTreeSet::new());
    for kill in 0..KILLS {
        again();
        let part = whole.mul_f64(f64::from(kill) / f64::from(KILLS));
        let part = part + Duration::from_micros(dice.below(20_000));
        let mut opens = site.licmon(&["rebuild"]);
        let said = site.path("licmon.said");
        let mut licmon = Process::start("licmon", &mut opens, &said).expect("licmon starts");
        killed += u32::from(wait::answer(part, || licmon.ended()).is_none());
        licmon.kill();
        found.insert(
            sqlite(&history, "pragma user_version") + &format!(" {}", copies(&site.state()).len()),
        );
        import(&site);
        assert_eq!(sqlite(&history, "pragma user_version"), NEWEST, "kill {kill}");
        assert_eq!(sqlite(&history, "pragma integrity_check"), "ok", "kill {kill}");
        assert_eq!(contents(&history), before, "kill {kill}");
        let copies = copies(&site.state());
        let copy = copies.iter().find(|copy| copy.display().to_string().contains(".schema-1."));
        assert_eq!(contents(copy.expect("a copy of schema 1")), before, "kill {kill}");
    }
    println!("{killed} of {KILLS} killed within {whole:?}; schemas and copies then: {found:?}");
    assert!(killed > KILLS / 2, "killed before its end: {killed}");
}

/// Denials of invented users, and the block that they fill.
fn large() -> String {
    format!(
        "with recursive n (i) as
            (select max(last_id) + 1 from batch union all select i + 1 from n where i < {RECORDS})
        insert into denial (id, server, feature, at_ms, learned_at_ms, user, host, count, reason, reason_class,
            identity_hash, identity_ordinal)
        select i, 1, 1 + i % 3, {FIRST_MS} + i * 1000, {FIRST_MS} + i * 1000, 1 + i % 7, 1 + i % 5, 1, 1, 1, i * 7919, 0
        from n;
        insert into block (first_id, server, last_id, earliest_ms, latest_ms) values (1, 1, {RECORDS}, 0, {FIRST_MS} + {RECORDS} * 1000);
        insert into batch select max(number) + 1, max(last_id) + 1, {RECORDS}, {FIRST_MS}, null from batch;"
    )
}

/// What a history holds, in figures that any change would change.
fn contents(history: &Path) -> String {
    let sql = "select count(*), sum(id), sum(user * id), sum(at_ms) from denial;
        select count(*), sum(id), sum(at_ms) from checkout; select count(*), sum(checkout) from checkin;
        select count(*) from name; select count(*), max(last_id) from batch";
    sqlite(history, sql)
}

#[test]
fn an_older_program_refuses_a_newer_database_with_one_sentence() {
    let mut site = Site::with_log("");
    import(&site);
    let history = site.state().join("history.db");
    sqlite(&history, "pragma user_version = 99");
    for arguments in [&["serve"][..], &["rebuild"], &["status"], &["sessions"]] {
        let output = site.run_licmon(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
        let said = String::from_utf8(output.stderr.clone()).expect("text");
        let expected = format!(
            "history.db is at schema 99, this program knows up to {NEWEST}: upgrade the program\n"
        );
        assert!(said.ends_with(&expected), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    }
    assert_eq!(sqlite(&history, "pragma user_version"), "99");
    assert_eq!(copies(&site.state()), Vec::<PathBuf>::new());
    sqlite(&history, &format!("pragma user_version = {NEWEST}"));
    site.start();
    assert!(!site.sessions().is_empty(), "nothing of it was changed");
}
