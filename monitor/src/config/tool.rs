//! `[[tool]]`: a tool that licwrap runs, its seats, and every rule about them.

use std::time::Duration;

use glob::Pattern;
use jiff::tz::TimeZone;
use lic_admission::{
    asker::Who,
    capacity::{Mode, OnFull, Seats, Tokens, Tool, Unit},
    expiry::Expiry,
    priority::{Class, Priority},
    reserve::{RESERVES_MAX, Reserve},
    rule::{Rule, Verdict},
    window::{Window, Windows},
};
use lic_protocol::{config::ConfigError, name::FeatureName};
use serde::Deserialize;
use toml::Spanned;

use super::{Mistakes, machine_zone};
use crate::server::config::{OnDown, ToolConfig};

/// For how long licwrap waits for licmon where a tool says `on_down = "wait"`.
const ON_DOWN_WAIT_S: u32 = 60;
/// What one class is worth where a tool does not say it.
const AGEING: Duration = Duration::from_mins(10);
/// The highest class.
const CLASS_MAX: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolSection {
    pub(super) name: Spanned<String>,
    seats: Spanned<SeatsValue>,
    unit: Option<Spanned<String>>,
    tokens: Option<Spanned<TokensValue>>,
    mode: Option<Spanned<String>>,
    on_full: Option<Spanned<String>>,
    on_down: Option<Spanned<String>>,
    on_down_wait: Option<Spanned<String>>,
    reserve: Option<Spanned<Vec<ReserveSection>>>,
    #[serde(default)]
    rules: Vec<Spanned<RuleSection>>,
    #[serde(default)]
    window: Vec<Spanned<String>>,
    zone: Option<Spanned<String>>,
    expires: Option<Spanned<String>>,
    #[serde(default)]
    priority: Vec<ClassSection>,
    ageing: Option<Spanned<String>>,
    #[serde(rename = "match")]
    process: Option<Spanned<ProcessSection>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table like { name = \"^sqlite3$\" }")]
