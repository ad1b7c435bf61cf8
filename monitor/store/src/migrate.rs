//! Numbered SQL files against `user_version`: each applied once, in order, whole or not at all.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Doing, StoreError};

/// The schemas of history.db, oldest first.
pub(crate) const HISTORY: &[&str] = &[
    include_str!("../migrations/history/0001_events.sql"),
    include_str!("../migrations/history/0002_denial_episodes.sql"),
    include_str!("../migrations/history/0003_daemon_starts.sql"),
    include_str!("../migrations/history/0004_queue_credit.sql"),
    include_str!("../migrations/history/0005_seals.sql"),
    include_str!("../migrations/history/0006_gaps.sql"),
    include_str!("../migrations/history/0007_samples.sql"),
];
/// The schemas of `license_manager.db`, oldest first.
pub(crate) const LIVE: &[&str] = &[
    include_str!("../migrations/live/0001_picture.sql"),
    include_str!("../migrations/live/0002_tools.sql"),
    include_str!("../migrations/live/0003_queue_credit.sql"),
    include_str!("../migrations/live/0004_gaps.sql"),
    include_str!("../migrations/live/0005_rollups.sql"),
    include_str!("../migrations/live/0006_polled.sql"),
    include_str!("../migrations/live/0007_denied_hours.sql"),
    include_str!("../migrations/live/0008_samples.sql"),
];

/// Brings the database at `path` to the newest schema.
///
/// # Errors
/// [`StoreError::TooNew`] when it is beyond that; the schema is then left alone, as it is when a step fails.
pub(crate) fn migrate(
    db: &mut Connection,
    path: &Path,
    steps: &[&str],
    application_id: i32,
) -> Result<(), StoreError> {
    let found = schema(db)?;
    let known = u32::try_from(steps.len()).expect("there are few schemas");
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    for (number, step) in (1..).zip(steps).skip(found as usize) {
        let doing = "migrate the database";
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate).doing(doing)?;
        change.execute_batch(step).doing(doing)?;
        change.pragma_update(None, "application_id", application_id).doing(doing)?;
        change.pragma_update(None, "user_version", number).doing(doing)?;
        change.commit().doing(doing)?;
    }
    Ok(())
}

/// Refuses a database that the program which writes it has yet to bring to the newest schema.
///
/// # Errors
/// [`StoreError::TooOld`].
pub(crate) fn check_is_newest(
    db: &Connection,
    path: &Path,
    steps: &[&str],
) -> Result<(), StoreError> {
    let found = schema(db)?;
    let known = u32::try_from(steps.len()).expect("there are few schemas");
    if found < known { Err(StoreError::TooOld { path: path.to_owned(), found }) } else { Ok(()) }
}

/// The schema a database is at; 0 when it is empty.
pub(crate) fn schema(db: &Connection) -> Result<u32, StoreError> {
    db.query_row("pragma user_version", [], |row| row.get(0)).doing("read the schema version")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(db: &Connection) -> Vec<String> {
        let mut rows = db.prepare("select name from sqlite_schema order by name").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn applies_once_and_in_order() {
        let mut db = Connection::open_in_memory().unwrap();
        let path = Path::new("x.db");
        migrate(&mut db, path, &["create table a (x)"], 7).unwrap();
        migrate(&mut db, path, &["create table a (x)", "create table b (x)"], 7).unwrap();
        migrate(&mut db, path, &["create table a (x)", "create table b (x)"], 7).unwrap();
        assert_eq!((tables(&db), schema(&db).unwrap()), (vec!["a".into(), "b".into()], 2));
    }

    #[test]
    fn live_of_the_first_schema_keeps_its_rows() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, Path::new("x.db"), &LIVE[..1], 7).unwrap();
        db.execute("insert into feature (server, feature, issued) values ('local', 'run', 3)", [])
            .unwrap();
        migrate(&mut db, Path::new("x.db"), LIVE, 7).unwrap();
        let sql = "select issued, reserved is null, mode is null from feature";
        let kept = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        assert_eq!(kept, Ok((3, true, true)));
    }

    #[test]
    fn history_of_before_keeps_its_records() {
        let mut db = Connection::open_in_memory().unwrap();
        let path = Path::new("history.db");
        migrate(&mut db, path, &HISTORY[..1], 7).unwrap();
        db.execute_batch(
            "insert into name values (1, 'started');
            insert into server values (1, 'lic1', 'dsls');
            insert into server_event values (1, 1, 5, 5, 1, 'ready', 9, 0, null, null);",
        )
        .unwrap();
        migrate(&mut db, path, HISTORY, 7).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let row: (String, Option<String>) =
            db.query_row("select text, ends from server_event", [], read).unwrap();
        assert_eq!(row, ("ready".to_owned(), None));
    }

    #[test]
    fn newer_database_is_refused_and_failed_step_leaves_the_old_schema() {
        let mut db = Connection::open_in_memory().unwrap();
        let path = Path::new("x.db");
        migrate(&mut db, path, &["create table a (x)"], 7).unwrap();
        let failed = migrate(&mut db, path, &["", "create table c (x); create table a (x)"], 7);
        assert!(failed.is_err());
        assert_eq!((tables(&db), schema(&db).unwrap()), (vec!["a".into()], 1));
        let refused = migrate(&mut db, path, &[], 7).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "x.db is at schema 1, this program knows up to 0: upgrade the program"
        );
    }
}
