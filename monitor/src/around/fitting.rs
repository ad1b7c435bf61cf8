//! What each rule fits now, by name, number and user, and never by arguments: all of it for `licmon check-config`, and what no lease
//! covers for `licmon doctor`.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use lic_protocol::name::FeatureName;

use super::{
    look::{Covered, Look},
    process::Process,
    rule::Rule,
    scan,
};
use crate::{
    server::{held, peer::Users},
    table::say,
};

/// Most processes that are named for a rule.
const NAMED_MAX: usize = 10;

/// Says what every rule fits, whether or not a lease covers it; nothing where there is no rule.
///
/// # Errors
/// When /proc cannot be read, or nobody can be told.
pub fn say_fitting(rules: &[Rule], every: Duration, now: Timestamp) -> anyhow::Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    say(&format!("processes         looked at every {every:?}"))?;
    let processes = scan::processes(rules, now)?;
    let mut users = Users::default();
    for rule in rules {
        let fitting = processes.iter().filter(|process| rule.process.fits(process));
        let mut fitting: Vec<&Process> = fitting.collect();
        fitting.sort_unstable_by_key(|process| process.key);
        let fitting = in_words(&fitting, &mut users);
        say(&format!("tool              {}: match {}: {fitting}", rule.feature, rule.process))?;
    }
    let hidden = processes.iter().filter(|process| process.exe.is_none()).count();
    if hidden > 0 && rules.iter().any(|rule| rule.process.exe.is_some()) {
        say(&format!(
            "                  the executables of {hidden} processes cannot be seen from here, so `exe` does not fit \
             them: run licmon as root, or use `name` or `cmdline`"
        ))?;
    }
    Ok(())
}

/// What runs now without a lease, tool by tool and in words: nothing of a tool that nobody goes around.
///
/// # Errors
/// When /proc or the folder of seats cannot be read.
pub fn uncovered(
    rules: &[Rule],
    seats: &Path,
    now: Timestamp,
) -> anyhow::Result<Vec<(FeatureName, String)>> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let processes = scan::processes(rules, now)?;
    let held = held::all(seats)?;
    let before = Covered::new();
    let look = Look::new(&processes, &held, &before);
    let mut users = Users::default();
    let mut uncovered = Vec::new();
    for rule in rules {
        let feature = rule.feature.as_str();
        let mut found = look.topmost(rule);
        found.retain(|process| {
            !look.is_covered(feature, process) && !look.has_token(feature, process, scan::pipes)
        });
        if !found.is_empty() {
            uncovered.push((rule.feature.clone(), in_words(&found, &mut users)));
        }
    }
    Ok(uncovered)
}

fn in_words(processes: &[&Process], users: &mut Users) -> String {
    let first = processes.iter().take(NAMED_MAX).map(|process| {
        format!("{} ({}, {})", process.shown_name(), process.key.pid, users.name(process.uid))
    });
    let first = first.collect::<Vec<_>>().join(", ");
    match processes.len() {
        0 => "no process now".to_owned(),
        1 => format!("1 process now: {first}"),
        count if count > NAMED_MAX => {
            format!("{count} processes now: {first} and {} more", count - NAMED_MAX)
        }
        count => format!("{count} processes now: {first}"),
    }
}
