//! License servers: state, last heard, what was understood of what was read.

use jiff::Timestamp;
use lic_protocol::{
    name::ServerName,
    view::{Coverage, EXAMPLES_MAX, Server, ServerState, SourceFile},
};
use rusqlite::Connection;

use super::{polled, time, word};
use crate::{
    checkpoint::{self, Checkpoint},
    error::{Doing, StoreError},
    gaps,
    trouble::Trouble,
};

/// What is told of every server while nobody writes the databases.
const NOT_WATCHED: &str = "licmon does not run: this is how things were when it stopped";

/// Whether what is read is kept up to date.
#[derive(Clone, Copy)]
pub(super) struct Written {
    /// Whether a licmon runs that does it.
    pub(super) is_written: bool,
    /// Why it cannot, if it cannot.
    pub(super) trouble: Option<Trouble>,
}

/// License servers, by name.
pub(super) fn all(
    live: &Connection,
    history: &Connection,
    written: Written,
) -> Result<Vec<Server>, StoreError> {
    let doing = "read the servers";
    let sql =
        "select name, system, zone, configured, state, since_ms, heard_ms, has_sessions from server
        order by name";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let mut rows = query.query([]).doing(doing)?;
    let mut servers: Vec<Server> = Vec::new();
    let answers = polled::answers(live)?;
    while let Some(row) = rows.next().doing(doing)? {
        let name = ServerName::new(row.get::<_, String>(0).doing(doing)?);
        let files = checkpoint::of_server(history, &name)?;
        let faults = faults(live, &name)?;
        let system: String = row.get(1).doing(doing)?;
        let is_configured: bool = row.get(3).doing(doing)?;
        let state: String = row.get(4).doing(doing)?;
        let heard = row.get::<_, Option<i64>>(6).doing(doing)?.map(time);
        let has_sessions: bool = row.get(7).doing(doing)?;
        let is_wrapped = system == "licwrap";
        let is_watched = is_configured || is_wrapped;
        let fault = faults.iter().find(|(path, _)| path.is_empty()).map(|(_, error)| error.clone());
        let error = match written {
            Written { is_written: false, .. } if is_watched => Some(NOT_WATCHED.to_owned()),
            Written { trouble: Some(trouble), .. } if is_watched => Some(trouble.to_string()),
            _ => fault,
        };
        let (state, since) = match (is_watched, &error) {
            // Seats of wrapped tools are given by licmon itself.
            (true, Some(_)) if is_wrapped => (ServerState::Down, None),
            // A log that was read once, or cannot be read now, does not tell how the server is today.
            (false, _) | (_, Some(_)) => (ServerState::Unknown, None),
            (true, None) => {
                let since = row.get::<_, Option<i64>>(5).doing(doing)?.map(time);
                (word("server.state", &state, ServerState::from_word)?, since)
            }
        };
        let is_told = is_configured && error.is_none();
        let mut server = Server {
            state,
            since,
            zone: row.get(2).doing(doing)?,
            last_answer: newest(heard, &files),
            response_ms: None,
            error,
            usage_visible: usage_visible(is_wrapped || has_sessions, &files),
            denials_visible: (is_wrapped || !files.is_empty()).then_some(true),
            coverage: coverage(&files),
            gaps: gaps::of_server(live, &name)?,
            sources: sources(&files, &faults),
            name,
            system,
        };
        if let Some(answered) = answers.get(server.name.as_str()) {
            answered.tell_time(&mut server);
            if is_told && answered.is_of_today() {
                answered.tell(&mut server);
            }
        }
        servers.push(server);
    }
    Ok(servers)
}

/// The newest time in anything that was read of a server.
fn newest(heard: Option<Timestamp>, files: &[Checkpoint]) -> Option<Timestamp> {
    files.iter().filter_map(|file| file.last_at).chain(heard).max()
}

/// `None` while no line was read: that no checkout is seen then says nothing.
fn usage_visible(is_seen: bool, files: &[Checkpoint]) -> Option<bool> {
    if is_seen || files.iter().any(|file| file.usage_lines > 0) {
        Some(true)
    } else if files.iter().any(|file| file.coverage.lines > 0) {
        Some(false)
    } else {
        None
    }
}

fn coverage(files: &[Checkpoint]) -> Coverage {
    let mut all = Coverage::default();
    for file in files {
        all.lines += file.coverage.lines;
        all.events += file.coverage.events;
        all.noise += file.coverage.noise;
        all.unknown += file.coverage.unknown;
        all.examples.extend(file.coverage.examples.iter().cloned());
    }
    all.examples.truncate(EXAMPLES_MAX);
    all
}

fn sources(files: &[Checkpoint], faults: &[(String, String)]) -> Vec<SourceFile> {
    // That a compressed file was read has a checkpoint without lines: its log has another one, with them.
    let logs = files.iter().filter(|file| file.coverage.lines > 0 || file.offset == 0);
    let read = logs.map(|file| SourceFile {
        path: file.path.clone(),
        offset: file.offset,
        lines: file.coverage.lines,
        last_at: file.last_at,
        error: faults.iter().find(|(path, _)| *path == file.path).map(|(_, error)| error.clone()),
    });
    let never_read = faults
        .iter()
        .filter(|(path, _)| !path.is_empty() && !files.iter().any(|file| file.path == *path));
    let never_read = never_read.map(|(path, error)| SourceFile {
        path: path.clone(),
        offset: 0,
        lines: 0,
        last_at: None,
        error: Some(error.clone()),
    });
    read.chain(never_read).collect()
}

/// Path and sentence of what keeps us from reading; the path of the server itself is empty.
fn faults(live: &Connection, server: &ServerName) -> Result<Vec<(String, String)>, StoreError> {
    let doing = "read the faults of a server";
    let sql = "select path, error from fault where server = :server order by path";
    let mut faults = live.prepare_cached(sql).doing(doing)?;
    let rows = faults.query_map([server.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).doing(doing)
}
