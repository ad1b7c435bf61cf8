//! One generation of one log file, open and read step by step: each step gives a batch and moves the checkpoint.

use std::{
    error::Error, fmt, fs::File, io, ops::Range, os::unix::fs::FileExt, path::Path, sync::Arc,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lic_parse::LicenseSystem;
use lic_protocol::{
    event::Event,
    name::ServerName,
    view::{Coverage, Source},
};
use lic_store::{
    checkpoint::{Checkpoint, FileMark},
    commit::Batch,
};

use super::{
    dates::{self, Scout},
    encoding::Encoding,
    lines::Lines,
    mark,
    reading::Reading,
    trail::Trail,
};
use crate::identity::identity_hash;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// Events of one batch, unless a single chunk has more.
const BATCH_EVENTS_MAX: usize = 4000;
/// Bytes of one step.
const STEP_BYTES_MAX: u64 = 4 << 20;
/// How far before the place read to equal lines are looked for when reading goes on.
const REWIND_BYTES: u64 = 64 * 1024;
/// Bytes at the beginning of a file that may tell who writes it.
const HEAD_BYTES: u64 = 4096;
/// A file that nobody has written to for so long is what it will be: its last line is whole, or it never will be.
pub(super) const AT_REST: SignedDuration = SignedDuration::from_hours(1);

/// Whose log it is.
#[derive(Clone)]
pub struct LogOf {
    /// The license server.
    pub server: ServerName,
    /// Its license system.
    pub system: Arc<dyn LicenseSystem>,
    /// The zone of its times.
    pub zone: TimeZone,
    /// How it is written down, where it does not tell it.
    pub encoding: Encoding,
}

/// An open log file.
pub struct LogFile {
    of: LogOf,
    file: File,
    lines: Lines,
    reading: Reading,
    checkpoint: Checkpoint,
    trail: Trail,
    /// How far the file was read; ahead of the checkpoint by the unfinished line.
    position: u64,
    /// Bytes of a line without an end that were there and are not any more.
    overwritten: Option<Range<u64>>,
}

impl LogFile {
    /// Opens a generation nothing is known of.
    #[must_use]
    pub fn new(of: &LogOf, file: File, path: &Path, now: Timestamp) -> Self {
        let checkpoint = beginning(of, path.display().to_string(), now);
        let reading = Reading::new(of.server.clone(), of.system.log(of.zone.clone(), None));
        Self {
            of: of.clone(),
            file,
            lines: Lines::new(of.encoding),
            reading,
            checkpoint,
            trail: Trail::default(),
            position: 0,
            overwritten: None,
        }
    }

    /// Goes on where `checkpoint` says this file was read to.
    ///
    /// # Errors
    /// When the file cannot be read, or is not that file any more.
    pub fn resume(of: &LogOf, file: File, path: &Path, checkpoint: Checkpoint) -> io::Result<Self> {
        let offset = checkpoint.offset;
        let trail = Trail::of(&file, &checkpoint)?;
        let mut reading = recall(of, &file, &checkpoint)?;
        reading.coverage = checkpoint.coverage.clone();
        reading.usage_lines = checkpoint.usage_lines;
        reading.last_at = checkpoint.last_at;
        let path = path.display().to_string();
        let checkpoint = Checkpoint { path, is_gone: false, ..checkpoint };
        let lines = Lines::new(Encoding::of(&file, of.encoding)?);
        let (of, position) = (of.clone(), offset);
        Ok(Self { of, file, lines, reading, checkpoint, trail, position, overwritten: None })
    }

    /// The file itself.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// How far it was read, and what was understood.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Bytes read, those of an unfinished line among them.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Tells where the file is now.
    pub fn set_path(&mut self, path: &Path) {
        self.checkpoint.path = path.display().to_string();
    }

    /// Whether the file is still the one that was read: it was not cut, and what was read stands where it stood.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        let is_new = self.checkpoint.file.head_len == 0;
        Ok(is_new || mark::stands(&self.file, self.checkpoint.offset, &self.checkpoint.file)?)
    }

    /// Bytes of its unfinished line that something else was written over since they were read.
    pub fn take_overwritten(&mut self) -> Option<Range<u64>> {
        self.overwritten.take()
    }

    /// Reads on. `None` at the end of the file, or of its last whole line.
    ///
    /// # Errors
    /// When the file cannot be read, or was cut meanwhile: then it was read no further than before.
    pub fn step(&mut self, now: Timestamp) -> io::Result<Option<Batch>> {
        if !self.unfinished_stands()? {
            let is_told = self.lines.hole() == 0;
            self.overwritten = is_told.then_some(self.checkpoint.offset..self.position);
            self.read_again(self.lines.encoding());
        }
        let lines_before = self.reading.coverage.lines;
        if lines_before == 0 {
            let encoding = Encoding::of(&self.file, self.of.encoding)?;
            if encoding != self.lines.encoding() {
                self.read_again(encoding);
            }
            let system = (self.of.system.as_ref(), &self.of.zone, encoding);
            let parser = dates::from_the_beginning(system, &self.file)?;
            self.reading = Reading::new(self.of.server.clone(), parser);
        }
        let mut events = Vec::new();
        let (from, before) = (self.position, self.checkpoint.offset);
        let ahead = self.file.metadata()?.len().saturating_sub(from);
        let ahead = usize::try_from(ahead).unwrap_or(CHUNK_BYTES);
        let mut chunk = vec![0; ahead.clamp(1, CHUNK_BYTES)];
        loop {
            let has_lines = self.reading.coverage.lines > lines_before;
            let is_long =
                self.position - from >= STEP_BYTES_MAX || events.len() >= BATCH_EVENTS_MAX;
            if has_lines && is_long {
                break;
            }
            let count = match self.file.read_at(&mut chunk, self.position) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let (reading, checkpoint) = (&mut self.reading, &mut self.checkpoint);
            self.lines.take(&chunk[..count], |line, length| {
                reading.line(&line, |event| events.push(event));
                checkpoint.offset += length;
            });
            self.trail.take(&chunk[..count], self.position, self.checkpoint.offset);
            self.position += count as u64;
        }
        if self.reading.coverage.lines == lines_before {
            return Ok(None);
        }
        self.batch(before, events, now).map(Some)
    }

    /// The last line where nobody has written for long: it counts though it has no line feed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_line(&mut self, now: Timestamp) -> io::Result<Option<Batch>> {
        let written = self.file.metadata()?.modified()?;
        let written = Timestamp::try_from(written).map_err(io::Error::other)?;
        if at_rest_from(written) <= now { self.end(now) } else { Ok(None) }
    }

    /// The last line of what nobody can write to: it counts though it has no line feed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn end(&mut self, now: Timestamp) -> io::Result<Option<Batch>> {
        let mut events = Vec::new();
        let before = self.checkpoint.offset;
        let reading = &mut self.reading;
        let mut is_line = false;
        self.lines.last(|line| {
            is_line = true;
            reading.line(&line, |event| events.push(event));
        });
        if is_line {
            self.checkpoint.offset = self.position;
            self.trail.end();
            self.lines = Lines::new(self.lines.encoding());
            self.reading.end(|event| events.push(event));
            return self.batch(before, events, now).map(Some);
        }
        self.rest(now)
    }

    /// What waits for lines behind it, where none come for now. `None` where nothing does.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rest(&mut self, now: Timestamp) -> io::Result<Option<Batch>> {
        let mut events = Vec::new();
        self.reading.end(|event| events.push(event));
        let before = self.checkpoint.offset;
        if events.is_empty() { Ok(None) } else { self.batch(before, events, now).map(Some) }
    }

    /// Whether the unfinished line still begins as it was read. A file may be cut in it and grow past it before anybody looks,
    /// and a hole may be filled behind the writer's back.
    fn unfinished_stands(&self) -> io::Result<bool> {
        let unfinished = self.lines.unfinished();
        let stands = mark::bytes(&self.file, self.checkpoint.offset, unfinished.len())?;
        let has_length = self.file.metadata()?.len() >= self.position;
        Ok(self.lines.hole() == 0 && has_length && stands == unfinished)
    }

    /// Whether there is a line that has no end.
    pub(super) fn has_unfinished(&self) -> bool {
        self.position > self.checkpoint.offset
    }

    fn read_again(&mut self, encoding: Encoding) {
        self.lines = Lines::new(encoding);
        self.position = self.checkpoint.offset;
        self.trail.forget_unfinished(self.position);
    }

    /// What was read behind the byte `before`, if the file is still the one it was read from: one that was cut and grew again
    /// between two reads gave the end of a line of something else.
    fn batch(&mut self, before: u64, events: Vec<Event>, now: Timestamp) -> io::Result<Batch> {
        let file = self.trail.mark(&self.file, self.checkpoint.offset)?;
        if !mark::stands(&self.file, self.checkpoint.offset, &file)? {
            self.checkpoint.offset = before;
            if before == 0 {
                // A copy of it is known by its beginning.
                self.checkpoint.file =
                    FileMark { anchor_len: 0, anchor: mark::digest(&[]), ..file };
            }
            return Err(io::Error::other(Cut));
        }
        self.checkpoint.file = file;
        self.checkpoint.coverage = self.reading.coverage.clone();
        self.checkpoint.usage_lines = self.reading.usage_lines;
        self.checkpoint.last_at = self.reading.last_at;
        Ok(Batch {
            server: self.of.server.clone(),
            source: Source::Log,
            learned_at: now,
            events,
            checkpoint: Some(self.checkpoint.clone()),
        })
    }
}

