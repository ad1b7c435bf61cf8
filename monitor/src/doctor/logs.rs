//! The logs that are followed: whether they are there and can be read, what wakes us, and what was understood of them.

use std::{fs, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use lic_protocol::{doctor::Findings, view::Server};

use super::{databases, who::Who};
use crate::config::{Config, LogServer};

const ABOUT: &str = "logs";
/// As far as clocks of two machines may be apart before somebody should look at them.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Folders that all programs of a user may watch; each license server needs one.
const WATCHES: &str = "/proc/sys/fs/inotify/max_user_watches";
/// Watchers that a user may have; each license server needs one.
const INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";

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
    for limit in [WATCHES, INSTANCES] {
        let allowed = fs::read_to_string(limit).ok().and_then(|text| text.trim().parse().ok());
        look_at_limit(limit, allowed, config.servers.len(), findings);
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
    if let Some(network) = databases::network(folder) {
        findings.warning(
            ABOUT,
            format!(
                "{} of server {name} lies on another machine ({network}), which does not tell when a log grows: it is \
                 looked at by the clock",
                folder.display(),
            ),
            "nothing, where that is soon enough; else set `scan` under [monitor]",
        );
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

fn look_at_limit(limit: &str, allowed: Option<u64>, servers: usize, findings: &mut Findings) {
    let needed = u64::try_from(servers).unwrap_or(u64::MAX);
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        let key = limit.trim_start_matches("/proc/sys/").replace('/', ".");
        findings.warning(
            ABOUT,
            format!("the kernel lets a user watch {allowed} folders at once, and {needed} are followed: the others are looked at by the clock"),
            format!("sysctl {key}={}", needed.saturating_mul(8)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_matters_where_it_is_less_than_what_is_followed() {
        for (allowed, servers, expected) in
            [(Some(8), 8, 0), (Some(7), 8, 1), (None, 8, 0), (Some(0), 0, 0)]
        {
            let mut findings = Findings::default();
            look_at_limit(WATCHES, allowed, servers, &mut findings);
            assert_eq!(findings.findings.len(), expected, "{allowed:?} {servers}");
            for finding in findings.findings {
                assert_eq!(finding.mend, "sysctl fs.inotify.max_user_watches=64");
            }
        }
    }
}
