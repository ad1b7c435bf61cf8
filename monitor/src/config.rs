//! licmon's sections of licwrap.toml: every key, every default, every mistake by line and column.

mod lines;
mod poll;
mod process;
#[cfg(test)]
mod tests;
mod tool;

use std::{path::PathBuf, sync::Arc, time::Duration};

use glob::Pattern;
use jiff::{SignedDuration, tz::TimeZone};
use lic_parse::{LicenseSystem, registry};
use lic_protocol::{
    config::{ConfigError, ConfigFile},
    log_file::LogFile,
    name::ServerName,
    place::Place,
    want::OR,
};
use lic_store::open::DatabasePaths;
use serde::Deserialize;
use toml::Spanned;

use self::{
    lines::LinesSection,
    poll::{POLLED_MAX, PollSection},
    tool::ToolSection,
};
use crate::{around, poll::PolledServer, server::config::ToolConfig, sources::encoding::Encoding};

/// How often a folder of logs is looked through, whatever the file system tells.
pub const SCAN_DEFAULT: Duration = Duration::from_secs(1);
/// The server that License-Monitor-Lite's variables make.
const LITE_SERVER: &str = "dsls";

/// What licmon runs with.
#[derive(Clone)]
pub struct Config {
    /// Where everything is.
    pub place: Place,
    /// How often a folder of logs is looked through.
    pub scan: Duration,
    /// License servers whose logs are followed.
    pub servers: Vec<LogServer>,
    /// License servers that are asked for their state.
    pub polled: Vec<PolledServer>,
    /// How often the processes of this machine are looked at.
    pub scan_processes: Duration,
    /// Tools that licwrap runs.
    pub tools: Vec<ToolConfig>,
    /// The files of our own log, where it is kept in files.
    pub log: Option<LogFile>,
}

/// A license server whose log is followed.
#[derive(Clone)]
pub struct LogServer {
    /// Its name.
    pub name: ServerName,
    /// Its license system.
    pub system: Arc<dyn LicenseSystem>,
    /// The zone of its times.
    pub zone: TimeZone,
    /// The name of that zone.
    pub zone_name: String,
    /// The folder of its logs.
    pub directory: PathBuf,
    /// The names of its logs.
    pub pattern: Pattern,
    /// How they are written down, where they do not tell it.
    pub encoding: Encoding,
}

impl Config {
    /// The configuration of this place.
    ///
    /// # Errors
    /// At the first mistake.
    pub fn load(place: Place) -> Result<Self, ConfigError> {
        let sections: Sections = place.file.sections()?;
        let mistakes = Mistakes(&place.file);
        let (mut servers, mut polled) = (Vec::new(), Vec::new());
        for section in &sections.server {
            if let Some(server) = mistakes.server(section)? {
                let is_twin = |other: &&LogServer| {
                    (&other.directory, &other.pattern) == (&server.directory, &server.pattern)
                };
                if let Some(twin) = servers.iter().find(is_twin) {
                    let message = format!(
                        "`{}` and `{}` follow the same logs: whatever is in them would be counted twice",
                        twin.name, server.name
                    );
                    return mistakes.at(&section.name, message);
                }
                servers.push(server);
            }
            if let Some(poll) = &section.poll {
                polled.push(mistakes.polled(section, poll)?);
            }
            if polled.len() > POLLED_MAX {
                let message = format!("licmon asks at most {POLLED_MAX} license servers");
                return mistakes.at(&section.name, message);
            }
        }
        let mut tools = Vec::new();
        for section in &sections.tool {
            tools.push(mistakes.tool(section)?);
        }
        mistakes.names(&sections)?;
        let mut scan = match &sections.monitor.scan {
            Some(text) => mistakes.duration(text)?,
            None => SCAN_DEFAULT,
        };
        let scan_processes = match &sections.monitor.scan_processes {
            Some(text) => mistakes.scan_processes(text)?,
            None => around::EVERY_DEFAULT,
        };
        if let Some(directory) = place.variables.path("LOG_DIRECTORY") {
            servers.push(lite_server(&place, directory)?);
            scan = lite_interval(&place)?.unwrap_or(scan);
        }
        let log = sections.monitor.log;
        Ok(Self { place, scan, servers, polled, scan_processes, tools, log })
    }

    /// The two databases.
    #[must_use]
    pub fn databases(&self) -> DatabasePaths {
        DatabasePaths { live: self.place.live.clone(), history: self.place.history.clone() }
    }
}

