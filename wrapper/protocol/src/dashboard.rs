//! The `[dashboard]` section of licwrap.toml: licdash runs with it, and licmon checks it. Knows no web.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Deserializer, de};

use crate::log_file::LogFile;

/// Port the dashboard listens on unless configured otherwise.
const PORT_DEFAULT: u16 = 8501;

/// The `[dashboard]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dashboard {
    /// Address and port to listen on.
    #[serde(deserialize_with = "address_and_port")]
    pub listen: SocketAddr,
    /// Further names the dashboard answers to.
    pub hosts: Vec<String>,
    /// The files of its own log, where it is kept in files.
    pub log: Option<LogFile>,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, PORT_DEFAULT).into(), hosts: Vec::new(), log: None }
    }
}

fn address_and_port<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || format!("`{text}` is not an address and a port, like \"127.0.0.1:8501\"");
    text.parse().map_err(|_| de::Error::custom(wrong()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::ConfigFile;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Sections {
        dashboard: Dashboard,
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = ConfigFile::of(Some(PathBuf::from("c.toml")), text.to_owned())
            .and_then(|file| file.sections::<Sections>());
        let shown =
            read.map(|read| format!("{} {:?}", read.dashboard.listen, read.dashboard.hosts));
        assert_eq!(shown.unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn section_and_its_mistakes() {
        check("", "127.0.0.1:8501 []");
        check("[[server]]\nname = 1\n", "127.0.0.1:8501 []");
        check("[dashboard]\nlisten = \"[::]:80\"\nhosts = [\"a.b\"]\n", "[::]:80 [\"a.b\"]");
        check("[dashboard]\nhots = []\n", "c.toml:2:1: unknown key `hots`, did you mean `hosts`?");
        check(
            "[dashboard]\nlisten = \"8501\"\n",
            "c.toml:2:10: `8501` is not an address and a port, like \"127.0.0.1:8501\"",
        );
    }
}
