//! The command line. What the options mean is decided in `config`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The web dashboard of licmon: who holds which license, who waits, who was refused.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the pages and the API until stopped.
    Serve(Serve),
}

/// Options of `licdash serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Serve {
    /// Configuration file [default: /etc/licwrap/licwrap.toml, else the user's licwrap.toml].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of both databases; overrides the configuration.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Runtime folder of licmon; accepted so that all programs take the same options.
    #[arg(long, value_name = "DIR")]
    pub runtime: Option<PathBuf>,
}
