//! Arguments, logging, exit status; nothing else.

use std::process::ExitCode;

use clap::Parser;
use lic_protocol::config::ConfigError;
use licdash::{cli::Cli, log, run};

/// It could not be done.
const FAILED: u8 = 1;
/// The configuration is wrong.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start();
    match run::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::failed(&format!("{error:#}"));
            ExitCode::from(if error.is::<ConfigError>() { WRONG } else { FAILED })
        }
    }
}
