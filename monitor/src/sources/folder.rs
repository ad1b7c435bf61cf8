//! A folder of logs: what lies in it now, and how a file of it is opened.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use glob::Pattern;
use nix::{errno::Errno, fcntl::OFlag};

use super::unpack::Packing;

/// Device and inode: one file, as long as somebody has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Inode {
    dev: u64,
    ino: u64,
}

impl Inode {
    pub(super) fn new(dev: u64, ino: u64) -> Self {
        Self { dev, ino }
    }

    pub(super) fn of(metadata: &Metadata) -> Self {
        Self::new(metadata.dev(), metadata.ino())
    }
}

/// What changes of a file when it is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) length: u64,
    /// `None` on a file system that does not keep it.
    pub(super) modified: Option<SystemTime>,
}

impl Extent {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// A file in the folder.
pub(super) struct Listed {
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    pub(super) extent: Extent,
    /// Whether its name, or the name of what is compressed in it, is that of a log.
    pub(super) matches: bool,
    /// Whether its name is that of a compressed file.
    pub(super) is_packed: bool,
}

/// How many files of a folder match.
///
/// # Errors
/// When the folder cannot be read.
pub fn matching(directory: &Path, pattern: &Pattern) -> io::Result<usize> {
    Ok(list(directory, pattern)?.iter().filter(|file| file.matches).count())
}

/// The files and links of a folder, by name.
pub(super) fn list(directory: &Path, pattern: &Pattern) -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // A file that went away between the two calls is simply not there.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            continue;
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let inside = Packing::name_inside(&name);
        listed.push(Listed {
            path: entry.path(),
            inode: Inode::of(&metadata),
            extent: Extent::of(&metadata),
            matches: pattern.matches(&name) || inside.is_some_and(|name| pattern.matches(name)),
            is_packed: inside.is_some(),
        });
    }
    listed.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}

/// Opens a regular file, and neither follows a link out of the folder nor waits for the writer of a pipe.
///
/// # Errors
/// When it is no regular file, or cannot be opened.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::ELOOP as i32 => {
            io::Error::other("it is a symbolic link; links are not followed")
        }
        _ => error,
    })?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}