/// This machine's zone: the default of every server.
#[must_use]
pub fn machine_zone() -> (TimeZone, String) {
    let zone = TimeZone::system();
    let name = zone.iana_name().unwrap_or("UTC").to_owned();
    (zone, name)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sections {
    monitor: MonitorSection,
    server: Vec<ServerSection>,
    tool: Vec<ToolSection>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MonitorSection {
    #[serde(rename = "state")]
    _state: Option<PathBuf>,
    #[serde(rename = "runtime")]
    _runtime: Option<PathBuf>,
    scan: Option<Spanned<String>>,
    scan_processes: Option<Spanned<String>>,
    log: Option<LogFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerSection {
    name: Spanned<String>,
    system: Spanned<String>,
    zone: Option<Spanned<String>>,
    log: Option<LogSection>,
    lines: Option<Spanned<LinesSection>>,
    poll: Option<PollSection>,
    sessions_from: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table like { directory = \"/srv/dsls/LogFiles\" }")]
struct LogSection {
    directory: PathBuf,
    pattern: Option<Spanned<String>>,
    encoding: Option<Spanned<String>>,
}

/// Makes sections into what they mean, or tells the mistake at its place.
struct Mistakes<'a>(&'a ConfigFile);

impl Mistakes<'_> {
    fn at<T, V>(&self, value: &Spanned<V>, message: String) -> Result<T, ConfigError> {
        Err(self.0.mistake(value.span().start, message))
    }

    /// The server of a section whose logs are followed; `None` where it is only asked.
    fn server(&self, section: &ServerSection) -> Result<Option<LogServer>, ConfigError> {
        let name = section.name.get_ref();
        if let Some(from) = section.sessions_from.as_ref().filter(|from| from.get_ref() != "log") {
            return self
                .at(from, "`sessions_from` is \"log\": answers make no sessions yet".into());
        }
        if section.log.is_none() && section.lines.is_none() && section.poll.is_some() {
            return Ok(None);
        }
        let system = self.system(section)?;
        let (zone, zone_name) = match &section.zone {
            Some(zone) => (self.zone(zone)?, zone.get_ref().clone()),
            None => machine_zone(),
        };
        let Some(log) = &section.log else {
            let message = format!(
                "server `{name}` has no `log = {{ directory = \"...\" }}` and no `poll = {{ command = [...] }}`"
            );
            return self.at(&section.name, message);
        };
        let pattern = match &log.pattern {
            Some(pattern) => self.pattern(pattern)?,
            None => Pattern::new(system.log_pattern()).expect("a pattern of ours is one"),
        };
        Ok(Some(LogServer {
            name: ServerName::from(name.as_str()),
            system,
            zone,
            zone_name,
            directory: log.directory.clone(),
            pattern,
            encoding: log
                .encoding
                .as_ref()
                .map_or(Ok(Encoding::Bytes), |name| self.encoding(name))?,
        }))
    }

    fn choice<T: Copy>(
        &self,
        key: &str,
        value: Option<&Spanned<String>>,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = value else { return Ok(None) };
        match choices.iter().find(|(word, _)| word == value.get_ref()) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let words: Vec<String> =
                    choices.iter().map(|(word, _)| format!("{word:?}")).collect();
                self.at(value, format!("`{key}` is one of {}", words.join(", ")))
            }
        }
    }

    fn zone(&self, zone: &Spanned<String>) -> Result<TimeZone, ConfigError> {
        TimeZone::get(zone.get_ref()).or_else(|_| {
            let message =
                format!("unknown time zone `{}`, like \"Europe/Stockholm\"", zone.get_ref());
            self.at(zone, message)
        })
    }

    fn pattern(&self, pattern: &Spanned<String>) -> Result<Pattern, ConfigError> {
        Pattern::new(pattern.get_ref())
            .or_else(|error| self.at(pattern, format!("not a file name pattern: {}", error.msg)))
    }

    fn encoding(&self, name: &Spanned<String>) -> Result<Encoding, ConfigError> {
        Encoding::named(name.get_ref()).map_or_else(
            || {
                let message = format!("unknown encoding `{}`, like \"shift_jis\"", name.get_ref());
                self.at(name, message)
            },
            Ok,
        )
    }

    fn duration(&self, text: &Spanned<String>) -> Result<Duration, ConfigError> {
        let duration: Option<SignedDuration> = text.get_ref().parse().ok();
        match duration.and_then(|duration| Duration::try_from(duration).ok()) {
            Some(duration) if !duration.is_zero() => Ok(duration),
            _ => self.at(text, format!("`{}` is not a duration, like \"1s\"", text.get_ref())),
        }
    }

    /// A name stands for one thing.
    fn names(&self, sections: &Sections) -> Result<(), ConfigError> {
        let mut seen: Vec<&str> = vec!["local"];
        for name in sections.server.iter().map(|section| &section.name) {
            if seen.contains(&name.get_ref().as_str()) || name.get_ref().is_empty() {
                let message = format!("the server name `{}` is taken or empty", name.get_ref());
                return self.at(name, message);
            }
            seen.push(name.get_ref());
        }
        let mut seen: Vec<&str> = Vec::new();
        for name in sections.tool.iter().map(|section| &section.name) {
            if name.get_ref().contains(OR) {
                let message = format!(
                    "the tool name `{}` holds `{OR}`, which stands between alternatives in -f",
                    name.get_ref()
                );
                return self.at(name, message);
            }
            let is_strange = name.get_ref().is_empty() || name.get_ref().contains(['/', ':', '\0']);
            if is_strange || seen.contains(&name.get_ref().as_str()) {
                let message = format!("the tool name `{}` is taken or not a name", name.get_ref());
                return self.at(name, message);
            }
            seen.push(name.get_ref());
        }
        Ok(())
    }
}

/// The server of an existing License-Monitor-Lite install.
fn lite_server(place: &Place, directory: PathBuf) -> Result<LogServer, ConfigError> {
    let system = registry::license_system("dsls").expect("dsls is a license system");
    let pattern = place.variables.get("LOG_PATTERN_FILE");
    let pattern = pattern.as_deref().unwrap_or(system.log_pattern());
    let (zone, zone_name) = machine_zone();
    Ok(LogServer {
        name: ServerName::from(LITE_SERVER),
        system,
        zone,
        zone_name,
        directory,
        encoding: Encoding::Bytes,
        pattern: Pattern::new(pattern)
            .map_err(|error| variable_mistake("LOG_PATTERN_FILE", pattern, error.msg))?,
    })
}

fn lite_interval(place: &Place) -> Result<Option<Duration>, ConfigError> {
    let Some(text) = place.variables.get("POLL_INTERVAL") else { return Ok(None) };
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match seconds.filter(|seconds| !seconds.is_zero()) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(variable_mistake("POLL_INTERVAL", &text, "not a number of seconds")),
    }
}

fn variable_mistake(variable: &str, value: &str, message: &str) -> ConfigError {
    ConfigError::Variable {
        variable: variable.to_owned(),
        value: value.to_owned(),
        message: message.to_owned(),
    }
}
