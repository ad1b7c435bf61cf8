//! What the DSLS administration tool says around any answer: versions, the server's name, and why there is no answer. Its prompt
//! may stand before any line.

use lic_protocol::{
    snapshot::{Member, Snapshot},
    view::ServerState,
};

use super::super::{
    lines::Said,
    verdict::{Block, judge},
};
use crate::text::number;

/// Lines that mean nothing to us.
const NOISE: [&str; 10] = [
    "License Administration Tool",
    "Build date:",
    "Standalone mode",
    "Failover mode",
    "connect",
    "getLicenseUsage",
    "disconnect",
    "quit",
    "License usage",
    "Server configuration",
];
/// Beginnings of what it says instead of an answer.
const FAILURES: [&str; 6] = [
    "Cannot connect",
    "Connection refused",
    "Invalid password",
    "Access denied",
    "Unknown host",
    "Error",
];

/// What was read of it.
#[derive(Default)]
pub(in crate::status) struct Console {
    version: Option<String>,
    is_ready: Option<bool>,
    names: Vec<String>,
    told: Option<String>,
    notes: Vec<String>,
}

impl Console {
    /// What a line is; `None` where it is not of the console.
    pub(in crate::status) fn line(&mut self, line: &str) -> Option<Said> {
        let line = line.strip_prefix("admin >").map_or(line, str::trim);
        if line.is_empty() {
            return Some(Said::Noise);
        }
        if let Some(version) = line.strip_prefix("Software version:") {
            self.version = Some(version.trim().to_owned());
        } else if let Some(word) = line.strip_prefix("Ready:") {
            self.is_ready = Some(word.trim() == "yes");
        } else if let Some(rest) =
            line.strip_prefix("Server name:").or_else(|| line.strip_prefix("Server names:"))
        {
            let names = rest.split("Server id").next().unwrap_or_default();
            self.names = names.split_ascii_whitespace().take(3).map(str::to_owned).collect();
        } else if line.starts_with("Warning:") {
            self.notes.push(line.to_owned());
        } else if FAILURES.iter().any(|words| line.starts_with(words)) {
            self.told.get_or_insert_with(|| line.to_owned());
        } else if NOISE.iter().any(|words| line.starts_with(words)) {
            return Some(Said::Noise);
        } else {
            return None;
        }
        Some(Said::Known)
    }

    /// Puts the server into the snapshot, and its state.
    pub(in crate::status) fn judge(self, snapshot: &mut Snapshot, program: &str) {
        let is_ready = self.is_ready != Some(false);
        let (state, error) = if is_ready {
            (ServerState::Up, None)
        } else {
            (ServerState::Down, Some("is not ready".to_owned()))
        };
        let members = self.names.iter().map(|name| Member {
            host: name.as_str().into(),
            state,
            master: false,
            version: self.version.clone(),
            error: error.clone(),
        });
        let block = Block { members: members.collect(), daemons: Vec::new() };
        snapshot.notes.extend(self.notes);
        judge(snapshot, vec![block], self.told, program);
    }
}

/// The name of a host: `pine (4210-0a4d.1)/10.0.0.7`
pub(in crate::status) fn host(text: &str) -> &str {
    text.split_once(" (").map_or(text, |found| found.0).trim()
}

/// A process and its id: `/opt/solver/comm ( 3148728)`
pub(in crate::status) fn process(text: &str) -> (Option<String>, Option<u32>) {
    let with_id = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    let known = with_id.and_then(|(path, id)| Some((path.trim(), number(id.trim())?)));
    let (path, id) = known.map_or((text, None), |(path, id)| (path, Some(id)));
    ((!path.is_empty()).then(|| path.to_owned()), id)
}
