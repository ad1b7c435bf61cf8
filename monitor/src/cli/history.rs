//! What can be typed about history as a whole.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use lic_protocol::{name::ServerName, seal::Head};
use lic_store::read::Reader;

use super::Answer;
use crate::{
    answers::{backup, export, verify},
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

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The day (UTC), such as 2025-08-18.
    #[arg(long, value_name = "DATE")]
    day: Date,
    /// Of this license server [default: all].
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// The file to make, which must not be there yet [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(&self, reader: &Reader) -> anyhow::Result<()> {
        let server = self.server.as_deref().map(ServerName::from);
        match &self.output {
            Some(path) => export::to_file(reader, self.day, server.as_ref(), path),
            None => export::to_output(reader, self.day, server.as_ref()),
        }
    }
}
