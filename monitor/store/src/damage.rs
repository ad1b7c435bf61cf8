//! A database that can no longer be read: it gets another name beside its place, and is never removed by us.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{error::StoreError, open::DatabasePaths, whole};

/// What stands behind the name of a database that was set aside, before a number.
const ASIDE: &str = ".damaged-";
/// What stands behind the name of a database that met damage while it was written: the next start sets it aside.
const MARK: &str = ".is-damaged";
/// What SQLite keeps beside a database.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// The histories that were set aside and are still there: what is in them is shown nowhere. In no order.
#[must_use]
pub fn histories_aside(paths: &DatabasePaths) -> Vec<PathBuf> {
    aside(&paths.history)
}

/// Databases of this name that were set aside and are still there.
fn aside(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let start = [name.as_encoded_bytes(), ASIDE.as_bytes()].concat();
    let is_aside = |path: &PathBuf| {
        let name = path.file_name().map(std::ffi::OsStr::as_encoded_bytes).unwrap_or_default();
        name.strip_prefix(start.as_slice()).is_some_and(|rest| rest.iter().all(u8::is_ascii_digit))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(is_aside).collect()
}

/// Sets a database aside with what SQLite keeps beside it; no connection to it may be open in this process. Returns where it is.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let taken = |number: &u32| !whole::beside(path, &format!("{ASIDE}{number}")).exists();
    let number = (1..=u32::MAX).find(taken).expect("a disk holds fewer databases");
    let aside = whole::beside(path, &format!("{ASIDE}{number}"));
    let renamed = || {
        // Its log first: without it, a database that is found again later would be older than it was.
        for companion in COMPANIONS {
            let (from, to) = (whole::beside(path, companion), whole::beside(&aside, companion));
            missing_is_fine(fs::rename(from, to))?;
        }
        fs::rename(path, &aside)?;
        missing_is_fine(fs::remove_file(whole::beside(path, MARK)))?;
        whole::sync_folder(path)
    };
    renamed().map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    Ok(aside)
}

fn missing_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Notes that a database met damage, for the next start: it may not meet it again by itself.
pub(crate) fn mark(path: &Path) {
    // If that cannot be written either, the error that led here is what is told.
    drop(File::create(whole::beside(path, MARK)).and_then(|_| whole::sync_folder(path)));
}

/// Whether a database met damage when it was last written.
pub(crate) fn is_marked(path: &Path) -> bool {
    path.exists() && whole::beside(path, MARK).exists()
}
