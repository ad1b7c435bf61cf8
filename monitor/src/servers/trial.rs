//! One license server asked once, step by step: what can be done, and the first that cannot.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use jiff::Timestamp;
use lic_parse::status::{self, Answer};
use lic_protocol::{
    snapshot::{Daemon, Member, Snapshot},
    view::ServerState,
};

use crate::poll::{
    PolledServer,
    ask::{Ask, Told},
};

/// A step of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// What is tried.
    pub name: &'static str,
    /// Whether it can be done.
    pub is_done: bool,
    /// What came of it, or what to do.
    pub told: String,
}

/// What was tried.
#[derive(Debug, Default)]
pub struct Trial {
    /// The steps, to the first that cannot be done.
    pub steps: Vec<Step>,
    /// What was answered.
    pub snapshot: Option<Snapshot>,
}

/// Asks it.
#[must_use]
pub fn of(server: &PolledServer, now: Timestamp) -> Trial {
    let mut trial = Trial::default();
    if trial.step("program", program(server)).is_none() {
        return trial;
    }
    let told = Ask { command: &server.command, timeout: server.timeout }.run(|| false);
    if trial.step("answer in time", in_time(&told)).is_none() {
        return trial;
    }
    let answer = Answer { text: &told.text, zone: &server.zone, asked: Some(now) };
    let Some((format, snapshot)) = status::best(&server.formats, &answer) else { return trial };
    let understood = understood(format.name(), &snapshot, &told);
    if trial.step("answer understood", understood).is_some()
        && trial.step("license server", members(&snapshot)).is_some()
        && trial.step("vendor daemons", daemons(&snapshot)).is_some()
    {
        trial.step("features", Ok(format!("{} are served", snapshot.features.len())));
    }
    trial.snapshot = Some(snapshot);
    trial
}

impl Trial {
    /// Adds a step; `None` where it could not be done.
    fn step(&mut self, name: &'static str, told: Result<String, String>) -> Option<()> {
        let is_done = told.is_ok();
        let told = told.unwrap_or_else(|why| why);
        self.steps.push(Step { name, is_done, told });
        is_done.then_some(())
    }
}

fn program(server: &PolledServer) -> Result<String, String> {
    let path = server.command.first().map_or("", String::as_str);
    match fs::metadata(Path::new(path)) {
        Err(error) => Err(format!("{path}: {error}: install it, or correct `command`")),
        Ok(found) if !found.is_file() => Err(format!("{path} is no file")),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => {
            Err(format!("{path} may not be executed: chmod +x"))
        }
        Ok(_) => Ok(path.to_owned()),
    }
}

fn in_time(told: &Told) -> Result<String, String> {
    if told.ended.is_whole() {
        Ok(format!("{} bytes after {} ms, {}", told.text.len(), told.took.as_millis(), told.ended))
    } else {
        Err(told.ended.to_string())
    }
}

fn understood(format: &str, snapshot: &Snapshot, told: &Told) -> Result<String, String> {
    let coverage = &snapshot.coverage;
    let counts = format!("{} of {} lines not understood", coverage.unknown, coverage.lines);
    if snapshot.state == ServerState::Unknown {
        let why = snapshot.error.as_deref().unwrap_or("it tells no state");
        return Err(format!("{why} ({counts}; {})", told.ended));
    }
    Ok(format!("as {format}, {counts}"))
}

fn members(snapshot: &Snapshot) -> Result<String, String> {
    let is_up = |member: &&Member| member.state != ServerState::Down;
    let up = snapshot.servers.iter().filter(is_up).count();
    let why = snapshot.error.clone().unwrap_or_default();
    match snapshot.state {
        // Where a machine answers, it is a vendor daemon that is down.
        ServerState::Down if snapshot.daemons.is_empty() || up == 0 => Err(why),
        _ if up < snapshot.servers.len() => Err(why),
        _ => Ok(format!("{up} of {} machines are up", snapshot.servers.len())),
    }
}

fn daemons(snapshot: &Snapshot) -> Result<String, String> {
    let is_down = |daemon: &&Daemon| daemon.state == ServerState::Down;
    match snapshot.daemons.iter().find(is_down) {
        Some(daemon) => {
            let why = daemon.error.as_deref().unwrap_or("is down");
            Err(format!("{}: {why}", daemon.name))
        }
        None if snapshot.state == ServerState::Down => {
            Err(snapshot.error.clone().unwrap_or_default())
        }
        None => Ok(format!("{} are up", snapshot.daemons.len())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::*;

    /// A script that answers in, the last step out.
    #[track_caller]
    fn check(program: &str, script: &str, expected: (&'static str, bool, &str)) {
        let system = "flexlm".to_owned();
        let server = PolledServer {
            name: "acme".into(),
            formats: vec![status::format("lmstat").unwrap()],
            system,
            zone: TimeZone::UTC,
            zone_name: "UTC".into(),
            command: [program, "-c", script].map(str::to_owned).to_vec(),
            every: Duration::from_secs(30),
            timeout: Duration::from_millis(500),
        };
        let trial = of(&server, Timestamp::UNIX_EPOCH);
        let last = trial.steps.last().unwrap();
        assert_eq!((last.name, last.is_done), (expected.0, expected.1), "{:?}", trial.steps);
        assert!(last.told.contains(expected.2), "{}", last.told);
    }

    const HEAD: &str = "License server status: 1@elm\n elm: license server UP (MASTER) v11\nVendor daemon status (on elm):\n";

    #[test]
    fn failing_step_is_named() {
        let sh = "/bin/sh";
        check("/nonexistent/lmutil", "", ("program", false, "No such file"));
        check("/etc/passwd", "", ("program", false, "may not be executed"));
        check(sh, "sleep 77", ("answer in time", false, "no answer within 0.5 s"));
        check(
            sh,
            "echo hello; exit 3",
            ("answer understood", false, "1 of 1 lines not understood; /bin/sh ended with 3"),
        );
        let refused = "echo 'Error getting status: Cannot connect to license server system. (-15,570:111 \"Connection refused\")'";
        check(sh, refused, ("license server", false, "Connection refused"));
        let stopped = format!("echo '{HEAD} acmed: The desired vendor daemon is down. (-97,121)'");
        check(sh, &stopped, ("vendor daemons", false, "acmed: The desired vendor daemon is down"));
        let fine = format!(
            "echo '{HEAD} acmed: UP v11\nUsers of cad:  (Total of 1 license issued;  Total of 0 licenses in use)'"
        );
        check(sh, &fine, ("features", true, "1 are served"));
    }
}
