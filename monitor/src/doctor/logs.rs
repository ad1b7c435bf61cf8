//! The logs that are followed: whether they are there and can be read, and what was understood of them.

use std::{fs, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use lic_protocol::{doctor::Findings, view::Server};

use super::who::Who;
use crate::config::{Config, LogServer};

const ABOUT: &str = "logs";
/// As far as clocks of two machines may be apart before somebody should look at them.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn look(
    config: &Config,
    who: &Who,
    known: &[Server],
    now: Timestamp,
    findings: &mut Findings,
) {
    for server in &config.servers {
        if look_at_folder(server, who, findings)
            && let Some(known) = known.iter().find(|known| known.name == server.name)
        {
            look_at_server(known, now, findings);
        }
    }
    let asked = config.polled.iter().map(|server| &server.name);
    for name in asked.filter(|name| config.servers.iter().all(|server| server.name != **name)) {
        if let Some(known) = known.iter().find(|known| known.name == *name) {
            look_at_answer(known, findings);
        }
    }
}

/// Whether a license server that has no log answers.
fn look_at_answer(server: &Server, findings: &mut Findings) {
    if let Some(error) = &server.error {
        let name = &server.name;
        let mend = format!("licmon server test {name} shows which step fails");
        findings.fault(ABOUT, format!("server {name}: {error}"), mend);
    }
}

/// Whether there is something that can be read.
fn look_at_folder(server: &LogServer, who: &Who, findings: &mut Findings) -> bool {
    let (name, folder) = (&server.name, &server.directory);
    let files = match files(server) {
        Ok(files) => files,
        Err(error) => {
            findings.fault(
                ABOUT,
                format!("the folder {} of server {name} cannot be read: {error}", folder.display()),
                "correct `directory` in licwrap.toml, or mount it",
            );
            return false;
        }
    };
    if files.is_empty() {
        findings.fault(
            ABOUT,
            format!("no file in {} of server {name} matches {}", folder.display(), server.pattern),
            "correct `pattern` or `directory` in licwrap.toml, or switch on the log of the license server",
        );
        return false;
    }
    let barriers: Vec<PathBuf> = files.iter().filter_map(|file| who.barrier(file)).collect();
    if let Some(first) = barriers.first() {
        findings.fault(
            ABOUT,
            format!(
                "{} may not read {} of the {} logs of server {name}: {} keeps him out",
                who.name(),
                barriers.len(),
                files.len(),
                first.display()
            ),
            format!("let {} read it: by its group, or setfacl -m u:{}:rX", who.name(), who.name()),
        );
        return false;
    }
    true
}

fn files(server: &LogServer) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(&server.directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| server.pattern.matches(name)) {
            files.push(entry.path());
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// What history knows of what was read.
fn look_at_server(server: &Server, now: Timestamp, findings: &mut Findings) {
    let name = &server.name;
    if let Some(error) = &server.error {
        findings.fault(
            ABOUT,
            format!("server {name}: {error}"),
            "mend what it says; licmon goes on by itself",
        );
    }
    let kept_out =
        server.sources.iter().filter_map(|source| Some((&source.path, source.error.as_ref()?)));
    let kept_out: Vec<_> = kept_out.collect();
    if let Some((path, error)) = kept_out.first() {
        findings.fault(
            ABOUT,
            format!(
                "{} logs of server {name} are not read, such as {path}: {error}",
                kept_out.len()
            ),
            "mend what it says; licmon goes on by itself",
        );
    }
    if server.usage_visible == Some(false) {
        findings.warning(
            ABOUT,
            format!("the log of server {name} shows no checkouts: usage tracing is off there"),
            "switch on usage tracing on the license server; until then who holds a seat is not visible",
        );
    }
    if server.coverage.unknown > 0 {
        findings.warning(
            ABOUT,
            format!(
                "{} of {} lines of server {name} were not understood",
                server.coverage.unknown, server.coverage.lines
            ),
            format!("look at them with `licmon servers --json` or `licmon parse --system {} FILE`, and report them", server.system),
        );
    }
    if let Some(gaps) = server.gaps.sentence() {
        findings.warning(
            ABOUT,
            format!("server {name}: {gaps}"),
            format!(
                "if a copy of the file is somewhere, `licmon import --system {} --server {name} FILE` closes the gap",
                server.system
            ),
        );
    }
    if let Some(newest) = server.last_answer
        && newest.duration_since(now) > AHEAD
    {
        findings.fault(
            ABOUT,
            format!("the newest time in the log of server {name}, {newest}, has yet to come"),
            "correct `zone` of that server in licwrap.toml, or the clock of either machine",
        );
    }
}
