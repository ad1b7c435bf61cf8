//! Damage: a log that is torn anywhere opens as a prefix, a damaged database is noticed and set aside, and nothing is ever removed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use lic_protocol::{event::Event, seal::Head};
use lic_store::{
    damage::histories_aside, open::DatabasePaths, read::Reader, verify::verify, writer::Writer,
};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use rusqlite::Connection;

use site::{Site, batch, checkin, checkout, denial, event, queue, rows};

const PAGE: usize = 4096;
/// A log is torn at every byte that this divides.
const TEAR_EVERY: usize = 97;
const FLIPS: u32 = 100;
/// Tables whose rows are sealed, and those that seal them.
const TABLES: [&str; 13] = [
    "name",
    "server",
    "checkout",
    "checkin",
    "pairing",
    "denial",
    "queued",
    "dequeued",
    "server_event",
    "sample",
    "entitlement",
    "block",
    "batch",
];

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// A commit of a few of everything; its number makes it another than all others.
fn commit(writer: &mut Writer, number: u64) {
    let (at_ms, line) = (1000 * number.cast_signed(), 1000 * number);
    let handle = format!("h{number}");
    let user = format!("user{}", number % 5);
    let mut events = vec![
        event(at_ms, line, checkout("A", &user, &handle, None)),
        event(at_ms, line + 1, checkout("B", &user, &handle, Some("seat"))),
        event(at_ms + 5, line + 2, denial("A", "eve")),
        event(at_ms + 6, line + 3, queue("A", "dan", &handle)),
    ];
    if number.is_multiple_of(2) {
        events.push(event(at_ms + 9, line + 4, checkin("A", &user, &handle)));
    }
    writer.commit(&[batch("lic1", &events)], now()).unwrap();
}

fn empty_log(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
}

