//! Opening: where the databases are, whose they are, and what each connection may do.

use std::path::{Path, PathBuf};

use lic_protocol::paths;
use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
};

use crate::{
    error::{Doing, StoreError},
    identify::{self, APPLICATION_ID, Found},
    migrate,
};

/// The first SQLite whose write-ahead log is safe with more than one checkpointer. Source: sqlite.org, release 3.51.3.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a connection waits for another's lock.
const BUSY_MS: u32 = 5000;
/// Size that a write-ahead log is cut back to after a checkpoint.
const WAL_BYTES_KEPT: u32 = 16 << 20;
/// Pages in the write-ahead log before they are moved into the database: 16 MiB.
const WAL_PAGES: u32 = 4096;
/// Memory for the pages of history that a commit changes, in KiB.
const CACHE_KIB: i32 = 4096;
/// Prepared statements kept per connection.
const STATEMENTS_KEPT: usize = 64;
/// Tables of history that may be updated.
const WORKING_TABLES: [&str; 1] = ["checkpoint"];

/// Where the two databases are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabasePaths {
    /// What is active now.
    pub live: PathBuf,
    /// Everything that ever happened.
    pub history: PathBuf,
}

impl DatabasePaths {
    /// Both in the state folder, under their usual names.
    #[must_use]
    pub fn in_state(state: &Path) -> Self {
        Self { live: state.join(paths::LIVE_DB), history: state.join(paths::HISTORY_DB) }
    }

    /// The folder that has to be watched to learn of a commit.
    #[must_use]
    pub fn live_folder(&self) -> &Path {
        self.live.parent().unwrap_or(Path::new("."))
    }
}

/// The writer's connection to history: it inserts, moves checkpoints, and can do nothing else.
pub(crate) fn history_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let mut db = for_writing(path, "full", migrate::HISTORY)?;
    db.pragma_update(None, "cache_size", -CACHE_KIB).doing("open history")?;
    db.pragma_update(None, "recursive_triggers", true).doing("open history")?;
    // Every number of a row that a record names was just looked up or counted up.
    db.pragma_update(None, "foreign_keys", false).doing("open history")?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).doing("open history")?;
    db.authorizer(Some(|asked: AuthContext<'_>| may(asked.action))).doing("guard history")?;
    Ok(db)
}

/// Leaves out the triggers of history on the writer's own connection, where each would run once a record. They are for whoever
/// opens the file with another program; here the authorizer refuses update and delete, and no statement of ours replaces.
pub(crate) fn trust(history: &Connection) -> Result<(), StoreError> {
    let triggers = DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER;
    history.set_db_config(triggers, false).doing("open history").map(drop)
}

/// The writer's connection to live.
pub(crate) fn live_for_writing(path: &Path) -> Result<Connection, StoreError> {
    for_writing(path, "normal", migrate::LIVE)
}

/// A reader's connection to history. It sees what is committed and can change nothing.
pub(crate) fn history_for_reading(path: &Path) -> Result<Connection, StoreError> {
    for_reading(path, identify::history(path)?, migrate::HISTORY)
}

/// A reader's connection to live. It sees what is committed and can change nothing.
pub(crate) fn live_for_reading(path: &Path) -> Result<Connection, StoreError> {
    for_reading(path, identify::live(path)?, migrate::LIVE)
}

fn for_reading(path: &Path, found: Found, steps: &[&str]) -> Result<Connection, StoreError> {
    if found == Found::Nothing {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(open)?;
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MS.into())).map_err(open)?;
    migrate::check_is_newest(&db, path, steps)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(db)
}

fn for_writing(path: &Path, synchronous: &str, steps: &[&str]) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::SqliteTooOld { found: rusqlite::version() });
    }
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let mut db = Connection::open(path).map_err(open)?;
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MS.into())).map_err(open)?;
    db.pragma_update(None, "journal_mode", "wal").map_err(open)?;
    db.pragma_update(None, "synchronous", synchronous).map_err(open)?;
    db.pragma_update(None, "trusted_schema", false).map_err(open)?;
    db.pragma_update(None, "cell_size_check", true).map_err(open)?;
    db.pragma_update(None, "mmap_size", 0).map_err(open)?;
    db.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT).map_err(open)?;
    db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES).map_err(open)?;
    // Without its -wal and -shm files a reader of another user cannot open the database once we are gone.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(open)?;
    migrate::migrate(&mut db, path, steps, APPLICATION_ID)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(db)
}

