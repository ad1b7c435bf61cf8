//! A backup holds one moment of a history that goes on, and is there whole or not at all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::{fs, os::unix::fs::PermissionsExt, thread};

use jiff::Timestamp;
use lic_store::{backup::backup, error::StoreError, open::DatabasePaths, verify::verify};

use site::{Site, batch, checkin, checkout, event};

const BACKUPS: u64 = 3;
/// Commits before the first backup: enough for several steps of copying.
const COMMITS_BEFORE: u64 = 3;
const SESSIONS_PER_COMMIT: u64 = 4000;

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// One commit of whole sessions.
fn commit(writer: &mut lic_store::writer::Writer, number: u64, sessions: u64) {
    let events = (0..sessions).flat_map(|session| {
        let (line, handle) =
            (2 * (number * SESSIONS_PER_COMMIT + session), format!("{number}-{session}"));
        let at_ms = line.cast_signed();
        let user = format!("user{}", session % 50);
        [
            event(at_ms, line, checkout("A", &user, &handle, None)),
            event(at_ms + 1, line + 1, checkin("A", &user, &handle)),
        ]
    });
    writer.commit(&[batch("lic1", &events.collect::<Vec<_>>())], now()).unwrap();
}

#[test]
fn made_while_events_come_in_it_restores_to_a_moment_of_them() {
    let site = Site::new();
    let mut writer = site.writer();
    for number in 0..COMMITS_BEFORE {
        commit(&mut writer, number, SESSIONS_PER_COMMIT);
    }
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writing = thread::spawn(move || {
        let mut number = COMMITS_BEFORE;
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            commit(&mut writer, number, 20);
            number += 1;
        }
        writer
    });
    let mut before = 0;
    for number in 0..BACKUPS {
        let to = site.folder().join(format!("backup{number}.db"));
        let mut steps = 0;
        let made = backup(&site.paths, &to, |_, _| steps += 1).unwrap();
        assert!(made.whole && made.commits >= before && steps > 1, "{steps}: {made:?}");
        before = made.commits;
        let restored = tempfile::tempdir().unwrap();
        let paths = DatabasePaths::in_state(restored.path());
        fs::copy(&to, &paths.history).unwrap();
        let mut writer = lic_store::writer::Writer::open(&paths).unwrap();
        assert_eq!(writer.head(), made.head);
        commit(&mut writer, 1 << 20, 1);
        drop(writer);
        let verified = verify(&paths, made.head.as_slice(), |_, _| {}).unwrap();
        assert!(verified.whole && verified.commits == made.commits + 1, "{verified:?}");
    }
    drop(stop);
    let writer = writing.join().unwrap();
    assert!(writer.head().unwrap().commit > before, "events came in meanwhile");
    assert!(verify(&site.paths, &[], |_, _| {}).unwrap().whole);
}

#[test]
fn nothing_is_written_over_and_nothing_unfinished_stays() {
    let site = Site::new();
    let mut writer = site.writer();
    commit(&mut writer, 0, 10);
    let to = site.folder().join("backup.db");
    let unfinished = site.folder().join("backup.db.unfinished");
    fs::write(&unfinished, "of one that was killed").unwrap();
    backup(&site.paths, &to, |_, _| {}).unwrap();
    assert!(!unfinished.exists());
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let made = fs::read(&to).unwrap();
    let again = backup(&site.paths, &to, |_, _| {}).unwrap_err();
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
    assert!(fs::read(&to).unwrap() == made);
    let nowhere = site.folder().join("nowhere/backup.db");
    assert!(backup(&site.paths, &nowhere, |_, _| {}).is_err());
    assert!(!site.folder().join("nowhere").exists());
}

#[test]
fn one_that_is_killed_leaves_nothing_under_its_name() {
    let site = Site::new();
    let mut writer = site.writer();
    commit(&mut writer, 0, SESSIONS_PER_COMMIT);
    let to = site.folder().join("backup.db");
    let ended = std::panic::catch_unwind(|| {
        backup(&site.paths, &to, |_, _| panic!("killed here")).unwrap();
    });
    assert!(ended.is_err() && !to.exists());
    assert!(backup(&site.paths, &to, |_, _| {}).unwrap().whole);
}
