//! What licdash runs with: the `[dashboard]` section, and where the databases are. Reads no request.

use std::net::SocketAddr;

use lic_protocol::{
    config::ConfigError,
    dashboard::Dashboard,
    log_file::LogFile,
    place::{Chosen, Place},
};
use lic_store::open::DatabasePaths;
use serde::Deserialize;

use crate::cli::Serve;

/// What `licdash serve` runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Further names this dashboard answers to.
    pub hosts: Vec<String>,
    /// The files of our own log, where it is kept in files.
    pub log: Option<LogFile>,
    /// The databases to read.
    pub databases: DatabasePaths,
    /// The configuration file for people.
    pub file: String,
}

/// Our section of the file; the others are skipped.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sections {
    dashboard: Dashboard,
}

impl Config {
    /// The configuration for what was said on the command line.
    ///
    /// # Errors
    /// When the file cannot be read or holds a mistake.
    pub fn load(options: &Serve) -> Result<Self, ConfigError> {
        let Serve { config, state, runtime } = options.clone();
        let place = Place::find(&Chosen { config, state, runtime })?;
        let Dashboard { listen, hosts, log } = place.file.sections::<Sections>()?.dashboard;
        let file = place.file.shown_path();
        let databases = DatabasePaths { live: place.live, history: place.history };
        Ok(Self { listen, hosts, log, databases, file })
    }
}
