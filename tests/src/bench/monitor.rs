//! A licmon to measure: a tool with so many seats, history on disk, its runtime folder in memory as /run is.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use lic_protocol::{
    paths,
    want::Choice,
    wire::{Acquire, MESSAGE_BYTES_MAX, Reply, Request, Wait},
};
use tempfile::TempDir;

use crate::{process::Process, programs::command, wait};

/// The tool whose seats are taken.
pub const FEATURE: &str = "bench";
/// A file system in memory that every user may write to.
const MEMORY: &str = "/dev/shm";

/// A licmon that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Monitor {
    licmon: PathBuf,
    folder: TempDir,
    runtime: TempDir,
    process: Process,
}

impl Monitor {
    /// Starts one with `seats` of [`FEATURE`].
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(licmon: &Path, seats: u32) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let runtime = TempDir::new_in(MEMORY).or_else(|_| {
            println!("note: no {MEMORY} here, the seats' records go to the disk");
            TempDir::new()
        })?;
        let config = format!("[[tool]]\nname = \"{FEATURE}\"\nseats = {seats}\n");
        fs::write(folder.path().join("licwrap.toml"), config)?;
        let process = serve(licmon, folder.path(), runtime.path())?;
        let monitor = Self { licmon: licmon.to_owned(), folder, runtime, process };
        monitor.connect()?;
        Ok(monitor)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again; returns before it answers.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.process = serve(&self.licmon, self.folder.path(), self.runtime.path())?;
        Ok(())
    }

    /// A connection to it, as soon as it listens.
    ///
    /// # Errors
    /// When it does not, within [`wait::SOON`].
    pub fn connect(&self) -> anyhow::Result<UnixStream> {
        let connected = wait::answer(wait::SOON, || UnixStream::connect(self.socket()).ok());
        connected.with_context(|| format!("licmon does not answer: {}", self.process.said()))
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.runtime.path().join(paths::SEAT_SOCKET)
    }

    /// Seats of [`FEATURE`] in use, as `licmon status` shows them.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn in_use(&self) -> anyhow::Result<u64> {
        let answer = command(&self.licmon)
            .args(["status", "--json", "--config"])
            .arg(self.folder.path().join("licwrap.toml"))
            .arg("--state")
            .arg(self.folder.path())
            .output()?;
        let status: serde_json::Value = serde_json::from_slice(&answer.stdout)
            .with_context(|| format!("licmon status: {}", answer.stderr.escape_ascii()))?;
        status["features"][0]["in_use"].as_u64().context("licmon status shows no seats in use")
    }

    /// Bytes of history on the disk.
    ///
    /// # Errors
    /// When there is none.
    pub fn history_bytes(&self) -> anyhow::Result<u64> {
        Ok(fs::metadata(self.folder.path().join(paths::HISTORY_DB))?.len())
    }
}

fn serve(licmon: &Path, folder: &Path, runtime: &Path) -> anyhow::Result<Process> {
    let mut serve = command(licmon);
    serve.arg("serve").arg("--config").arg(folder.join("licwrap.toml"));
    serve.arg("--state").arg(folder).arg("--runtime").arg(runtime);
    Process::start("licmon", &mut serve, &folder.join("said"))
}

/// Takes a seat of [`FEATURE`] for this process, or learns that none is free.
///
/// # Errors
/// When the connection breaks, or the answer is neither.
pub fn acquire(connection: UnixStream) -> anyhow::Result<Option<u64>> {
    let acquire = Acquire {
        choices: vec![Choice::of(FEATURE)],
        wait: Wait::No,
        tool: FEATURE.to_owned(),
        project: None,
        is_supervised: false,
        ticket: None,
        is_again: false,
    };
    match ask(connection, &Request::Acquire(acquire))? {
        Reply::Granted { lease, .. } => Ok(Some(lease)),
        Reply::Refused { .. } => Ok(None),
        other => bail!("licmon answers {other:?}"),
    }
}

/// Gives a lease back while its process lives on, as licmon's own user may.
///
/// # Errors
/// When the connection breaks, or the lease is unknown.
pub fn release(connection: UnixStream, lease: u64) -> anyhow::Result<()> {
    match ask(connection, &Request::Release { lease })? {
        Reply::Done { .. } => Ok(()),
        other => bail!("licmon answers {other:?}"),
    }
}

/// The token that comes with a grant is not taken, so the kernel closes it.
fn ask(mut connection: UnixStream, request: &Request) -> anyhow::Result<Reply> {
    connection.write_all(request.encode().as_bytes())?;
    let mut bytes = [0; MESSAGE_BYTES_MAX];
    let length = connection.read(&mut bytes)?;
    let text = str::from_utf8(&bytes[..length])?;
    Reply::decode(text).with_context(|| format!("licmon answers {text:?}"))
}
