//! `licmon doctor`: what is wrong on this machine, and how to mend it. One file per family of checks; each looks, and tells what
//! it finds. Nothing here changes anything; one check writes a file in a temporary folder of its own.

mod databases;
mod kernel;
mod logs;
mod own_log;
mod seats;
mod tools;
mod watching;
mod who;

use jiff::Timestamp;
use lic_protocol::{
    config::ConfigError,
    doctor::{Finding, Findings},
};
use lic_store::{lock, read::Reader};

use self::who::Who;
use crate::{
    answers::Form,
    config::Config,
    table::{say, say_json},
};

/// Something is wrong: what it is was told.
#[derive(Debug, thiserror::Error)]
#[error("{} wrong: what mends it stands there too", things(*.0))]
pub struct Wrong(pub usize);

/// Prints the findings, as a list for people or as one document.
///
/// # Errors
/// [`Wrong`] where there is a fault among them.
pub fn tell(findings: &Findings, form: Form) -> anyhow::Result<()> {
    match form {
        Form::Json => say_json(findings)?,
        Form::Table => {
            if findings.is_well() {
                say("nothing is wrong")?;
            }
            for Finding { level, about, what, mend } in &findings.findings {
                say(&format!("{level}: {about}: {what}\n  {mend}"))?;
            }
        }
    }
    match findings.faults() {
        0 => Ok(()),
        faults => Err(Wrong(faults).into()),
    }
}

/// Everything that can be found out, faults first.
#[must_use]
pub fn findings(config: &Result<Config, ConfigError>, now: Timestamp) -> Findings {
    let mut findings = Findings::default();
    match config {
        Ok(config) => look(config, now, &mut findings),
        Err(error) => findings.fault(
            "configuration",
            error.to_string(),
            "correct it; `licmon check-config` says whether it is right",
        ),
    }
    findings.findings.sort_by_key(|finding| finding.level);
    findings
}

fn look(config: &Config, now: Timestamp, findings: &mut Findings) {
    let who = Who::serves(&config.place.state);
    databases::look(config, &who, findings);
    own_log::look(config, &who, findings);
    let servers = Reader::open(&config.databases()).and_then(|reader| reader.servers());
    let mut servers = servers.unwrap_or_default();
    kernel::look(findings);
    if !seats::look(config, findings) && !lock::is_held(&config.databases()) {
        // That licmon does not run is all that each of them could say.
        for server in &mut servers {
            server.error = None;
        }
    }
    logs::look(config, &who, &servers, now, findings);
    watching::look(config, findings);
    tools::look(config, now, findings);
}

fn things(count: usize) -> String {
    if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") }
}
