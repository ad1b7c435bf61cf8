//! What keeps us from writing and passes: a disk without room, or one that may only be read. Nothing is lost by it, for what is to
//! be stored is kept until it can be.

use std::{fmt, io};

use rusqlite::{ErrorCode, ffi};

use crate::error::StoreError;

/// Why nothing can be stored for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room, or no more of it for this user.
    DiskFull,
    /// The file system may only be read.
    ReadOnly,
}

impl Trouble {
    /// Its word in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::DiskFull => "disk full",
            Self::ReadOnly => "read-only",
        }
    }

    /// What a word means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::DiskFull, Self::ReadOnly].into_iter().find(|trouble| trouble.word() == word)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => {
                "disk full: nothing is recorded until there is room beside the databases; then licmon goes on by itself"
            }
            Self::ReadOnly => {
                "the file system of the databases is read-only: nothing is recorded until it is writable; then licmon goes on by itself"
            }
        })
    }
}

impl StoreError {
    /// What it was, if that passes.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Sql { source, .. } | Self::Open { source, .. } | Self::Copy { source, .. } => {
                of_sqlite(source)
            }
            Self::File { source, .. } => of_system(source),
            _ => None,
        }
    }
}

fn of_sqlite(error: &rusqlite::Error) -> Option<Trouble> {
    let error = error.sqlite_error()?;
    match error.code {
        ErrorCode::DiskFull => Some(Trouble::DiskFull),
        ErrorCode::ReadOnly => Some(Trouble::ReadOnly),
        // A quota, and the index of the write-ahead log that cannot grow. That a file cannot be synced is none of them.
        _ if [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE]
            .contains(&error.extended_code) =>
        {
            Some(Trouble::DiskFull)
        }
        _ => None,
    }
}

fn of_system(error: &io::Error) -> Option<Trouble> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Trouble::DiskFull),
        io::ErrorKind::ReadOnlyFilesystem => Some(Trouble::ReadOnly),
        _ => None,
    }
}
