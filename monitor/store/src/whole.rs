//! A file that under its name is whole, or is not there: written beside it, kept by the disk, and only then named.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::error::StoreError;

/// Names of users are in it: it is for its owner.
const MODE: u32 = 0o600;

/// Makes a file that is not there yet, with what `fill` writes.
///
/// # Errors
/// When there is a file already, or it cannot be written or filled; then none is under that name.
pub fn make<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    let (unfinished, empty) = begin(path)?;
    let filled = fill(empty).and_then(|()| Ok(name(&unfinished, path)?));
    if filled.is_err() {
        // The first error is the one to tell.
        drop(remove_unfinished(&unfinished));
    }
    filled
}

/// An empty file under the unfinished name of one that is not there yet.
pub(crate) fn begin(path: &Path) -> Result<(PathBuf, File), StoreError> {
    if path.exists() {
        return Err(StoreError::Exists { path: path.to_owned() });
    }
    let unfinished = beside(path, ".unfinished");
    remove_unfinished(&unfinished)?;
    let created = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&unfinished);
    let file = created.map_err(|source| kept(&unfinished, source))?;
    Ok((unfinished, file))
}

/// `path` with more behind it.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Removes what a try that did not get to its end has left under an unfinished name.
pub(crate) fn remove_unfinished(unfinished: &Path) -> Result<(), StoreError> {
    match fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(kept(unfinished, error)),
        _ => Ok(()),
    }
}

/// Gives a file its name once the disk has all of it.
pub(crate) fn name(unfinished: &Path, path: &Path) -> Result<(), StoreError> {
    let sync = || {
        File::open(unfinished)?.sync_all()?;
        fs::rename(unfinished, path)?;
        sync_folder(path)
    };
    sync().map_err(|source| kept(unfinished, source))
}

/// Lets the disk keep which files are in the folder of `path`.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn kept(path: &Path, source: io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), source }
}
