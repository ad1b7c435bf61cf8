//! The pretend site of `cargo up --demo`: a license server that has written for days and writes on, and people who run tools.
//!
//! It appends to log files and runs licwrap. It never opens a database.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

use crate::{process::Process, programs::command, site, vendor::Vendor};

/// How far back the history goes.
const HISTORY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Between two lines of history, in working hours and outside of them.
const BUSY: SignedDuration = SignedDuration::from_mins(4);
const QUIET: SignedDuration = SignedDuration::from_mins(50);
/// Between two lines of live traffic, on average.
const LIVE: SignedDuration = SignedDuration::from_secs(4);
/// Live traffic against history: the same office, so many times as fast.
const PACE: i32 = 60;
/// Tools are looked after so often; a log line is never late by more.
const TICK: Duration = Duration::from_millis(500);

/// What runs tools: more people want `render` and `solve` than they have seats, so some wait. Name, people, seconds of a run.
const TOOLS: [(&str, usize, i64); 4] =
    [("render", 5, 25), ("solve", 3, 40), ("mesh", 2, 50), ("viewer", 2, 30)];
/// What they work on; every fourth does not say.
const PROJECTS: [&str; 3] = ["atlas", "borealis", "keel study"];

/// The sections of a configuration that this site needs.
#[must_use]
pub fn config(logs: &Path) -> String {
    format!(
        r#"# A pretend license server, which `cargo up --demo` plays.
[[server]]
name = "nordvik"
system = "dsls"
zone = "UTC"
log = {{ directory = "{}", pattern = "LicenseServer[0-9]*.log" }}

# More people want it than it has seats: see the queue.
[[tool]]
name = "render"
seats = 2

# One of its seats is kept for somebody who never comes.
[[tool]]
name = "solve"
seats = 2
reserve = [{{ seats = 1, user = "reserved" }}]

# Counted, never refused.
[[tool]]
name = "mesh"
seats = "unlimited"

# Its limit is tried out first: the denials tell what it would refuse.
[[tool]]
name = "viewer"
seats = 1
mode = "observe"

# Nobody runs it.
[[tool]]
name = "report"
seats = 3
"#,
        logs.display()
    )
}

/// The pretend site.
#[derive(Debug)]
pub struct Demo {
    vendor: Vendor,
    log: PathBuf,
    line_at: Timestamp,
    people: Vec<Person>,
}

/// Somebody who runs a tool, rests, and runs it again.
#[derive(Debug)]
struct Person {
    tool: &'static str,
    project: Option<&'static str>,
    run_s: i64,
    run: Option<Process>,
    rests_until: Timestamp,
}

/// How the site reaches licwrap.
#[derive(Debug)]
pub struct Wrapper {
    /// The program.
    pub licwrap: PathBuf,
    /// The socket it speaks to.
    pub socket: PathBuf,
    /// Where what it says goes.
    pub said: PathBuf,
}

impl Demo {
    /// Writes the past into `logs` where there is none yet, and starts the license server of today.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn begin(logs: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(logs).with_context(|| format!("create {}", logs.display()))?;
        let now = now();
        let seed = u64::try_from(now.as_second()).expect("after 1970");
        let mut vendor = Vendor::new(seed, TimeZone::UTC);
        let is_new = fs::read_dir(logs)?.next().is_none();
        let (started, text) = if is_new {
            (now - HISTORY, past(&mut vendor, now - HISTORY, now))
        } else {
            (now, vendor.banner(now))
        };
        vendor.hurry(now, PACE);
        let log = logs.join(vendor.file_name(started));
        site::append(&log, text.as_bytes());
        let projects = PROJECTS.into_iter().map(Some).chain([None]).cycle();
        let runs = TOOLS.iter().flat_map(|run| std::iter::repeat_n(run, run.1));
        let people = runs.zip(projects).map(|((tool, _, run_s), project)| Person {
            tool,
            project,
            run_s: *run_s,
            run: None,
            rests_until: now,
        });
        Ok(Self { vendor, log, line_at: now, people: people.collect() })
    }

    /// Goes on until `stop` is closed; then everybody goes home and the license server stops.
    ///
    /// # Errors
    /// When licwrap cannot be started.
    pub fn run(mut self, wrapper: &Wrapper, stop: &Receiver<()>) -> anyhow::Result<()> {
        while stop.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            let now = now();
            if self.line_at <= now {
                site::append(&self.log, self.vendor.something(now).as_bytes());
                self.line_at = self.vendor.next_after(now, LIVE);
            }
            for (place, person) in (0..).zip(&mut self.people) {
                person.step(wrapper, now, place)?;
            }
        }
        self.people.clear();
        site::append(&self.log, goodbye(&mut self.vendor, now()).as_bytes());
        Ok(())
    }
}

impl Person {
    /// Starts the tool when rested, rests when the tool has ended. `place` tells people apart, so that they do not act as one.
    fn step(&mut self, wrapper: &Wrapper, now: Timestamp, place: i64) -> anyhow::Result<()> {
        let span_s = self.run_s * (7 + place % 5) / 8;
        if self.run.as_mut().is_some_and(|run| run.ended().is_some()) {
            self.run = None;
            self.rests_until = now + (3 + span_s / 5).seconds();
        }
        if self.run.is_none() && self.rests_until <= now {
            let mut licwrap = command(&wrapper.licwrap);
            licwrap.env("LICWRAP_SOCKET", &wrapper.socket).args(["-f", self.tool]);
            licwrap.args(self.project.map(|project| ["-P", project]).into_iter().flatten());
            licwrap.args(["--", "sleep"]).arg(span_s.to_string());
            self.run = Some(Process::start("licwrap", &mut licwrap, &wrapper.said)?);
        }
        Ok(())
    }
}

/// Everything a license server wrote between `from` and `to`.
#[must_use]
pub fn past(vendor: &mut Vendor, from: Timestamp, to: Timestamp) -> String {
    let mut text = vendor.banner(from);
    let mut at = vendor.next_after(from, BUSY);
    while at < to {
        text.push_str(&vendor.something(at));
        let next = vendor.next_after(at, if is_working_hour(at) { BUSY } else { QUIET });
        if at.to_zoned_datetime(TimeZone::UTC).date()
            != next.to_zoned_datetime(TimeZone::UTC).date()
        {
            text.push_str(&vendor.statistics(next));
        }
        at = next;
    }
    text
}

/// The last lines of a license server: every client gives back what it holds.
fn goodbye(vendor: &mut Vendor, at: Timestamp) -> String {
    let mut text = String::new();
    while let Some(line) = vendor.detach(at) {
        text.push_str(&line);
    }
    text + &vendor.stopped(at)
}

fn is_working_hour(at: Timestamp) -> bool {
    let local = at.to_zoned_datetime(TimeZone::UTC);
    let is_weekend = local.weekday().to_monday_zero_offset() >= 5;
    !is_weekend && (7..18).contains(&local.hour())
}

#[expect(clippy::disallowed_methods, reason = "the pretend license server lives now")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_a_few_hundred_lines_in_order() {
        let from: Timestamp = "2025-11-03T00:00:00Z".parse().unwrap();
        let text = past(&mut Vendor::new(3, TimeZone::UTC), from, from + HISTORY);
        let stamps: Vec<&str> = text.lines().map(|line| &line[..23]).collect();
        assert!((500..3000).contains(&stamps.len()), "{}", stamps.len());
        assert!(stamps.is_sorted());
        for word in [" Grant!!", " TimeOut!!", " Detachment!!", " not granted, no more"] {
            assert!(text.contains(word), "no {word}");
        }
    }
}
