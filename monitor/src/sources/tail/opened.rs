//! Files that are open: read to their end at every look, and closed once nobody writes to them.

use std::io;

use jiff::{SignedDuration, Timestamp};
use lic_store::{checkpoint::Checkpoint, commit::Batch};
use tracing::warn;

use super::Follower;
use crate::{
    pipe,
    sources::{
        folder::{Extent, Inode, Listed},
        logfile::{AT_REST, LogFile, was_cut},
    },
};

/// A file nobody wrote to for so long is closed; it is opened again when it grows.
const QUIET: SignedDuration = SignedDuration::from_secs(30);
/// Logs of one server that are open at once. Of more, those that grew last are read all the same: each is opened for it.
pub const OPEN_MAX: usize = 4096;

/// A file that is read.
pub(super) struct Open {
    pub(super) log: LogFile,
    /// What it was like before it was read to its end; `None` before that.
    pub(super) read: Option<Extent>,
    grew_at: Timestamp,
}

/// A file that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// What it was like then.
    pub(super) extent: Extent,
    /// Its generation; `None` of a file that is compressed.
    pub(super) generation: Option<i64>,
}

impl Follower {
    /// Reads a file that was just opened. One of a thousand old ones is closed again before the next.
    pub(super) fn read_opened(
        &mut self,
        listed: &Listed,
        log: LogFile,
    ) -> Result<(), pipe::Closed> {
        let now = (self.clock)();
        let modified = listed.extent.modified.and_then(|at| Timestamp::try_from(at).ok());
        let grew_at = modified.map_or(now, |at| at.min(now));
        self.unread.remove(&listed.inode);
        self.open.insert(listed.inode, Open { log, read: None, grew_at });
        self.read_open(listed.inode)?;
        if let Some(open) = self.open.get_mut(&listed.inode) {
            open.grew_at = grew_at;
            self.fault(Some(listed.path.display().to_string()), None)?;
        }
        if self.open.len() > self.open_max {
            return self.close_quiet();
        }
        self.close_if_quiet(listed.inode, (self.clock)())
    }

    /// Reads an open file to its end.
    pub(super) fn read_open(&mut self, inode: Inode) -> Result<(), pipe::Closed> {
        loop {
            let now = (self.clock)();
            let Some(open) = self.open.get_mut(&inode) else { return Ok(()) };
            match read_step(open, now) {
                Ok(Step::Read(batch)) => {
                    open.grew_at = now;
                    self.tell_overwritten(inode)?;
                    self.send(*batch)?;
                    if self.waker.is_stopped() {
                        return Err(pipe::Closed);
                    }
                }
                Ok(Step::End) => return self.tell_overwritten(inode),
                Ok(Step::Cut) => {
                    self.lose_cut(inode);
                    return Ok(());
                }
                Err(error) => {
                    let path = open.log.checkpoint().path.clone();
                    self.open.remove(&inode);
                    return self.fault(Some(path.clone()), Some(format!("read {path}: {error}")));
                }
            }
        }
    }

    /// Notices open files that were cut or rewritten, before anything that took their place is read.
    pub(super) fn notice_cuts(&mut self) {
        // One that cannot be asked is asked again when it is read, and then we are told why.
        let is_cut = |open: &Open| !open.log.is_unchanged().unwrap_or(true);
        let cut: Vec<Inode> =
            self.open.iter().filter(|(_, open)| is_cut(open)).map(|(inode, _)| *inode).collect();
        for inode in cut {
            self.lose_cut(inode);
        }
    }

    /// Closes files that nobody writes to, all but the newest.
    pub(super) fn close_quiet(&mut self) -> Result<(), pipe::Closed> {
        let now = (self.clock)();
        let open: Vec<Inode> = self.open.keys().copied().collect();
        open.into_iter().try_for_each(|inode| self.close_if_quiet(inode, now))?;
        while self.open.len() > self.open_max {
            let quietest = self.open.iter().min_by_key(|(_, open)| open.grew_at);
            let Some(inode) = quietest.map(|(inode, _)| *inode) else { break };
            self.close(inode, now)?;
        }
        Ok(())
    }

    /// Files that were read to their end and went away since.
    pub(super) fn see_off_closed(&mut self) -> Result<(), pipe::Closed> {
        let listed = &self.listed;
        let gone = self.closed.extract_if(|inode, _| !listed.contains(inode));
        let gone: Vec<i64> = gone.filter_map(|(_, closed)| closed.generation).collect();
        gone.into_iter().try_for_each(|generation| self.see_off(generation))
    }

    /// Notes that a file is gone of which nothing is missing, so that the next licmon does not look for it.
    fn see_off(&mut self, generation: i64) -> Result<(), pipe::Closed> {
        let Some(known) = self.checkpoints.get(&generation).cloned() else { return Ok(()) };
        self.send_checkpoint(Checkpoint { is_gone: true, ..known })
    }

    fn close_if_quiet(&mut self, inode: Inode, now: Timestamp) -> Result<(), pipe::Closed> {
        let Some(open) = self.open.get(&inode) else { return Ok(()) };
        // A line that has no end yet is waited for, unless nobody could come back to it.
        let is_waiting = self.listed.contains(&inode) && open.log.has_unfinished();
        let quiet = if is_waiting { AT_REST } else { QUIET };
        let is_quiet = now.duration_since(open.grew_at) > quiet;
        if Some(inode) != self.newest && is_quiet { self.close(inode, now) } else { Ok(()) }
    }

    fn close(&mut self, inode: Inode, now: Timestamp) -> Result<(), pipe::Closed> {
        let Some(Open { mut log, grew_at, .. }) = self.open.remove(&inode) else { return Ok(()) };
        let is_gone = !self.listed.contains(&inode);
        let is_ended = is_gone || now.duration_since(grew_at) > AT_REST;
        let rest = if is_ended { log.end(now) } else { log.rest(now) };
        match rest {
            Ok(Some(batch)) => self.send(batch)?,
            Err(error) if was_cut(&error) => {
                self.lose(&log);
                return Ok(());
            }
            // A file that cannot be asked is opened again, and then we are told why.
            Ok(None) | Err(_) => {}
        }
        let generation = log.checkpoint().id;
        if is_gone {
            return self.see_off(generation);
        }
        if let Ok(metadata) = log.file().metadata() {
            let extent = Extent { length: log.position(), ..Extent::of(&metadata) };
            self.closed.insert(inode, Closed { extent, generation: Some(generation) });
        }
        Ok(())
    }
}

/// What one step came to.
enum Step {
    /// The next batch.
    Read(Box<Batch>),
    /// Nothing more for now.
    End,
    /// It is not the file any more that was read.
    Cut,
}

/// The next batch. A long file may be cut while the batch before waits for the writer, so each step looks first.
fn read_step(open: &mut Open, now: Timestamp) -> io::Result<Step> {
    let log = &mut open.log;
    if !log.is_unchanged()? {
        warn!("{} was cut or rewritten: it is read as a new file", log.checkpoint().path);
        return Ok(Step::Cut);
    }
    let extent = Extent::of(&log.file().metadata()?);
    let read = match log.step(now) {
        Err(error) if was_cut(&error) => return Ok(Step::Cut),
        read => read?,
    };
    if let Some(batch) = read {
        open.read = None;
        return Ok(Step::Read(Box::new(batch)));
    }
    open.read = (extent.length == log.position()).then_some(extent);
    Ok(Step::End)
}
