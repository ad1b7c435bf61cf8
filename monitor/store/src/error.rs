//! What can go wrong with the databases.

use std::{io, path::PathBuf};

use rusqlite::ErrorCode;

/// What can go wrong with the databases; each says what we were doing and to what.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened as a database.
    #[error("open {}", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// This user may not read the databases.
    #[error("{} may not be read by this user; members of the group of its folder may (licmon)", path.display())]
    Forbidden {
        /// The database.
        path: PathBuf,
    },
    /// Both databases would be one file.
    #[error("{} is named for both databases: give each a file of its own", path.display())]
    OneFile {
        /// The file.
        path: PathBuf,
    },
    /// There is no database yet.
    #[error("no database at {}: start `licmon serve` or `licmon import` first", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file is somebody else's.
    #[error(
        "{} is not a database of licmon and is left as it is: name another file, or take over the rows of \
         License-Monitor-Lite with `licmon import --system license-monitor-lite {}`",
        path.display(), path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The two databases stand in each other's place.
    #[error("{} is the other of licmon's two databases: exchange the two paths", path.display())]
    Swapped {
        /// The database.
        path: PathBuf,
    },
    /// The database was written by a newer program.
    #[error(
        "{} is at schema {found}, this program knows up to {known}: upgrade the program",
        path.display()
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema this program knows.
        known: u32,
    },
    /// The program that writes the database has yet to bring it to the newest schema.
    #[error(
        "{} is at schema {found}, which is older than this program: restart licmon, it brings it up to date",
        path.display()
    )]
    TooOld {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
    /// History cannot be copied before its schema changes, and so is left at the old one.
    #[error(
        "copy the history of before this upgrade to {}: make room there, or go back to the program of before",
        path.display()
    )]
    Copy {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// There is something where a copy shall be.
    #[error("{} is there already: nothing is written over, name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// History cannot be copied.
    #[error("copy history to {}", path.display())]
    Backup {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A database is not as it was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says of it.
        what: String,
    },
    /// SQLite itself is too old to be trusted with a write-ahead log.
    #[error("SQLite {found} has a known fault in its write-ahead log: 3.51.3 or newer is needed")]
    SqliteTooOld {
        /// Its version.
        found: &'static str,
    },
    /// Another process writes these databases.
    #[error("{} is held by another licmon: only one may write", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// A file or folder of the store cannot be used.
    #[error("use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A statement failed.
    #[error("{doing}")]
    Sql {
        /// What we were doing.
        doing: &'static str,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// A value in the database is none that this program writes.
    #[error("{what} holds {value}, which this program does not know")]
    Strange {
        /// Table and column.
        what: &'static str,
        /// What it holds.
        value: String,
    },
    /// A record was sent that cannot be stored.
    #[error("store an event of {server}: {why}")]
    Refused {
        /// The license server.
        server: String,
        /// Why.
        why: &'static str,
    },
}

impl StoreError {
    /// Whether a database is not as it was written.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. }) || self.sqlite().is_some_and(is_damage)
    }

    /// Whether a database holds what contradicts what was to be put into it.
    pub(crate) fn is_contradiction(&self) -> bool {
        let code = self.sqlite().and_then(rusqlite::Error::sqlite_error_code);
        code == Some(ErrorCode::ConstraintViolation)
    }

    fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Sql { source, .. } | Self::Open { source, .. } | Self::Copy { source, .. } => {
                Some(source)
            }
            _ => None,
        }
    }
}

/// Whether SQLite's error says that the file is not as it was written.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::Utf8Error(..) => true,
        _ => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
    }
}

/// Adds what we were doing to SQLite's error.
pub(crate) trait Doing<T> {
    /// `doing` is a sentence without a subject: `store a checkout`.
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Sql { doing, source })
    }
}
