//! The files of licmon's own log: whether they can be written.

use std::path::Path;

use lic_protocol::{doctor::Findings, log_file::LogFile};

use super::who::Who;
use crate::config::Config;

const ABOUT: &str = "own log";

pub(super) fn look(config: &Config, who: &Who, findings: &mut Findings) {
    let Some(LogFile { path, .. }) = &config.log else { return };
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        findings.fault(
            ABOUT,
            format!("there is no folder {} to keep the log in", folder.display()),
            format!(
                "install -d -o {} {}, or correct `log` under [monitor]",
                who.name(),
                folder.display()
            ),
        );
    } else if !who.may_write(folder) || !who.may_write(path) {
        findings.fault(
            ABOUT,
            format!("{} may not write {}, where the log is to be kept", who.name(), path.display()),
            format!("chown {} {} {}", who.name(), folder.display(), path.display()),
        );
    }
}
