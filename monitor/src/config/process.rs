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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lic_protocol::config::ConfigFile;

    use super::*;
    use crate::config::Sections;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let text = format!("[[tool]]\nname = \"t\"\nseats = 2\n{line}\n");
        let file = ConfigFile::of(Some(PathBuf::from("c.toml")), text).unwrap();
        let read = file.sections::<Sections>().and_then(|sections| {
            let mistakes = Mistakes(&file);
            if let Some(every) = &sections.monitor.scan_processes {
                return mistakes.scan_processes(every).map(|every| format!("{every:?}"));
            }
            let tool = mistakes.tool(&sections.tool[0])?;
            Ok(tool.process.map_or_else(String::new, |process| process.to_string()))
        });
        assert_eq!(read.unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn what_a_process_looks_like() {
        check("", "");
        check(
            "match = { cmdline = \"-batch\", exe = \"^/opt/\", name = \"^t$\" }",
            "exe ^/opt/, name ^t$, cmdline -batch",
        );
        check("match = {}", "c.toml:4:9: `match` needs at least one of `exe`, `name`, `cmdline`");
        check("match = { nam = \"t\" }", "c.toml:4:11: unknown key `nam`, did you mean `name`?");
        check(
            "match = { name = \"(\" }",
            "c.toml:4:18: `(` is no regular expression: unclosed group",
        );
        check(
            "match = { exe = \"(a{999}){999}\" }",
            "c.toml:4:17: `(a{999}){999}` is no regular expression: Compiled regex exceeds size limit of 1048576 bytes.",
        );
    }

    #[test]
    fn how_often_processes_are_looked_at() {
        check("[monitor]\nscan_processes = \"30s\"", "30s");
        check(
            "[monitor]\nscan_processes = \"1ms\"",
            "c.toml:5:18: processes are looked at every 100ms at most",
        );
    }
}
