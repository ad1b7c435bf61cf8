//! A day of history as lines of JSON, out of one history and into another. Read twice it adds nothing.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    mem,
    sync::mpsc::sync_channel,
};

use anyhow::{Context, anyhow, bail};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use lic_protocol::{
    exchange::{Carried, FORM, Header, Line},
    name::ServerName,
    view::Source,
};
use lic_store::{
    commit::{Batch, Receipt},
    read::Reader,
};

use crate::{acts::know, pipe::EventSink};

/// The name of this form among the license systems of `licmon import`.
pub const EXPORT: &str = "licmon";
/// Bytes of one line.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Events of one batch.
const BATCH_EVENTS_MAX: usize = 1000;
/// Lines between two tellings of how far it is.
const PROGRESS_LINES: u64 = 1000;

/// Writes a day (in UTC) of one license server, or of all.
///
/// # Errors
/// When history cannot be read, or the lines cannot be written.
pub fn write(
    reader: &Reader,
    day: Date,
    server: Option<&ServerName>,
    to: &mut impl Write,
) -> anyhow::Result<()> {
    let midnight = |day: Date| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
    let span = (midnight(day)?, midnight(day.tomorrow()?)?);
    let head = reader.sealed_until()?.map(|sealed| sealed.head);
    put(to, &Line::Export(Header { form: FORM, day, server: server.cloned(), head }))?;
    let (mut lines, mut failed) = (0, None);
    reader.carry(span, server, |carried| {
        let Some(line) = Line::of(carried) else { return true };
        lines += 1;
        failed = put(to, &line).err();
        failed.is_none()
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    put(to, &Line::End { lines })?;
    to.flush().context("write what is exported")
}

fn put(to: &mut impl Write, line: &Line) -> anyhow::Result<()> {
    let text = serde_json::to_string(line)?;
    writeln!(to, "{text}").context("write what is exported")
}

/// What became of the lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchanged {
    lines: u64,
    receipt: Receipt,
    of: String,
}

impl Exchanged {
    /// The story of it for people.
    #[must_use]
    pub fn sentence(&self, path: &str) -> String {
        let Receipt { added, duplicates } = self.receipt;
        format!("{path}: {added} events added, {duplicates} stored already; {}", self.of)
    }
}

/// Reads such lines into the store. Runs of tools that were under licwrap are of the machine they ran on: `machine` names it here.
/// `progress` is told how many lines were read, and says whether to go on.
///
/// # Errors
/// When a line is none of these, some are missing, or the store is gone. What was read before that is stored.
pub fn read(
    file: File,
    machine: Option<&ServerName>,
    sink: &EventSink,
    mut progress: impl FnMut(u64) -> bool,
) -> anyhow::Result<Exchanged> {
    let mut lines = Lines { from: BufReader::new(file), number: 0 };
    let Some(Line::Export(header)) = lines.next()? else {
        bail!("the first line is not that of a `licmon export`");
    };
    if header.form != FORM {
        bail!(
            "it is written in form {}, this program reads {FORM}: upgrade the program",
            header.form
        );
    }
    let mut storing = Storing::new(sink, machine);
    let mut done = Exchanged { of: of(&header), ..Exchanged::default() };
    let end = loop {
        let Some(line) = lines.next()? else { break None };
        if let Line::End { lines } = line {
            break Some(lines);
        }
        let number = lines.number;
        let carried = line.carried().with_context(|| format!("line {number} is no event"))?;
        storing.add(carried).with_context(|| format!("line {number}"))?;
        done.lines += 1;
        if done.lines.is_multiple_of(PROGRESS_LINES) && !progress(done.lines) {
            bail!("licmon is stopping");
        }
    };
    storing.send()?;
    done.receipt = storing.receipt;
    match end {
        Some(lines) if lines == done.lines => Ok(done),
        _ => bail!("it is incomplete: {} events are in it, what they say was read", done.lines),
    }
}

fn of(header: &Header) -> String {
    let server =
        header.server.as_ref().map_or_else(|| "all servers".to_owned(), ToString::to_string);
    let head =
        header.head.map_or_else(String::new, |head| format!(", from the history with head {head}"));
    format!("{} of {server}{head}", header.day)
}

/// The lines of a file.
struct Lines {
    from: BufReader<File>,
    number: u64,
}

impl Lines {
    fn next(&mut self) -> anyhow::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let read = self.from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = serde_json::from_slice(&bytes);
        line.map(Some).with_context(|| format!("line {} is none of a `licmon export`", self.number))
    }
}

/// Events on their way into the store: those that were learned together, together.
struct Storing<'a> {
    sink: &'a EventSink,
    machine: Option<&'a ServerName>,
    known: HashSet<ServerName>,
    /// Whose the waiting events are.
    key: (ServerName, Source, Timestamp),
    waiting: Vec<lic_protocol::event::Event>,
    receipt: Receipt,
}

impl<'a> Storing<'a> {
    fn new(sink: &'a EventSink, machine: Option<&'a ServerName>) -> Self {
        Self {
            sink,
            machine,
            known: HashSet::new(),
            key: (ServerName::local(), Source::Import, Timestamp::UNIX_EPOCH),
            waiting: Vec::new(),
            receipt: Receipt::default(),
        }
    }

    fn add(&mut self, carried: Carried) -> anyhow::Result<()> {
        let Carried { server, system, source, learned_at, event } = carried;
        let server = self.name(server)?;
        if self.known.insert(server.clone()) {
            know(self.sink, server.clone(), system)?;
        }
        let key = (server, source, learned_at);
        if self.key != key || self.waiting.len() >= BATCH_EVENTS_MAX {
            self.send()?;
            self.key = key;
        }
        self.waiting.push(event);
        Ok(())
    }

    /// Seats of this machine's own tools are given here alone.
    fn name(&self, server: ServerName) -> anyhow::Result<ServerName> {
        if server != ServerName::local() {
            return Ok(server);
        }
        let machine = self.machine.filter(|machine| **machine != ServerName::local());
        machine.cloned().ok_or_else(|| {
            anyhow!(
                "a run of a tool on another machine: say with --server how that machine is called"
            )
        })
    }

    fn send(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (server, source, learned_at) = self.key.clone();
        let events = mem::take(&mut self.waiting);
        let batch = Batch { server, source, learned_at, events, checkpoint: None };
        let (receipt, committed) = sync_channel(1);
        self.sink
            .send_with_receipt(batch, receipt)
            .map_err(|_| anyhow!("the databases are closed"))?;
        let Receipt { added, duplicates } =
            committed.recv().context("the databases do not take the events")?;
        self.receipt.added += added;
        self.receipt.duplicates += duplicates;
        Ok(())
    }
}