/// What a statement on history may do, decided while it is prepared.
fn may(action: AuthAction<'_>) -> Authorization {
    match action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Insert { .. }
        | AuthAction::Transaction { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Update { table_name, .. } if WORKING_TABLES.contains(&table_name) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    const ROWS: &str = "insert into name (id, text) values (1, 'x');
        insert into server (id, name, system) values (1, 'lic1', 'dsls');
        insert into checkout (id, server, feature, at_ms, learned_at_ms, user, host, count, handle, source,
            identity_hash, identity_ordinal) values (1, 1, 1, 1, 1, 1, 1, 1, 'h', 1, 1, 0);
        insert into checkin (id, server, feature, at_ms, learned_at_ms, reason, identity_hash, identity_ordinal)
            values (2, 1, 1, 1, 1, 1, 2, 0);
        insert into pairing (id, checkout, checkin) values (3, 1, 2);
        insert into denial (id, server, feature, at_ms, learned_at_ms, user, host, count, reason, reason_class,
            identity_hash, identity_ordinal) values (4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 0);
        insert into queued (id, server, feature, at_ms, learned_at_ms, user, host, count, ticket, identity_hash,
            identity_ordinal) values (5, 1, 1, 1, 1, 1, 1, 1, 't', 5, 0);
        insert into dequeued (id, server, feature, at_ms, learned_at_ms, ticket, outcome, identity_hash,
            identity_ordinal) values (6, 1, 1, 1, 1, 't', 1, 6, 0);
        insert into server_event (id, server, at_ms, learned_at_ms, change, text, identity_hash, identity_ordinal)
            values (7, 1, 1, 1, 1, 't', 7, 0);
        insert into gap (id, server, generation, path, from_byte, at_ms, learned_at_ms, why)
            values (8, 1, 1, 'p', 1, 1, 1, 'w');
        insert into sample (id, server, feature, ordinal, at_ms, learned_at_ms) values (9, 1, 1, 0, 1, 1);
        insert into entitlement (id, server, feature, ordinal, at_ms, learned_at_ms, is_told, is_uncounted, is_permanent)
            values (10, 1, 1, 0, 1, 1, 1, 0, 0);
        insert into block (first_id, server, last_id, earliest_ms, latest_ms) values (1, 1, 7, 1, 1);
        insert into batch (number, first_id, last_id, committed_at_ms) values (1, 1, 7, 1);
        insert into checkpoint (id, server, path, dev, ino, head_len, head, anchor_len, anchor, offset, usage_lines,
            lines, events, noise, unknown, examples)
            values (1, 1, 'p', 1, 1, 0, x'', 0, x'', 0, 0, 0, 0, 0, 0, '[]');";

    fn history() -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let db = history_for_writing(&folder.path().join("history.db")).unwrap();
        db.execute_batch(ROWS).unwrap();
        (folder, db)
    }

    /// Every row of every table, and the schema.
    fn contents(db: &Connection) -> Vec<String> {
        let mut contents = Vec::new();
        for table in TABLES.iter().chain(&["checkpoint", "sqlite_schema"]) {
            let mut query = db.prepare(&format!("select * from {table}")).unwrap();
            let columns = query.column_count();
            let rows = query.query_map([], |row| {
                let cells: rusqlite::Result<Vec<rusqlite::types::Value>> =
                    (0..columns).map(|cell| row.get(cell)).collect();
                Ok(format!("{table} {:?}", cells?))
            });
            contents.extend(rows.unwrap().map(Result::unwrap));
        }
        contents
    }

    #[track_caller]
    fn check_refused(db: &Connection, sql: &str) {
        let before = contents(db);
        assert!(db.execute_batch(sql).is_err(), "went through: {sql}");
        assert!(contents(db) == before, "changed something: {sql}");
    }

    fn first_column(db: &Connection, table: &str) -> String {
        let sql = format!("select name from pragma_table_info('{table}') where cid = 0");
        db.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn records_are_never_changed() {
        let (folder, db) = history();
        let plain = Connection::open(folder.path().join("history.db")).unwrap();
        for table in TABLES {
            let id = first_column(&plain, table);
            let key = if table == "block" { "first_id, server" } else { id.as_str() };
            check_refused(&db, &format!("update {table} set {id} = {id}"));
            check_refused(&db, &format!("update {table} set {id} = 99 where {id} = -1"));
            check_refused(&db, &format!("delete from {table}"));
            check_refused(&db, &format!("delete from {table} where {id} = -1"));
            check_refused(&db, &format!("insert or replace into {table} select * from {table}"));
            check_refused(&db, &format!("replace into {table} select * from {table}"));
            check_refused(&db, &format!("insert into {table} select * from {table}"));
            check_refused(
                &db,
                &format!(
                    "insert into {table} select * from {table} where true
                    on conflict ({key}) do update set {id} = excluded.{id}"
                ),
            );
        }
        check_refused(&db, "replace into name (text) values ('x')");
        check_refused(&db, "replace into server (name, system) values ('lic1', 'flexlm')");
    }

    #[test]
    fn schema_is_never_changed() {
        let (_folder, db) = history();
        for table in TABLES {
            check_refused(&db, &format!("drop table {table}"));
            check_refused(&db, &format!("drop trigger {table}_is_not_updated"));
            check_refused(&db, &format!("alter table {table} rename to t"));
            check_refused(&db, &format!("alter table {table} add column c"));
            check_refused(&db, &format!("alter table {table} drop column id"));
            check_refused(&db, &format!("create index i on {table} (rowid)"));
            check_refused(
                &db,
                &format!(
                    "create trigger t before insert on {table} begin select raise(ignore); end"
                ),
            );
            check_refused(
                &db,
                &format!(
                    "create temp trigger t before insert on {table} begin select raise(ignore); end"
                ),
            );
        }
        for sql in [
            "drop view session",
            "drop index checkin_by_checkout",
            "drop table checkpoint",
            "alter table checkpoint add column c",
            "create table t (x)",
            "create temp table t (x)",
            "create view v as select 1",
            "create virtual table v using fts5 (x)",
            "attach ':memory:' as other",
            "detach main",
            "reindex",
            "analyze",
            "vacuum",
            "vacuum into '/nowhere'",
            "insert into sqlite_schema select * from sqlite_schema",
            "delete from sqlite_schema",
            "update sqlite_schema set sql = ''",
        ] {
            check_refused(&db, sql);
        }
    }

    #[test]
    fn no_setting_is_changed() {
        let (_folder, db) = history();
        for sql in [
            "pragma writable_schema = 1",
            "pragma user_version = 9",
            "pragma application_id = 9",
            "pragma recursive_triggers = 0",
            "pragma foreign_keys = 0",
            "pragma ignore_check_constraints = 1",
            "pragma journal_mode = off",
            "pragma synchronous = off",
            "pragma trusted_schema = 1",
            "pragma wal_checkpoint(truncate)",
            "select load_extension('x')",
        ] {
            check_refused(&db, sql);
        }
    }

    #[test]
    fn checkpoints_move_and_stay() {
        let (_folder, db) = history();
        assert_eq!(db.execute("update checkpoint set offset = 7", []).unwrap(), 1);
        let moved = "insert into checkpoint select * from checkpoint where true
            on conflict (id) do update set offset = 8";
        assert_eq!(db.execute(moved, []).unwrap(), 1);
        let offset: i64 =
            db.query_row("select offset from checkpoint", [], |row| row.get(0)).unwrap();
        assert_eq!(offset, 8);
        check_refused(&db, "delete from checkpoint");
        check_refused(&db, "replace into checkpoint select * from checkpoint");
    }

    /// A connection without triggers is guarded by its authorizer, which cannot see that an insert replaces.
    #[test]
    fn no_statement_of_ours_replaces() {
        let sources = [
            include_str!("insert.rs"),
            include_str!("names.rs"),
            include_str!("servers.rs"),
            include_str!("blocks.rs"),
            include_str!("checkpoint.rs"),
        ];
        for source in sources {
            assert!(source.contains("insert into ") && !source.contains("replace into"));
            assert!(!source.contains("insert or "));
        }
    }

    #[test]
    fn writer_without_triggers_still_only_grows() {
        let (folder, db) = history();
        trust(&db).unwrap();
        let plain = Connection::open(folder.path().join("history.db")).unwrap();
        for table in TABLES {
            let id = first_column(&plain, table);
            check_refused(&db, &format!("update {table} set {id} = {id}"));
            check_refused(&db, &format!("delete from {table}"));
            check_refused(&db, &format!("insert into {table} select * from {table}"));
        }
        check_refused(&db, "delete from checkpoint");
    }

    /// Without the authorizer, with SQLite's default of no recursive triggers and with them.
    #[test]
    fn triggers_stand_alone() {
        let (folder, db) = history();
        drop(db);
        let db = Connection::open(folder.path().join("history.db")).unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        for recursive in [false, true] {
            db.pragma_update(None, "recursive_triggers", recursive).unwrap();
            for table in TABLES {
                let id = first_column(&db, table);
                let key = if table == "block" { "first_id, server" } else { id.as_str() };
                check_refused(&db, &format!("update {table} set {id} = {id}"));
                check_refused(&db, &format!("delete from {table}"));
                check_refused(&db, &format!("replace into {table} select * from {table}"));
                check_refused(&db, &format!("update or ignore {table} set {id} = {id}"));
                check_refused(&db, &format!("update or replace {table} set {id} = {id}"));
                check_refused(
                    &db,
                    &format!(
                        "insert into {table} select * from {table} where true
                        on conflict ({key}) do update set {id} = excluded.{id}"
                    ),
                );
            }
            check_refused(&db, "replace into name (text) values ('x')");
            check_refused(&db, "replace into server (name, system) values ('lic1', 'flexlm')");
            check_refused(&db, "replace into name (id, text) values (2, 'x')");
            check_refused(&db, "delete from checkpoint");
        }
    }
}
