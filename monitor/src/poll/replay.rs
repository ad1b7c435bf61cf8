//! `licmon replay-raw`: kept answers, read again by this licmon. What a newer one understands better shows here.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use anyhow::Context;
use jiff::Timestamp;
use lic_parse::status::{self, Answer};
use lic_protocol::{name::ServerName, snapshot::Snapshot, time::ms, view::ServerState};
use serde::Serialize;

use super::{
    PolledServer,
    ask::OUTPUT_BYTES_MAX,
    kept::{FOLDER, Head, files, folder},
};
use crate::{
    answers::Form,
    config::Config,
    table::{say_json, say_table, time},
};

/// Bytes of the line before an answer.
const HEAD_BYTES_MAX: u64 = 8 * 1024;

/// Which answers are wanted.
pub struct Wanted {
    /// Of this server; `None` for all.
    pub server: Option<ServerName>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// The newest so many of each server.
    pub limit: usize,
}

/// Several answers.
#[derive(Serialize)]
struct Replayed {
    answers: Vec<Again>,
}

/// An answer that was read again.
#[derive(Serialize)]
struct Again {
    server: ServerName,
    #[serde(with = "ms")]
    asked: Timestamp,
    took_ms: f64,
    ended: String,
    snapshot: Snapshot,
}

/// Prints what the kept answers say.
///
/// # Errors
/// When they cannot be read.
pub fn print(config: &Config, wanted: &Wanted, form: Form) -> anyhow::Result<()> {
    let raw = config.place.state.join(FOLDER);
    let servers = config
        .polled
        .iter()
        .filter(|server| wanted.server.as_ref().is_none_or(|name| *name == server.name));
    let mut answers = Vec::new();
    for server in servers {
        answers.extend(again(&raw, server, wanted)?);
    }
    if form == Form::Json {
        return say_json(&Replayed { answers });
    }
    let rows = answers.iter().map(|it| {
        let coverage = &it.snapshot.coverage;
        let why = it.snapshot.error.clone().unwrap_or_default();
        let counts = [it.snapshot.features.len() as u64, coverage.lines, coverage.unknown];
        let [features, lines, unknown] = counts.map(|count| count.to_string());
        let took = format!("{:.0} ms", it.took_ms);
        let (server, state) = (it.server.to_string(), it.snapshot.state.to_string());
        vec![time(it.asked), server, took, state, features, lines, unknown, why]
    });
    let heads = ["ASKED", "SERVER", "TOOK", "STATE", "FEATURES", "LINES", "UNKNOWN", "ERROR"];
    say_table(&heads, rows, "no answers are kept of any server that is asked")
}

fn again(raw: &Path, server: &PolledServer, wanted: &Wanted) -> anyhow::Result<VecDeque<Again>> {
    let mut newest = VecDeque::new();
    for file in files(&folder(raw, &server.name))? {
        each(&file, |head, text| {
            let is_wanted = wanted.from.is_none_or(|from| head.asked >= from)
                && wanted.to.is_none_or(|to| head.asked < to);
            if is_wanted {
                newest.push_back(read(server, &head, text));
            }
            if newest.len() > wanted.limit {
                newest.pop_front();
            }
        })?;
    }
    Ok(newest)
}

fn read(server: &PolledServer, head: &Head, text: &[u8]) -> Again {
    let answer = Answer { text, zone: &server.zone, asked: Some(head.asked) };
    let read = status::best(&server.formats, &answer).filter(|_| head.whole);
    let snapshot = read.map_or_else(
        || Snapshot {
            state: ServerState::Unknown,
            error: Some(head.ended.clone()),
            ..Snapshot::default()
        },
        |found| found.1,
    );
    let (server, ended) = (server.name.clone(), head.ended.clone());
    Again { server, asked: head.asked, took_ms: head.took_ms, ended, snapshot }
}

/// Tells each answer of a file. What is behind a frame that was not written to its end is not there.
///
/// # Errors
/// When the file cannot be opened.
pub fn each(path: &Path, mut told: impl FnMut(Head, &[u8])) -> anyhow::Result<()> {
    let opening = || format!("read {}", path.display());
    let file = File::open(path).with_context(opening)?;
    if fs::metadata(path).with_context(opening)?.len() == 0 {
        return Ok(());
    }
    let mut answers = BufReader::new(zstd::Decoder::new(file).with_context(opening)?);
    while let Ok(Some((head, text))) = next(&mut answers) {
        told(head, &text);
    }
    Ok(())
}

/// The next answer, if there is one.
fn next(from: &mut impl BufRead) -> io::Result<Option<(Head, Vec<u8>)>> {
    let mut line = Vec::new();
    from.by_ref().take(HEAD_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let head: Head = serde_json::from_slice(&line)?;
    if head.bytes > 2 * OUTPUT_BYTES_MAX {
        return Err(io::Error::other("an answer larger than there can be"));
    }
    let mut text = vec![0; head.bytes];
    from.read_exact(&mut text)?;
    Ok(Some((head, text)))
}
