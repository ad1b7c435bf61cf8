//! A folder of logs: what lies in it now, and how a file of it is opened.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use glob::Pattern;
use nix::{errno::Errno, fcntl::OFlag};

use super::{rotated, unpack::Packing};

/// Device and inode: one file, as long as somebody has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// The name of the log that it was before it was rotated, if its name says that it was one.
    pub(super) rotated_from: Option<String>,
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
    let mut linked = HashSet::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // A file that went away between the two calls is simply not there.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            continue;
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let matches = |name: &str| pattern.matches(name);
        if metadata.is_symlink()
            && let Some(target) = link_inside(directory, &entry.path())
        {
            linked.extend(matches(&name).then_some(target));
            continue;
        }
        let inside = Packing::name_inside(&name);
        let bare = inside.unwrap_or(&name);
        let is_log = matches(&name) || inside.is_some_and(matches);
        let rotated_from = rotated::before(bare).filter(|before| !is_log && matches(before));
        listed.push(Listed {
            path: entry.path(),
            inode: Inode::of(&metadata),
            extent: Extent::of(&metadata),
            matches: is_log,
            is_packed: inside.is_some(),
            rotated_from,
        });
    }
    for file in &mut listed {
        file.matches |= file.path.file_name().is_some_and(|name| linked.contains(name));
    }
    listed.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}

/// The name of the file of the same folder that a link stands for: it is another name of that file. A link out of the folder is
/// not followed.
fn link_inside(directory: &Path, link: &Path) -> Option<OsString> {
    let target = fs::read_link(link).ok()?;
    let name = target.file_name()?;
    let is_inside =
        target.parent().is_some_and(|parent| parent == Path::new("") || parent == directory);
    let is_file = fs::symlink_metadata(directory.join(name)).is_ok_and(|file| file.is_file());
    (is_inside && is_file).then(|| name.to_owned())
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
