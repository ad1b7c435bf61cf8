//! licmon's own log: what is told of, and to whom.

use std::{env, io::Write};

use lic_protocol::log::{Line, Log};
use tracing::Metadata;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::table::shown;

/// Says how much is told of: `error`, `warn`, `info`, `debug`.
const LEVEL: &str = "LICMON_LOG";

struct Story(Log);

impl<'a> MakeWriter<'a> for Story {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        self.0.line("INFO")
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line {
        self.0.line(event.level().as_str())
    }
}

/// From now on the story of a day goes to standard error, which a service manager keeps.
pub fn start() {
    let filter = EnvFilter::try_from_env(LEVEL).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Story(log()))
        .with_ansi(false)
        .with_target(false)
        .init();
}

/// Tells why the program ends.
pub fn failed(why: &str) {
    // If standard error is gone there is nobody to tell.
    drop(log().line("ERROR").write_all(format!("licmon: {why}").as_bytes()));
}

fn log() -> Log {
    Log::new(|text| shown(text).into_owned(), env::var("JOURNAL_STREAM").ok().as_deref())
}
