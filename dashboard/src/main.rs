//! Arguments, logging, exit status; nothing else.

use std::{env, process::ExitCode};

use clap::Parser;
use lic_protocol::{config::ConfigError, log::Log};
use licdash::{cli::Cli, format::shown, run};

/// Says how much is told of: `error`, `warn`, `info`, `debug`.
const LEVEL: &str = "LICDASH_LOG";
/// It could not be done.
const FAILED: u8 = 1;
/// The configuration is wrong.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = Log::new("licdash", shown, env::var("JOURNAL_STREAM").ok().as_deref());
    log.start(env::var(LEVEL).ok().as_deref());
    match run::run(&cli, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.failed(&format!("{error:#}"));
            ExitCode::from(if error.is::<ConfigError>() { WRONG } else { FAILED })
        }
    }
}
