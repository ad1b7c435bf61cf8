//! licmon: arguments, logging, exit status.

use std::{env, process::ExitCode};

use clap::Parser;
use lic_protocol::{config::ConfigError, log::Log};
use licmon::{
    answers::verify::NotWhole,
    cli::{Cli, NotNow, Usage},
    table::shown,
};
use nix::sys::stat::{Mode, umask};

/// Says how much is told of: `error`, `warn`, `info`, `debug`.
const LEVEL: &str = "LICMON_LOG";
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
    let journal = env::var("JOURNAL_STREAM").ok();
    let log = Log::new("licmon", |text| shown(text).into_owned(), journal.as_deref());
    if cli.is_serve() {
        log.start(env::var(LEVEL).ok().as_deref());
    }
    match cli.run(&log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.failed(&format!("{error:#}"));
            let is_wrong = error.is::<Usage>() || error.is::<ConfigError>();
            ExitCode::from(match () {
                () if is_wrong => WRONG,
                () if error.is::<NotNow>() => NOT_NOW,
                () if matches!(error.downcast_ref(), Some(NotWhole::Unsealed)) => NOT_NOW,
                () => FAILED,
            })
        }
    }
}
