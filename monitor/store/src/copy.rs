//! The copy of history as it was before its schema changes: the way back to the program of before. Made here, never removed here.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, named_params};

use crate::{
    error::{Doing, StoreError},
    migrate,
    whole::{self, beside},
};

/// Copies the history at `path` beside it, if it is of an older schema than this program's: to `PATH.schema-N.batch-M`, where N is
/// that schema and M the last commit in it. Returns where it is, whether made now or by a start that did not get further.
///
/// # Errors
/// When there is no room for it, and whatever SQLite meets.
pub(crate) fn of_older(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let db = Connection::open_with_flags(path, flags).map_err(open)?;
    let schema = migrate::schema(&db)?;
    if schema == 0 || schema as usize >= migrate::HISTORY.len() {
        return Ok(None);
    }
    let sql = "select coalesce(max(number), 0) from batch";
    let batch: i64 = db.query_row(sql, [], |row| row.get(0)).doing("read the last batch")?;
    let copy = beside(path, &format!(".schema-{schema}.batch-{batch}"));
    if !copy.exists() {
        make(&db, &copy, &beside(path, ".unfinished-copy"))?;
    }
    Ok(Some(copy))
}

/// Under its name there is a whole copy, or none.
fn make(db: &Connection, copy: &Path, unfinished: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Copy { path: copy.to_owned(), source };
    whole::remove_unfinished(unfinished)?;
    let named = unfinished.as_os_str().as_encoded_bytes();
    let name = str::from_utf8(named).map_err(|error| StoreError::File {
        path: unfinished.to_owned(),
        source: io::Error::other(error),
    })?;
    db.execute("vacuum into :name", named_params! { ":name": name }).map_err(failed)?;
    // SQLite leaves the writing of it to the kernel. Source: sqlite.org/lang_vacuum.html.
    whole::name(unfinished, copy)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::identify::APPLICATION_ID;

    fn history(folder: &Path, schemas: usize) -> PathBuf {
        let path = folder.join("history.db");
        let mut db = Connection::open(&path).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        migrate::migrate(&mut db, &path, &migrate::HISTORY[..schemas], APPLICATION_ID).unwrap();
        db.execute_batch(
            "insert into name (id, text) values (1, 'ann');
            insert into batch (number, first_id, last_id, committed_at_ms) values (7, 1, 1, 5)",
        )
        .unwrap();
        path
    }

    #[test]
    fn an_older_history_is_copied_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = history(folder.path(), 1);
        fs::write(beside(&path, ".unfinished-copy"), "of a start that was killed").unwrap();
        let copy = of_older(&path).unwrap().unwrap();
        assert_eq!(copy, beside(&path, ".schema-1.batch-7"));
        assert!(!beside(&path, ".unfinished-copy").exists());
        let db = Connection::open(&copy).unwrap();
        let name: String = db.query_row("select text from name", [], |row| row.get(0)).unwrap();
        let id: i32 = db.query_row("pragma application_id", [], |row| row.get(0)).unwrap();
        assert_eq!((name.as_str(), migrate::schema(&db).unwrap(), id), ("ann", 1, APPLICATION_ID));
        let made = fs::metadata(&copy).unwrap().modified().unwrap();
        assert_eq!(of_older(&path).unwrap(), Some(copy.clone()));
        assert_eq!(fs::metadata(&copy).unwrap().modified().unwrap(), made);
    }

    #[test]
    fn a_history_of_today_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let path = history(folder.path(), migrate::HISTORY.len());
        assert_eq!(of_older(&path).unwrap(), None);
    }
}
