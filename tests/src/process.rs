//! A program of a site that runs: what it says goes to a file, and it is ended by its own pid.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::wait;

/// What stopping may take.
pub const STOP: Duration = Duration::from_secs(2);

/// A program that runs until it is stopped. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    said: PathBuf,
}

impl Process {
    /// Starts `command` in a process group of its own, so that a terminal's Ctrl-C is ours to pass on.
    ///
    /// # Errors
    /// When it cannot be started, or the file `said` cannot be written.
    pub fn start(name: &str, command: &mut Command, said: &Path) -> anyhow::Result<Self> {
        let out = File::options().create(true).append(true).open(said);
        let out = out.with_context(|| format!("open {}", said.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Ok(Self { name: name.to_owned(), child, said: said.to_owned() })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has said.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end, and waits at most for [`STOP`].
    ///
    /// # Errors
    /// When it runs on; it is killed then.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::SIGTERM);
        if let Some(status) = wait::answer(STOP, || self.ended()) {
            return Ok(status);
        }
        self.kill();
        anyhow::bail!("{} did not stop within {STOP:?}: killed", self.name)
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only where it has ended, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal; nothing happens where it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = i32::try_from(self.child.id()).expect("a pid is a small number");
            // It may end in between, and then there is nobody to tell.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
