//! Following the logs of one license server: every file of a folder that matches a pattern, in the order of the names.
//!
//! The file system's events are a hint, the scan of the folder is the truth. What a file was read to is believed only where the
//! bytes before that place are the ones that were read; a file that was cut or rewritten is a new generation, and what it was
//! before is looked for. A file that was renamed is read to its end while somebody may still write to it, and so is one that was
//! compressed meanwhile.

mod lost;
pub mod opened;
mod packed;
pub mod waker;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
    time::{Duration, SystemTime},
};

use glob::Pattern;
use jiff::Timestamp;
use lic_protocol::view::Source;
use lic_store::{checkpoint::Checkpoint, commit::Batch, configured::Fault};
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tracing::{info, warn};

use self::{
    lost::{Lost, Unread},
    opened::Open,
    packed::Again,
    waker::Waker,
};
use super::{
    folder::{Inode, Listed, list, open_regular},
    logfile::{LogFile, LogOf},
    mark,
    sender::Sender,
};
use crate::pipe::{Closed, EventSink};

/// Follows the logs of one license server.
pub struct Follower {
    of: LogOf,
    directory: PathBuf,
    pattern: Pattern,
    scan: Duration,
    open_max: usize,
    sender: Sender,
    clock: fn() -> Timestamp,
    waker: Waker,
    /// How far each generation was read, those that are not open among them.
    checkpoints: HashMap<i64, Checkpoint>,
    open: BTreeMap<Inode, Open>,
    /// What files were like when they had been read to the end and were closed.
    closed: HashMap<Inode, opened::Closed>,
    /// Compressed files that could not be read to their end.
    again: HashMap<Inode, Again>,
    /// The log that the license server writes to now, by its name.
    newest: Option<Inode>,
    /// Everything that was in the folder at the last look.
    listed: HashSet<Inode>,
    /// Generations whose bytes are looked for.
    lost: Vec<Lost>,
    /// Generations of which history says that something is missing.
    with_gaps: HashSet<i64>,
    /// Files that could not be opened.
    unread: HashMap<Inode, Unread>,
    /// For each log, by its name, since when whatever it was renamed to is ours to read.
    since: HashMap<String, SystemTime>,
    /// The same for logs of other names.
    since_others: SystemTime,
    has_begun: bool,
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
    /// Those of them of which history says that something is missing.
    pub with_gaps: Vec<i64>,
    /// How many logs are open at once.
    pub open_max: usize,
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
            open_max: following.open_max,
            sender: Sender::new(sink),
            clock,
            waker,
            checkpoints: known.map(|checkpoint| (checkpoint.id, checkpoint)).collect(),
            open: BTreeMap::new(),
            closed: HashMap::new(),
            again: HashMap::new(),
            newest: None,
            listed: HashSet::new(),
            lost: Vec::new(),
            with_gaps: following.with_gaps.into_iter().collect(),
            unread: HashMap::new(),
            since: HashMap::new(),
            since_others: SystemTime::UNIX_EPOCH,
            has_begun: false,
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
        // Whoever cuts a log has made a copy before: what is listed after this holds it.
        self.notice_cuts();
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
        // What was being read comes before what took its place.
        self.begin();
        self.look_for_lost(&listed)?;
        self.read_unlisted(&listed)?;
        for file in in_order(&listed) {
            if self.is_looking_for_any() {
                // What took the place of a file that was cut meanwhile is read by the next look.
                self.waker.hint();
                break;
            }
            if file.is_packed {
                self.read_packed(file)?;
            } else {
                self.read_listed(file)?;
            }
        }
        self.close_quiet()
    }

    /// What is gone is no fault any more, and its inode may be the next file's.
    fn forget_unlisted(&mut self, listed: &[Listed]) -> Result<(), Closed> {
        self.listed = listed.iter().map(|file| file.inode).collect();
        self.again.retain(|inode, _| self.listed.contains(inode));
        self.see_off_closed()?;
        self.lose_unread()?;
        let is_listed =
            |path: &&String| listed.iter().any(|file| file.path.display().to_string() == **path);
        let gone: Vec<String> =
            self.faults.keys().flatten().filter(|path| !is_listed(path)).cloned().collect();
        gone.into_iter().try_for_each(|path| self.fault(Some(path), None))
    }

    fn read_unlisted(&mut self, listed: &[Listed]) -> Result<(), Closed> {
        let matching: HashSet<Inode> =
            listed.iter().filter(|file| file.matches).map(|file| file.inode).collect();
        let unlisted: Vec<Inode> =
            self.open.keys().filter(|inode| !matching.contains(inode)).copied().collect();
        unlisted.into_iter().try_for_each(|inode| self.read_open(inode))
    }

    fn read_listed(&mut self, file: &Listed) -> Result<(), Closed> {
        if let Some(open) = self.open.get_mut(&file.inode) {
            let before = open.log.checkpoint().path.clone();
            if file.path != Path::new(&before) && !Path::new(&before).exists() {
                open.log.set_path(&file.path);
                let generation = open.log.checkpoint().clone();
                self.send_checkpoint(generation)?;
            }
            let Some(open) = self.open.get(&file.inode) else { return Ok(()) };
            // Anything that is written to it changes one of the two.
            return if open.read == Some(file.extent) {
                Ok(())
            } else {
                self.read_open(file.inode)
            };
        }
        if self.is_closed(file) || !self.is_wanted(file) {
            return Ok(());
        }
        match self.open_file(file) {
            Ok(Some(log)) => self.read_opened(file, log),
            Ok(None) => Ok(()),
            // It went away since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                self.cannot_open(file, &error);
                let shown = file.path.display().to_string();
                let error = format!("read {shown}: {error}");
                self.fault(Some(shown), Some(error))
            }
        }
    }

    /// Whether a file was read to its end, and is as it was then.
    fn is_closed(&self, file: &Listed) -> bool {
        self.closed.get(&file.inode).is_some_and(|closed| closed.extent == file.extent)
    }

    /// Whether a file is a log, or what became of one.
    fn is_wanted(&self, file: &Listed) -> bool {
        let is_unread = |known: &Checkpoint| {
            Inode::new(known.file.dev, known.file.ino) == file.inode
                && known.offset < file.extent.length
        };
        file.matches
            || self.was_followed(file)
            || self.unread.contains_key(&file.inode)
            || self.checkpoints.values().any(is_unread)
    }

    /// Opens a file where it was read to, or at its beginning. `None` for a file that is not one of ours after all.
    fn open_file(&mut self, listed: &Listed) -> io::Result<Option<LogFile>> {
        let file = open_regular(&listed.path)?;
        if Inode::of(&file.metadata()?) != listed.inode {
            // Another file has got this name since; the next look finds both where they are.
            self.waker.hint();
            return Ok(None);
        }
        let being_read: HashSet<i64> =
            self.open.values().map(|open| open.log.checkpoint().id).collect();
        let known = self.checkpoints.values();
        let rest = known.clone().filter(|known| !being_read.contains(&known.id));
        if let Some(checkpoint) = mark::find(&file, rest)?.cloned() {
            return self.resume(file, &listed.path, checkpoint).map(Some);
        }
        let is_ours = listed.matches
            || (self.unread.contains_key(&listed.inode) || self.was_followed(listed))
                && mark::find(&file, known.filter(|known| being_read.contains(&known.id)))?
                    .is_none();
        if is_ours {
            info!("following {} of {}", listed.path.display(), self.of.server);
            self.follow_from(listed);
        }
        Ok(is_ours.then(|| LogFile::new(&self.of, file, &listed.path, (self.clock)())))
    }

    /// Sends how far a generation was read, where nothing else is to be told of it.
    fn send_checkpoint(&mut self, checkpoint: Checkpoint) -> Result<(), Closed> {
        if checkpoint.file.head_len == 0 {
            return Ok(());
        }
        self.send(Batch {
            server: self.of.server.clone(),
            source: Source::Log,
            learned_at: (self.clock)(),
            events: Vec::new(),
            checkpoint: Some(checkpoint),
        })
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

/// The order in which files are read: first those that logs were renamed to, from the oldest; then compressed ones, then the
/// others, by their names.
fn in_order(listed: &[Listed]) -> Vec<&Listed> {
    let mut files: Vec<&Listed> = listed.iter().collect();
    files.sort_by_key(|file| match &file.rotated_from {
        Some(_) => (0, file.extent.modified),
        None => (if file.is_packed { 1 } else { 2 }, None),
    });
    files
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
    use crate::{pipe::pipe, sources::encoding::Encoding};

    fn follower(directory: &Path) -> (Follower, Receiver<()>) {
        let system = registry::license_system("dsls").unwrap();
        let following = Following {
            of: LogOf {
                server: "catia".into(),
                system,
                zone: TimeZone::UTC,
                encoding: Encoding::Bytes,
            },
            directory: directory.to_owned(),
            pattern: Pattern::new("*.log").unwrap(),
            scan: Duration::from_secs(1),
            checkpoints: Vec::new(),
            with_gaps: Vec::new(),
            open_max: opened::OPEN_MAX,
        };
        let (waker, hints) = Waker::new();
        (Follower::new(following, pipe().0, || Timestamp::UNIX_EPOCH, waker), hints)
    }

    #[test]
    fn file_that_got_the_name_of_another_is_left_to_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        fs::write(&log, "").unwrap();
        let (mut follower, hints) = follower(folder.path());
        let listed = list(folder.path(), &follower.pattern).unwrap();
        assert!(follower.open_file(&listed[0]).unwrap().is_some());
        fs::rename(&log, folder.path().join("b.log")).unwrap();
        fs::write(&log, "").unwrap();
        assert!(follower.open_file(&listed[0]).unwrap().is_none());
        assert_eq!(hints.try_recv(), Ok(()));
    }
}
