//! Opening a database of another program so that nothing in or beside it changes.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::error::StoreError;

/// How long we wait for the other program to finish what it writes.
const BUSY: Duration = Duration::from_secs(5);
/// Where the file says how it is written, and the word for a write-ahead log. Source: sqlite.org/fileformat.html, 1.3.3.
const READ_VERSION_AT: usize = 19;
const WRITE_AHEAD: u8 = 2;
/// The way to files that takes no locks. Source: sqlite.org/vfs.html, 2.1.
const LOCKLESS: &str = "unix-none";

/// How a database is read without a trace.
enum Way {
    /// With the locks of its kind, which are not files.
    Locks,
    /// As a file nobody writes: SQLite would make a -wal and a -shm beside it.
    Unwritten,
    /// With its -wal, and an index of that in our memory: nobody has it open, or there would be a -shm.
    OwnIndex,
}

/// A connection that can change nothing, and leaves no file behind.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let way = way(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    open(path, &way).map_err(|source| StoreError::Open { path: path.to_owned(), source })
}

fn way(path: &Path) -> io::Result<Way> {
    if !is_write_ahead(path)? {
        return Ok(Way::Locks);
    }
    Ok(match (beside(path, "-wal").exists(), beside(path, "-shm").exists()) {
        (false, _) => Way::Unwritten,
        (true, true) => Way::Locks,
        (true, false) => Way::OwnIndex,
    })
}

fn is_write_ahead(path: &Path) -> io::Result<bool> {
    let mut header = Vec::new();
    File::open(path)?.take(READ_VERSION_AT as u64 + 1).read_to_end(&mut header)?;
    Ok(header.get(READ_VERSION_AT) == Some(&WRITE_AHEAD))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

fn open(path: &Path, way: &Way) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = match way {
        Way::Locks => Connection::open_with_flags(path, flags)?,
        Way::Unwritten => {
            Connection::open_with_flags(unwritten(path), flags | OpenFlags::SQLITE_OPEN_URI)?
        }
        Way::OwnIndex => {
            let db = Connection::open_with_flags_and_vfs(path, flags, LOCKLESS)?;
            // Only who holds the file alone may keep the index in memory; without locks everybody does.
            db.pragma_update(None, "locking_mode", "exclusive")?;
            db
        }
    };
    db.busy_timeout(BUSY)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.pragma_update(None, "query_only", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

/// The path as SQLite's own kind of address, every byte escaped. Source: sqlite.org/uri.html.
fn unwritten(path: &Path) -> String {
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        write!(address, "%{byte:02x}").expect("a String takes everything");
    }
    address + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;

    const ROW: &str = "create table history (x); insert into history values (1);";

    /// Every file of a folder, and what is in it.
    fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        files.map(|file| (file.clone(), fs::read(file).unwrap())).collect()
    }

    #[track_caller]
    fn check_untouched(path: &Path, expected: i64) {
        let before = files(path.parent().unwrap());
        let db = connect(path).unwrap();
        let rows: i64 = db.query_row("select count(*) from history", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, expected);
        assert!(db.execute_batch("insert into history values (2)").is_err(), "could write");
        drop(db);
        let after = files(path.parent().unwrap());
        assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
        assert!(after == before, "a file changed");
    }

    #[test]
    fn rolled_back_kind_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?c#d%e.db");
        Connection::open(&path).unwrap().execute_batch(ROW).unwrap();
        check_untouched(&path, 1);
    }

    #[test]
    fn write_ahead_kind_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?c#d%e.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!("pragma journal_mode = wal; {ROW}")).unwrap();
        drop(db);
        check_untouched(&path, 1);
    }

    #[test]
    fn rows_still_in_the_log_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!("pragma journal_mode = wal; {ROW}")).unwrap();
        db.execute_batch("pragma wal_checkpoint; insert into history values (2)").unwrap();
        let copies = tempfile::tempdir().unwrap();
        for name in ["history.db", "history.db-wal"] {
            fs::copy(folder.path().join(name), copies.path().join(name)).unwrap();
        }
        check_untouched(&copies.path().join("history.db"), 2);
    }

    #[test]
    fn database_in_use_is_read_and_can_be_written_meanwhile() {
        for journal in ["delete", "wal"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("history.db");
            let writer = Connection::open(&path).unwrap();
            writer.execute_batch(&format!("pragma journal_mode = {journal}; {ROW}")).unwrap();
            let reader = connect(&path).unwrap();
            let rows = || reader.query_row("select count(*) from history", [], |row| row.get(0));
            assert_eq!(rows(), Ok(1));
            writer.execute_batch("insert into history values (2)").unwrap();
            assert_eq!(rows(), Ok(2));
        }
    }

    #[test]
    fn missing_file_stays_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        assert!(matches!(connect(&path), Err(StoreError::File { .. })));
        assert!(files(folder.path()).is_empty());
    }
}
