//! `tests/torture`: ends processes at the worst moments, and checks that nothing of what we promise is broken.

use std::process::ExitCode;

use clap::Parser;
use lic_tests::torture::{self, Options, hold::Hold, ingest};

/// Ends and stops processes at drawn moments, and checks what we promise.
#[derive(Debug, Parser)]
#[command(name = "torture", bin_name = "tests/torture")]
enum Call {
    /// The seats of wrapped tools. A real licmon over a temporary site, clients that start licwrap one run after another,
    /// and SIGKILL and SIGSTOP for licwraps that wait, tools that run, and licmon, which is restarted at once. Then what
    /// licmon committed and what the tools themselves wrote down is checked: never more seats in use than there are, none left
    /// over, none granted twice, every run a session. Ends with 1 where anything is wrong, and keeps the folder.
    Seats(Options),
    /// The following of logs. A pretend license server writes lines in random pieces and rotates its log in 24 ways; licmon is
    /// ended by SIGKILL and started again. Then what is stored is checked with plain SQL: every line once and in order, or in a
    /// gap that holds nothing else. Ends with 1 where anything is wrong, and keeps the folder.
    Ingest(ingest::Options),
    /// Lets one system call of licmon fail after the other, each in eight ways, while it reads a log. It may go on or end, but
    /// not hang; and the next licmon stores every line once.
    Faults(ingest::calls::Options),
    /// The tool that it wraps.
    #[command(hide = true)]
    Hold(Hold),
}

fn main() -> ExitCode {
    let done = match Call::parse() {
        Call::Seats(options) => torture::seats(options).map(|report| {
            println!("{report}");
            report.is_clean()
        }),
        Call::Ingest(options) => ingest::ingest(&options).map(|reports| {
            for report in &reports {
                println!("{report}");
            }
            reports.iter().all(ingest::report::Report::is_clean)
        }),
        Call::Faults(options) => ingest::calls::faults(options).map(|report| {
            println!("{report}");
            report.is_clean()
        }),
        Call::Hold(hold) => hold.run().map(|()| true).map_err(anyhow::Error::from),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("torture: {error:#}");
            ExitCode::FAILURE
        }
    }
}
