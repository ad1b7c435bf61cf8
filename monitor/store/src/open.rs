//! Opening: where the databases are, whose they are, and what each connection may do.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use lic_protocol::paths;
use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
};

use crate::{
    error::{Doing, StoreError},
    migrate,
};

/// Written into the header of every database of ours ("licw"), so that nobody else's is ever taken for one.
const APPLICATION_ID: i32 = 0x6c69_6377;
/// The first SQLite whose write-ahead log is safe with more than one checkpointer. Source: sqlite.org, release 3.51.3.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a connection waits for another's lock.
const BUSY_MS: u32 = 5000;
/// Size that a write-ahead log is cut back to after a checkpoint.
const WAL_BYTES_KEPT: u32 = 16 << 20;
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

/// Holds the right to write, for as long as it lives.
pub(crate) fn lock(database: &DatabasePaths) -> Result<File, StoreError> {
    let folder = database.history.parent().unwrap_or(Path::new("."));
    let path = folder.join(paths::STORE_LOCK);
    let file_error = |path: &Path, source| StoreError::File { path: path.to_owned(), source };
    fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
    let file = File::create(&path).map_err(|source| file_error(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(file_error(&path, source)),
    }
}

/// The writer's connection to history: it inserts, moves checkpoints, and can do nothing else.
pub(crate) fn history_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let mut db = for_writing(path, "full", migrate::HISTORY)?;
    db.pragma_update(None, "recursive_triggers", true).doing("open history")?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).doing("open history")?;
    db.authorizer(Some(|asked: AuthContext<'_>| may(asked.action))).doing("guard history")?;
    Ok(db)
}

/// The writer's connection to live.
pub(crate) fn live_for_writing(path: &Path) -> Result<Connection, StoreError> {
    for_writing(path, "normal", migrate::LIVE)
}

/// A reader's connection. It sees what is committed and can change nothing.
pub(crate) fn for_reading(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(open)?;
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MS.into())).map_err(open)?;
    let ours = is_ours(&db).map_err(open)?;
    if ours != Some(true) {
        let path = path.to_owned();
        return Err(if ours.is_none() {
            StoreError::Missing { path }
        } else {
            StoreError::NotOurs { path }
        });
    }
    let steps = if is_history(&db).map_err(open)? { migrate::HISTORY } else { migrate::LIVE };
    let (found, known) = (migrate::schema(&db)?, u32::try_from(steps.len()).unwrap_or(u32::MAX));
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(db)
}

fn for_writing(path: &Path, synchronous: &str, steps: &[&str]) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::SqliteTooOld { found: rusqlite::version() });
    }
    refuse_others(path)?;
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let mut db = Connection::open(path).map_err(open)?;
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MS.into())).map_err(open)?;
    db.pragma_update(None, "journal_mode", "wal").map_err(open)?;
    db.pragma_update(None, "synchronous", synchronous).map_err(open)?;
    db.pragma_update(None, "trusted_schema", false).map_err(open)?;
    db.pragma_update(None, "cell_size_check", true).map_err(open)?;
    db.pragma_update(None, "mmap_size", 0).map_err(open)?;
    db.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT).map_err(open)?;
    // Without its -wal and -shm files a reader of another user cannot open the database once we are gone.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(open)?;
    migrate::migrate(&mut db, path, steps, APPLICATION_ID)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(db)
}

/// A file that is there and is not ours is not even opened for writing.
fn refuse_others(path: &Path) -> Result<(), StoreError> {
    let length = fs::metadata(path).map_or(0, |file| file.len());
    if length == 0 {
        return Ok(());
    }
    let not_ours = || StoreError::NotOurs { path: path.to_owned() };
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(open)?;
    match is_ours(&db) {
        Ok(Some(false)) => Err(not_ours()),
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(not_ours())
        }
        Err(error) => Err(open(error)),
    }
}

/// `None` when the database is empty.
fn is_ours(db: &Connection) -> rusqlite::Result<Option<bool>> {
    let id: i32 = db.query_row("pragma application_id", [], |row| row.get(0))?;
    let tables: i64 = db.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    Ok(if id == APPLICATION_ID {
        Some(true)
    } else if tables == 0 && id == 0 {
        None
    } else {
        Some(false)
    })
}

fn is_history(db: &Connection) -> rusqlite::Result<bool> {
    let sql = "select exists (select 1 from sqlite_schema where name = 'checkout')";
    db.query_row(sql, [], |row| row.get(0))
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
