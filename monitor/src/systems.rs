//! Which license system a command means: one we know by its name, or what the configuration makes of it.

use std::sync::Arc;

use lic_parse::{LicenseSystem, pattern, registry};

use crate::{
    cli::Usage,
    config::{Config, LogServer},
};

/// The configured server of that name, or else the first of that license system.
#[must_use]
pub fn configured<'a>(
    config: &'a Config,
    system: &str,
    server: Option<&str>,
) -> Option<&'a LogServer> {
    config.servers.iter().find(|known| match server {
        Some(name) => known.name.as_str() == name,
        None => known.system.name() == system,
    })
}

/// The license system of that name, as `configured` has it if that is of this system.
///
/// # Errors
/// When there is none.
pub fn meant(name: &str, configured: Option<&LogServer>) -> Result<Arc<dyn LicenseSystem>, Usage> {
    let of_configured = configured.filter(|server| server.system.name() == name);
    if let Some(server) = of_configured {
        return Ok(server.system.clone());
    }
    if name == pattern::NAME {
        let text = "the system \"pattern\" is that of a server in the configuration: name one with --server";
        return Err(Usage(text.into()));
    }
    registry::license_system(name).ok_or_else(|| {
        let known: Vec<&str> = registry::names().chain([pattern::NAME]).collect();
        Usage(format!("unknown license system `{name}`; known: {}", known.join(", ")))
    })
}
