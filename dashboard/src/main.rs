//! Arguments, logging, exit status; nothing else.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use lic_protocol::config::ConfigError;
use licdash::{cli::Cli, format, run};
use tracing_subscriber::EnvFilter;

/// It could not be done.
const FAILED: u8 = 1;
/// The configuration is wrong.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    match run::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = format::shown(&format!("{error:#}"));
            // If standard error is gone there is nobody to tell.
            drop(writeln!(std::io::stderr(), "licdash: {text}"));
            ExitCode::from(if error.is::<ConfigError>() { WRONG } else { FAILED })
        }
    }
}

/// The story of a day goes to standard error, which a service manager keeps.
fn log() {
    let filter = EnvFilter::try_from_env("LICDASH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
}
