//! What cannot be read where it was: a generation that was cut, rewritten or taken away, and a file that could not be opened. Its
//! bytes are looked for in every file of the folder, whatever its name; where they are nowhere, history is told that they are
//! missing.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    path::Path,
    time::SystemTime,
};

use jiff::{SignedDuration, Timestamp};
use lic_store::{checkpoint::Checkpoint, gaps::Missing};
use tracing::warn;

use super::{Follower, packed::Holds};
use crate::{
    pipe::Closed,
    sources::{
        folder::{Inode, Listed, open_regular},
        logfile::{LogFile, beginning},
        mark, rotated,
        unpack::Packing,
    },
};

/// Of several logs of a folder, those that were written to in so long before the newest line of all were in use.
const IN_USE: SignedDuration = SignedDuration::from_hours(24);

/// How often in a row a file may be renamed under our hands while we look for a generation, before the other logs are read first.
const MOVES_MAX: u32 = 20;

/// A log by its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Log {
    name: String,
    /// Whether it had that name before, and has another now.
    was: bool,
}

/// A generation whose bytes are looked for.
#[derive(Clone)]
pub(super) struct Lost {
    generation: Checkpoint,
    why: &'static str,
    /// Whether a file that may hold them cannot be read yet: history says that they are missing, and other logs are read.
    waits: bool,
    /// How often files were renamed while they were looked for.
    moves: u32,
}

impl Lost {
    fn new(generation: Checkpoint, why: &'static str) -> Self {
        Self { generation, why, waits: false, moves: 0 }
    }
}

/// A file that could not be opened.
pub(super) struct Unread {
    path: String,
    generation: i64,
    from: u64,
    length: u64,
    why: String,
}

/// Where the bytes of a generation are.
enum Found {
    /// In a file that was last written to then; it is read on.
    At(Option<SystemTime>),
    /// In one that is not whole yet, or cannot be opened now.
    Later,
    /// Perhaps in one that was renamed since the folder was listed.
    Moved,
    /// Nowhere.
    Nowhere,
}

