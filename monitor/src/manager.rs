//! The service manager: the socket it keeps for us, and what it is told. Without one nothing is given and nothing is said.
//! How a restart looks from outside is in `packaging/systemd`.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::Path,
};

use anyhow::{Context, ensure};
use listenfd::ListenFd;
use sd_notify::{NotifyState, notify};
use tracing::warn;

use crate::server::config::Alive;

/// Of the time after which the manager thinks that we hang, the part between two signs of life.
const SIGNS_PER_LIMIT: u32 = 3;

/// The socket that the service manager listens on for us, where there is one. To be asked for before there is a second thread:
/// it takes the variables that tell of it out of the environment. Source: `sd_listen_fds(3)`.
///
/// # Errors
/// When it is no socket of ours, or is not at `path`, where licwrap looks for it.
pub fn listener(path: &Path) -> anyhow::Result<Option<OwnedFd>> {
    let given = ListenFd::from_env().take_unix_listener(0);
    let given = given.context("take the socket of the service manager")?;
    let Some(listener) = given else { return Ok(None) };
    let address = listener.local_addr().context("ask where the service manager listens")?;
    let kept = address.as_pathname().unwrap_or(Path::new("nowhere"));
    ensure!(
        is_same_file(kept, path).unwrap_or(kept == path),
        "the service manager listens on {}, and `runtime` puts the socket at {}: make them one, in `ListenStream=` of \
         licmon.socket or in licwrap.toml",
        kept.display(),
        path.display()
    );
    Ok(Some(listener.into()))
}

/// Tells that requests are answered and logs are followed.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells that the configuration is being read; [`ready`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn!("see what time it is: {error}"),
    }
}

/// Tells that what is in progress is being written down, and no more.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The manager as one who wants to hear that we do not hang, if it does.
#[must_use]
pub fn alive() -> Option<Alive> {
    let every = sd_notify::watchdog_enabled()? / SIGNS_PER_LIMIT;
    let tell = Box::new(|| tell(&[NotifyState::Watchdog]));
    (!every.is_zero()).then_some(Alive { every, tell })
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        warn!("tell the service manager {states:?}: {error}");
    }
}

fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}
