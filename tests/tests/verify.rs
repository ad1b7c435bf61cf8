//! What is changed in a history behind licmon's back is named, and so is an end that was cut off, once its head was told elsewhere.

use std::{path::Path, process::Output};

use lic_protocol::{
    seal::{Head, Verified},
    view::Servers,
};
use lic_tests::{
    programs::{checkout, command},
    site::{SERVER, Site, shown},
    wait,
};

fn import(site: &Site) {
    let log = checkout().join("monitor/parse/fixtures/dsls/usage_on_premises.log");
    let arguments = ["import", "--system", "dsls", "--server", SERVER, "--zone", "UTC"];
    let output = site.licmon(&arguments).arg(log).output().expect("licmon runs");
    assert!(output.status.success(), "{}", shown(&output));
}

fn history(site: &Site) -> std::path::PathBuf {
    site.state().join("history.db")
}

/// Changes a database as somebody would who knows its guards.
fn tamper(history: &Path, statements: &str) {
    let output = command("sqlite3").arg(history).arg(statements).output().expect("sqlite3 runs");
    assert!(output.status.success(), "{}", shown(&output));
}

#[track_caller]
fn check(output: &Output, status: i32, said: &str) {
    let told = shown(output);
    assert!(output.status.code() == Some(status) && told.contains(said), "{status} {said}: {told}");
}

/// The triggers of `checkout`, off and on again.
fn without_guard(statement: &str) -> String {
    format!(
        "drop trigger checkout_is_not_updated;
        {statement};
        create trigger checkout_is_not_updated before update on checkout
begin
    select raise(abort, 'history only grows: checkout is never updated');
end;"
    )
}

#[test]
fn the_head_is_shown_wherever_servers_are_and_told_in_the_log() {
    let mut site = Site::with_log("");
    import(&site);
    site.start();
    let servers: Servers = site.json(&["servers"]);
    let sealed = servers.sealed_until.expect("history is sealed");
    let head = sealed.head.to_string();
    assert_eq!(site.api::<Servers>("/servers").sealed_until, Some(sealed));
    assert!(site.get("/servers").body.contains(&head), "the page shows {head}");
    check(&site.run_licmon(&["servers"]), 0, &format!("head {head}"));
    wait::until("the head in the log", || site.licmon_said().contains(&head));
    check(&site.run_licmon(&["verify", "--head", &head]), 0, "all as they were stored");
    let verified: Verified = site.json(&["verify"]);
    assert!(verified.whole && verified.head == Some(sealed.head), "{verified:?}");
}

#[test]
fn a_changed_record_is_named_while_licmon_runs() {
    let mut site = Site::with_log("");
    import(&site);
    site.start();
    tamper(&history(&site), &without_guard("update checkout set count = 7 where id = 2"));
    check(&site.run_licmon(&["verify"]), 1, "checkout 2 does not fit its seal: it was changed");
    let output = site.run_licmon(&["verify", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let verified: Verified = serde_json::from_slice(&output.stdout).expect("a document");
    let first = verified.faults.first().expect("a fault");
    assert_eq!((first.table.as_str(), first.id), ("checkout", Some(2)));
}

#[test]
fn a_guard_that_was_taken_away_is_named() {
    let site = Site::with_log("");
    import(&site);
    tamper(&history(&site), "drop trigger checkout_is_not_deleted");
    let said = "schema: trigger checkout_is_not_deleted is missing";
    check(&site.run_licmon(&["verify"]), 1, said);
}

#[test]
fn another_history_in_its_place_shows_against_the_head_of_before() {
    let (site, other) = (Site::with_log(""), Site::with_log(""));
    import(&site);
    import(&other);
    let head = |site: &Site| {
        let servers: Servers = site.json(&["servers"]);
        servers.sealed_until.expect("history is sealed").head
    };
    let (before, now) = (head(&site), head(&other));
    assert_ne!(before.chain, now.chain, "each was committed at its own time");
    let asked = ["verify", "--head", &before.to_string()];
    check(&other.run_licmon(&asked), 1, "this is another history, or it was made anew");
    check(&site.run_licmon(&asked), 0, "");
    let later = Head { commit: before.commit + 1, ..before }.to_string();
    check(&site.run_licmon(&["verify", "--head", &later]), 1, "its end was cut off");
}

#[test]
fn what_cannot_be_verified_says_so_by_its_status() {
    let site = Site::with_log("");
    check(&site.run_licmon(&["verify"]), 1, "no database");
    check(&site.run_licmon(&["verify", "--head", "12:ab"]), 2, "not a head of history");
    check(&site.run_licmon(&["rebuild"]), 0, "");
    check(&site.run_licmon(&["verify"]), 75, "nothing in history is sealed yet");
}

#[test]
fn a_backup_made_while_licmon_runs_restores_in_an_empty_folder() {
    let mut site = Site::with_log("[[tool]]\nname = \"render\"\nseats = 3\n");
    import(&site);
    site.start();
    let backup = site.path("backup.db").display().to_string();
    check(&site.run_licmon(&["backup", &backup]), 0, "all as they were stored");
    let told = site.sessions();
    assert!(told.len() > 5, "{told:?}");
    let output = site.licwrap(&["-f", "render", "--", "true"]).output().expect("licwrap runs");
    assert!(output.status.success(), "{}", shown(&output));
    check(&site.run_licmon(&["backup", &backup]), 1, "is there already");
    let mut restored = Site::with_log("");
    std::fs::create_dir(restored.state()).expect("a folder");
    std::fs::copy(&backup, history(&restored)).expect("a copy");
    restored.start();
    assert_eq!(restored.sessions(), told);
    check(&restored.run_licmon(&["verify"]), 0, "all as they were stored");
}
