//! A damaged database is set aside under another name, told in the log, by doctor and on every page, and licmon goes on.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use lic_tests::{
    programs::{checkout, command},
    site::{SERVER, Site, shown},
    wait,
};

const PAGE: usize = 4096;

fn import(site: &Site) {
    let log = checkout().join("monitor/parse/fixtures/dsls/usage_on_premises.log");
    let arguments = ["import", "--system", "dsls", "--server", SERVER, "--zone", "UTC"];
    let output = site.licmon(&arguments).arg(log).output().expect("licmon runs");
    assert!(output.status.success(), "{}", shown(&output));
}

#[track_caller]
fn sqlite(database: &Path, statement: &str) -> String {
    let output = command("sqlite3").arg(database).arg(statement).output().expect("sqlite3 runs");
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Writes zeroes over the page that a table begins on. No program may have the database open.
fn damage(database: &Path, table: &str) {
    sqlite(database, "pragma wal_checkpoint(truncate)");
    let root =
        sqlite(database, &format!("select rootpage from sqlite_schema where name = '{table}'"));
    let root: u64 = root.parse().expect("a number");
    let file = fs::File::options().write(true).open(database).expect("a database");
    file.write_all_at(&[0; PAGE], (root - 1) * PAGE as u64).expect("a page is written");
}

fn database(site: &Site, name: &str) -> PathBuf {
    site.state().join(name)
}

#[test]
fn a_damaged_live_is_made_again_and_nothing_is_missing() {
    let mut site = Site::with_log("");
    import(&site);
    damage(&database(&site, "license_manager.db"), "session");
    site.start();
    assert!(site.sessions().len() > 5, "{:?}", site.sessions());
    assert!(database(&site, "license_manager.db.damaged-1").exists());
    let said = site.licmon_said();
    assert!(said.contains("license_manager.db.damaged-1: it was made again"), "{said}");
    assert!(!site.get("/").body.contains("was set aside"), "no figure is wrong");
}

#[test]
fn a_damaged_history_is_set_aside_and_every_page_says_so() {
    let mut site = Site::with_log("");
    import(&site);
    damage(&database(&site, "history.db"), "checkout");
    let aside = database(&site, "history.db.damaged-1");
    site.start();
    let (shown, said) = (aside.display().to_string(), site.licmon_said());
    assert!(said.contains(&format!("{shown}: a new history is begun")), "{said}");
    for page in ["/", "/sessions", "/denials", "/servers"] {
        let body = site.get(page).body;
        assert!(
            body.contains("A damaged history was set aside") && body.contains(&shown),
            "{page}"
        );
    }
    assert!(site.get("/api/v1/health").body.contains(&shown));
    let output = site.run_licmon(&["doctor"]);
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(told.contains(&format!("{shown} was damaged and set aside")), "{told}");
    // What the logs still tell is read again.
    import(&site);
    assert!(site.sessions().len() > 5, "{:?}", site.sessions());
    fs::rename(&aside, site.path("elsewhere")).expect("the file is there");
    // An answer is kept for a while as long as the databases do not change.
    wait::until("the page forgets what is gone", || {
        !site.get("/").body.contains("A damaged history was set aside")
    });
}

#[test]
fn rebuild_says_that_a_damaged_history_was_set_aside() {
    let site = Site::with_log("");
    import(&site);
    damage(&database(&site, "history.db"), "checkout");
    let output = site.run_licmon(&["rebuild"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("history was damaged and is set aside"), "{}", shown(&output));
    // The new one is whole.
    let output = site.run_licmon(&["rebuild"]);
    assert!(output.status.success(), "{}", shown(&output));
}
