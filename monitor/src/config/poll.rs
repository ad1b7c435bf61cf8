//! The section `poll` of a license server: what is run to ask it, how often, and how its answers are read.

use std::{path::Path, sync::Arc, time::Duration};

use lic_parse::{
    pattern,
    status::{
        self, StatusFormat,
        pattern::{Expressions, Pattern},
    },
};
use lic_protocol::{config::ConfigError, name::ServerName};
use serde::Deserialize;
use toml::Spanned;

use super::{Mistakes, ServerSection, machine_zone};
use crate::poll::PolledServer;

/// How often a license server is asked.
const EVERY_DEFAULT: Duration = Duration::from_secs(30);
/// More often than this the asking would be most of what a license server does.
const EVERY_MIN: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(20);
/// Servers that are asked: each has a thread.
pub(super) const POLLED_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table like { command = [\"/opt/lmutil\", \"lmstat\", \"-a\"] }"
)]
pub(super) struct PollSection {
    command: Spanned<Vec<String>>,
    every: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    format: Option<Spanned<String>>,
    lines: Option<Spanned<AnswerSection>>,
}

/// Regular expressions for the lines of an answer that licmon does not know.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table like { feature = '...', holder = '...' }")]
struct AnswerSection {
    feature: Option<String>,
    holder: Option<String>,
    waiter: Option<String>,
    down: Option<String>,
    noise: Option<String>,
}

impl Mistakes<'_> {
    /// The server of a section that is asked.
    pub(super) fn polled(
        &self,
        section: &ServerSection,
        poll: &PollSection,
    ) -> Result<PolledServer, ConfigError> {
        let (zone, zone_name) = match &section.zone {
            Some(zone) => (self.zone(zone)?, zone.get_ref().clone()),
            None => machine_zone(),
        };
        let command = poll.command.get_ref();
        let is_absolute = command.first().is_some_and(|program| Path::new(program).is_absolute());
        if !is_absolute || command.iter().any(|word| word.contains('\0')) {
            let message = "`command` begins with the absolute path of a program, like [\"/opt/lmutil\", \"lmstat\", \"-a\"]; no shell reads it";
            return self.at(&poll.command, message.into());
        }
        let every = self.span(poll.every.as_ref(), EVERY_DEFAULT)?;
        if let Some(text) = poll.every.as_ref().filter(|_| every < EVERY_MIN) {
            return self.at(text, "`every` is at least \"1s\"".into());
        }
        let timeout = self.span(poll.timeout.as_ref(), TIMEOUT_DEFAULT.min(every))?;
        if let Some(text) = poll.timeout.as_ref().filter(|_| timeout > every) {
            return self.at(text, "`timeout` is at most `every`, so that one answer is there before the next is asked for".into());
        }
        Ok(PolledServer {
            name: ServerName::from(section.name.get_ref().as_str()),
            system: section.system.get_ref().clone(),
            zone,
            zone_name,
            command: command.clone(),
            every,
            timeout,
            formats: self.formats(section, poll)?,
        })
    }

    fn span(
        &self,
        text: Option<&Spanned<String>>,
        default: Duration,
    ) -> Result<Duration, ConfigError> {
        text.map_or(Ok(default), |text| self.duration(text))
    }

    /// Those of the license system, unless one is named.
    fn formats(
        &self,
        section: &ServerSection,
        poll: &PollSection,
    ) -> Result<Vec<Arc<dyn StatusFormat>>, ConfigError> {
        let system = section.system.get_ref();
        if let Some(lines) = &poll.lines {
            if system != pattern::NAME {
                let message =
                    "`lines` is for the system \"pattern\"; licmon knows the answers of this one";
                return self.at(lines, message.into());
            }
            return Ok(vec![self.answer(lines)?]);
        }
        if let Some(name) = &poll.format {
            let format = status::format(name.get_ref());
            return format.map(|format| vec![format]).map_or_else(
                || {
                    let known = status::formats();
                    let known: Vec<&str> = known.iter().map(|format| format.name()).collect();
                    self.at(
                        name,
                        format!("unknown format `{}`; known: {}", name.get_ref(), known.join(", ")),
                    )
                },
                Ok,
            );
        }
        let formats: Vec<Arc<dyn StatusFormat>> = status::formats()
            .into_iter()
            .filter(|format| format.system() == system && format.name() != "license-file")
            .collect();
        if formats.is_empty() {
            return self.at(
                &section.system,
                format!("unknown license system `{system}`; known: {}", systems()),
            );
        }
        Ok(formats)
    }

    fn answer(&self, lines: &Spanned<AnswerSection>) -> Result<Arc<dyn StatusFormat>, ConfigError> {
        let AnswerSection { feature, holder, waiter, down, noise } = lines.get_ref();
        let expressions = Expressions {
            feature: feature.clone(),
            holder: holder.clone(),
            waiter: waiter.clone(),
            down: down.clone(),
            noise: noise.clone(),
        };
        match Pattern::new(&expressions) {
            Ok(pattern) => Ok(Arc::new(pattern)),
            Err(error) => self.at(lines, error.to_string()),
        }
    }
}

/// The license systems that can be asked.
fn systems() -> String {
    let mut systems: Vec<&str> = status::formats().iter().map(|format| format.system()).collect();
    systems.dedup();
    systems.join(", ")
}
