//! Verifying: whether history is as it was stored, and if not, what is the first that is not. It only reads, a window at a time,
//! and licmon goes on writing meanwhile: what is stored never changes, and what comes after the walk began is left out.

mod blocks;
mod schema;
mod walk;
mod window;

use std::{error::Error, path::Path};

use lic_protocol::seal::{Fault, Head, Verified};
use rusqlite::Connection;

use self::walk::Walk;
use crate::{
    error::{Doing, StoreError},
    open::{self, DatabasePaths},
};

/// What SQLite's own check names at most.
const PAGES_SHOWN: u32 = 5;

/// Looks at all of history, and at whether it goes through the heads that were `published`. Tells `progress` how many of how many
/// records were looked at.
///
/// # Errors
/// When history is not there or cannot be opened. What cannot be read in it is found, not an error.
pub fn verify(
    paths: &DatabasePaths,
    published: &[Head],
    progress: impl FnMut(i64, i64),
) -> Result<Verified, StoreError> {
    verify_file(&paths.history, published, progress)
}

/// The same for a history somewhere else.
pub(crate) fn verify_file(
    path: &Path,
    published: &[Head],
    mut progress: impl FnMut(i64, i64),
) -> Result<Verified, StoreError> {
    let history = open::history_for_reading(path)?;
    let mut verified = Verified::default();
    // What is wrong with a record is told before what is wrong with its guards, of which there are many.
    let mut guards = Verified::default();
    let looked = schema::check(&history, &mut guards)
        .and_then(|()| Walk::over(&history, published, &mut verified, &mut progress))
        .and_then(|()| check_pages(&history, &mut verified));
    for Fault { table, id, what } in guards.faults {
        verified.fault(&table, id, what);
    }
    verified.more_faults += guards.more_faults;
    match looked {
        Err(error) if error.is_damage() => {
            let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            verified.fault("file", None, format!("cannot be read further: {error}{why}"));
        }
        looked => looked?,
    }
    verified.whole = verified.faults.is_empty() && verified.sealed_from.is_some();
    Ok(verified)
}

/// What SQLite can tell of its own file: indexes too, which no seal covers.
fn check_pages(history: &Connection, verified: &mut Verified) -> Result<(), StoreError> {
    let doing = "check the pages of history";
    let sql = format!("pragma integrity_check({PAGES_SHOWN})");
    let mut check = history.prepare(&sql).doing(doing)?;
    let mut said = check.query([]).doing(doing)?;
    while let Some(row) = said.next().doing(doing)? {
        let text: String = row.get(0).doing(doing)?;
        if text != "ok" {
            verified.fault("file", None, text.replace('\n', " "));
        }
    }
    Ok(())
}
