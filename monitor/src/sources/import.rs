//! Reading a log once, as if it had been followed: a file that was read before goes on where it ended, so importing it again
//! adds nothing.

use std::{fmt, fs::File, io, os::unix::fs::MetadataExt, path::Path};

use anyhow::{Context, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use lic_protocol::{time::rfc3339, view::Coverage};
use lic_store::{checkpoint::Checkpoint, writer::Writer};

use super::{
    logfile::{LogFile, LogOf},
    mark,
    sender::Sender,
};
use crate::pipe::{Closed, EventSink};

/// Said where there is no writer any more.
const CLOSED: &str = "the databases take no more events";

/// How long a file is read before a rate is told.
const RATE_AFTER_MS: u64 = 1000;

/// The times of the earliest and the latest event, if there is one.
pub type Span = Option<(Timestamp, Timestamp)>;

/// What an import found.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Events that were new.
    pub added: u64,
    /// Events that were stored already.
    pub duplicates: u64,
    /// Bytes read now; 0 when all of the file had been read before.
    pub bytes: u64,
    /// What was understood of the file, in all its lines.
    pub coverage: Coverage,
    /// Lines that showed a checkout or checkin.
    pub usage_lines: u64,
    /// Bytes of a last line that somebody may still be writing.
    pub unfinished: u64,
    /// Of the events read now.
    pub span: Span,
}

impl Imported {
    /// The story for people, about a file called `path`.
    #[must_use]
    pub fn sentence(&self, path: &str) -> String {
        let Coverage { lines, events, noise, unknown, .. } = self.coverage;
        let read = if self.bytes == 0 && lines > 0 {
            "nothing new".to_owned()
        } else {
            format!("{} events added, {} stored already", self.added, self.duplicates)
        };
        let mut text = format!(
            "{path}: {read}; {lines} lines: {events} events, {noise} noise, {unknown} unknown"
        );
        if lines == 0 {
            text.push_str("; the file is empty");
        } else if unknown * 20 > lines {
            text.push_str("; so many unknown lines: is it a log of this license system?");
        } else if self.usage_lines == 0 {
            text.push_str("; no checkouts in it: usage tracing is not enabled");
        }
        if self.unfinished > 0 {
            text.push_str("; its last line has no end yet and was left for later");
        }
        text
    }
}

/// How far the reading of a file is: `43 %, 412000 events/s, 12 s left`.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Where reading began.
    from: u64,
    /// How far it is read.
    to: u64,
    /// All of it.
    length: u64,
    /// Events read.
    events: u64,
    /// Since reading began.
    took: SignedDuration,
}

impl Share {
    /// The share read, in percent of all of the file.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let percent = (self.to * 100).checked_div(self.length).unwrap_or(100);
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())?;
        let took_ms = u64::try_from(self.took.as_millis()).unwrap_or(0);
        let read = self.to.saturating_sub(self.from);
        // What is told of the first moments is not so later.
        if took_ms < RATE_AFTER_MS || read == 0 {
            return Ok(());
        }
        let left = u128::from(self.length.saturating_sub(self.to));
        let left_s = left * u128::from(took_ms) / u128::from(read) / 1000;
        write!(f, ", {} events/s, {left_s} s left", self.events * 1000 / took_ms)
    }
}

/// What imports of several files found together.
#[derive(Clone, Debug, Default)]
pub struct Imports {
    files: usize,
    added: u64,
    duplicates: u64,
    unknown: u64,
    span: Span,
}

impl Imports {
    /// One more file was read.
    pub fn add(&mut self, imported: &Imported) {
        self.files += 1;
        self.added += imported.added;
        self.duplicates += imported.duplicates;
        self.unknown += imported.coverage.unknown;
        self.span = spanned(self.span, imported.span);
    }

    /// The story for people, of `of` files that were to be read.
    #[must_use]
    pub fn sentence(&self, of: usize) -> String {
        let Self { files, added, duplicates, unknown, span } = self;
        let mut text = format!(
            "{files} of {of} files read: {added} events added, {duplicates} stored already, {unknown} unknown lines"
        );
        if let Some((first, last)) = span {
            text.extend(["; from ", &rfc3339(*first), " to ", &rfc3339(*last)]);
        }
        text
    }
}

fn spanned(one: Span, other: Span) -> Span {
    match (one, other) {
        (Some((first, last)), Some((other_first, other_last))) => {
            Some((first.min(other_first), last.max(other_last)))
        }
        (one, other) => one.or(other),
    }
}

