//! Following the logs of one license server: every file of a folder that matches a pattern, in the order of the names.
//!
//! The file system's events are a hint, the scan of the folder is the truth. What a file was read to is believed only where the
//! bytes before that place are the ones that were read; a file that was cut or rewritten is a new generation. A file that was
//! renamed is read to its end while somebody may still write to it, and so is one that was compressed meanwhile.

mod packed;
pub mod waker;

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::mpsc::Receiver,
    time::Duration,
};

use glob::Pattern;
use jiff::{SignedDuration, Timestamp};
use lic_store::{checkpoint::Checkpoint, commit::Batch, configured::Fault};
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tracing::{info, warn};

use self::{packed::Again, waker::Waker};
use super::{
    folder::{Extent, Inode, Listed, list, open_regular},
    logfile::{LogFile, LogOf},
    mark,
    sender::Sender,
};
use crate::pipe::{Closed, EventSink};

/// A file nobody wrote to for so long is closed; it is opened again when it grows.
const QUIET: SignedDuration = SignedDuration::from_secs(30);

/// Follows the logs of one license server.
pub struct Follower {
    of: LogOf,
    directory: PathBuf,
    pattern: Pattern,
    scan: Duration,
    sender: Sender,
    clock: fn() -> Timestamp,
    waker: Waker,
    /// How far each generation was read, those that are not open among them.
    checkpoints: HashMap<i64, Checkpoint>,
    open: Vec<Open>,
    /// What files were like when they had been read to the end and were closed.
    closed: HashMap<Inode, Extent>,
    /// Compressed files that could not be read to their end.
    again: HashMap<Inode, Again>,
    /// The log that the license server writes to now, by its name.
    newest: Option<Inode>,
    faults: HashMap<Option<String>, String>,
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

/// A file that is read.
struct Open {
    inode: Inode,
    log: LogFile,
    grew_at: Timestamp,
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
            sender: Sender::new(sink),
            clock,
            waker,
            checkpoints: known.map(|checkpoint| (checkpoint.id, checkpoint)).collect(),
            open: Vec::new(),
            closed: HashMap::new(),
            again: HashMap::new(),
            newest: None,
            faults: HashMap::new(),
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
    ///
    /// # Errors
    /// When it was stopped, or nobody takes its events any more.
    pub fn look(&mut self) -> Result<(), Closed> {
        let listed = match list(&self.directory, &self.pattern) {
            Ok(listed) => listed,
            Err(error) => {
                let error = format!("read folder {}: {error}", self.directory.display());
                return self.fault(None, Some(error));
            }
        };
        self.newest =
            listed.iter().rfind(|file| file.matches && !file.is_packed).map(|file| file.inode);
        let none = format!("no file in {} matches {}", self.directory.display(), self.pattern);
        self.fault(None, self.newest.is_none().then_some(none))?;
        self.forget_unlisted(&listed)?;
        // Files that were renamed out of the pattern, or deleted, end before the ones that took their place begin.
        self.read_unlisted(&listed)?;
        for file in listed.iter().filter(|file| file.is_packed) {
            self.read_packed(file)?;
        }
        for file in listed.iter().filter(|file| !file.is_packed) {
            self.read_listed(file)?;
        }
        self.close_quiet()
    }

    /// What is gone is no fault any more, and its inode may be the next file's.
    fn forget_unlisted(&mut self, listed: &[Listed]) -> Result<(), Closed> {
        let inodes: HashSet<Inode> = listed.iter().map(|file| file.inode).collect();
        self.closed.retain(|inode, _| inodes.contains(inode));
        self.again.retain(|inode, _| inodes.contains(inode));
        let is_listed =
            |path: &&String| listed.iter().any(|file| file.path.display().to_string() == **path);
        let gone: Vec<String> =
            self.faults.keys().flatten().filter(|path| !is_listed(path)).cloned().collect();
        gone.into_iter().try_for_each(|path| self.fault(Some(path), None))
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
        if self.closed.get(&file.inode) == Some(&file.extent) {
            return Ok(());
        }
        let is_unread = |known: &Checkpoint| {
            Inode::new(known.file.dev, known.file.ino) == file.inode
                && known.offset < file.extent.length
        };
        if !file.matches && !self.checkpoints.values().any(is_unread) {
            return Ok(());
        }
        match self.open_file(file) {
            Ok(Some(log)) => self.read_opened(file, log),
            Ok(None) => Ok(()),
            // It went away since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                let shown = file.path.display().to_string();
                let error = format!("read {shown}: {error}");
                self.fault(Some(shown), Some(error))
            }
        }
    }

