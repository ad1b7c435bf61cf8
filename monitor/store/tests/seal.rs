//! History shows what was done to it: every cell, every row, every commit, its end and its schema.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::fs;

use jiff::Timestamp;
use lic_protocol::{
    event::{Event, Fact, ServerChange},
    seal::{FAULTS_MAX, Fault, Head, Verified},
    snapshot::{FeatureStatus, Snapshot},
    view::ServerState,
};
use lic_store::{gaps::Missing, polled::Polled, verify::verify, writer::Writer};
use proptest::{prelude::*, sample::Index};
use rusqlite::{Connection, types::Value};

use site::{Site, batch, checkin, checkout, denial, dequeue, event, queue, server};

const TABLES: [&str; 14] = [
    "name",
    "server",
    "checkout",
    "checkin",
    "pairing",
    "denial",
    "queued",
    "dequeued",
    "server_event",
    "gap",
    "sample",
    "entitlement",
    "block",
    "batch",
];

/// Something of every kind, of two servers, in commits of several sizes: enough for two full blocks.
fn filled() -> Site {
    let site = Site::new();
    let mut writer = site.writer();
    let mut line = 0;
    let mut commit = |writer: &mut Writer, name: &str, facts: &[(i64, Fact)]| {
        let mut event = |(at_ms, fact): &(i64, Fact)| {
            line += 1;
            event(*at_ms, line, fact.clone())
        };
        let events: Vec<Event> = facts.iter().map(&mut event).collect();
        writer.commit(&[batch(name, &events)], now()).unwrap();
    };
    commit(
        &mut writer,
        "lic1",
        &[
            (1, server(ServerChange::Started)),
            (9, checkin("A", "cid", "h9")),
            (5, checkout("A", "cid", "h9", None)),
            (10, queue("A", "dan", "t1")),
            (11, dequeue("A", "t1")),
        ],
    );
    for round in 0..20 {
        let mut facts = Vec::new();
        for number in 0..60 {
            let at_ms = 1000 * (round + 1) + number;
            let handle = format!("{round}-{number}");
            let user = format!("user{}", number % 7 + round);
            facts.push((at_ms, checkout("B", &user, &handle, Some("seat"))));
            if number % 3 == 0 {
                facts.push((at_ms, checkin("B", &user, &handle)));
                facts.push((at_ms, denial("B", "eve")));
            }
        }
        let name = if round % 2 == 0 { "lic1" } else { "lic2" };
        commit(&mut writer, name, &facts);
        commit(&mut writer, name, &[(1000 * (round + 2), denial("C", "eve"))]);
    }
    let missing = Missing {
        server: "lic1".into(),
        generation: 1,
        path: "/logs/a.log".to_owned(),
        from: 100,
        to: Some(150),
        why: "it was cut".to_owned(),
    };
    writer.add_gap(&missing, now()).unwrap();
    writer.mend_gaps(&missing.server, missing.generation, now()).unwrap();
    for (asked_ms, in_use) in [(40_000, 1), (50_000, 2)] {
        let mut mesh = FeatureStatus::named("mesh");
        (mesh.issued, mesh.in_use, mesh.vendor) = (Some(4), Some(in_use), Some("acme".into()));
        let snapshot =
            Snapshot { state: ServerState::Up, features: vec![mesh], ..Snapshot::default() };
        let asked_at = site::at(asked_ms);
        let polled = Polled { server: "lic2".into(), asked_at, response_ms: Some(1.5), snapshot };
        writer.set_polled(&polled).unwrap();
    }
    drop(writer);
    site
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn looked_at(site: &Site) -> Verified {
    verify(&site.paths, &[], |_, _| {}).unwrap()
}

fn head(site: &Site) -> Head {
    site.reader().sealed_until().unwrap().unwrap().head
}

/// What somebody does who has the file, and no licmon: the guards are put back behind him.
fn tamper(site: &Site, statements: &str) {
    let db = Connection::open(&site.paths.history).unwrap();
    db.pragma_update(None, "foreign_keys", false).unwrap();
    db.pragma_update(None, "synchronous", "off").unwrap();
    db.execute_batch("begin").unwrap();
    let guards = "select name, sql from sqlite_schema where type = 'trigger' order by rowid";
    let mut query = db.prepare(guards).unwrap();
    let read = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let guards: Vec<(String, String)> = read.map(Result::unwrap).collect();
    drop(query);
    assert!(guards.len() > 30, "guards were found");
    for (name, _) in &guards {
        db.execute_batch(&format!("drop trigger {name}")).unwrap();
    }
    db.execute_batch(statements).unwrap();
    for (_, sql) in &guards {
        db.execute_batch(sql).unwrap();
    }
    db.execute_batch("commit").unwrap();
}

#[track_caller]
fn check_first(site: &Site, published: &[Head], table: &str, id: Option<i64>, what: &str) {
    let verified = verify(&site.paths, published, |_, _| {}).unwrap();
    let Some(first) = verified.faults.first() else { panic!("nothing was found: {verified:?}") };
    assert!(!verified.whole);
    let Fault { table: named, id: found, what: said } = first;
    assert!(named == table && *found == id && said.contains(what), "{:#?}", verified.faults);
}

#[test]
fn history_as_it_was_stored_is_whole() {
    let site = filled();
    let head = head(&site);
    let mut told = Vec::new();
    let verified = verify(&site.paths, &[head], |done, of| told.push((done, of))).unwrap();
    assert!(verified.whole, "{verified:#?}");
    assert_eq!((verified.sealed_from, verified.head), (Some(1), Some(head)));
    assert_eq!((verified.commits, verified.records, verified.unsealed_records), (45, 2032, 0));
    assert!(told.is_sorted() && told.last() == Some(&(2032, 2032)), "{told:?}");
    for table in TABLES {
        let db = Connection::open(&site.paths.history).unwrap();
        let sql = format!("select count(*) from {table}");
        let rows: i64 = db.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert!(rows > 0, "{table} has rows");
    }
}

#[test]
fn another_writer_goes_on_with_the_chain() {
    let site = filled();
    let published = head(&site);
    let mut writer = site.writer();
    writer.know_server(&"lic3".into(), "rlm").unwrap();
    let mut writer = site.writer_after(writer);
    let more = [event(90_000, 90_000, denial("new", "nobody"))];
    writer.commit(&[batch("lic3", &more)], now()).unwrap();
    let verified = verify(&site.paths, &[published, head(&site)], |_, _| {}).unwrap();
    assert!(verified.whole, "{verified:#?}");
    assert_eq!(verified.commits, 46);
}

#[test]
fn it_can_be_looked_at_while_it_is_written() {
    let site = filled();
    let mut writer = site.writer();
    let mut more = 0;
    let verified = verify(&site.paths, &[], |_, _| {
        more += 1;
        let event = event(90_000, 90_000 + more, denial("B", "eve"));
        writer.commit(&[batch("lic1", &[event])], now()).unwrap();
    });
    let verified = verified.unwrap();
    assert!(verified.whole && verified.commits == 45, "{verified:#?}");
}

#[test]
fn nothing_sealed_is_not_whole() {
    let site = Site::new();
    drop(site.writer());
    let verified = looked_at(&site);
    assert_eq!((verified.whole, verified.sealed_from, verified.faults), (false, None, vec![]));
}

#[test]
fn a_removed_record_is_missing() {
    let site = filled();
    tamper(&site, "delete from denial where id = 105");
    let db = Connection::open(&site.paths.history).unwrap();
    let sql = "select id from checkout where id > 200 limit 1";
    let checkout: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
    tamper(&site, &format!("delete from checkout where id = {checkout}"));
    let missing = looked_at(&site).faults;
    let missing: Vec<_> = missing.iter().map(|fault| (fault.table.as_str(), fault.id)).collect();
    let expected = [("record", Some(checkout))];
    assert!(missing.ends_with(&expected), "{missing:?}");
}

#[test]
fn rows_that_changed_places_are_named() {
    let site = filled();
    let db = Connection::open(&site.paths.history).unwrap();
    let sql = "select group_concat(id) from (select id from checkout where id > 300 limit 2)";
    let pair: String = db.query_row(sql, [], |row| row.get(0)).unwrap();
    let (one, other) = pair.split_once(',').unwrap();
    tamper(
        &site,
        &format!(
            "update checkout set id = -1 where id = {one};
            update checkout set id = {one} where id = {other};
            update checkout set id = {other} where id = -1;"
        ),
    );
    check_first(&site, &[], "checkout", one.parse().ok(), "does not fit its seal");
}

#[test]
fn commits_that_were_touched_are_named() {
    for (statement, id, what) in [
        ("update batch set committed_at_ms = 1 where number = 7", 7, "does not fit its chain"),
        ("update batch set chain = zeroblob(32) where number = 7", 7, "does not fit its chain"),
        ("update batch set chain = null where number = 45", 45, "has no chain"),
        ("delete from batch where number = 7", 7, "is missing"),
        ("update batch set last_id = last_id + 1 where number = 7", 7, "does not fit its chain"),
        ("update batch set last_id = 1 << 60 where number = 7", 7, "ends with record"),
        ("update batch set first_id = -(1 << 60) where number = 7", 7, "begins with record"),
        ("update batch set last_name = 1 << 60 where number = 7", 7, "does not fit its chain"),
        ("update batch set number = 1 << 60 where number = 7", 7, "is missing"),
        ("update batch set chain = null, last_name = null", 0, ""),
        ("update batch set chain = null where number < 7", 7, "does not fit its chain"),
    ] {
        let site = filled();
        tamper(&site, statement);
        match id {
            0 => assert_eq!(looked_at(&site).sealed_from, None),
            _ => check_first(&site, &[], "batch", Some(id), what),
        }
    }
}

#[test]
fn a_row_that_was_added_or_sealed_anew_is_named() {
    let site = filled();
    tamper(&site, "insert into pairing (id, checkout, checkin) values (9000, 3, 2)");
    check_first(&site, &[], "pairing", Some(9000), "is in no commit");
    let site = filled();
    tamper(&site, "insert into pairing (id, checkout, checkin) values (3, 3, 2)");
    check_first(&site, &[], "record", Some(3), "is there twice");
    let site = filled();
    tamper(&site, "insert into pairing (id, checkout, checkin) values (-3, 3, 2)");
    check_first(&site, &[], "pairing", Some(-3), "is in no commit");
}

#[test]
fn a_schema_that_lets_more_through_is_named() {
    for (statement, what) in [
        ("drop trigger denial_is_not_updated", "trigger denial_is_not_updated is missing"),
        ("drop view session", "view session is missing"),
        ("create trigger t before insert on name begin select 1; end", "trigger t was added"),
        (
            "drop trigger name_is_not_deleted;
            create trigger name_is_not_deleted before delete on name begin select 1; end",
            "trigger name_is_not_deleted is not as it was made",
        ),
    ] {
        let site = filled();
        Connection::open(&site.paths.history).unwrap().execute_batch(statement).unwrap();
        check_first(&site, &[], "schema", None, what);
    }
}

/// A chain alone cannot see this; a head that was written down elsewhere can.
#[test]
fn an_end_that_was_cut_off_shows_against_a_published_head() {
    let site = filled();
    let published = head(&site);
    let last = "(select last_id from batch where number = 30)";
    let cut = TABLES[2..12].iter().map(|table| format!("delete from {table} where id > {last}; "));
    let cut = cut.collect::<Vec<_>>().concat();
    let names = "delete from name where id > (select last_name from batch where number = 30);";
    let blocks = "delete from block where last_id > (select last_id from batch where number = 30);";
    tamper(&site, &format!("{names}{blocks}{cut}delete from batch where number > 30"));
    let verified = looked_at(&site);
    assert!(verified.whole, "nothing in the file tells: {verified:#?}");
    check_first(&site, &[published], "head", Some(45), "its end was cut off");
}

#[test]
fn another_file_shows_against_a_published_head() {
    let (site, other) = (filled(), Site::new());
    let published = head(&site);
    let mut writer = other.writer();
    for number in 0..50 {
        let event = event(number, number.cast_unsigned(), denial("B", "eve"));
        writer.commit(&[batch("lic1", &[event])], now()).unwrap();
    }
    drop(writer);
    fs::remove_file(site.paths.history.with_extension("db-wal")).unwrap();
    Connection::open(&other.paths.history)
        .unwrap()
        .query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
        .unwrap();
    fs::copy(&other.paths.history, &site.paths.history).unwrap();
    assert!(looked_at(&site).whole);
    check_first(&site, &[published], "head", Some(45), "is not on this chain");
}

#[test]
fn what_was_there_before_the_chain_is_taken_in_as_it_stood() {
    let site = filled();
    // As a history of before seals is after its migration.
    let unseal = TABLES[..13].iter().map(|table| format!("update {table} set seal = null;"));
    let unseal: String = unseal.collect();
    tamper(
        &site,
        &format!("{unseal} update batch set chain = null, last_name = null, last_server = null;"),
    );
    let mut writer = site.writer();
    let known = event(90_000, 90_000, denial("B", "eve"));
    writer.commit(&[batch("lic1", &[known])], now()).unwrap();
    drop(writer);
    let verified = looked_at(&site);
    assert!(verified.whole, "{verified:#?}");
    assert_eq!((verified.sealed_from, verified.unsealed_records), (Some(46), 2032));
    tamper(&site, "update name set text = 'adam' where text = 'eve'");
    check_first(&site, &[], "batch", Some(46), "does not fit its chain");
}

#[test]
fn faults_are_named_up_to_a_limit() {
    let site = filled();
    tamper(&site, "update checkout set count = 9");
    let verified = looked_at(&site);
    assert_eq!((verified.faults.len(), verified.more_faults), (FAULTS_MAX, 1201 - 20));
}

/// Another value of the same type; `by` says which.
fn other(value: &Value, declared: &str, by: u32) -> Value {
    match value {
        Value::Integer(number) => Value::Integer(number ^ (1 << (by % 63))),
        Value::Text(text) => Value::Text(format!("{text}{by}")),
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            let place = by as usize % bytes.len();
            bytes[place] ^= 1 << (by % 8);
            Value::Blob(bytes)
        }
        Value::Null if declared == "TEXT" => Value::Text(by.to_string()),
        Value::Null | Value::Real(_) => Value::Integer(by.into()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_cell_is_changed_its_row_is_named(
        table in prop::sample::select(&TABLES[..]),
        row in any::<Index>(),
        column in any::<Index>(),
        by in any::<u32>(),
    ) {
        let site = shared();
        let db = Connection::open(&site.paths.history).unwrap();
        let described = format!("select name, type from pragma_table_info('{table}')");
        let mut query = db.prepare(&described).unwrap();
        let columns = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let columns: Vec<(String, String)> = columns.map(Result::unwrap).collect();
        drop(query);
        let (column, declared) = column.get(&columns);
        let rows = format!("select count(*) from {table}");
        let rows: i64 = db.query_row(&rows, [], |row| row.get(0)).unwrap();
        let nth = row.index(usize::try_from(rows).unwrap());
        let key = &columns[0].0;
        let nth = format!("select rowid, {key}, {column} from {table} order by rowid limit 1 offset {nth}");
        let (rowid, id, value): (i64, i64, Value) =
            db.query_row(&nth, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        drop(db);
        let set = |value: &Value| {
            let value = match value {
                Value::Null => "null".to_owned(),
                Value::Integer(number) => number.to_string(),
                Value::Text(text) => format!("'{text}'"),
                Value::Blob(bytes) => {
                    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
                    format!("x'{}'", digits.collect::<Vec<_>>().concat())
                }
                Value::Real(_) => unreachable!("no column is a fraction"),
            };
            format!("update {table} set {column} = {value} where rowid = ")
        };
        let is_key = columns[0].0 == *column && table != "block";
        let changed = other(&value, declared, by);
        prop_assume!(!(is_key && taken(site, table, key, &changed)));
        let Value::Integer(moved) = (if is_key { changed.clone() } else { Value::Integer(rowid) })
        else { unreachable!("keys are numbers") };
        tamper(site, &format!("{}{rowid}", set(&changed)));
        let verified = looked_at(site);
        tamper(site, &format!("{}{moved}", set(&value)));
        prop_assert!(looked_at(site).whole, "put back");
        prop_assert!(!verified.whole, "nothing was found");
        let first = &verified.faults[0];
        // What has another id now, is missing under its own; a block elsewhere is missed by the commit that filled it.
        let is_moved = is_key || table == "block" && column == "first_id";
        let is_named = match first.table.as_str() {
            "record" | "batch" if is_moved => true,
            named => named == table && (is_moved || first.id == Some(id)),
        };
        prop_assert!(is_named, "{table} {id} {column}: {:#?}", verified.faults);
    }
}

/// Whether a key is in use, of whatever record.
fn taken(site: &Site, table: &str, key: &str, value: &Value) -> bool {
    let db = Connection::open(&site.paths.history).unwrap();
    let sql = format!("select count(*) from {table} where {key} = ?");
    let found: i64 = db.query_row(&sql, [value], |row| row.get(0)).unwrap();
    found > 0
}

/// One site for all cases of a property: each puts back what it changed.
fn shared() -> &'static Site {
    static SITE: std::sync::OnceLock<Site> = std::sync::OnceLock::new();
    SITE.get_or_init(filled)
}
