//! `licmon verify`: whether history is as it was stored.

use lic_protocol::seal::{Fault, Head, Verified};
use lic_store::verify::verify;

use super::Form;
use crate::{
    config::Config,
    progress::Progress,
    serve::clock,
    table::{say, say_json},
};

/// Why history was not found whole: what it is was told.
#[derive(Debug, thiserror::Error)]
pub enum NotWhole {
    /// Something in it is not as it was stored.
    #[error("history is not as it was stored")]
    Changed,
    /// No commit has a seal yet.
    #[error("nothing in history is sealed yet: the next commit of licmon will be")]
    Unsealed,
}

/// Prints what was found.
///
/// # Errors
/// [`NotWhole`], and whatever keeps history from being opened.
pub fn print(config: &Config, form: Form, published: &[Head]) -> anyhow::Result<()> {
    let mut progress = Progress::new(clock());
    let verified = verify(&config.databases(), published, |done, of| {
        progress.show(&format!("{done} of {of} records"), clock());
    });
    progress.clear();
    let verified = verified?;
    match form {
        Form::Json => say_json(&verified)?,
        Form::Table => say_found(&verified)?,
    }
    match &verified {
        Verified { whole: true, .. } => Ok(()),
        Verified { faults, .. } if faults.is_empty() => Err(NotWhole::Unsealed.into()),
        Verified { .. } => Err(NotWhole::Changed.into()),
    }
}

/// What was looked at, and what is wrong with it.
pub(super) fn say_found(verified: &Verified) -> anyhow::Result<()> {
    for Fault { table, id, what } in &verified.faults {
        match id {
            Some(id) => say(&format!("{table} {id} {what}"))?,
            None => say(&format!("{table}: {what}"))?,
        }
    }
    if verified.more_faults > 0 {
        say(&format!("and {} more like these", verified.more_faults))?;
    }
    if let Some(first) = verified.sealed_from {
        let found = if verified.whole { "all as they were stored" } else { "looked at" };
        let Verified { records, commits, .. } = verified;
        say(&format!("{records} records in {commits} commits, from commit {first} on: {found}"))?;
    }
    if verified.unsealed_records > 0 {
        say(&format!("{} records of before are not sealed", verified.unsealed_records))?;
    }
    match verified.head {
        Some(head) => say(&format!("head {head}")),
        None => Ok(()),
    }
}
