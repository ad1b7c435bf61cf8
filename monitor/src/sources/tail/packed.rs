//! Logs that were compressed: what a log had when it was last read is not lost when it is compressed before it is read again.
//!
//! One whose name is that of a log is read as if it had been there before; one of another name only where it begins like a log
//! that was followed. One that cannot be read to its end now is looked at again. That it was read to its end is kept as a checkpoint of the compressed file, so it is unpacked once.

use std::io;

use jiff::{SignedDuration, Timestamp};
use lic_protocol::view::Source;
use lic_store::{checkpoint::Checkpoint, commit::Batch};
use tracing::info;

use super::{Follower, opened};
use crate::{
    pipe::Closed,
    sources::{
        folder::{Extent, Listed, open_regular},
        logfile::{LogFile, at_rest_from, beginning},
        mark,
        unpack::{Packing, Unpacked},
    },
};

/// How soon a file is looked at again that could not be read to its end: so long is it not unpacked once more, whatever becomes
/// of it.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// When a file is looked at again that could not be read to its end.
pub(super) struct Again {
    /// What it was like.
    extent: Extent,
    /// If it is another by then.
    changed: Timestamp,
    /// If it is not.
    unchanged: Timestamp,
}

/// What is to be done with a compressed file.
enum Found {
    /// Nothing: it was read, or is not ours.
    Nothing,
    /// It is not compressed, whatever its name.
    Plain,
    /// Somebody may still be writing it.
    Unfinished,
    /// Its log is to be read on.
    Log(Box<Unread>),
}

/// Whether a compressed file is the one that is looked for.
pub(super) enum Holds {
    /// What was read of it is in there.
    It,
    /// It begins so, and is not whole yet.
    Half,
    /// No.
    Another,
}

/// An unpacked log.
struct Unread {
    /// Where it was read to, or at its beginning.
    log: LogFile,
    /// The compressed file when all of its log was read.
    read: Checkpoint,
    /// Why it is not whole.
    damage: Option<io::Error>,
}

impl Follower {
    pub(super) fn read_packed(&mut self, listed: &Listed) -> Result<(), Closed> {
        if self.is_closed(listed) || listed.extent.length == 0 || self.is_too_soon(listed) {
            return Ok(());
        }
        let path = listed.path.display().to_string();
        let (again, fault) = match self.find_log(listed) {
            Ok(Found::Plain) => return self.read_listed(listed),
            Ok(Found::Nothing) => (None, None),
            Ok(Found::Unfinished) => {
                let text = format!("read {path}: it is not whole yet, and read when it is");
                (Some(self.when_whole(listed)), Some(text))
            }
            Ok(Found::Log(unread)) => match self.read_log(*unread)? {
                Ok(damage) => (
                    None,
                    damage.map(|error| {
                        format!("read {path}: it is damaged, what is before that was read: {error}")
                    }),
                ),
                Err(error) => {
                    (Some(self.after_pause(listed)), Some(format!("read {path}: {error}")))
                }
            },
            Err(_) if self.waker.is_stopped() => return Err(Closed),
            // It went away since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => (Some(self.after_pause(listed)), Some(format!("read {path}: {error}"))),
        };
        match again {
            Some(again) => {
                self.again.insert(listed.inode, again);
            }
            None => {
                let closed = opened::Closed { extent: listed.extent, generation: None };
                self.closed.insert(listed.inode, closed);
            }
        }
        self.fault(Some(path), fault)
    }

    /// Whether a generation is in a compressed file. That it begins so is not enough: many logs begin with the same lines, or with
    /// a hole.
    pub(super) fn holds(&self, listed: &Listed, lost: &Checkpoint) -> io::Result<Holds> {
        let file = open_regular(&listed.path)?;
        let Some(packing) = Packing::of(&file)? else { return Ok(Holds::Another) };
        let head = packing.head(&file, mark::HEAD_BYTES_MAX as usize)?;
        if !mark::begins(&head, lost) {
            return Ok(Holds::Another);
        }
        if self.is_too_soon(listed) {
            return Ok(Holds::Half);
        }
        let Unpacked { file: log, damage } = packing.unpack(&file, || !self.waker.is_stopped())?;
        if mark::find(&log, [lost])?.is_some() {
            return Ok(Holds::It);
        }
        let is_at_rest =
            written(listed.extent).is_some_and(|at| at_rest_from(at) <= (self.clock)());
        Ok(if damage.is_some() && !is_at_rest { Holds::Half } else { Holds::Another })
    }

