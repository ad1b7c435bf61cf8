//! Whether we are told when a log grows. Where we are not, logs are looked at by the clock, so nothing here is a fault.

use std::{
    fs, io,
    path::Path,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    time::Duration,
};

use lic_protocol::doctor::Findings;
use notify::{RecursiveMode, Watcher};

use super::databases;
use crate::config::Config;

const ABOUT: &str = "logs";
/// How long the kernel may take to tell of a file that was just written.
const TOLD_S_MAX: u64 = 1;
/// The number that the kernel gives to file systems of programs. Source: `linux/magic.h`.
const FUSE: u32 = 0x6573_5546;
/// Folders that all programs of a user may watch; each license server needs one.
const WATCHES: &str = "/proc/sys/fs/inotify/max_user_watches";
/// Watchers that a user may have; each license server needs one.
const INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";

pub(super) fn look(config: &Config, findings: &mut Findings) {
    if config.servers.is_empty() {
        return;
    }
    for server in &config.servers {
        if let Some(kind) = silent(&server.directory) {
            findings.warning(
                ABOUT,
                format!(
                    "{} of server {} is of a kind ({kind}) that does not tell when a log grows from elsewhere: it is looked at by \
                     the clock",
                    server.directory.display(),
                    server.name,
                ),
                "nothing, where that is soon enough; else set `scan` under [monitor]",
            );
        }
    }
    tell(probe(), findings);
    for limit in [WATCHES, INSTANCES] {
        let allowed = fs::read_to_string(limit).ok().and_then(|text| text.trim().parse().ok());
        look_at_limit(limit, allowed, config.servers.len(), findings);
    }
}

/// The kind of file system, where it is one that knows nothing of what others write.
fn silent(folder: &Path) -> Option<&'static str> {
    let is_fuse = databases::file_system(folder) == Some(FUSE);
    databases::network(folder).or(is_fuse.then_some("FUSE"))
}

/// Writes a file in a folder of its own, and waits to be told of it.
fn probe() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let (tell, told) = sync_channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // The first is enough.
        let _ = tell.try_send(event.map(drop));
    })
    .map_err(io::Error::other)?;
    watcher.watch(folder.path(), RecursiveMode::NonRecursive).map_err(io::Error::other)?;
    fs::write(folder.path().join("written"), "")?;
    match told.recv_timeout(Duration::from_secs(TOLD_S_MAX)) {
        Ok(event) => event.map_err(io::Error::other),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(io::Error::other(format!("nothing was told within {TOLD_S_MAX} s")))
        }
    }
}

fn tell(probed: io::Result<()>, findings: &mut Findings) {
    if let Err(error) = probed {
        findings.warning(
            ABOUT,
            format!("the kernel does not tell when a file is written ({error}): logs are looked at by the clock"),
            "allow inotify in the container, or end what uses it up: `sysctl fs.inotify`; nothing, where `scan` is soon enough",
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
