//! `licmon try`: what logs tell before anything is set up. They are read into databases that nobody else sees and that are gone
//! afterwards, so the figures are the ones that the pages would show.

use std::path::PathBuf;

use anyhow::Context;
use jiff::{Timestamp, tz::TimeZone};
use lic_analytics::figures::figures;
use lic_parse::registry;
use lic_protocol::{
    name::ServerName,
    query::Filter,
    view::{Coverage, Feature},
};
use lic_store::{
    commit::Batch,
    open::DatabasePaths,
    read::{
        Reader,
        hours::{Hour, Of},
    },
    writer::Writer,
};

use crate::{
    guess::guess,
    sources::{
        encoding::Encoding,
        logfile::{LogFile, LogOf},
        unpack,
    },
    table::{say, say_table},
};

/// Where the databases are meanwhile: they may be large.
const FOLDER: &str = "/var/tmp";
/// Events of one commit.
const COMMIT_EVENTS: usize = 50_000;
/// Rows of a table that could be longer than a screen.
const ROWS: usize = 10;
/// Lines that nobody knows, shown.
const EXAMPLES: usize = 3;
/// What the license server is called that the logs are of.
const SERVER: &str = "log";

/// Prints what logs of one license server tell.
///
/// # Errors
/// When a file cannot be read, or no license system knows the first.
pub fn preview(logs: &[PathBuf], now: Timestamp) -> anyhow::Result<()> {
    let first = logs.first().context("name a log")?;
    let system = guess(first, now)?;
    let scratch = tempfile::Builder::new().prefix("licmon-try-").tempdir_in(FOLDER);
    let scratch = scratch.with_context(|| format!("make a folder in {FOLDER}"))?;
    let databases = DatabasePaths::in_state(scratch.path());
    let coverage = read(logs, system, &databases, now)?;
    let reader = Reader::open(&databases)?;
    let shown: Vec<String> = logs.iter().map(|log| log.display().to_string()).collect();
    tell(&reader, system, &coverage)?;
    say(&format!("\nto keep it: licmon import --system {system} {}", shown.join(" ")))
}

/// Reads the logs in their order; tells what was understood of all of them.
fn read(
    logs: &[PathBuf],
    system: &str,
    databases: &DatabasePaths,
    now: Timestamp,
) -> anyhow::Result<Coverage> {
    let server = ServerName::from(SERVER);
    let mut writer = Writer::open(databases)?;
    writer.know_server(&server, system)?;
    let mut coverage = Coverage::default();
    for path in logs {
        let reading = || format!("read {}", path.display());
        let of = LogOf {
            server: server.clone(),
            system: registry::license_system(system).context("a name of the registry")?,
            zone: TimeZone::UTC,
            encoding: Encoding::Bytes,
        };
        let file = unpack::open(path).with_context(reading)?.file;
        let mut log = LogFile::new(&of, file, path, now);
        let mut waiting = Vec::new();
        while let Some(batch) = log.step(now).with_context(reading)? {
            waiting.push(batch);
            commit_if(&mut writer, &mut waiting, COMMIT_EVENTS, now)?;
        }
        waiting.extend(log.end(now).with_context(reading)?);
        commit_if(&mut writer, &mut waiting, 0, now)?;
        add(&mut coverage, &log.checkpoint().coverage);
    }
    writer.settle(now)?;
    Ok(coverage)
}

/// Commits what waits once it has `least` events.
fn commit_if(
    writer: &mut Writer,
    waiting: &mut Vec<Batch>,
    least: usize,
    now: Timestamp,
) -> anyhow::Result<()> {
    if waiting.iter().map(|batch| batch.events.len()).sum::<usize>() >= least {
        writer.commit(&std::mem::take(waiting), now)?;
    }
    Ok(())
}

fn add(all: &mut Coverage, one: &Coverage) {
    all.lines += one.lines;
    all.events += one.events;
    all.noise += one.noise;
    all.unknown += one.unknown;
    all.examples.extend(one.examples.iter().cloned());
}