/// A site of some commits, all of them in the databases themselves.
fn filled(commits: u64) -> Site {
    let site = Site::new();
    let mut writer = site.writer();
    (0..commits).for_each(|number| commit(&mut writer, number));
    drop(writer);
    for path in [&site.paths.history, &site.paths.live] {
        empty_log(path);
    }
    site
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

/// Zeroes a page, from 1 on, of a database that nobody has open.
fn zero_page(path: &Path, page: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[(page - 1) * PAGE..page * PAGE].fill(0);
    fs::write(path, bytes).unwrap();
}

fn pages(path: &Path) -> usize {
    usize::try_from(fs::metadata(path).unwrap().len()).unwrap() / PAGE
}

/// The page that a table or index begins on.
fn root_page(path: &Path, name: &str) -> usize {
    let db = Connection::open(path).unwrap();
    let sql = "select rootpage from sqlite_schema where name = ?";
    let page: i64 = db.query_row(sql, [name], |row| row.get(0)).unwrap();
    usize::try_from(page).unwrap()
}

#[test]
fn a_log_torn_at_any_place_opens_as_a_prefix() {
    let site = Site::new();
    let mut writer = site.writer();
    commit(&mut writer, 0);
    empty_log(&site.paths.history);
    let mut heads: Vec<Head> = writer.head().into_iter().collect();
    for number in 1..4 {
        commit(&mut writer, number);
        heads.push(writer.head().unwrap());
    }
    let (history, log) = (&site.paths.history, beside(&site.paths.history, "-wal"));
    let (history, log) = (fs::read(history).unwrap(), fs::read(log).unwrap());
    let torn = tempfile::tempdir().unwrap();
    let paths = DatabasePaths::in_state(torn.path());
    let (mut seen, mut cases) = (Vec::new(), 0);
    for (case, place) in (0..log.len()).step_by(TEAR_EVERY).enumerate() {
        fs::write(&paths.history, &history).unwrap();
        drop(fs::remove_file(beside(&paths.history, "-shm")));
        let mut bytes = log.clone();
        match case % 2 {
            0 => bytes.truncate(place),
            _ => bytes[place] ^= 0x5a,
        }
        fs::write(beside(&paths.history, "-wal"), bytes).unwrap();
        if case % 40 == 0 {
            drop(Writer::open(&paths).unwrap());
        }
        let commits = prefix(&paths.history, &heads);
        if case % 10 == 0 {
            let verified = verify(&paths, &[heads[commits - 1]], |_, _| {}).unwrap();
            assert!(verified.whole, "at {place}: {verified:?}");
        }
        seen.push(commits);
        cases += 1;
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(cases > 300 && seen == [1, 2, 3], "{cases} cases opened with {seen:?} commits");
    assert!(histories_aside(&paths).is_empty());
}

/// How many commits a history has, which are the first of those that were made.
#[track_caller]
fn prefix(history: &Path, heads: &[Head]) -> usize {
    let db = Connection::open(history).unwrap();
    let last = "select number, chain, last_id from batch order by number desc limit 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (commit, chain, last_id): (i64, [u8; 32], i64) = db.query_row(last, [], read).unwrap();
    let commits = usize::try_from(commit).unwrap();
    assert_eq!(heads[commits - 1], Head { commit, chain });
    let ids = "select (select count(*) from checkout) + (select count(*) from checkin)
        + (select count(*) from denial) + (select count(*) from queued)";
    let records: i64 = db.query_row(ids, [], |row| row.get(0)).unwrap();
    assert_eq!(records, last_id, "no record is missing or too much");
    commits
}

/// What is in the tables that count, or why they cannot be read.
fn contents(path: &Path) -> Result<Vec<String>, rusqlite::Error> {
    let db = Connection::open(path)?;
    let mut all = Vec::new();
    for table in TABLES {
        let mut query = db.prepare(&format!("select * from {table} not indexed"))?;
        let columns = query.column_count();
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let cells: Result<Vec<_>, _> = (0..columns).map(|cell| row.get_ref(cell)).collect();
            all.push(format!("{table} {:?}", cells?));
        }
    }
    Ok(all)
}

/// 1 bit flipped, a page zeroed, or the end cut off, wherever.
fn damage(bytes: &mut Vec<u8>, dice: &mut TestRng) -> String {
    let below = |dice: &mut TestRng, limit: usize| {
        usize::try_from(dice.next_u64() % u64::try_from(limit).unwrap()).unwrap()
    };
    match dice.next_u32() % 6 {
        0 => {
            let page = below(dice, bytes.len() / PAGE);
            bytes[page * PAGE..(page + 1) * PAGE].fill(0);
            format!("page {page} zeroed")
        }
        1 => {
            let length = below(dice, bytes.len());
            bytes.truncate(length);
            format!("cut to {length} bytes")
        }
        _ => {
            let (place, bit) = (below(dice, bytes.len()), dice.next_u32() % 8);
            bytes[place] ^= 1 << bit;
            format!("bit {bit} of byte {place} flipped")
        }
    }
}

#[test]
fn whatever_is_damaged_in_a_history_is_reported_where_it_alters_a_record() {
    let site = filled(300);
    let whole = fs::read(&site.paths.history).unwrap();
    let expected = contents(&site.paths.history).unwrap();
    let mut dice = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (mut altered, mut unaltered) = (0, 0);
    for _ in 0..FLIPS {
        let folder = tempfile::tempdir().unwrap();
        let paths = DatabasePaths::in_state(folder.path());
        let mut bytes = whole.clone();
        let done = damage(&mut bytes, &mut dice);
        fs::write(&paths.history, &bytes).unwrap();
        let verified = verify(&paths, &[], |_, _| {});
        if contents(&paths.history).is_ok_and(|found| found == expected) {
            unaltered += 1;
        } else {
            altered += 1;
            let is_whole = verified.is_ok_and(|verified| verified.whole);
            assert!(!is_whole, "{done}: nothing was found");
        }
        // Whether it opens or refuses, it does not end the program, and keeps what was there.
        drop(Writer::open(&paths));
        drop(Reader::open(&paths).and_then(|reader| reader.servers()));
    }
    assert!(altered > 50 && altered + unaltered == FLIPS, "{altered} altered a record");
}

#[test]
fn a_damaged_live_is_set_aside_and_made_again() {
    let site = filled(40);
    let picture = site.picture();
    assert!(picture.len() > 30);
    let pages = pages(&site.paths.live);
    let mut set_aside = 0;
    for page in 2..=pages {
        let before = fs::read(&site.paths.live).unwrap();
        zero_page(&site.paths.live, page);
        let damaged = fs::read(&site.paths.live).unwrap();
        let writer = site.writer();
        if damaged == before {
            continue;
        }
        let [aside] = writer.aside() else { panic!("page {page}: {:?}", writer.aside()) };
        set_aside += 1;
        assert_eq!(aside, &beside(&site.paths.live, &format!(".damaged-{set_aside}")));
        assert!(fs::read(aside).unwrap() == damaged, "page {page}: kept as it was");
        drop(writer);
        assert_eq!(site.picture(), picture, "page {page}");
        empty_log(&site.paths.live);
    }
    assert!(set_aside > 5, "{set_aside} of {pages} pages");
    assert!(histories_aside(&site.paths).is_empty(), "history is none of them");
}

#[test]
fn a_history_that_cannot_be_opened_is_set_aside_and_a_new_one_begun() {
    let site = filled(40);
    let root = root_page(&site.paths.history, "checkout");
    zero_page(&site.paths.history, root);
    let damaged = fs::read(&site.paths.history).unwrap();
    let mut writer = site.writer();
    let aside = beside(&site.paths.history, ".damaged-1");
    assert_eq!(
        (writer.aside(), histories_aside(&site.paths)),
        (&[aside.clone()][..], vec![aside.clone()])
    );
    assert!(fs::read(&aside).unwrap() == damaged, "kept as it was");
    commit(&mut writer, 7);
    assert_eq!(site.sessions().len(), 2, "it goes on");
    assert!(site.picture().iter().any(|row| row.contains("user2")), "live knows what it can");
    drop(writer);
    assert!(site.writer().aside().is_empty(), "once");
    assert!(verify(&site.paths, &[], |_, _| {}).unwrap().whole);
}

/// An index is not looked at before somebody asks for what is in it.
#[test]
fn damage_that_is_met_while_writing_is_remembered_for_the_next_start() {
    let site = filled(40);
    zero_page(&site.paths.history, root_page(&site.paths.history, "checkin_by_checkout"));
    let mut writer = site.writer();
    assert!(writer.aside().is_empty());
    let facts = [checkout("A", "eve", "late", None), checkin("A", "eve", "late")];
    let events: Vec<Event> =
        (990_000..).zip(facts).map(|(line, fact)| event(1, line, fact)).collect();
    assert!(writer.commit(&[batch("lic1", &events)], now()).is_err());
    drop(writer);
    let writer = site.writer();
    assert_eq!(writer.aside(), [beside(&site.paths.history, ".damaged-1")]);
    drop(writer);
    assert!(site.writer().aside().is_empty(), "once");
    let aside = Connection::open(beside(&site.paths.history, ".damaged-1")).unwrap();
    assert_eq!(rows(&aside, "select count(*) from batch"), ["[Integer(40)]"], "with its log");
}
