//! `bench`: the measurements as a program; tests/bench/launch, seats and pages build what it needs and call it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lic_tests::bench::{
    handover, held,
    launch::{self, Launch},
    pages::{self, Pages},
    rate,
    tools::Programs,
};

/// Measures licwrap, licmon and licdash on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What each way to start a tool adds to it.
    Launch(Launch),
    /// What the seat server can take.
    Seats(Seats),
    /// What the dashboard can take.
    Pages(Pages),
}

#[derive(Debug, clap::Args)]
struct Seats {
    #[command(flatten)]
    programs: Programs,
    /// Seats that are held while licmon is killed.
    #[arg(long, default_value_t = 10_000)]
    held: u32,
    /// How often a seat is handed over.
    #[arg(long, default_value_t = 200)]
    handovers: usize,
}

fn main() -> ExitCode {
    let measured = match Options::parse().what {
        What::Launch(options) => launch::run(&options),
        What::Seats(options) => seats(&options),
        What::Pages(options) => pages::run(&options),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn seats(options: &Seats) -> anyhow::Result<()> {
    rate::measure(&options.programs)?;
    handover::measure(&options.programs, options.handovers)?;
    held::measure(&options.programs, options.held)
}
