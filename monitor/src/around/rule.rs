//! What a tool's processes look like: the `match` of a tool in the configuration.

use std::fmt;

use lic_admission::capacity::Unit;
use lic_protocol::name::FeatureName;
use regex::bytes::Regex;

use super::process::Process;
use crate::server::config::ToolConfig;

/// What a process looks like. What is `None` is not looked at; all that is there must fit.
#[derive(Clone, Debug)]
pub struct ProcessMatch {
    /// The path of its executable.
    pub exe: Option<Regex>,
    /// Its name.
    pub name: Option<Regex>,
    /// Its arguments.
    pub command_line: Option<Regex>,
}

/// Which processes are runs of a tool.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The tool.
    pub feature: FeatureName,
    /// What takes a seat.
    pub unit: Unit,
    /// What its processes look like.
    pub process: ProcessMatch,
}

impl ProcessMatch {
    /// Whether its arguments have to be known to tell.
    pub(super) fn asks_for_command_line(&self, process: &Process) -> bool {
        self.command_line.is_some() && self.fits_but_for_arguments(process)
    }

    /// Whether it is one of these. licwrap, which has the tool's name among its arguments, never is.
    pub(super) fn fits(&self, process: &Process) -> bool {
        self.fits_but_for_arguments(process)
            && fits(self.command_line.as_ref(), Some(&process.command_line))
    }

    fn fits_but_for_arguments(&self, process: &Process) -> bool {
        !process.is_wrapper()
            && fits(self.name.as_ref(), Some(process.name()))
            && fits(self.exe.as_ref(), process.exe.as_deref())
    }
}

/// What is not seen does not fit.
fn fits(regex: Option<&Regex>, text: Option<&[u8]>) -> bool {
    regex.is_none_or(|regex| text.is_some_and(|text| regex.is_match(text)))
}

impl fmt::Display for ProcessMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = [("exe", &self.exe), ("name", &self.name), ("cmdline", &self.command_line)];
        let set = keys.iter().filter_map(|(key, regex)| Some((key, regex.as_ref()?)));
        for (number, (key, regex)) in set.enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{key} {regex}")?;
        }
        Ok(())
    }
}

/// The rules of the tools that have one.
#[must_use]
pub fn rules(tools: &[ToolConfig]) -> Vec<Rule> {
    let rule = |tool: &ToolConfig| {
        let process = tool.process.clone()?;
        Some(Rule { feature: tool.name.clone(), unit: tool.tool.unit, process })
    };
    tools.iter().filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::around::process::ProcessKey;

    /// `keys` are `exe=REGEX`, `name=REGEX`, `cmdline=REGEX`; the process is `name exe arguments...`, `-` for no path.
    #[track_caller]
    fn check(keys: &[&str], process: &str, expected: bool) {
        let key = |name: &str| {
            let value = keys.iter().find_map(|key| key.strip_prefix(name));
            value.map(|value| Regex::new(value).unwrap())
        };
        let rule =
            ProcessMatch { exe: key("exe="), name: key("name="), command_line: key("cmdline=") };
        let mut words = process.splitn(3, ' ').map(|word| word.as_bytes().to_vec());
        let process = Process {
            key: ProcessKey { pid: 1, start_time: 1 },
            parent: None,
            started: Timestamp::UNIX_EPOCH,
            uid: 0,
            name: words.next().unwrap(),
            exe: words.next().filter(|exe| exe != b"-"),
            command_line: words.next().unwrap_or_default(),
        };
        assert_eq!(rule.fits(&process), expected, "{rule} {process:?}");
    }

    #[test]
    fn which_processes_fit() {
        check(&["name=^sqlite3$"], "sqlite3 /usr/bin/sqlite3", true);
        check(&["name=^sqlite3$"], "sqlite33 /usr/bin/sqlite33", false);
        check(&["exe=^/opt/sim/"], "sim /opt/sim/bin/sim", true);
        check(&["exe=^/opt/sim/"], "sim -", false);
        check(&["exe=^/opt/sim/", "name=^sim$"], "sim /opt/sim/bin/sim", true);
        check(&["exe=^/opt/sim/", "name=^sim$"], "help /opt/sim/bin/help", false);
        check(
            &["cmdline=/tool[.]py( |$)"],
            "python3 /usr/bin/python3 python3 /opt/tool.py -x",
            true,
        );
        check(
            &["cmdline=/tool[.]py( |$)"],
            "python3 /usr/bin/python3 python3 /opt/tool.pyc",
            false,
        );
        check(
            &["cmdline=sqlite3"],
            "licwrap /usr/bin/licwrap licwrap -f sqlite3 -- sqlite3",
            false,
        );
    }
}