fn tell(reader: &Reader, system: &str, coverage: &Coverage) -> anyhow::Result<()> {
    let Coverage { lines, events, noise, unknown, examples } = coverage;
    say(&format!("{system}: {lines} lines: {events} events, {noise} noise, {unknown} unknown"))?;
    for example in examples.iter().rev().take(EXAMPLES) {
        say(&format!("  unknown: {}", example.text))?;
    }
    let Some((first, last)) = reader.observed(&Of::default())? else { return Ok(()) };
    say(&format!("from {} to {}, by the clock of the log\n", time(first), time(last)))?;
    let rows: Result<Vec<_>, _> =
        reader.features()?.iter().map(|feature| feature_row(reader, feature)).collect();
    let heads = ["FEATURE", "PEAK", "AT", "CHECKOUTS", "HOURS", "DENIALS", "EPISODES"];
    say_table(&heads, rows?, "no feature")?;
    tell_hours(reader, first, last)?;
    tell_users(reader, last)
}

fn feature_row(reader: &Reader, feature: &Feature) -> anyhow::Result<Vec<String>> {
    let denied = reader.denial_count(&feature.server, &feature.feature)?;
    let figures = figures(&reader.spans(&feature.server, &feature.feature)?);
    let of = Of { server: None, feature: Some(feature.feature.clone()) };
    let peak = match reader.observed(&of)? {
        Some((first, last)) => peak_hour(&reader.hours(&of, (first, after(last)), last)?.hours),
        None => None,
    };
    Ok(vec![
        feature.feature.to_string(),
        figures.peak_seats.to_string(),
        peak.map_or_else(String::new, |hour| time(hour.begins)),
        figures.checkouts.to_string(),
        format!("{:.1}", figures.ended_session_hours),
        denied.tries.to_string(),
        denied.episodes.to_string(),
    ])
}

/// The first hour in which most seats were in use.
fn peak_hour(hours: &[Hour]) -> Option<Hour> {
    hours.iter().filter(|hour| hour.peak > Some(0)).rev().max_by_key(|hour| hour.peak).copied()
}

fn tell_hours(reader: &Reader, first: Timestamp, last: Timestamp) -> anyhow::Result<()> {
    let mut hours = reader.hours(&Of::default(), (first, after(last)), last)?.hours;
    hours.retain(|hour| hour.seat_s > 0.0);
    hours.sort_by(|one, other| other.seat_s.total_cmp(&one.seat_s));
    let rows = hours.iter().take(ROWS).map(|hour| {
        vec![
            time(hour.begins),
            format!("{:.1}", hour.seat_s / 3600.0),
            hour.checkouts.to_string(),
            hour.denials.to_string(),
        ]
    });
    say("")?;
    say_table(&["BUSIEST HOURS", "SEATS", "CHECKOUTS", "DENIALS"], rows, "no seat was in use")
}

fn tell_users(reader: &Reader, last: Timestamp) -> anyhow::Result<()> {
    let filter = Filter { limit: u32::try_from(ROWS)?, ..Filter::default() };
    let users = reader.users(&filter, last)?;
    let rows = users.users.iter().map(|user| {
        vec![
            user.user.to_string(),
            user.figures.sessions.to_string(),
            format!("{:.1}", user.figures.session_hours),
            user.figures.features.to_string(),
            user.figures.denials.to_string(),
        ]
    });
    say("")?;
    say_table(&["USERS", "CHECKOUTS", "HOURS", "FEATURES", "DENIALS"], rows, "no user")?;
    if users.more > 0 {
        say(&format!("and {} more users", users.more))?;
    }
    Ok(())
}

/// So that the hour of the last event is asked for too.
fn after(last: Timestamp) -> Timestamp {
    last.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap_or(last)
}

/// A time as the log tells it.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn databases_of_a_preview_hold_the_log_once() {
        let log =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("parse/fixtures/dsls/usage_on_premises.log");
        let folder = tempfile::tempdir().unwrap();
        let databases = DatabasePaths::in_state(folder.path());
        let coverage =
            read(&[log.clone(), log], "dsls", &databases, "2025-03-04T00:00:00Z".parse().unwrap())
                .unwrap();
        let reader = Reader::open(&databases).unwrap();
        let feature = &reader.features().unwrap()[0];
        let row = feature_row(&reader, feature).unwrap();
        assert_eq!((coverage.lines, coverage.unknown), (20, 0));
        assert_eq!(row[0], feature.feature.as_str());
        assert_eq!(row[1..4], ["3", "2025-03-03 08:00", "4"], "{row:?}");
    }
}
