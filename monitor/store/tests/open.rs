//! Opening: what is not ours stays as it is, one process writes, and readers come and go.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::{collections::BTreeMap, fs, path::Path};

use lic_protocol::query::{Filter, Which};
use lic_store::{StoreError, read::Reader, writer::Writer};
use rusqlite::Connection;
use site::{Site, at, batch, checkout, event};

/// Every file of a folder with its bytes, but for the lock.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files =
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()));
    files.filter(|(name, _)| name != "store.lock").collect()
}

fn foreign(path: &Path, journal_mode: &str) {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "journal_mode", journal_mode).unwrap();
    db.execute_batch("create table events (id integer primary key, line text); insert into events values (1, 'x')")
        .unwrap();
    db.close().unwrap();
}

fn newer(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "pragma journal_mode = wal; pragma user_version = 9; pragma wal_checkpoint(truncate)",
    )
    .unwrap();
    db.close().unwrap();
}

/// Writer and reader refuse what `make` put in the folder, with this sentence, and leave every byte of it.
#[track_caller]
fn check_refused(make: impl Fn(&Site), sentence: &str) {
    let site = Site::new();
    make(&site);
    let before = bytes(site.folder());
    let refused = Writer::open(&site.paths).err().expect("the writer refuses");
    assert_eq!(refused.to_string().replace(site.folder().to_str().unwrap(), "DIR"), sentence);
    assert_eq!(bytes(site.folder()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(bytes(site.folder()) == before, "the writer changed a byte");
    Reader::open(&site.paths).err().expect("the reader refuses");
    assert_eq!(bytes(site.folder()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(bytes(site.folder()) == before, "the reader changed a byte");
}

const NOT_OURS_LIVE: &str = "DIR/license_manager.db is not a database of licmon and is left as it is: name another \
    file, or take over the rows of License-Monitor-Lite with `licmon import --system license-monitor-lite \
    DIR/license_manager.db`";
const NOT_OURS_HISTORY: &str = "DIR/history.db is not a database of licmon and is left as it is: name another file, \
    or take over the rows of License-Monitor-Lite with `licmon import --system license-monitor-lite DIR/history.db`";

#[test]
fn database_of_somebody_else_is_left_alone() {
    check_refused(|site| foreign(&site.paths.live, "delete"), NOT_OURS_LIVE);
    check_refused(|site| foreign(&site.paths.history, "delete"), NOT_OURS_HISTORY);
}

#[test]
fn database_of_somebody_else_in_wal_mode_is_left_alone() {
    check_refused(|site| foreign(&site.paths.live, "wal"), NOT_OURS_LIVE);
    check_refused(|site| foreign(&site.paths.history, "wal"), NOT_OURS_HISTORY);
}

#[test]
fn text_is_left_alone() {
    let text = "18:15:02 (acmed) OUT: \"solve\" ann@pc-ann\n".repeat(200);
    check_refused(|site| fs::write(&site.paths.live, &text).unwrap(), NOT_OURS_LIVE);
    check_refused(|site| fs::write(&site.paths.history, "short\n").unwrap(), NOT_OURS_HISTORY);
}

#[test]
fn newer_schema_is_left_alone() {
    let make = |site: &Site, is_history: bool| {
        drop(site.writer());
        // Both go back to one file each, as a clean stop of another program would leave them.
        for path in [&site.paths.live, &site.paths.history] {
            let db = Connection::open(path).unwrap();
            db.pragma_update(None, "journal_mode", "delete").unwrap();
        }
        newer(if is_history { &site.paths.history } else { &site.paths.live });
    };
    let sentence =
        |known| format!("is at schema 9, this program knows up to {known}: upgrade the program");
    check_refused(|site| make(site, true), &format!("DIR/history.db {}", sentence(7)));
    check_refused(|site| make(site, false), &format!("DIR/license_manager.db {}", sentence(8)));
}

#[test]
fn newer_schema_that_is_still_in_the_log_is_left_alone() {
    let site = Site::new();
    drop(site.writer());
    let db = Connection::open(&site.paths.history).unwrap();
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    db.pragma_update(None, "user_version", 9).unwrap();
    db.close().unwrap();
    // What readers share (-shm) may be made again; what is stored may not change.
    let stored = || {
        let mut files = bytes(site.folder());
        files.retain(|name, _| !name.ends_with("-shm"));
        files
    };
    let before = stored();
    let refused = Writer::open(&site.paths).err().unwrap();
    assert!(matches!(refused, StoreError::TooNew { found: 9, known: 7, .. }), "{refused}");
    assert!(stored() == before);
}

#[test]
fn history_is_not_taken_for_live() {
    let site = Site::new();
    drop(site.writer());
    let mut swapped = site.paths.clone();
    swapped.live.clone_from(&site.paths.history);
    swapped.history.clone_from(&site.paths.live);
    assert!(Writer::open(&swapped).is_err());
    assert!(Reader::open(&swapped).is_err());
    drop(site.writer());
}

#[test]
fn second_writer_is_refused() {
    let site = Site::new();
    let first = site.writer();
    let refused = Writer::open(&site.paths).err().unwrap();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    drop(first);
    drop(site.writer());
}

#[test]
fn nothing_stored_is_missing() {
    let site = Site::new();
    assert!(matches!(Reader::open(&site.paths).err().unwrap(), StoreError::Missing { .. }));
    assert!(bytes(site.folder()).is_empty());
}

#[test]
fn empty_file_is_a_database_to_be() {
    let site = Site::new();
    fs::write(&site.paths.live, "").unwrap();
    assert!(matches!(Reader::open(&site.paths).err().unwrap(), StoreError::Missing { .. }));
    drop(site.writer());
    assert_eq!(site.sessions(), []);
}

#[test]
fn reader_works_beside_the_writer_and_after_it() {
    let site = Site::new();
    let mut writer = site.writer();
    let early = site.reader();
    let seen = |reader: &Reader| {
        let count = |which| reader.sessions(which, &Filter::default()).unwrap().sessions.len();
        (count(Which::Active), count(Which::All))
    };
    assert_eq!(seen(&early), (0, 0));
    let number = early.change_number().unwrap();
    let events = [event(1000, 1, checkout("solve", "ann", "h1", None))];
    writer.commit(&[batch("lic1", &events)], at(2000)).unwrap();
    assert_eq!(seen(&early), (1, 1));
    assert_ne!(early.change_number().unwrap(), number);
    drop(writer);
    assert_eq!(seen(&early), (1, 1));
    drop(early);
    assert_eq!(seen(&site.reader()), (1, 1));
    drop(site.writer());
    assert_eq!(seen(&site.reader()), (1, 1));
}

#[test]
fn one_file_for_both_is_refused_before_anything_is_made() {
    let mut site = Site::new();
    site.paths.history = site.paths.live.clone();
    assert!(matches!(Writer::open(&site.paths).err().unwrap(), StoreError::OneFile { .. }));
    assert!(!site.paths.live.exists());
}

/// The schema that history had first, with what was refused then.
const BEFORE: &str = concat!(
    include_str!("../migrations/history/0001_events.sql"),
    "insert into name (id, text) values (1, 'mesh'), (2, 'exhausted');
    insert into server (id, name, system) values (1, 'lic1', 'dsls');
    insert into denial (id, server, feature, at_ms, learned_at_ms, user, host, count, reason, reason_class,
        identity_hash, identity_ordinal) values (1, 1, 1, 5, 5, 1, 1, 1, 1, 2, 4, 0);
    pragma application_id = 1818846071; pragma user_version = 1;"
);

#[test]
fn history_of_the_schema_before_is_brought_up_to_date_by_its_writer() {
    let site = Site::new();
    drop(site.writer());
    fs::remove_file(&site.paths.history).unwrap();
    for beside in ["-wal", "-shm"] {
        let mut path = site.paths.history.clone().into_os_string();
        path.push(beside);
        fs::remove_file(path).unwrap();
    }
    Connection::open(&site.paths.history).unwrap().execute_batch(BEFORE).unwrap();
    let refused = Reader::open(&site.paths).err().unwrap();
    assert!(matches!(refused, StoreError::TooOld { found: 1, .. }), "{refused}");
    drop(site.writer());
    let page = site.reader().denials(&lic_protocol::query::Filter::default()).unwrap();
    assert_eq!((page.denials[0].tries, page.denials[0].episode, page.episodes[0].tries), (1, 1, 1));
}
