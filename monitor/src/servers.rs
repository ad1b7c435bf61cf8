//! `licmon server`: the license servers of the configuration, listed, tried, added and removed.

pub mod edit;
pub mod trial;

use anyhow::Context;
use jiff::Timestamp;
use lic_protocol::tried::{NOT_TRIED, is_tried};

use crate::{
    config::{Config, LogServer},
    poll::PolledServer,
    sources::folder,
    table::{UNSEEN, say, say_table},
};

/// `licmon server list`.
///
/// # Errors
/// When it cannot be written.
pub fn list(config: &Config) -> anyhow::Result<()> {
    let mut rows: Vec<[String; 5]> = config.servers.iter().map(followed).collect();
    for polled in &config.polled {
        let asked = polled.command.first().cloned().unwrap_or_default();
        let every = format!("{:?}", polled.every);
        match rows.iter_mut().find(|row| row[0] == polled.name.as_str()) {
            Some(row) => [row[3], row[4]] = [asked, every],
            None => {
                let (name, system) = (polled.name.to_string(), polled.system.clone());
                rows.push([name, system, UNSEEN.into(), asked, every]);
            }
        }
    }
    rows.sort();
    let rows = rows.into_iter().map(Vec::from);
    let empty = "no license server: `licmon server add` adds one";
    say_table(&["NAME", "SYSTEM", "LOGS", "ASKED BY", "EVERY"], rows, empty)
}

fn followed(server: &LogServer) -> [String; 5] {
    let logs = server.directory.join(server.pattern.as_str()).display().to_string();
    let system = server.system.name().to_owned();
    [server.name.to_string(), system, logs, UNSEEN.into(), UNSEEN.into()]
}

/// `licmon server test NAME`: says of each step whether it can be done. True when all can.
///
/// # Errors
/// When no server has that name, or nothing can be written.
pub fn test(config: &Config, name: &str, now: Timestamp) -> anyhow::Result<bool> {
    let log = config.servers.iter().find(|server| server.name.as_str() == name);
    let polled = config.polled.iter().find(|server| server.name.as_str() == name);
    log.map(drop).or(polled.map(drop)).with_context(|| {
        format!("no license server `{name}` in the configuration: see licmon server list")
    })?;
    let is_read = log.map_or(Ok(true), test_log)?;
    let is_asked = polled.map_or(Ok(true), |server| test_asking(server, now))?;
    Ok(is_read && is_asked)
}

fn test_log(server: &LogServer) -> anyhow::Result<bool> {
    let place = server.directory.join(server.pattern.as_str());
    let place = place.display();
    match folder::matching(&server.directory, &server.pattern) {
        Ok(0) => say(&format!("FAILED  logs: nothing matches {place}")).map(|()| false),
        Ok(count) => say(&format!("ok      logs: {count} match {place}")).map(|()| true),
        Err(error) => say(&format!("FAILED  logs: {place}: {error}")).map(|()| false),
    }
}

fn test_asking(server: &PolledServer, now: Timestamp) -> anyhow::Result<bool> {
    if !is_tried(&server.system) {
        say(&format!(
            "note    answers of {} are read after documented samples: {NOT_TRIED}",
            server.system
        ))?;
    }
    let trial = trial::of(server, now);
    for step in &trial.steps {
        let mark = if step.is_done { "ok    " } else { "FAILED" };
        say(&format!("{mark}  {}: {}", step.name, step.told))?;
    }
    let features = trial.snapshot.iter().flat_map(|snapshot| &snapshot.features);
    let rows: Vec<Vec<String>> = features.map(crate::parse::status::feature).collect();
    if !rows.is_empty() {
        say("")?;
        say_table(&crate::parse::status::FEATURE_HEADS, rows, "")?;
    }
    Ok(trial.steps.iter().all(|step| step.is_done))
}