/// Reads `file` into the pipe. `known` are the checkpoints of its license server; `progress` is told how far it is, and says
/// whether to go on.
///
/// # Errors
/// When the file cannot be read, is no text, or the writer is gone.
pub fn import(
    of: &LogOf,
    file: File,
    path: &Path,
    known: &[Checkpoint],
    sink: &EventSink,
    clock: fn() -> Timestamp,
    mut progress: impl FnMut(Share) -> bool,
) -> anyhow::Result<Imported> {
    let reading = || format!("read {}", path.display());
    let length = file.metadata().with_context(reading)?.len();
    let mut log = open(of, file, path, known, clock).with_context(reading)?;
    let from = log.checkpoint().offset;
    let mut sender = Sender::new(sink.clone());
    let mut span = None;
    let began = clock();
    let mut share = Share { from, to: from, length, events: 0, took: SignedDuration::ZERO };
    loop {
        let batch = match log.step(clock()).with_context(reading)? {
            Some(batch) => batch,
            None => match log.last_line(clock()).with_context(reading)? {
                Some(batch) => batch,
                None => break,
            },
        };
        let spans = batch.events.iter().map(|event| Some((event.at, event.at)));
        span = spans.fold(span, spanned);
        share.events += batch.events.len() as u64;
        sender.send(batch).map_err(|Closed| anyhow!(CLOSED))?;
        share.to = log.position();
        share.took = clock().duration_since(began);
        if !progress(share) {
            bail!("stopped; run it again to go on");
        }
    }
    // What history missed of it, if it did, is read now. What was unpacked, which has no name, may end where it is damaged.
    let has_name = log.file().metadata().with_context(reading)?.nlink() > 0;
    if has_name || log.checkpoint().offset > from {
        let (server, generation, now) = (of.server.clone(), log.checkpoint().id, clock());
        let mend = move |writer: &mut Writer| writer.mend_gaps(&server, generation, now);
        sink.act(mend).map_err(|Closed| anyhow!(CLOSED))?;
    }
    let receipt = sender.finish().map_err(|Closed| anyhow!(CLOSED))?;
    let checkpoint = log.checkpoint();
    Ok(Imported {
        added: receipt.added,
        duplicates: receipt.duplicates,
        bytes: checkpoint.offset - from,
        coverage: checkpoint.coverage.clone(),
        usage_lines: checkpoint.usage_lines,
        unfinished: log.position() - checkpoint.offset,
        span,
    })
}

fn open(
    of: &LogOf,
    file: File,
    path: &Path,
    known: &[Checkpoint],
    clock: fn() -> Timestamp,
) -> io::Result<LogFile> {
    match mark::find(&file, known)? {
        Some(checkpoint) => LogFile::resume(of, file, path, checkpoint.clone()),
        None => Ok(LogFile::new(of, file, path, clock())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(added: u64, unknown: u64, span: Option<(&str, &str)>) -> Imported {
        let span = span.map(|(first, last)| (first.parse().unwrap(), last.parse().unwrap()));
        let coverage = Coverage { unknown, ..Coverage::default() };
        Imported { added, duplicates: 1, coverage, span, ..Imported::default() }
    }

    /// What was found in each file in, of one more that could not be read; the story out.
    #[track_caller]
    fn check(found: &[Imported], expected: &str) {
        let mut imports = Imports::default();
        for imported in found {
            imports.add(imported);
        }
        assert_eq!(imports.sentence(found.len() + 1), expected);
    }

    #[test]
    fn files_are_told_together() {
        let late = of(20, 3, Some(("2025-03-03T08:00:00Z", "2025-03-04T08:00:00Z")));
        let early = of(5, 0, Some(("2025-03-01T08:00:00Z", "2025-03-03T09:00:00Z")));
        check(
            &[late, of(0, 0, None), early],
            "3 of 4 files read: 25 events added, 3 stored already, 3 unknown lines; from 2025-03-01T08:00:00.000Z to \
             2025-03-04T08:00:00.000Z",
        );
        check(
            &[of(0, 2, None)],
            "1 of 2 files read: 0 events added, 1 stored already, 2 unknown lines",
        );
    }

    /// Bytes read before, read by now and in all; events and milliseconds since; the words out.
    #[track_caller]
    fn check_share((from, to, length): (u64, u64, u64), events: u64, ms: i64, expected: &str) {
        let share = Share { from, to, length, events, took: SignedDuration::from_millis(ms) };
        assert_eq!(share.to_string(), expected);
    }

    #[test]
    fn rate_is_of_what_is_read_now() {
        check_share((0, 500, 2000), 10, 900, "25 %");
        check_share((0, 500, 2000), 10, 2000, "25 %, 5 events/s, 6 s left");
        check_share((1000, 1500, 2000), 3000, 1500, "75 %, 2000 events/s, 1 s left");
        check_share((0, 0, 0), 0, 5000, "100 %");
        check_share((0, 30, 20), 0, 1000, "100 %, 0 events/s, 0 s left");
    }
}