    /// Opens a file where it was read to, or at its beginning. `None` for a file that is not one of ours after all.
    fn open_file(&self, listed: &Listed) -> io::Result<Option<LogFile>> {
        let file = open_regular(&listed.path)?;
        if Inode::of(&file.metadata()?) != listed.inode {
            // Another file has got this name since; the next look finds both where they are.
            self.waker.hint();
            return Ok(None);
        }
        let open: HashSet<i64> = self.open.iter().map(|open| open.log.checkpoint().id).collect();
        let known = self.checkpoints.values().filter(|known| !open.contains(&known.id));
        if let Some(checkpoint) = mark::find(&file, known)? {
            let checkpoint = checkpoint.clone();
            return LogFile::resume(&self.of, file, &listed.path, checkpoint).map(Some);
        }
        if listed.matches {
            info!("following {} of {}", listed.path.display(), self.of.server);
        }
        Ok(listed.matches.then(|| LogFile::new(&self.of, file, &listed.path, (self.clock)())))
    }

    /// Reads a file that was just opened. One of a thousand old ones is closed again before the next.
    fn read_opened(&mut self, listed: &Listed, log: LogFile) -> Result<(), Closed> {
        let now = (self.clock)();
        let modified = listed.extent.modified.and_then(|at| Timestamp::try_from(at).ok());
        let grew_at = modified.map_or(now, |at| at.min(now));
        self.open.push(Open { inode: listed.inode, log, grew_at });
        self.read_open(listed.inode)?;
        if let Some(open) = self.open.iter_mut().find(|open| open.inode == listed.inode) {
            open.grew_at = grew_at;
            self.fault(Some(listed.path.display().to_string()), None)?;
        }
        self.close_quiet()
    }

    /// Reads an open file to its end.
    fn read_open(&mut self, inode: Inode) -> Result<(), Closed> {
        let Some(place) = self.open.iter().position(|open| open.inode == inode) else {
            return Ok(());
        };
        let path = self.open[place].log.checkpoint().path.clone();
        loop {
            let now = (self.clock)();
            match self.read_step(place, now) {
                Ok(Some(batch)) => {
                    self.open[place].grew_at = now;
                    self.send(batch)?;
                    if self.waker.is_stopped() {
                        return Err(Closed);
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.open.swap_remove(place);
                    return self.fault(Some(path.clone()), Some(format!("read {path}: {error}")));
                }
            }
        }
    }

    /// The next batch. A long file may be cut while the batch before waits for the writer, so each step looks first.
    fn read_step(&mut self, place: usize, now: Timestamp) -> io::Result<Option<Batch>> {
        let log = &mut self.open[place].log;
        if !log.is_unchanged()? {
            let path = &log.checkpoint().path;
            warn!("{path} was cut or rewritten: it is read from its beginning as a new file");
            log.restart(now);
        }
        log.step(now)
    }

    /// Closes files that nobody writes to, all but the newest.
    fn close_quiet(&mut self) -> Result<(), Closed> {
        let (now, newest) = ((self.clock)(), self.newest);
        let is_quiet =
            |open: &Open| Some(open.inode) != newest && now.duration_since(open.grew_at) > QUIET;
        let (quiet, busy) = std::mem::take(&mut self.open).into_iter().partition(is_quiet);
        self.open = busy;
        for Open { inode, mut log, .. } in quiet {
            // A file that cannot be asked is opened again, and then we are told why.
            if let Ok(Some(batch)) = log.rest(now) {
                self.send(batch)?;
            }
            if let Ok(metadata) = log.file().metadata() {
                let extent = Extent { length: log.position(), ..Extent::of(&metadata) };
                self.closed.insert(inode, extent);
            }
        }
        Ok(())
    }

    fn send(&mut self, batch: Batch) -> Result<(), Closed> {
        if let Some(checkpoint) = &batch.checkpoint {
            self.checkpoints.insert(checkpoint.id, checkpoint.clone());
        }
        self.sender.send(batch)
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
        self.sender.sink().set_fault(fault)
    }
}

/// Reading a log opens and reads it: such events would wake us for ever.
fn is_hint(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use jiff::tz::TimeZone;
    use lic_parse::registry;

    use super::*;
    use crate::pipe::pipe;

    fn follower(directory: &Path) -> (Follower, Receiver<()>) {
        let system = registry::license_system("dsls").unwrap();
        let following = Following {
            of: LogOf { server: "catia".into(), system, zone: TimeZone::UTC },
            directory: directory.to_owned(),
            pattern: Pattern::new("*.log").unwrap(),
            scan: Duration::from_secs(1),
            checkpoints: Vec::new(),
        };
        let (waker, hints) = Waker::new();
        (Follower::new(following, pipe().0, || Timestamp::UNIX_EPOCH, waker), hints)
    }

    #[test]
    fn file_that_got_the_name_of_another_is_left_to_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        fs::write(&log, "").unwrap();
        let (follower, hints) = follower(folder.path());
        let listed = list(folder.path(), &follower.pattern).unwrap();
        assert!(follower.open_file(&listed[0]).unwrap().is_some());
        fs::rename(&log, folder.path().join("b.log")).unwrap();
        fs::write(&log, "").unwrap();
        assert!(follower.open_file(&listed[0]).unwrap().is_none());
        assert_eq!(hints.try_recv(), Ok(()));
    }
}