/// A file is not the one any more that was read.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was cut or rewritten while it was read")
    }
}

impl Error for Cut {}

/// Whether a file could not be read on because it was cut.
pub(super) fn was_cut(error: &io::Error) -> bool {
    error.get_ref().and_then(|cause| cause.downcast_ref::<Cut>()).is_some()
}

/// When a file is at rest that nobody has written to since `written`.
pub(super) fn at_rest_from(written: Timestamp) -> Timestamp {
    written.saturating_add(AT_REST).expect("a span of time alone")
}

/// Nothing read yet of a new generation.
pub(super) fn beginning(of: &LogOf, path: String, now: Timestamp) -> Checkpoint {
    let seed = format!("{path} {}", now.as_nanosecond());
    Checkpoint {
        // Any number will do that no other generation has.
        id: (identity_hash(&of.server, seed.as_bytes()) >> 1).cast_signed(),
        server: of.server.clone(),
        path,
        file: FileMark::default(),
        offset: 0,
        last_at: None,
        usage_lines: 0,
        coverage: Coverage::default(),
        is_gone: false,
    }
}

/// Reads the lines just before the place read to again, so that equal lines that follow get their right places.
fn recall(of: &LogOf, file: &File, checkpoint: &Checkpoint) -> io::Result<Reading> {
    let (offset, last) = (checkpoint.offset, checkpoint.last_at);
    let from = offset.saturating_sub(REWIND_BYTES);
    let encoding = Encoding::of(file, of.encoding)?;
    let before = bytes(file, from, offset)?;
    let mut lines = Lines::new(encoding);
    // The first line is cut, unless it is the first of the file.
    let mut cut = if from > 0 { None } else { Some(0) };
    let mut length = 0;
    lines.take(&before, |_, line| {
        length += usize::try_from(line).expect("at most REWIND_BYTES");
        cut.get_or_insert(length);
    });
    let before = &before[cut.unwrap_or(before.len())..];
    let mut parser = of.system.log(of.zone.clone(), last);
    if !of.system.tells_dates() {
        let head = bytes(file, 0, from.min(HEAD_BYTES))?;
        let scout = Scout::new(of.system.as_ref(), &of.zone, encoding);
        dates::go_on(parser.as_mut(), scout, &of.zone, (&head, before), last);
    }
    let mut reading = Reading::new(of.server.clone(), parser);
    Lines::new(encoding).take(before, |line, _| reading.remember(&line));
    Ok(reading)
}

