//! Which license system a log is of, by how much each of them understands.

use std::path::Path;

use anyhow::{Context, bail};
use jiff::{Timestamp, tz::TimeZone};
use lic_parse::registry;
use lic_protocol::view::Coverage;

use crate::{
    sources::{
        encoding::Encoding,
        logfile::{LogFile, LogOf},
        unpack,
    },
    table::say_table,
};

/// Bytes of a log that are looked at: its first lines tell whose it is.
const LOOKED_AT_MAX: u64 = 16 << 20;

/// The license system that a log is of: the one that understands most of it.
///
/// # Errors
/// When the file cannot be read, or no license system knows it; what each makes of it was printed by then.
pub fn guess(path: &Path, now: Timestamp) -> anyhow::Result<&'static str> {
    let tried = tried(path, now)?;
    if let Some((system, coverage)) = tried.first()
        && coverage.events > 0
    {
        return Ok(system);
    }
    let rows = tried.iter().map(|(system, coverage)| {
        let Coverage { lines, events, noise, unknown, .. } = coverage;
        let counts = [lines, events, noise, unknown].map(ToString::to_string);
        [(*system).to_owned()].into_iter().chain(counts).collect()
    });
    say_table(&["SYSTEM", "LINES", "EVENTS", "NOISE", "UNKNOWN"], rows, "")?;
    bail!(
        "no license system knows {}; the system \"pattern\" reads a log by expressions of yours",
        path.display()
    )
}

/// What each license system makes of a log; first the one with events that leaves the fewest lines unknown.
fn tried(path: &Path, now: Timestamp) -> anyhow::Result<Vec<(&'static str, Coverage)>> {
    let reading = || format!("read {}", path.display());
    let log = unpack::open(path).with_context(reading)?.file;
    let mut tried = Vec::new();
    for name in registry::names() {
        let system = registry::license_system(name).context("a name of the registry")?;
        let of =
            LogOf { server: "-".into(), system, zone: TimeZone::UTC, encoding: Encoding::Bytes };
        let file = log.try_clone().with_context(reading)?;
        let mut log = LogFile::new(&of, file, path, now);
        while log.position() < LOOKED_AT_MAX && log.step(now).with_context(reading)?.is_some() {}
        tried.push((name, log.checkpoint().coverage.clone()));
    }
    // Noise proves nothing: other logs have empty lines too.
    tried.sort_by_key(|(_, coverage)| (coverage.events == 0, coverage.unknown));
    Ok(tried)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of the parsers' fixtures in, the system that it is taken for out.
    #[track_caller]
    fn check(log: &str, expected: &str) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("parse/fixtures");
        let tried = tried(&fixtures.join(log), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((tried[0].0, tried[0].1.events > 0), (expected, true), "{tried:?}");
    }

    #[test]
    fn every_log_is_known_by_its_lines() {
        check("dsls/usage_on_premises.log", "dsls");
        check("flexlm/day.log", "flexlm");
        check("rlm/report.log", "rlm");
        check("rlm/isv_debug.log", "rlm");
    }

    #[test]
    fn log_that_nobody_knows_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "dear diary\n").unwrap();
        let told = guess(&path, Timestamp::UNIX_EPOCH).unwrap_err().to_string();
        assert!(told.starts_with("no license system knows "), "{told}");
    }
}
