//! The programs that are measured, and the tools they run.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::Context;

use crate::{bench::monitor::FEATURE, programs::command};

/// Where the programs are.
#[derive(Clone, Debug, clap::Args)]
pub struct Programs {
    /// The monitor, built as for a release.
    #[arg(long)]
    pub licmon: PathBuf,
    /// The wrapper, static.
    #[arg(long)]
    pub licwrap: PathBuf,
    /// The tool that tells when it began and ended, static.
    #[arg(long)]
    pub moment: PathBuf,
}

/// A tool that tells when it begins and ends.
#[derive(Debug)]
pub struct Moment {
    /// The process that was started.
    pub child: Child,
    /// The tool ends when this does.
    hold: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl Programs {
    /// `licwrap OPTIONS -f bench --`, for the monitor at `socket`.
    #[must_use]
    pub fn licwrap(&self, socket: PathBuf, options: &[&str]) -> Command {
        let mut licwrap = command(&self.licwrap);
        licwrap.args(options).args(["-f", FEATURE, "--"]).env("LICWRAP_SOCKET", socket);
        licwrap
    }

    /// The same as words: `env` sets the variable once for all of them.
    #[must_use]
    pub fn licwrap_words(&self, options: &[&str]) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![self.licwrap.clone().into()];
        words.extend(options.iter().chain(&["-f", FEATURE, "--"]).map(OsString::from));
        words
    }

    /// Starts `wrapper` with a [`Moment`] that runs until it is let go.
    ///
    /// # Errors
    /// When the wrapper cannot be started.
    pub fn moment(&self, mut wrapper: Command) -> anyhow::Result<Moment> {
        wrapper.arg(&self.moment).arg("hold").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = wrapper.spawn().context("start a tool")?;
        let hold = child.stdin.take();
        let said = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Moment { child, hold, said })
    }
}

impl Moment {
    /// When it began, or the next of what it tells. Waits for it.
    ///
    /// # Errors
    /// When it ends without a word.
    pub fn told(&mut self) -> anyhow::Result<Duration> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        let ns = line.trim_end().parse().with_context(|| format!("a tool says {line:?}"))?;
        Ok(Duration::from_nanos(ns))
    }

    /// Lets it end.
    pub fn let_go(&mut self) {
        self.hold = None;
    }

    /// Lets it end, and waits for that. Returns when it did.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn end(mut self) -> anyhow::Result<Duration> {
        self.let_go();
        let ended = self.told()?;
        self.child.wait()?;
        Ok(ended)
    }
}
