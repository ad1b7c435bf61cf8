//! What can be typed about history as a whole.

use std::path::PathBuf;

use clap::Args;
use lic_protocol::seal::Head;

use super::Answer;
use crate::{
    answers::{backup, verify},
    config::Config,
};

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A head of before, as the Servers page, `licmon servers` and the log show it: history must still go through it. May be given
    /// several times.
    #[arg(long = "head", value_name = "HEAD")]
    heads: Vec<Head>,
    #[command(flatten)]
    answer: Answer,
}

impl Verify {
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        verify::print(config, self.answer.form(), &self.heads)
    }
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to make; it must not be there yet.
    #[arg(value_name = "DEST")]
    to: PathBuf,
}

impl Backup {
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        backup::make(config, &self.to)
    }
}
