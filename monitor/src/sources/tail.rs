//! Following the logs of one license server: every file of a folder that matches a pattern, in the order of the names.
//!
//! The file system's events are a hint, the scan of the folder is the truth. What a file was read to is believed only where the
//! bytes before that place are the ones that were read; a file that was cut or rewritten is a new generation. A file that was
//! renamed is read to its end while somebody may still write to it.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use glob::Pattern;
use jiff::{SignedDuration, Timestamp};
use lic_store::{
    checkpoint::Checkpoint,
    commit::{Batch, Receipt},
    configured::Fault,
};
use nix::fcntl::OFlag;
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tracing::{info, warn};

use super::{
    logfile::{LogFile, LogOf},
    mark,
};
use crate::pipe::{Closed, EventSink, READER_BATCHES_MAX};

/// A file nobody wrote to for so long is closed; it is opened again when it grows.
const QUIET: SignedDuration = SignedDuration::from_secs(30);

/// Wakes a follower, and stops it.
#[derive(Clone)]
pub struct Waker {
    hint: SyncSender<()>,
    stop: Arc<AtomicBool>,
}

impl Waker {
    /// A waker, and where its hints arrive.
    #[must_use]
    pub fn new() -> (Self, Receiver<()>) {
        let (hint, hints) = sync_channel(1);
        (Self { hint, stop: Arc::default() }, hints)
    }

    /// Something may have changed.
    pub fn hint(&self) {
        // One hint that was not taken yet says as much as two.
        let _ = self.hint.try_send(());
    }

    /// Stops the follower, at the latest after the batch it is reading.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.hint();
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Follows the logs of one license server.
pub struct Follower {
    of: LogOf,
    directory: PathBuf,
    pattern: Pattern,
    scan: Duration,
    sink: EventSink,
    clock: fn() -> Timestamp,
    waker: Waker,
    /// How far each generation was read, those that are not open among them.
    checkpoints: HashMap<i64, Checkpoint>,
    open: Vec<Open>,
    /// Length of files that were read to the end and closed.
    closed: HashMap<Inode, u64>,
    faults: HashMap<Option<String>, String>,
    committed: (SyncSender<Receipt>, Receiver<Receipt>),
    in_flight: usize,
}

/// What a follower is made of.
pub struct Following {
    /// Whose logs.
    pub of: LogOf,
    /// Their folder.
    pub directory: PathBuf,
    /// Their names.
    pub pattern: Pattern,
    /// How often the folder is looked through whatever the file system tells.
    pub scan: Duration,
    /// How far files were read before.
    pub checkpoints: Vec<Checkpoint>,
}

type Inode = (u64, u64);

/// A file that is read.
struct Open {
    inode: Inode,
    log: LogFile,
    grew_at: Timestamp,
}

/// A file in the folder.
struct Listed {
    path: PathBuf,
    inode: Inode,
    length: u64,
    matches: bool,
}

impl Follower {
    /// A follower that has not begun.
    #[must_use]
    pub fn new(
        following: Following,
        sink: EventSink,
        clock: fn() -> Timestamp,
        waker: Waker,
    ) -> Self {
        let known = following.checkpoints.into_iter();
        Self {
            of: following.of,
            directory: following.directory,
            pattern: following.pattern,
            scan: following.scan,
            sink,
            clock,
            waker,
            checkpoints: known.map(|checkpoint| (checkpoint.id, checkpoint)).collect(),
            open: Vec::new(),
            closed: HashMap::new(),
            faults: HashMap::new(),
            committed: sync_channel(READER_BATCHES_MAX),
            in_flight: 0,
        }
    }

    /// Follows until it is stopped, or nobody takes its events any more.
    pub fn run(mut self, hints: &Receiver<()>) {
        let mut watcher = None;
        while !self.waker.is_stopped() {
            if watcher.is_none() {
                watcher = self.watch();
            }
            if self.look().is_err() {
                return;
            }
            let _ = hints.recv_timeout(self.scan);
            if !self.directory.exists() {
                // A folder that was moved away takes its watch along.
                watcher = None;
            }
        }
    }

