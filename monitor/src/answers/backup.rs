//! `licmon backup`: a copy of history, made while licmon runs.

use std::path::Path;

use lic_protocol::seal::Verified;

use super::verify::{NotWhole, say_found};
use crate::{config::Config, progress::Progress, serve::clock, table::say};

/// Makes it, and says what is in it.
///
/// # Errors
/// When it cannot be made; [`NotWhole`] when it is made, of a history that is not as it was stored.
pub fn make(config: &Config, to: &Path) -> anyhow::Result<()> {
    let mut progress = Progress::new(clock());
    let made = lic_store::backup::backup(&config.databases(), to, |done, of| {
        progress.show(&format!("{done} of {of} pages"), clock());
    });
    progress.clear();
    let verified = made?;
    say(&format!("history is copied to {}", to.display()))?;
    say_found(&verified)?;
    match verified {
        Verified { faults, .. } if !faults.is_empty() => Err(NotWhole::Changed.into()),
        Verified { .. } => Ok(()),
    }
}
