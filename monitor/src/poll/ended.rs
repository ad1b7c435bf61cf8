//! How the program that asks a license server came to an end, in words.

use std::{fmt, os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use super::ask::OUTPUT_BYTES_MAX;

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself.
    Exit {
        /// Its program.
        program: String,
        /// Its status.
        status: ExitStatus,
    },
    /// It was ended after so long.
    TimedOut(Duration),
    /// It was ended because it printed more than [`OUTPUT_BYTES_MAX`].
    TooMuch,
    /// It was ended because licmon stops.
    Stopped,
    /// It could not be run.
    Failed(String),
}

impl Ended {
    /// Whether it said all it had to say.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Exit { .. })
    }

    /// Whether it says itself that it could do what it was asked.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exit { status, .. } if status.success())
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit { program, status } => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "{program} ended with {code}"),
                (None, Some(signal)) => write!(f, "{program} was ended by signal {signal}"),
                (None, None) => write!(f, "{program} ended"),
            },
            Self::TimedOut(limit) => {
                write!(f, "no answer within {} s, the program was ended", limit.as_secs_f64())
            }
            Self::TooMuch => {
                let mib = OUTPUT_BYTES_MAX >> 20;
                write!(f, "more than {mib} MiB of answer, the program was ended")
            }
            Self::Stopped => f.write_str("licmon stops"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}
