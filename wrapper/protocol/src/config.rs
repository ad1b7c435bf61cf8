//! licwrap.toml, one file with three readers: where it is, its sections, and mistakes told by line and column.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::paths;

/// Every top-level name of the file. Each program reads its own and skips the others; a name not here is a mistake.
pub const SECTIONS: [&str; 4] = ["monitor", "server", "tool", "dashboard"];

/// Those of which there can be several.
const REPEATED: [&str; 2] = ["server", "tool"];

/// The text of a configuration file, and where it came from.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    /// Where it was read; `None` when there is no file and every key is at its default.
    pub path: Option<PathBuf>,
    text: String,
}

/// What can be wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A mistake in the file.
    #[error("{path}:{line}:{column}: {message}")]
    Mistake {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong, and the nearest known key where a key is unknown.
        message: String,
    },
    /// A mistake in a variable of the environment or of `.env`.
    #[error("{variable}={value}: {message}")]
    Variable {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// What is wrong.
        message: String,
    },
}

impl ConfigFile {
    /// Reads `path`, which must be there.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or has a top-level name that is none of ours.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::of(Some(path.to_owned()), text)
    }

    /// Reads `chosen`; or else the first that exists of the system's file and `user`'s; or else is empty.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub fn find(chosen: Option<&Path>, user: Option<&Path>) -> Result<Self, ConfigError> {
        let standard = [Some(Path::new(paths::CONFIG_SYSTEM)), user];
        match chosen.or_else(|| standard.into_iter().flatten().find(|path| path.exists())) {
            Some(path) => Self::read(path),
            None => Ok(Self::default()),
        }
    }

    /// A configuration from its text.
    ///
    /// # Errors
    /// When it is not TOML, or has a top-level name that is none of ours.
    pub fn of(path: Option<PathBuf>, text: String) -> Result<Self, ConfigError> {
        let file = Self { path, text };
        let names: toml::map::Map<String, toml::Value> =
            toml::from_str(&file.text).map_err(|error| file.toml_mistake(&error))?;
        for (name, value) in &names {
            let message = if !SECTIONS.contains(&name.as_str()) {
                format!("unknown section `{name}`{}", nearest(name, &SECTIONS))
            } else if REPEATED.contains(&name.as_str()) && !value.is_array() {
                format!("write `[[{name}]]`, with two brackets: there can be several")
            } else {
                continue;
            };
            return Err(file.mistake(file.offset_of_section(name), message));
        }
        Ok(file)
    }

    /// Reads this program's own sections into `T`, whose fields are the sections' names. `T` must skip the others: give it
    /// `#[serde(default)]`, and `deny_unknown_fields` on what lies inside its sections.
    ///
    /// # Errors
    /// [`ConfigError::Mistake`] at the first key or value that does not fit.
    pub fn sections<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|error| self.toml_mistake(&error))
    }

    /// A mistake at a byte offset of the text, as `toml::Spanned` gives it.
    #[must_use]
    pub fn mistake(&self, offset: usize, message: String) -> ConfigError {
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        ConfigError::Mistake {
            path: self.shown_path(),
            line: self.line(offset),
            column: before[line_start..].chars().count() + 1,
            message,
        }
    }

    /// The line of a byte offset of the text, from 1.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.text[..offset.min(self.text.len())].matches('\n').count() + 1
    }

    /// The path for people.
    #[must_use]
    pub fn shown_path(&self) -> String {
        self.path.as_deref().map_or("(defaults)".to_owned(), |path| path.display().to_string())
    }

    fn toml_mistake(&self, error: &toml::de::Error) -> ConfigError {
        let offset = error.span().map_or(0, |span| span.start);
        self.mistake(offset, with_nearest_key(error.message()))
    }

    fn offset_of_section(&self, name: &str) -> usize {
        let mut offset = 0;
        for line in self.text.split_inclusive('\n') {
            let key = line.trim_start_matches(['[', ' ', '\t']);
            if key.starts_with(name) {
                return offset + (line.len() - key.len());
            }
            offset += line.len();
        }
        0
    }
}

/// Adds the nearest known key to serde's "unknown field `x`, expected one of `a`, `b`".
fn with_nearest_key(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown field").then(|| quoted.next()).flatten();
    match unknown {
        Some(unknown) => {
            let known: Vec<&str> = quoted.collect();
            format!("unknown key `{unknown}`{}", nearest(unknown, &known))
        }
        None => message.lines().collect::<Vec<_>>().join(" "),
    }
}

fn nearest(unknown: &str, known: &[&str]) -> String {
    let near = known.iter().min_by_key(|name| strsim::damerau_levenshtein(unknown, name));
    match near {
        Some(name) => format!(", did you mean `{name}`?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Sections {
        dashboard: Dashboard,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Dashboard {
        listen: String,
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = ConfigFile::of(Some(PathBuf::from("c.toml")), text.to_owned())
            .and_then(|file| file.sections::<Sections>());
        assert_eq!(read.map_or_else(|error| error.to_string(), |_| "fine".to_owned()), expected);
    }

    #[test]
    fn mistakes_are_told_by_line_and_column() {
        check("[[server]]\nname = 1\n[dashboard]\nlisten = \"x\"\n", "fine");
        check("[dashbord]\n", "c.toml:1:2: unknown section `dashbord`, did you mean `dashboard`?");
        check("[tool]\n", "c.toml:1:2: write `[[tool]]`, with two brackets: there can be several");
        check(
            "[dashboard]\nlisen = \"x\"\n",
            "c.toml:2:1: unknown key `lisen`, did you mean `listen`?",
        );
        check(
            "[dashboard]\nlisten = 1\n",
            "c.toml:2:10: invalid type: integer `1`, expected a string",
        );
    }
}