    fn is_too_soon(&self, listed: &Listed) -> bool {
        let Some(again) = self.again.get(&listed.inode) else { return false };
        let is_same = again.extent == listed.extent;
        (self.clock)() < if is_same { again.unchanged } else { again.changed }
    }

    fn after_pause(&self, listed: &Listed) -> Again {
        let at = (self.clock)() + AGAIN;
        Again { extent: listed.extent, changed: at, unchanged: at }
    }

    /// One that nobody writes to is not whole before it is at rest.
    fn when_whole(&self, listed: &Listed) -> Again {
        let again = self.after_pause(listed);
        let rest = written(listed.extent).map(at_rest_from);
        Again { unchanged: rest.map_or(again.changed, |rest| rest.max(again.changed)), ..again }
    }

    fn find_log(&mut self, listed: &Listed) -> io::Result<Found> {
        let file = open_regular(&listed.path)?;
        let Some(packing) = Packing::of(&file)? else { return Ok(Found::Plain) };
        let extent = Extent::of(&file.metadata()?);
        let known = self.checkpoints.values();
        let whole = known.clone().filter(|read| read.offset == extent.length);
        if mark::find(&file, whole)?.is_some() {
            return Ok(Found::Nothing);
        }
        let head = packing.head(&file, mark::HEAD_BYTES_MAX as usize)?;
        let is_ours = listed.matches || self.was_followed(listed);
        if !is_ours && !known.clone().any(|known| mark::begins(&head, known)) {
            return Ok(Found::Nothing);
        }
        let Unpacked { file: log, damage } = packing.unpack(&file, || !self.waker.is_stopped())?;
        let is_at_rest = written(extent).is_some_and(|at| at_rest_from(at) <= (self.clock)());
        if damage.is_some() && !is_at_rest {
            return Ok(Found::Unfinished);
        }
        // What is missing of a log comes before what was read of a copy of it.
        let missing = known.clone().filter(|known| self.with_gaps.contains(&known.id));
        let log = match mark::find(&log, missing.chain(known))? {
            Some(known) => {
                let known = known.clone();
                self.resume(log, &listed.path, known)?
            }
            None if is_ours => {
                info!("reading {} of {}", listed.path.display(), self.of.server);
                LogFile::new(&self.of, log, &listed.path, (self.clock)())
            }
            None => return Ok(Found::Nothing),
        };
        let path = listed.path.display().to_string();
        let read = Checkpoint {
            file: mark::mark(&file, extent.length)?,
            offset: extent.length,
            path: path.clone(),
            ..beginning(&self.of, format!("compressed {path}"), (self.clock)())
        };
        Ok(Found::Log(Box::new(Unread { log, read, damage })))
    }

    /// Reads an unpacked log to its end, and remembers that it was. What is wrong with it comes back.
    fn read_log(&mut self, unread: Unread) -> Result<io::Result<Option<io::Error>>, Closed> {
        let Unread { mut log, read, damage } = unread;
        loop {
            let now = (self.clock)();
            match log.step(now) {
                Ok(Some(batch)) => self.send(batch)?,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            }
            if self.waker.is_stopped() {
                return Err(Closed);
            }
        }
        let now = (self.clock)();
        match log.end(now) {
            Ok(Some(batch)) => self.send(batch)?,
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
        if let Some(damage) = &damage {
            let Checkpoint { id, offset, path, .. } = log.checkpoint().clone();
            self.record(id, &path, (offset, None), format!("it is damaged from there: {damage}"))?;
        }
        self.send(Batch {
            server: self.of.server.clone(),
            source: Source::Log,
            learned_at: now,
            events: Vec::new(),
            checkpoint: Some(read),
        })?;
        Ok(Ok(damage))
    }
}

fn written(extent: Extent) -> Option<Timestamp> {
    extent.modified.and_then(|at| Timestamp::try_from(at).ok())
}
