//! `licmon server`: what can be asked of the license servers in the configuration, and done to them.

use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use lic_protocol::{config::ConfigFile, place::Place};

use super::Usage;
use crate::{
    config::Config,
    serve::clock,
    servers::{
        self,
        edit::{self, NewServer},
    },
    table::say,
};

#[derive(Debug, Subcommand)]
pub(super) enum ServerCommand {
    /// The license servers of the configuration.
    List,
    /// Try one: whether its logs are there, and what it answers when it is asked; names the step that fails, and leaves with 1.
    Test {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Add one to the configuration file, whose other lines stay as they are.
    Add(Add),
    /// Remove one from the configuration file. What is known of it stays in history.
    Remove {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// How it is called.
    #[arg(value_name = "NAME")]
    name: String,
    /// Its license system.
    #[arg(long, value_name = "SYSTEM")]
    system: String,
    /// The zone of the times it writes.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The folder of its logs.
    #[arg(long, value_name = "DIR")]
    log: Option<String>,
    /// How often it is asked.
    #[arg(long, value_name = "SPAN", requires = "command")]
    every: Option<String>,
    /// How long it may take to answer.
    #[arg(long, value_name = "SPAN", requires = "command")]
    timeout: Option<String>,
    /// The program that asks it, by its absolute path, and what it is given: behind --.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl ServerCommand {
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::List => servers::list(config),
            Self::Test { name } => {
                if servers::test(config, name, clock())? {
                    return Ok(());
                }
                bail!("license server {name} does not serve licmon: see the step that failed");
            }
            Self::Add(add) => {
                change(config, |text| edit::added(text, &add.server()))?;
                say(&format!(
                    "license server {0} is added: try it with `licmon server test {0}`; licmon uses it at its next start",
                    add.name
                ))
            }
            Self::Remove { name } => {
                change(config, |text| edit::removed(text, name))?;
                say(&format!(
                    "license server {name} is removed; licmon leaves it at its next start"
                ))
            }
        }
    }
}

impl Add {
    fn server(&self) -> NewServer {
        NewServer {
            name: self.name.clone(),
            system: self.system.clone(),
            zone: self.zone.clone(),
            log: self.log.clone(),
            command: self.command.clone(),
            every: self.every.clone(),
            timeout: self.timeout.clone(),
        }
    }
}

/// Changes the configuration file. One with a mistake is not written.
fn change(
    config: &Config,
    edited: impl FnOnce(&str) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let Some(path) = config.place.file.path.as_deref() else {
        return Err(Usage("there is no configuration file: name one with --config".into()).into());
    };
    let reading = || format!("read {}", path.display());
    let text = std::fs::read_to_string(path).with_context(reading)?;
    let text = edited(&text)?;
    let file = ConfigFile::of(Some(Path::to_owned(path)), text.clone())?;
    Config::load(Place { file, ..config.place.clone() })?;
    edit::replace(path, &text)
}