impl Follower {
    /// Once: the logs that were in use when we ended are to be found again.
    pub(super) fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let newest = self.checkpoints.values().filter_map(|known| known.last_at).max();
        let since = SystemTime::try_from(newest.unwrap_or((self.clock)()));
        self.since_others = since.unwrap_or(SystemTime::UNIX_EPOCH);
        self.since = self.followed_since(newest);
        for generation in self.in_use(newest) {
            let why = "it was cut, rewritten or taken away while licmon did not run, and no copy of it is in the folder";
            self.lost.push(Lost::new(generation, why));
        }
    }

    /// Since when each log was followed, as far as the generations in use tell it. Nothing that it was renamed to since is left out
    /// because something newer was read before: what was read is known by its bytes.
    fn followed_since(&self, newest: Option<Timestamp>) -> HashMap<String, SystemTime> {
        let mut since: HashMap<String, SystemTime> = HashMap::new();
        for known in self.checkpoints.values() {
            let (Some(newest), Some(last_at)) = (newest, known.last_at) else { continue };
            if newest.duration_since(last_at) >= IN_USE {
                continue;
            }
            if let (Some(log), Ok(at)) = (self.log_of(known, newest), SystemTime::try_from(last_at))
            {
                let earliest = since.entry(log.name).or_insert(at);
                *earliest = at.min(*earliest);
            }
        }
        since
    }

    /// The newest generation of every log that was in use; and of what was a log once, if there is nothing newer under its name.
    fn in_use(&self, newest: Option<Timestamp>) -> Vec<Checkpoint> {
        let Some(newest) = newest else { return Vec::new() };
        let mut logs: BTreeMap<Log, &Checkpoint> = BTreeMap::new();
        for known in self.checkpoints.values() {
            let is_recent = !known.is_gone
                && known.last_at.is_some_and(|at| newest.duration_since(at) < IN_USE);
            let Some(log) = self.log_of(known, newest).filter(|_| is_recent) else { continue };
            let before = logs.entry(log).or_insert(known);
            if before.last_at < known.last_at {
                *before = known;
            }
        }
        let is_newest = |log: &Log, known: &Checkpoint| {
            let now = logs.get(&Log { was: false, ..log.clone() });
            !log.was || now.is_none_or(|now| now.last_at < known.last_at)
        };
        let in_use = logs.iter().filter(|(log, known)| is_newest(log, known));
        in_use.map(|(_, known)| (*known).clone()).collect()
    }

    /// The log that a generation is or was. One that is a link to a file of another name is known by that: the newest generation
    /// of all is one, whatever its name. What was compressed was read to its end.
    fn log_of(&self, known: &Checkpoint, newest: Timestamp) -> Option<Log> {
        let path = Path::new(&known.path);
        let name = name(&known.path).filter(|_| path.parent() == Some(&self.directory))?;
        if self.pattern.matches(name) {
            return Some(Log { name: name.to_owned(), was: false });
        }
        let before = rotated::before(name).filter(|before| self.pattern.matches(before));
        let is_newest = known.last_at == Some(newest) && Packing::name_inside(name).is_none();
        let name = before.or_else(|| is_newest.then(|| name.to_owned()))?;
        Some(Log { name, was: true })
    }

    /// An open file is not what it was.
    pub(super) fn lose_cut(&mut self, inode: Inode) {
        let Some(open) = self.open.remove(&inode) else { return };
        self.closed.remove(&inode);
        self.lose(&open.log);
    }

    /// A log is not what it was.
    pub(super) fn lose(&mut self, log: &LogFile) {
        let why = "it was cut or rewritten, and no copy of it is in the folder";
        self.lost.push(Lost::new(log.checkpoint().clone(), why));
    }

    /// Whether something is to be looked for before anything else is read.
    pub(super) fn is_looking_for_any(&self) -> bool {
        self.lost.iter().any(|lost| !lost.waits)
    }

    /// Looks for what is lost, reads it on where it is found, and has recorded what is not. All of that comes before what took its
    /// place is read: the next licmon would look for the newest generation of a log alone.
    pub(super) fn look_for_lost(&mut self, listed: &[Listed]) -> Result<(), Closed> {
        for lost in std::mem::take(&mut self.lost) {
            match self.find_lost(&lost.generation, listed)? {
                Found::At(modified) => {
                    // The clock of the log may be ahead of that of the file system.
                    if let (Some(name), Some(at)) = (name(&lost.generation.path), modified) {
                        let since = self.since.entry(name.to_owned()).or_insert(at);
                        *since = at.min(*since);
                    }
                }
                Found::Moved if lost.moves < MOVES_MAX => {
                    self.lost.push(Lost { moves: lost.moves + 1, ..lost });
                }
                Found::Moved | Found::Later => {
                    let why = "it was cut, rewritten or taken away, and what may be its copy could not be read yet";
                    self.record_lost(&Lost { why, ..lost.clone() })?;
                    self.lost.push(Lost { waits: true, ..lost });
                }
                Found::Nowhere => self.record_lost(&lost)?,
            }
        }
        Ok(())
    }

    fn find_lost(&mut self, lost: &Checkpoint, listed: &[Listed]) -> Result<Found, Closed> {
        let own = Inode::new(lost.file.dev, lost.file.ino);
        let is_long = |file: &&Listed| file.extent.length >= lost.offset && !file.is_packed;
        let (same, others): (Vec<_>, Vec<_>) =
            listed.iter().filter(is_long).partition(|file| file.inode == own);
        let mut found = Found::Nowhere;
        for file in same.into_iter().chain(others) {
            if let Some(open) = self.open.get(&file.inode) {
                // A copy that was found before the log was cut is read already, from its beginning.
                if mark::find(open.log.file(), [lost]).is_ok_and(|found| found.is_some()) {
                    self.mend(lost.id);
                    return Ok(Found::At(file.extent.modified));
                }
                continue;
            }
            match self.resume_lost(lost, &file.path, file.inode) {
                Ok(Some(log)) => {
                    self.read_opened(file, log)?;
                    return Ok(Found::At(file.extent.modified));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => found = Found::Moved,
                // Whether it is the one that is lost, nobody knows as long as it cannot be read.
                Err(_) if file.inode == own => return Ok(Found::Later),
                Ok(None) | Err(_) => {}
            }
        }
        for file in listed.iter().filter(|file| file.is_packed) {
            let holds = self.holds(file, lost);
            if self.waker.is_stopped() {
                return Err(Closed);
            }
            match holds {
                Ok(Holds::It) => {
                    self.read_packed(file)?;
                    if self.is_closed(file) {
                        return Ok(Found::At(file.extent.modified));
                    }
                    found = Found::Later;
                }
                Ok(Holds::Half) => {
                    self.read_packed(file)?;
                    found = Found::Later;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => found = Found::Moved,
                Ok(Holds::Another) | Err(_) => {}
            }
        }
        Ok(found)
    }

    /// The file at `path` where it was read to, if it is the one that is lost.
    fn resume_lost(
        &mut self,
        lost: &Checkpoint,
        path: &Path,
        inode: Inode,
    ) -> io::Result<Option<LogFile>> {
        let file = open_regular(path)?;
        if Inode::of(&file.metadata()?) != inode {
            return Err(io::ErrorKind::NotFound.into());
        }
        if mark::find(&file, [lost])?.is_none() {
            return Ok(None);
        }
        self.resume(file, path, lost.clone()).map(Some)
    }

    /// Goes on with a generation, of which nothing is missing then.
    pub(super) fn resume(
        &mut self,
        file: File,
        path: &Path,
        checkpoint: Checkpoint,
    ) -> io::Result<LogFile> {
        let generation = checkpoint.id;
        let has_moved = Path::new(&checkpoint.path) != path;
        let log = LogFile::resume(&self.of, file, path, checkpoint)?;
        if has_moved {
            // If nobody takes it, nobody takes what is read either.
            let _ = self.send_checkpoint(log.checkpoint().clone());
        }
        self.lost.retain(|lost| lost.generation.id != generation);
        self.mend(generation);
        Ok(log)
    }

    /// What was missing of a generation is read.
    fn mend(&mut self, generation: i64) {
        if self.with_gaps.remove(&generation) {
            let (server, now) = (self.of.server.clone(), (self.clock)());
            let act = move |writer: &mut lic_store::writer::Writer| {
                writer.mend_gaps(&server, generation, now)
            };
            // If nobody takes it, nobody takes what is read either.
            let _ = self.sender.sink().act(act);
        }
    }

    fn record_lost(&mut self, lost: &Lost) -> Result<(), Closed> {
        let Lost { generation, why, .. } = lost;
        // Of a file that nothing was read of, nothing is known either.
        if generation.file.head_len == 0 {
            return Ok(());
        }
        self.record(generation.id, &generation.path, (generation.offset, None), (*why).to_owned())
    }

    /// Has it recorded that bytes are missing.
    pub(super) fn record(
        &mut self,
        generation: i64,
        path: &str,
        (from, to): (u64, Option<u64>),
        why: String,
    ) -> Result<(), Closed> {
        let server = self.of.server.clone();
        if self.with_gaps.insert(generation) {
            warn!("{server}: {path} could not be read on from byte {from}: {why}");
        }
        let missing = Missing { server, generation, path: path.to_owned(), from, to, why };
        let now = (self.clock)();
        self.sender.sink().act(move |writer| writer.add_gap(&missing, now))
    }

    /// A line without an end that was read in part, and that something else was written over.
    pub(super) fn tell_overwritten(&mut self, inode: Inode) -> Result<(), Closed> {
        let Some(open) = self.open.get_mut(&inode) else { return Ok(()) };
        let Some(lost) = open.log.take_overwritten() else { return Ok(()) };
        // Where all of it was cut, that is noticed by the next look, and tells more.
        if !open.log.is_unchanged().unwrap_or(true) {
            return Ok(());
        }
        let (id, path) = (open.log.checkpoint().id, open.log.checkpoint().path.clone());
        let why = "the line that began there was cut before its end".to_owned();
        self.record(id, &path, (lost.start, Some(lost.end)), why)
    }

    /// A file that is ours cannot be opened.
    pub(super) fn cannot_open(&mut self, listed: &Listed, error: &io::Error) {
        // What the system refuses; what we refuse, a link or a pipe, is no log.
        if error.raw_os_error().is_none() || listed.extent.length == 0 {
            return;
        }
        let path = listed.path.display().to_string();
        let is_own =
            |known: &&Checkpoint| Inode::new(known.file.dev, known.file.ino) == listed.inode;
        let known = self.checkpoints.values().filter(is_own).max_by_key(|known| known.last_at);
        let (generation, from) = known.map_or_else(
            || (beginning(&self.of, path.clone(), (self.clock)()).id, 0),
            |known| (known.id, known.offset.min(listed.extent.length)),
        );
        let before = self.unread.get(&listed.inode).map(|unread| unread.generation);
        self.unread.insert(
            listed.inode,
            Unread {
                path,
                generation: before.unwrap_or(generation),
                from,
                length: listed.extent.length,
                why: format!("it went away before it could be opened: {error}"),
            },
        );
    }

    /// Files that went away before they could be opened.
    pub(super) fn lose_unread(&mut self) -> Result<(), Closed> {
        let listed = &self.listed;
        let gone = self
            .unread
            .extract_if(|inode, unread| !listed.contains(inode) && unread.from < unread.length);
        let gone: Vec<Unread> = gone.map(|(_, unread)| unread).collect();
        for Unread { path, generation, from, length, why } in gone {
            self.record(generation, &path, (from, Some(length)), why)?;
        }
        Ok(())
    }

    /// Whether a file is one that a followed log was renamed to, by its name and its time.
    pub(super) fn was_followed(&self, file: &Listed) -> bool {
        let Some(name) = &file.rotated_from else { return false };
        let since = self.since.get(name).unwrap_or(&self.since_others);
        file.extent.modified.is_some_and(|at| at >= *since)
    }

    /// What this log is renamed to from now on is ours to read.
    pub(super) fn follow_from(&mut self, listed: &Listed) {
        let name = listed.path.file_name().and_then(|name| name.to_str());
        if let (Some(name), Some(at)) = (name, listed.extent.modified) {
            self.since.entry(name.to_owned()).or_insert(at);
        }
    }
}

fn name(path: &str) -> Option<&str> {
    Path::new(path).file_name()?.to_str()
}