    fn watch(&self) -> Option<RecommendedWatcher> {
        let waker = self.waker.clone();
        let hint = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| is_hint(event.kind)) {
                waker.hint();
            }
        };
        let mut watcher = notify::recommended_watcher(hint).ok()?;
        watcher.watch(&self.directory, RecursiveMode::NonRecursive).ok()?;
        Some(watcher)
    }

    /// Reads whatever is new in the folder.
    fn look(&mut self) -> Result<(), Closed> {
        let listed = match list(&self.directory, &self.pattern) {
            Ok(listed) => listed,
            Err(error) => {
                let error = format!("read folder {}: {error}", self.directory.display());
                return self.fault(None, Some(error));
            }
        };
        let matching = listed.iter().filter(|file| file.matches).count();
        let none = format!("no file in {} matches {}", self.directory.display(), self.pattern);
        self.fault(None, (matching == 0).then_some(none))?;
        // Files that were renamed out of the pattern, or deleted, end before the ones that took their place begin.
        self.read_unlisted(&listed)?;
        for file in &listed {
            self.read_listed(file)?;
        }
        self.close_quiet(listed.iter().rfind(|file| file.matches).map(|file| file.inode));
        Ok(())
    }

    fn read_unlisted(&mut self, listed: &[Listed]) -> Result<(), Closed> {
        let is_listed = |inode| listed.iter().any(|file| file.inode == inode && file.matches);
        let unlisted: Vec<Inode> =
            self.open.iter().map(|open| open.inode).filter(|inode| !is_listed(*inode)).collect();
        for inode in unlisted {
            self.read_open(inode)?;
        }
        Ok(())
    }

    fn read_listed(&mut self, file: &Listed) -> Result<(), Closed> {
        if let Some(open) = self.open.iter_mut().find(|open| open.inode == file.inode) {
            open.log.set_path(&file.path);
            return self.read_open(file.inode);
        }
        if self.closed.get(&file.inode) == Some(&file.length) {
            return Ok(());
        }
        let unread = |known: &&Checkpoint| {
            (known.file.dev, known.file.ino) == file.inode && known.offset < file.length
        };
        if !file.matches && !self.checkpoints.values().any(|known| unread(&known)) {
            return Ok(());
        }
        let shown = file.path.display().to_string();
        match self.open_file(file) {
            Ok(Some(log)) => {
                self.fault(Some(shown), None)?;
                let grew_at = (self.clock)();
                self.open.push(Open { inode: file.inode, log, grew_at });
                self.read_open(file.inode)
            }
            Ok(None) => Ok(()),
            Err(error) => {
                let error = format!("read {shown}: {error}");
                self.fault(Some(shown), Some(error))
            }
        }
    }

    /// Opens a file where it was read to, or at its beginning. `None` for a file that is not one of ours after all.
    fn open_file(&mut self, listed: &Listed) -> io::Result<Option<LogFile>> {
        let file = open_regular(&listed.path)?;
        let mut known: Vec<&Checkpoint> = self.checkpoints.values().collect();
        known.retain(|known| !self.open.iter().any(|open| open.log.checkpoint().id == known.id));
        known.sort_by_key(|known| (known.file.dev, known.file.ino) != listed.inode);
        for checkpoint in known {
            if mark::is_same(&file, checkpoint)? {
                let checkpoint = checkpoint.clone();
                return LogFile::resume(&self.of, file, &listed.path, checkpoint).map(Some);
            }
        }
        if listed.matches {
            info!("following {} of {}", listed.path.display(), self.of.server);
        }
        Ok(listed.matches.then(|| LogFile::new(&self.of, file, &listed.path, (self.clock)())))
    }

    /// Reads an open file to its end.
    fn read_open(&mut self, inode: Inode) -> Result<(), Closed> {
        let Some(place) = self.open.iter().position(|open| open.inode == inode) else {
            return Ok(());
        };
        let path = self.open[place].log.checkpoint().path.clone();
        match self.open[place].log.is_unchanged() {
            Ok(true) => {}
            Ok(false) => {
                warn!("{path} was cut or rewritten: it is read from its beginning as a new file");
                self.restart(place);
            }
            Err(error) => return self.read_failed(place, &path, &error),
        }
        loop {
            let now = (self.clock)();
            match self.open[place].log.step(now) {
                Ok(Some(batch)) => {
                    self.open[place].grew_at = now;
                    self.send(batch)?;
                    if self.waker.is_stopped() {
                        return Err(Closed);
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => return self.read_failed(place, &path, &error),
            }
        }
    }

    fn restart(&mut self, place: usize) {
        let open = &mut self.open[place];
        let path = PathBuf::from(&open.log.checkpoint().path);
        // The descriptor stays: it is the same file with other bytes in it.
        if let Ok(file) = open.log.file().try_clone() {
            open.log = LogFile::new(&self.of, file, &path, (self.clock)());
        }
    }

    fn read_failed(&mut self, place: usize, path: &str, error: &io::Error) -> Result<(), Closed> {
        self.open.swap_remove(place);
        self.fault(Some(path.to_owned()), Some(format!("read {path}: {error}")))
    }

    /// Closes files that nobody writes to, all but the newest.
    fn close_quiet(&mut self, newest: Option<Inode>) {
        let now = (self.clock)();
        let is_quiet =
            |open: &Open| Some(open.inode) != newest && now.duration_since(open.grew_at) > QUIET;
        let (quiet, busy) = std::mem::take(&mut self.open).into_iter().partition(is_quiet);
        self.open = busy;
        for open in quiet {
            self.closed.insert(open.inode, open.log.position());
        }
    }

    fn send(&mut self, batch: Batch) -> Result<(), Closed> {
        if let Some(checkpoint) = &batch.checkpoint {
            self.checkpoints.insert(checkpoint.id, checkpoint.clone());
        }
        if self.in_flight >= READER_BATCHES_MAX {
            self.committed.1.recv().map_err(|_| Closed)?;
            self.in_flight -= 1;
        }
        self.sink.send_with_receipt(batch, self.committed.0.clone())?;
        self.in_flight += 1;
        Ok(())
    }

    /// Tells the store what is wrong, once, and that it is mended, once.
    fn fault(&mut self, path: Option<String>, error: Option<String>) -> Result<(), Closed> {
        if self.faults.get(&path) == error.as_ref() {
            return Ok(());
        }
        match &error {
            Some(error) => {
                warn!("{}: {error}", self.of.server);
                self.faults.insert(path.clone(), error.clone());
            }
            None => {
                self.faults.remove(&path);
            }
        }
        let fault = Fault { server: self.of.server.clone(), path, error };
        self.sink.set_fault(fault)
    }
}

/// Reading a log opens and reads it: such events would wake us for ever.
fn is_hint(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// How many files of a folder match.
///
/// # Errors
/// When the folder cannot be read.
pub fn matching(directory: &Path, pattern: &Pattern) -> io::Result<usize> {
    Ok(list(directory, pattern)?.iter().filter(|file| file.matches).count())
}

/// The regular files and links of a folder, by name.
fn list(directory: &Path, pattern: &Pattern) -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // A file that went away between the two calls is simply not there.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            continue;
        }
        listed.push(Listed {
            path: entry.path(),
            inode: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            matches: pattern.matches(&entry.file_name().to_string_lossy()),
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
        Some(code) if code == nix::errno::Errno::ELOOP as i32 => {
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
