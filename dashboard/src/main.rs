//! Arguments, logging, exit status; nothing else.

use std::{
    io::{IsTerminal, stderr},
    process::ExitCode,
};

use clap::Parser;
use licdash::{cli::Cli, run};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = tracing_subscriber::fmt().with_env_filter(log_filter());
    log.with_ansi(stderr().is_terminal()).with_writer(stderr).init();
    run::run(&cli)
}

/// What is logged: `RUST_LOG`, else the day's story.
fn log_filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}