pub(super) struct ProcessSection {
    pub(super) exe: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) cmdline: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SeatsValue {
    Number(i64),
    Word(String),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`tokens` is a number from 1, or like { per_core = 1 }")]
enum TokensValue {
    Number(i64),
    Table(PerCoreSection),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PerCoreSection {
    per_core: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReserveSection {
    seats: Spanned<i64>,
    user: Option<Spanned<String>>,
    group: Option<Spanned<String>>,
    host: Option<Spanned<String>>,
    project: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSection {
    allow: Option<WhoSection>,
    deny: Option<WhoSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassSection {
    class: Spanned<i64>,
    user: Option<Spanned<String>>,
    group: Option<Spanned<String>>,
    host: Option<Spanned<String>>,
    project: Option<Spanned<String>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhoSection {
    user: Option<Spanned<String>>,
    group: Option<Spanned<String>>,
    host: Option<Spanned<String>>,
    project: Option<Spanned<String>>,
}

impl Mistakes<'_> {
    pub(super) fn tool(&self, section: &ToolSection) -> Result<ToolConfig, ConfigError> {
        let seats = self.seats(&section.seats)?;
        let full = [("wait", OnFull::Wait), ("deny", OnFull::Deny)];
        let down = [("run", OnDown::Run), ("wait", OnDown::Wait), ("deny", OnDown::Deny)];
        let units = [Unit::Run, Unit::Tree, Unit::User, Unit::Host, Unit::UserHost]
            .map(|unit| (unit.word(), unit));
        let modes = [("off", Mode::Off), ("observe", Mode::Observe), ("enforce", Mode::Enforce)];
        let on_down_wait_s = match &section.on_down_wait {
            Some(wait) => u32::try_from(self.duration(wait)?.as_secs()).unwrap_or(u32::MAX),
            None => ON_DOWN_WAIT_S,
        };
        let on_full = self.choice("on_full", section.on_full.as_ref(), &full)?;
        let unit = self.choice("unit", section.unit.as_ref(), &units)?;
        let mode = self.choice("mode", section.mode.as_ref(), &modes)?;
        let on_down = self.choice("on_down", section.on_down.as_ref(), &down)?;
        Ok(ToolConfig {
            name: FeatureName::from(section.name.get_ref().as_str()),
            tool: Tool {
                unit: unit.unwrap_or(Unit::Run),
                tokens: self.tokens(section.tokens.as_ref(), seats)?,
                mode: mode.unwrap_or(Mode::Enforce),
                reserves: self.reserves(section.reserve.as_ref(), seats)?,
                rules: section
                    .rules
                    .iter()
                    .map(|rule| self.rule(rule))
                    .collect::<Result<_, _>>()?,
                windows: self.windows(section)?,
                expires: self.expires(section)?,
                priority: self.priority(section)?,
                ..Tool::new(seats, on_full.unwrap_or(OnFull::Wait))
            },
            on_down: on_down.unwrap_or(OnDown::Run),
            on_down_wait_s,
            process: section.process.as_ref().map(|process| self.process(process)).transpose()?,
        })
    }

    fn seats(&self, seats: &Spanned<SeatsValue>) -> Result<Seats, ConfigError> {
        let read = match seats.get_ref() {
            SeatsValue::Number(seats) => u32::try_from(*seats).ok().map(Seats::Limited),
            SeatsValue::Word(word) => (word == "unlimited").then_some(Seats::Unlimited),
        };
        match read {
            Some(seats) => Ok(seats),
            None => self.at(seats, "`seats` is a number from 0, or \"unlimited\"".to_owned()),
        }
    }

    fn tokens(
        &self,
        value: Option<&Spanned<TokensValue>>,
        seats: Seats,
    ) -> Result<Tokens, ConfigError> {
        let Some(value) = value else { return Ok(Tokens::PerRun(1)) };
        let (number, of): (_, fn(u32) -> Tokens) = match value.get_ref() {
            TokensValue::Number(number) => (*number, Tokens::PerRun),
            TokensValue::Table(section) => (section.per_core, Tokens::PerCore),
        };
        let Some(number) = u32::try_from(number).ok().filter(|number| *number > 0) else {
            let message = "`tokens` is a number from 1, or like { per_core = 1 }";
            return self.at(value, message.to_owned());
        };
        match seats {
            Seats::Limited(seats) if number > seats => {
                self.at(value, format!("a run takes {number} seats, the tool has {seats}"))
            }
            _ => Ok(of(number)),
        }
    }

    fn reserves(
        &self,
        sections: Option<&Spanned<Vec<ReserveSection>>>,
        seats: Seats,
    ) -> Result<Vec<Reserve>, ConfigError> {
        let Some(sections) = sections else { return Ok(Vec::new()) };
        let reserves = sections.get_ref().iter().map(|section| self.reserve(section));
        let reserves = reserves.collect::<Result<Vec<_>, _>>()?;
        if reserves.len() > RESERVES_MAX {
            return self.at(sections, format!("a tool has at most {RESERVES_MAX} reservations"));
        }
        let set_aside: u64 = reserves.iter().map(|reserve| u64::from(reserve.seats)).sum();
        match seats {
            Seats::Limited(seats) if set_aside > u64::from(seats) => {
                self.at(sections, format!("{set_aside} seats are set aside, the tool has {seats}"))
            }
            Seats::Unlimited if set_aside > 0 => {
                self.at(sections, "a tool without a limit has no seats to set aside".to_owned())
            }
            _ => Ok(reserves),
        }
    }

    fn reserve(&self, section: &ReserveSection) -> Result<Reserve, ConfigError> {
        let Some(seats) = number(&section.seats, u32::MAX) else {
            return self.at(&section.seats, "`seats` is a number from 1".to_owned());
        };
        if let Some(project) = &section.project {
            let message = "seats are set aside for users, groups and hosts: a project is whatever \
                a user says";
            return self.at(project, message.to_owned());
        }
        let named = WhoSection {
            user: section.user.clone(),
            group: section.group.clone(),
            host: section.host.clone(),
            project: None,
        };
        let who = self.who(&named)?;
        if who == Who::default() {
            let message = "name a user, a group or a host for whom seats are set aside";
            return self.at(&section.seats, message.to_owned());
        }
        Ok(Reserve { seats, who })
    }

    fn rule(&self, section: &Spanned<RuleSection>) -> Result<Rule, ConfigError> {
        let line = self.0.line(section.span().start);
        let (verdict, who) = match section.get_ref() {
            RuleSection { allow: Some(who), deny: None } => (Verdict::Allow, who),
            RuleSection { allow: None, deny: Some(who) } => (Verdict::Deny, who),
            _ => return self.at(section, "a rule has either `allow` or `deny`".to_owned()),
        };
        Ok(Rule { verdict, who: self.who(who)?, line })
    }

    fn windows(&self, section: &ToolSection) -> Result<Windows, ConfigError> {
        let zone = self.zone_of_tool(section)?;
        let window = |text: &Spanned<String>| match Window::parse(text.get_ref()) {
            Some(window) => Ok(window),
            None => {
                let message = format!(
                    "`{}` is no window, like \"20:00-07:00\" or \"mon-fri 08:00-17:00\"",
                    text.get_ref()
                );
                self.at(text, message)
            }
        };
        let windows = section.window.iter().map(window).collect::<Result<_, _>>()?;
        Ok(Windows { windows, zone })
    }

    fn expires(&self, section: &ToolSection) -> Result<Option<Expiry>, ConfigError> {
        let Some(text) = &section.expires else { return Ok(None) };
        match Expiry::parse(text.get_ref(), &self.zone_of_tool(section)?) {
            Some(expiry) => Ok(Some(expiry)),
            None => {
                let message = format!(
                    "`{}` is no date, like \"2027-01-31\" or \"2027-01-31T12:00:00+01:00\"",
                    text.get_ref()
                );
                self.at(text, message)
            }
        }
    }

    fn zone_of_tool(&self, section: &ToolSection) -> Result<TimeZone, ConfigError> {
        section.zone.as_ref().map_or_else(|| Ok(machine_zone().0), |zone| self.zone(zone))
    }

    fn priority(&self, section: &ToolSection) -> Result<Priority, ConfigError> {
        let class = |section: &ClassSection| {
            let Some(class) = number(&section.class, CLASS_MAX) else {
                let message = format!("`class` is a number from 1 to {CLASS_MAX}");
                return self.at(&section.class, message);
            };
            let named = WhoSection {
                user: section.user.clone(),
                group: section.group.clone(),
                host: section.host.clone(),
                project: section.project.clone(),
            };
            Ok(Class { class, who: self.who(&named)? })
        };
        Ok(Priority {
            classes: section.priority.iter().map(class).collect::<Result<_, _>>()?,
            ageing: section.ageing.as_ref().map_or(Ok(AGEING), |ageing| self.duration(ageing))?,
        })
    }

    fn who(&self, section: &WhoSection) -> Result<Who, ConfigError> {
        let pattern = |name: &Option<Spanned<String>>| match name {
            None => Ok(None),
            Some(name) => match Pattern::new(name.get_ref()) {
                Ok(pattern) => Ok(Some(pattern)),
                Err(error) => {
                    let name_shown = name.get_ref();
                    self.at(name, format!("`{name_shown}` is no name or pattern: {}", error.msg))
                }
            },
        };
        Ok(Who {
            user: pattern(&section.user)?,
            group: pattern(&section.group)?,
            host: pattern(&section.host)?,
            project: pattern(&section.project)?,
        })
    }
}

fn number(value: &Spanned<i64>, max: u32) -> Option<u32> {
    u32::try_from(*value.get_ref()).ok().filter(|number| (1..=max).contains(number))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lic_protocol::config::ConfigFile;

    use super::{super::Sections, Mistakes};

    #[test]
    fn what_is_wrong_with_a_tool_is_told() {
        let tool = "[[tool]]\nname = \"t\"\nseats = 2\n";
        for (line, told) in [
            (
                "unit = \"core\"",
                "8: `unit` is one of \"run\", \"tree\", \"user\", \"host\", \"user_host\"",
            ),
            ("mode = \"on\"", "8: `mode` is one of \"off\", \"observe\", \"enforce\""),
            (
                "window = [\"8-17\"]",
                "11: `8-17` is no window, like \"20:00-07:00\" or \"mon-fri 08:00-17:00\"",
            ),
            (
                "reserve = [{ seats = 2, user = \"a\" }, { seats = 1, user = \"b\" }]",
                "11: 3 seats are set aside, the tool has 2",
            ),
            ("reserve = [{ seats = 0, user = \"a\" }]", "22: `seats` is a number from 1"),
            (
                "reserve = [{ seats = 1 }]",
                "22: name a user, a group or a host for whom seats are set aside",
            ),
            (
                "reserve = [{ seats = 1, project = \"a\" }]",
                "35: seats are set aside for users, groups and hosts: a project is whatever a user says",
            ),
            ("rules = [{}]", "10: a rule has either `allow` or `deny`"),
            (
                "rules = [{ allow = { users = \"a\" } }]",
                "22: unknown key `users`, did you mean `user`?",
            ),
            ("rules = [{ deny = { user = \"[\" } }]", "28: `[` is no name or pattern: "),
            ("tokens = 0", "10: `tokens` is a number from 1, or like { per_core = 1 }"),
            ("tokens = 3", "10: a run takes 3 seats, the tool has 2"),
            ("tokens = { per_core = 3 }", "10: a run takes 3 seats, the tool has 2"),
            ("tokens = \"all\"", "10: `tokens` is a number from 1, or like { per_core = 1 }"),
            (
                "expires = \"soon\"",
                "11: `soon` is no date, like \"2027-01-31\" or \"2027-01-31T12:00:00+01:00\"",
            ),
            ("priority = [{ class = 0, user = \"a\" }]", "23: `class` is a number from 1 to 100"),
        ] {
            let text = format!("{tool}{line}\n");
            let told_at = format!("c.toml:4:{told}");
            let file = ConfigFile::of(Some(PathBuf::from("c.toml")), text).unwrap();
            let found = file
                .sections::<Sections>()
                .and_then(|sections| Mistakes(&file).tool(&sections.tool[0]).map(drop));
            let found = found.unwrap_err().to_string();
            assert!(found.starts_with(&told_at), "{found}\n{told_at}");
        }
    }
}
