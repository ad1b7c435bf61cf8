//! The folder of seats: a FIFO whose write end the tool inherits, and the record of each lease and place. On tmpfs, so a
//! plain write outlives this program and not the host, which is as long as any process it speaks of.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{FileTypeExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use lic_protocol::{outcome::Outcome, pairs::Pairs};
use nix::{
    libc,
    sys::stat::{Mode, fstat, lstat},
    unistd::mkfifo,
};
use tracing::warn;

use super::record::{Ending, Kind, Record};

/// Largest record that is read: what 4 KiB of message become when every byte is escaped, and their end.
const RECORD_BYTES_MAX: u64 = 16 * 1024;
/// Larger than most: they are read in one piece.
const RECORD_BYTES_USUAL: usize = 1024;
/// Greatest number of a lease or ticket: the event loop needs the bits above.
pub const ID_MAX: u64 = 1 << 60;

/// The folder of seats.
#[derive(Debug)]
pub(super) struct SeatFolder {
    path: PathBuf,
}

/// The two ends of a lease's FIFO.
#[derive(Debug)]
pub(super) struct Token {
    /// Hung up once every process has closed the other end.
    pub(super) read: OwnedFd,
    /// What the tool inherits.
    pub(super) write: OwnedFd,
}

/// A record of the time before a restart.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) record: Record,
    /// It is over, and perhaps nobody has heard of it.
    pub(super) ending: Option<Ending>,
}

impl SeatFolder {
    /// `path` is there, and nobody else may enter it.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Writes a new record in one plain write, without waiting for the disk.
    pub(super) fn write(&self, kind: Kind, record: &Record) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o600).open(self.record(kind, record.id))?;
        file.write_all(record.encode(kind).as_bytes())
    }

    /// Adds to a record how it ended. The record stays until the end is committed.
    pub(super) fn end(&self, kind: Kind, id: u64, ending: &Ending) -> io::Result<()> {
        self.add(kind, id, &ending.encode())
    }

    /// Adds to the record of a lease what its tool did.
    pub(super) fn add_outcome(&self, lease: u64, outcome: &Outcome) -> io::Result<()> {
        let mut pairs = Pairs::new();
        outcome.put_into(&mut pairs);
        self.add(Kind::Lease, lease, pairs.as_str())
    }

    fn add(&self, kind: Kind, id: u64, lines: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(self.record(kind, id))?;
        file.write_all(lines.as_bytes())
    }

    /// Removes a record, if it is there.
    pub(super) fn remove(&self, kind: Kind, id: u64) {
        remove(&self.record(kind, id));
    }

    /// Makes a lease's FIFO if it is not there: the write end for its tool alone, and the end that tells when all are closed.
    pub(super) fn token(&self, lease: u64) -> io::Result<Token> {
        let path = self.fifo(lease);
        match mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) | Err(nix::Error::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        // A write end opens only while somebody reads.
        let read = open_to_read(&path)?.into();
        let write = OpenOptions::new().write(true).open(&path)?.into();
        Ok(Token { read, write })
    }

    /// The read end of a lease's FIFO; `None` when nobody has the other end any more.
    pub(super) fn held_token(&self, lease: u64) -> Option<OwnedFd> {
        let file = open_to_read(&self.fifo(lease)).ok()?;
        // A FIFO without a writer is at its end; with one there is something to read, or there may be.
        let is_held = match (&file).read(&mut [0; 1]) {
            Ok(length) => length > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        is_held.then(|| file.into())
    }

    /// The lease whose FIFO this is: by its inode, which nobody but the kernel gives.
    pub(super) fn lease_of(&self, token: &OwnedFd) -> Option<u64> {
        let shown = fstat(token).ok()?;
        // Its path only says where to look.
        let path = fs::read_link(format!("/proc/self/fd/{}", token.as_raw_fd())).ok()?;
        let lease = path.file_name()?.to_str()?.parse().ok()?;
        let kept = lstat(&self.fifo(lease)).ok()?;
        let is_fifo = kept.st_mode & libc::S_IFMT == libc::S_IFIFO;
        let is_same = (kept.st_dev, kept.st_ino) == (shown.st_dev, shown.st_ino);
        (is_fifo && is_same).then_some(lease)
    }

    /// Removes a lease's FIFO, if it is there; the tool's end stays good.
    pub(super) fn remove_token(&self, lease: u64) {
        remove(&self.fifo(lease));
    }

    /// Every record, by kind and number. What cannot be one is removed: it was cut off before its reply was sent.
    pub(super) fn found(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let Some(kind) = kind(&path) else { continue };
            match read(kind, &path) {
                Ok((record, ending)) => found.push(Found { kind, record, ending }),
                Err(error) => {
                    warn!("{} is no record of a seat: {error:#}; removed", path.display());
                    remove(&path);
                }
            }
        }
        found.sort_by_key(|found| (found.kind, found.record.id));
        Ok(found)
    }

    /// Removes the FIFOs that belong to no lease found.
    pub(super) fn remove_tokens_without(&self, found: &[Found]) -> io::Result<()> {
        let leases: HashSet<PathBuf> = found
            .iter()
            .filter(|found| found.kind == Kind::Lease)
            .map(|found| self.fifo(found.record.id))
            .collect();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_fifo() && !leases.contains(&entry.path()) {
                remove(&entry.path());
            }
        }
        Ok(())
    }

    fn record(&self, kind: Kind, id: u64) -> PathBuf {
        self.path.join(format!("{id}.{}", kind.extension()))
    }

    fn fifo(&self, lease: u64) -> PathBuf {
        self.path.join(lease.to_string())
    }
}

/// Without waiting for a writer.
fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

pub(super) fn kind(path: &Path) -> Option<Kind> {
    let extension = path.extension().and_then(OsStr::to_str)?;
    [Kind::Lease, Kind::Ticket].into_iter().find(|kind| kind.extension() == extension)
}

pub(super) fn read(kind: Kind, path: &Path) -> anyhow::Result<(Record, Option<Ending>)> {
    let mut text = String::with_capacity(RECORD_BYTES_USUAL);
    File::open(path)?.take(RECORD_BYTES_MAX).read_to_string(&mut text)?;
    let (record, ending) = Record::decode(kind, &text)?;
    let is_named_so = path.file_stem() == Some(OsStr::new(&record.id.to_string()));
    anyhow::ensure!(is_named_so, "it names another id");
    anyhow::ensure!(record.id < ID_MAX, "its id is too large");
    Ok((record, ending))
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => warn!("cannot remove {}: {error}", path.display()),
    }
}
