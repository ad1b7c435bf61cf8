//! licmon: arguments, logging, exit status.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use lic_protocol::config::ConfigError;
use licmon::{
    cli::{Cli, NotNow, Usage},
    log::OneLine,
};
use nix::sys::stat::{Mode, umask};
use tracing_subscriber::EnvFilter;

/// It could not be done.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong.
const WRONG: u8 = 2;
/// It may be done later.
const NOT_NOW: u8 = 75;

fn main() -> ExitCode {
    // What we write is for us and our group; the sockets and files that are for everybody say so themselves.
    umask(Mode::S_IWGRP | Mode::S_IRWXO);
    let cli = Cli::parse();
    if cli.is_serve() {
        log();
    }
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = format!("{error:#}");
            // If standard error is gone there is nobody to tell.
            drop(writeln!(std::io::stderr(), "licmon: {}", licmon::table::shown(&text)));
            let is_wrong = error.is::<Usage>() || error.is::<ConfigError>();
            ExitCode::from(match () {
                () if is_wrong => WRONG,
                () if error.is::<NotNow>() => NOT_NOW,
                () => FAILED,
            })
        }
    }
}

/// The story of a day goes to standard error, which a service manager keeps.
fn log() {
    let filter = EnvFilter::try_from_env("LICMON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(OneLine::default)
        .with_ansi(false)
        .with_target(false)
        .init();
}