fn bytes(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(to - from).expect("at most REWIND_BYTES");
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::PathBuf};

    use lic_parse::{Line, LogParser, Meaning};

    use super::*;

    /// Of a license server that cuts its log just as a line of it is read.
    struct Cutting(PathBuf);

    impl LicenseSystem for Cutting {
        fn name(&self) -> &'static str {
            "cutting"
        }

        fn log_pattern(&self) -> &'static str {
            "*"
        }

        fn log(&self, _: TimeZone, _: Option<Timestamp>) -> Box<dyn LogParser> {
            Box::new(Self(self.0.clone()))
        }

        fn shows_denials(&self) -> bool {
            false
        }

        fn tracing_help(&self) -> &'static str {
            ""
        }
    }

    impl LogParser for Cutting {
        fn line(&mut self, _: &[u8]) -> Line {
            File::options().write(true).open(&self.0).unwrap().set_len(0).unwrap();
            Line::timeless(Meaning::Noise)
        }
    }

    #[test]
    fn log_that_is_cut_while_it_is_read_is_read_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        File::create(&path).unwrap().write_all(b"a line\nand the begin").unwrap();
        let of = LogOf {
            server: "lic1".into(),
            system: Arc::new(Cutting(path.clone())),
            zone: TimeZone::UTC,
            encoding: Encoding::Bytes,
        };
        let mut log = LogFile::new(&of, File::open(&path).unwrap(), &path, Timestamp::UNIX_EPOCH);
        assert!(was_cut(&log.step(Timestamp::UNIX_EPOCH).unwrap_err()));
        assert!(!log.is_unchanged().unwrap());
        assert_eq!((log.checkpoint().offset, log.checkpoint().file.head_len), (0, 7));
        let mut copy = tempfile::tempfile().unwrap();
        copy.write_all(b"a line\nand the beginning of another\n").unwrap();
        assert!(mark::find(&copy, [log.checkpoint()]).unwrap().is_some());
    }
}
