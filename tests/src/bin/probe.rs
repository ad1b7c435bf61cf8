//! `probe`: the pretend tool as a program.

use std::process::ExitCode;

use clap::Parser;
use lic_tests::tool::{Probe, run};

fn main() -> ExitCode {
    match run(&Probe::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("probe: {error}");
            ExitCode::FAILURE
        }
    }
}
