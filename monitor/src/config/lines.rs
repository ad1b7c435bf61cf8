//! The system of a license server: one we know by its name, or the expressions of its section `lines`.

use std::sync::Arc;

use lic_parse::{
    LicenseSystem,
    pattern::{self, Expressions, Pattern},
    registry, status,
};
use lic_protocol::config::ConfigError;
use serde::Deserialize;
use toml::Spanned;

use super::{Mistakes, ServerSection};

/// Regular expressions for the lines of a log that licmon does not know.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table like { time = \"%F %T\", checkout = '...' }")]
pub(super) struct LinesSection {
    time: String,
    checkout: Option<String>,
    checkin: Option<String>,
    denial: Option<String>,
    exhausted: Option<String>,
    noise: Option<String>,
}

impl Mistakes<'_> {
    /// The system of a server's section.
    pub(super) fn system(
        &self,
        section: &ServerSection,
    ) -> Result<Arc<dyn LicenseSystem>, ConfigError> {
        let name = section.system.get_ref();
        match &section.lines {
            Some(lines) if name == pattern::NAME => self.expressions(lines),
            Some(lines) => {
                let message =
                    "`lines` is for the system \"pattern\"; licmon knows the lines of this one";
                self.at(lines, message.to_owned())
            }
            None if name == pattern::NAME => {
                let message =
                    "the system \"pattern\" needs `lines = { time = \"%F %T\", checkout = '...' }`";
                self.at(&section.system, message.to_owned())
            }
            None => registry::license_system(name).map_or_else(
                || {
                    if status::formats().iter().any(|format| format.system() == name) {
                        let message = format!(
                            "licmon reads no logs of `{name}`: have it asked, with `poll = {{ command = [...] }}`"
                        );
                        return self.at(&section.system, message);
                    }
                    let known: Vec<&str> = registry::names().chain([pattern::NAME]).collect();
                    let known = known.join(", ");
                    let message = format!("unknown license system `{name}`; known: {known}");
                    self.at(&section.system, message)
                },
                Ok,
            ),
        }
    }

    fn expressions(
        &self,
        lines: &Spanned<LinesSection>,
    ) -> Result<Arc<dyn LicenseSystem>, ConfigError> {
        let LinesSection { time, checkout, checkin, denial, exhausted, noise } = lines.get_ref();
        let expressions = Expressions {
            time: time.clone(),
            checkout: checkout.clone(),
            checkin: checkin.clone(),
            denial: denial.clone(),
            exhausted: exhausted.clone(),
            noise: noise.clone(),
        };
        match Pattern::new(&expressions) {
            Ok(pattern) => Ok(Arc::new(pattern)),
            Err(error) => self.at(lines, error.to_string()),
        }
    }
}
