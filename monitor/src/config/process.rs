//! `match` of a tool, and how often processes are looked at.

use std::time::Duration;

use lic_protocol::config::ConfigError;
use regex::bytes::{Regex, RegexBuilder};
use toml::Spanned;

use super::{Mistakes, tool::ProcessSection};
use crate::around::{EVERY_MIN, rule::ProcessMatch};

/// Largest regular expression, as it is compiled. Its matching is linear in the text whatever it is.
const REGEX_BYTES_MAX: usize = 1 << 20;

impl Mistakes<'_> {
    pub(super) fn process(
        &self,
        section: &Spanned<ProcessSection>,
    ) -> Result<ProcessMatch, ConfigError> {
        let keys = section.get_ref();
        let regex =
            |key: &Option<Spanned<String>>| key.as_ref().map(|text| self.regex(text)).transpose();
        let process = ProcessMatch {
            exe: regex(&keys.exe)?,
            name: regex(&keys.name)?,
            command_line: regex(&keys.cmdline)?,
        };
        if keys.exe.is_none() && keys.name.is_none() && keys.cmdline.is_none() {
            let message = "`match` needs at least one of `exe`, `name`, `cmdline`".to_owned();
            return self.at(section, message);
        }
        Ok(process)
    }

    fn regex(&self, text: &Spanned<String>) -> Result<Regex, ConfigError> {
        RegexBuilder::new(text.get_ref()).size_limit(REGEX_BYTES_MAX).build().or_else(|error| {
            // A mistake is told with a drawing; its last line says what it is.
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default();
            let why = why.trim().trim_start_matches("error: ");
            self.at(text, format!("`{}` is no regular expression: {why}", text.get_ref()))
        })
    }

    pub(super) fn scan_processes(&self, text: &Spanned<String>) -> Result<Duration, ConfigError> {
        let every = self.duration(text)?;
        if every < EVERY_MIN {
            let message = format!("processes are looked at every {EVERY_MIN:?} at most");
            return self.at(text, message);
        }
        Ok(every)
    }
}
