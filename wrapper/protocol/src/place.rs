//! Place: where this site's configuration, databases and runtime folder are. One answer for licmon and licdash.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use directories::{BaseDirs, ProjectDirs};
use serde::Deserialize;

use crate::{
    config::{ConfigError, ConfigFile},
    paths,
};

/// What was said on the command line.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--state DIR`.
    pub state: Option<PathBuf>,
    /// `--runtime DIR`.
    pub runtime: Option<PathBuf>,
}

/// Where this site's things are.
#[derive(Clone, Debug)]
pub struct Place {
    /// The configuration; empty where there is no file.
    pub file: ConfigFile,
    /// The variables of the environment and of `.env`.
    pub variables: Variables,
    /// The state folder.
    pub state: PathBuf,
    /// The database of what is active now.
    pub live: PathBuf,
    /// The database of everything that ever happened.
    pub history: PathBuf,
    /// The folder of the socket and the seat tokens.
    pub runtime: PathBuf,
}

impl Place {
    /// Finds everything. An option wins over the environment, that over `.env`, that over the file, that over the defaults.
    ///
    /// # Errors
    /// When the configuration cannot be read or holds a mistake.
    pub fn find(chosen: &Chosen) -> Result<Self, ConfigError> {
        let user = ProjectDirs::from("", "", "licwrap");
        let user = user.map(|dirs| dirs.config_dir().join("licwrap.toml"));
        let file = ConfigFile::find(chosen.config.as_deref(), user.as_deref())?;
        let variables = Variables::beside(file.path.as_deref().or(user.as_deref()));
        let monitor = file.sections::<Sections>()?.monitor;
        let is_system = is_system(file.path.as_deref());
        let state = chosen.state.clone().or(monitor.state);
        let state = state.unwrap_or_else(|| state_default(is_system));
        let runtime = chosen.runtime.clone().or(monitor.runtime);
        let runtime = runtime.unwrap_or_else(|| match &chosen.state {
            Some(state) => state.join("run"),
            None => runtime_default(is_system, &state),
        });
        let named = |key| variables.path(key).filter(|_| chosen.state.is_none());
        Ok(Self {
            live: named("LIVE_DB").unwrap_or_else(|| state.join(paths::LIVE_DB)),
            history: named("HISTORY_DB").unwrap_or_else(|| state.join(paths::HISTORY_DB)),
            file,
            variables,
            state,
            runtime,
        })
    }
}

/// What of licmon's section tells where things are. licmon itself tells the section's mistakes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sections {
    monitor: Monitor,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Monitor {
    state: Option<PathBuf>,
    runtime: Option<PathBuf>,
}

/// Whether this is a system install rather than somebody's own.
fn is_system(config: Option<&Path>) -> bool {
    config.is_none_or(|path| path == Path::new(paths::CONFIG_SYSTEM))
}

fn state_default(is_system: bool) -> PathBuf {
    let system = Path::new(paths::STATE_SYSTEM);
    if is_system && system.is_dir() {
        return system.to_owned();
    }
    let user = ProjectDirs::from("", "", "licmon");
    user.and_then(|dirs| dirs.state_dir().map(Path::to_owned)).unwrap_or_else(|| system.to_owned())
}

fn runtime_default(is_system: bool, state: &Path) -> PathBuf {
    let system = Path::new(paths::RUNTIME_SYSTEM);
    if is_system && system.is_dir() {
        return system.to_owned();
    }
    let user = BaseDirs::new().and_then(|dirs| dirs.runtime_dir().map(Path::to_owned));
    user.map_or_else(|| state.join("run"), |dir| dir.join(paths::RUNTIME_USER))
}

/// Variables of the environment, and behind them those of a `.env` file: the way License-Monitor-Lite is configured.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    dot_env: String,
}

impl Variables {
    /// The environment, and the `.env` file in the folder of the configuration.
    #[must_use]
    pub fn beside(config: Option<&Path>) -> Self {
        let folder = config.and_then(Path::parent);
        let text = folder.map(|folder| fs::read_to_string(folder.join(".env")));
        Self { dot_env: text.and_then(Result::ok).unwrap_or_default() }
    }

    /// The value of a variable; one that is empty is not set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        let set = env::var(key).ok().filter(|value| !value.is_empty());
        set.or_else(|| self.dot_env.lines().find_map(|line| value_of(line, key)))
    }

    /// The value of a variable that names a file or folder.
    #[must_use]
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.get(key).map(PathBuf::from)
    }
}

/// The value in `KEY=value` or `export KEY="value"`; `None` for another key or an empty value.
fn value_of(line: &str, key: &str) -> Option<String> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let value = value.trim().trim_matches(['"', '\'']);
    (name.trim() == key && !value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_a_dot_env_file() {
        let text = "# LICTEST_A=a\nexport LICTEST_A = \"b c.db\"\nLICTEST_B=\n";
        let variables = Variables { dot_env: text.to_owned() };
        assert_eq!(variables.get("LICTEST_A").as_deref(), Some("b c.db"));
        assert_eq!(variables.path("LICTEST_B"), None);
    }
}
