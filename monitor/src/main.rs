//! licmon: arguments, logging, exit status.

use std::process::ExitCode;

use clap::Parser;
use lic_protocol::config::ConfigError;
use licmon::{
    cli::{Cli, NotNow, Usage},
    log,
};
use nix::sys::stat::{Mode, umask};

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
        log::start();
    }
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::failed(&format!("{error:#}"));
            let is_wrong = error.is::<Usage>() || error.is::<ConfigError>();
            ExitCode::from(match () {
                () if is_wrong => WRONG,
                () if error.is::<NotNow>() => NOT_NOW,
                () => FAILED,
            })
        }
    }
}
