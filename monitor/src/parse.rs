//! `licmon parse`: what licmon understands of a file, without any database. A log is told as JSON lines; a status is in the file
//! beside.

pub mod status;

use std::{
    fs::File,
    io::{self, BufWriter, ErrorKind, Read, Write},
    path::Path,
};

use anyhow::Context;
use jiff::{Timestamp, tz::TimeZone};
use lic_parse::{LicenseSystem, LogParser};
use lic_protocol::{
    event::{Event, Fact},
    name::ServerName,
    time::rfc3339,
    view::Coverage,
};
use serde_json::{Value, json};

use crate::sources::{dates, encoding::Encoding, lines::Lines, reading::Reading, unpack::Packing};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Prints every event of a log, then its coverage. `-` is standard input.
///
/// # Errors
/// When the file cannot be read.
pub fn parse(system: &dyn LicenseSystem, zone: &TimeZone, path: &Path) -> anyhow::Result<()> {
    let reading = || format!("read {}", path.display());
    let file;
    let (mut from, written): (Box<dyn Read>, _) = if path == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        file = File::open(path).with_context(reading)?;
        // What cannot be read twice, a pipe, is read as it is.
        let from = match Packing::of(&file).unwrap_or_default() {
            Some(packing) => packing.reader(&file).with_context(reading)?,
            None => Box::new(&file),
        };
        (from, dates::written(&file, zone))
    };
    let head = head(&mut from).with_context(reading)?;
    let encoding = Encoding::of_head(&head, Encoding::Bytes);
    let mut from = io::Cursor::new(head).chain(from);
    let mut ahead = Vec::new();
    let kept = |bytes: &[u8]| ahead.extend_from_slice(bytes);
    let parser =
        dates::begun((system, zone, encoding), &mut from, dates::KEPT_BYTES_MAX, written, kept);
    let parser = parser.with_context(reading)?;
    let from = io::Cursor::new(ahead).chain(from);
    let mut out = BufWriter::new(io::stdout().lock());
    match print((parser, encoding), from, &mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed.with_context(reading),
    }
}

/// The first bytes of a log, which may tell how it is written down.
fn head(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    from.by_ref().take(3).read_to_end(&mut head)?;
    Ok(head)
}

fn print(
    (parser, encoding): (Box<dyn LogParser>, Encoding),
    mut from: impl Read,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut reading = Reading::new(ServerName::from("-"), parser);
    let mut lines = Lines::new(encoding);
    let mut events = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut printed = Ok(());
        lines.take(&chunk[..count], |line, _| {
            reading.line(&line, |event| events.push(event));
            if printed.is_ok() {
                printed = print_events(&mut events, reading.coverage.lines, out);
            }
        });
        printed?;
    }
    lines.last(|line| reading.line(&line, |event| events.push(event)));
    reading.end(|event| events.push(event));
    print_events(&mut events, reading.coverage.lines, out)?;
    writeln!(out, "{}", json!({ "coverage": coverage(&reading.coverage) }))
}

/// Prints events that were known at a line of this number.
fn print_events(events: &mut Vec<Event>, line: u64, out: &mut impl Write) -> io::Result<()> {
    events.drain(..).try_for_each(|event| writeln!(out, "{}", document(&event, line)))
}

fn coverage(coverage: &Coverage) -> Value {
    serde_json::to_value(coverage).expect("numbers and text are JSON")
}

/// One event; null where the line does not say.
fn document(event: &Event, line: u64) -> Value {
    let mut document = json!({
        "kind": null, "at": at(event.at), "feature": null, "version": null, "user": null, "host": null, "count": null,
        "handle": null, "seat": null, "reason": null, "reason_class": null, "line": line,
    });
    let mut set = |key: &str, value: Value| document[key] = value;
    match &event.fact {
        Fact::Checkout(checkout) => {
            set("kind", json!("checkout"));
            set("feature", json!(checkout.feature));
            set("version", json!(checkout.version));
            set("user", json!(checkout.user));
            set("host", json!(checkout.host));
            set("count", json!(checkout.count));
            set("handle", json!(checkout.handle));
            set("seat", json!(checkout.seat));
        }
        Fact::Checkin(checkin) => {
            set("kind", json!("checkin"));
            set("feature", json!(checkin.feature));
            set("user", json!(checkin.user));
            set("host", json!(checkin.host));
            set("handle", json!(checkin.handle));
            set("count", json!(checkin.count));
            set("reason", json!(checkin.reason));
        }
        Fact::Denial(denial) => {
            set("kind", json!("denial"));
            set("feature", json!(denial.feature));
            set("user", json!(denial.user));
            set("host", json!(denial.host));
            set("count", json!(denial.count));
            set("reason", json!(denial.reason));
            set("reason_class", json!(denial.class));
        }
        Fact::Queue(queue) => {
            set("kind", json!("queue"));
            set("feature", json!(queue.feature));
            set("user", json!(queue.user));
            set("host", json!(queue.host));
            set("count", json!(queue.count));
            set("handle", json!(queue.ticket));
        }
        Fact::Dequeue(dequeue) => {
            set("kind", json!("dequeue"));
            set("feature", json!(dequeue.feature));
            set("handle", json!(dequeue.ticket));
            set("reason", json!(dequeue.outcome));
        }
        Fact::Server(server) => {
            set("kind", json!("server"));
            set("reason", json!(server.change));
        }
    }
    document
}

fn at(at: Timestamp) -> String {
    rfc3339(at)
}
