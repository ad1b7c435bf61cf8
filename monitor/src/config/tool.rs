//! `[[tool]]`: a tool that licwrap runs, its seats, and every rule about them.

use std::time::Duration;

use glob::Pattern;
use lic_admission::{
    asker::Who,
    capacity::{Mode, OnFull, Seats, Tool, Unit},
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
                mode: mode.unwrap_or(Mode::Enforce),
                reserves: self.reserves(section.reserve.as_ref(), seats)?,
                rules: section
                    .rules
                    .iter()
                    .map(|rule| self.rule(rule))
                    .collect::<Result<_, _>>()?,
                windows: self.windows(section)?,
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
        let zone = match &section.zone {
            Some(zone) => self.zone(zone)?,
            None => machine_zone().0,
        };
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
