//! Whose a file is, found out without leaving a trace beside it. Nothing here writes.

use std::{ffi::OsString, fmt::Write, fs, io, path::Path};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{error::StoreError, migrate, open::DatabasePaths};

/// Written into the header of every database of ours ("licw"), so that nobody else's is ever taken for one.
pub(crate) const APPLICATION_ID: i32 = 0x6c69_6377;

/// What is at a path, where it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No file, or an empty database.
    Nothing,
    /// The database that belongs there, at a schema this program knows.
    Ours,
}

/// What is at the path of history. Refuses the pair if either is not what belongs there; nothing was made or changed by then.
pub(crate) fn both(paths: &DatabasePaths) -> Result<Found, StoreError> {
    if paths.history == paths.live {
        return Err(StoreError::OneFile { path: paths.live.clone() });
    }
    let found = history(&paths.history)?;
    live(&paths.live)?;
    Ok(found)
}

/// What is at the path of history.
pub(crate) fn history(path: &Path) -> Result<Found, StoreError> {
    found(path, "checkout", migrate::HISTORY.len())
}

/// What is at the path of live.
pub(crate) fn live(path: &Path) -> Result<Found, StoreError> {
    found(path, "watermark", migrate::LIVE.len())
}

/// `table` is in every schema of the database that belongs there, and never in the other.
fn found(path: &Path, table: &str, schemas: usize) -> Result<Found, StoreError> {
    match fs::metadata(path) {
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
            return Err(StoreError::Forbidden { path: path.to_owned() });
        }
        Ok(file) if file.len() > 0 => {}
        _ => return Ok(Found::Nothing),
    }
    let header = header(path, table).map_err(|source| match source.sqlite_error_code() {
        Some(ErrorCode::CannotOpen)
            if fs::File::open(path)
                .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) =>
        {
            StoreError::Forbidden { path: path.to_owned() }
        }
        Some(ErrorCode::NotADatabase) => StoreError::NotOurs { path: path.to_owned() },
        _ => StoreError::Open { path: path.to_owned(), source },
    })?;
    let known = u32::try_from(schemas).expect("there are few schemas");
    match header {
        Header { application_id: 0, tables: 0, .. } => Ok(Found::Nothing),
        Header { application_id, .. } if application_id != APPLICATION_ID => {
            Err(StoreError::NotOurs { path: path.to_owned() })
        }
        Header { has_table: false, .. } => Err(StoreError::Swapped { path: path.to_owned() }),
        Header { schema: found, .. } if found > known => {
            Err(StoreError::TooNew { path: path.to_owned(), found, known })
        }
        Header { .. } => Ok(Found::Ours),
    }
}

/// What a database says of itself.
struct Header {
    application_id: i32,
    schema: u32,
    tables: i64,
    has_table: bool,
}

fn header(path: &Path, table: &str) -> rusqlite::Result<Header> {
    let db = untouched(path)?;
    let tables =
        "select count(*), coalesce(sum(name = :table and type = 'table'), 0) from sqlite_schema";
    let (tables, named): (i64, i64) =
        db.query_row(tables, [table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Header {
        application_id: db.query_row("pragma application_id", [], |row| row.get(0))?,
        schema: db.query_row("pragma user_version", [], |row| row.get(0))?,
        tables,
        has_table: named > 0,
    })
}

/// A connection that leaves nothing beside the file: where no -wal file is, SQLite is told that nobody writes, or it would
/// make one. Where one is, what it holds has to be read too.
fn untouched(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = OsString::from(path);
    log.push("-wal");
    if Path::new(&log).exists() {
        return Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(immutable(path), flags)
}

/// The path as SQLite's own kind of address. Source: sqlite.org/uri.html.
fn immutable(path: &Path) -> String {
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                address.push(char::from(*byte));
            }
            _ => write!(address, "%{byte:02x}").expect("text takes every text"),
        }
    }
    address + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_keeps_every_byte_of_a_path() {
        let address = immutable(Path::new("/var/lib/a b?c#d%e/ä.db"));
        assert_eq!(address, "file:/var/lib/a%20b%3fc%23d%25e/%c3%a4.db?immutable=1");
    }

    #[test]
    fn path_with_strange_characters_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?c#d%e.db");
        Connection::open(&path).unwrap().execute_batch("create table t (x)").unwrap();
        assert!(matches!(live(&path), Err(StoreError::NotOurs { .. })));
    }
}
