//! A copy of history made while it is written, with SQLite's own means: one moment of it, whole, or no file under that name.

use std::path::Path;

use lic_protocol::seal::Verified;
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use crate::{
    error::StoreError,
    open::{self, DatabasePaths},
    verify, whole,
};

/// Pages copied at a time, between two tellings of how far it is.
const PAGES_STEP: i32 = 64;

/// Copies history to the file `to`, which must not be there yet, and verifies the copy. Tells `progress` how many of how many pages
/// are copied. A copy of a history that is not as it was stored is kept all the same, and said.
///
/// # Errors
/// When there is a file already, no room, no history; then nothing is under that name.
pub fn backup(
    paths: &DatabasePaths,
    to: &Path,
    mut progress: impl FnMut(i32, i32),
) -> Result<Verified, StoreError> {
    let history = open::history_for_reading(&paths.history)?;
    // SQLite opens it by its name.
    let (unfinished, _) = whole::begin(to)?;
    let made = copy(&history, &unfinished, to, &mut progress)
        .and_then(|()| verify::verify_file(&unfinished, &[], |_, _| {}))
        .and_then(|verified| whole::name(&unfinished, to).map(|()| verified));
    if made.is_err() {
        // The first error is the one to tell.
        drop(whole::remove_unfinished(&unfinished));
    }
    made
}

/// One read transaction over all steps: what is committed meanwhile does not start the copy anew.
fn copy(
    history: &Connection,
    unfinished: &Path,
    to: &Path,
    progress: &mut impl FnMut(i32, i32),
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Backup { path: to.to_owned(), source };
    let moment = history.unchecked_transaction().map_err(failed)?;
    moment.query_row("select count(*) from sqlite_schema", [], |_| Ok(())).map_err(failed)?;
    let mut copy = Connection::open(unfinished).map_err(failed)?;
    let steps = Backup::new(&moment, &mut copy).map_err(failed)?;
    while steps.step(PAGES_STEP).map_err(failed)? != StepResult::Done {
        let told = steps.progress();
        progress(told.pagecount - told.remaining, told.pagecount);
    }
    drop(steps);
    // One file, to be carried away: nothing of it is in a log beside it.
    copy.pragma_update(None, "journal_mode", "delete").map_err(failed)?;
    copy.close().map_err(|(_, source)| failed(source))
}
