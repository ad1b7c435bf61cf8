//! `licmon avail`: whether seats of a feature can be had now. Of a tool of this machine the running licmon decides, as it would
//! for a run of whoever asks; of all others, and while no licmon answers, what the databases show.

use anyhow::bail;
use lic_protocol::{
    avail::{Available, FreeSeats},
    view::Feature,
    want::{Choice, Want, Wish},
    wire::{Acquire, Refusal, Reply, Request, Wait},
};
use lic_store::{error::StoreError, read::Reader};

use super::Form;
use crate::{
    config::Config,
    import::asked,
    server::cores::cores_of,
    table::{cell, say, say_json, say_table},
};

/// The license system whose features are wrapped tools.
const WRAPPED: &str = "licwrap";

/// What the running licmon says about a tool.
struct Said {
    is_free: bool,
    text: String,
}

/// Prints it. Gives the seats that were asked for where they cannot be had now.
///
/// # Errors
/// When the feature is not known, or no licmon answers and the databases cannot be read.
pub fn print(config: &Config, form: Form, wish: &Wish) -> anyhow::Result<Option<Want>> {
    let said = said(config, wish);
    let found = match (known(config, wish), &said) {
        (Ok(found), _) => found,
        // Whoever may not read the databases may ask all the same.
        (Err(_), Some(_)) => Vec::new(),
        (Err(error), None) => return Err(error.into()),
    };
    if found.is_empty() && said.is_none() {
        bail!("no feature named {} is known: `licmon status` shows those there are", wish.feature);
    }
    let want = want(config, wish);
    let is_free = |row: &Feature| match &said {
        Some(said) if row.system == WRAPPED => said.is_free,
        _ => has(row, want.count),
    };
    let available = found.iter().any(is_free) || said.as_ref().is_some_and(|said| said.is_free);
    let is_unheard = said.is_none() && found.iter().any(|row| row.system == WRAPPED);
    let document = Available {
        available,
        count: want.count,
        said: said.map(|said| said.text),
        features: found.iter().map(free_seats).collect(),
    };
    match form {
        Form::Json => say_json(&document)?,
        Form::Table => say_rows(&document)?,
    }
    if form == Form::Table && is_unheard {
        say("\nno licmon answers: this is what the databases show, whoever asks and at any hour")?;
    }
    Ok((!available).then_some(want))
}

/// `None` where no licmon answers, or it is no tool.
fn said(config: &Config, wish: &Wish) -> Option<Said> {
    let request = Request::Explain(Acquire {
        choices: vec![Choice { alternatives: vec![wish.clone()] }],
        wait: Wait::AsConfigured,
        tool: String::new(),
        project: None,
        is_supervised: false,
        ticket: None,
        is_again: false,
    });
    match asked(config, &request)? {
        Reply::Done { text } => Some(Said { is_free: true, text }),
        Reply::Refused { refusal, text } => {
            (refusal != Refusal::Unknown).then_some(Said { is_free: false, text })
        }
        Reply::Granted { .. }
        | Reply::Queued { .. }
        | Reply::Progress { .. }
        | Reply::Failed { .. } => None,
    }
}

fn known(config: &Config, wish: &Wish) -> Result<Vec<Feature>, StoreError> {
    let mut found = Reader::open(&config.databases())?.features()?;
    found.retain(|known| known.feature.as_str() == wish.feature);
    Ok(found)
}

/// The seats asked for, or as many as a run takes by the configuration.
fn want(config: &Config, wish: &Wish) -> Want {
    let of_run = || {
        let tool = config.tools.iter().find(|tool| tool.name.as_str() == wish.feature);
        tool.map_or(1, |tool| tool.tool.tokens.seats(|| cores_of(std::process::id())))
    };
    Want { feature: wish.feature.clone(), count: wish.count.unwrap_or_else(of_run) }
}

fn has(row: &Feature, count: u32) -> bool {
    row.uncounted || free(row).is_some_and(|free| free >= count)
}

fn free_seats(row: &Feature) -> FreeSeats {
    FreeSeats {
        server: row.server.clone(),
        feature: row.feature.clone(),
        free: free(row).filter(|_| !row.uncounted),
        issued: row.issued,
        reserved: row.reserved,
        queued: row.queued,
        uncounted: row.uncounted,
    }
}

/// What anybody may have of a feature. Seats that somebody waits for already are not free, nor are those set aside, since it is
/// not known here for whom they are; those of runs without a lease are. `None` where it cannot be seen.
fn free(row: &Feature) -> Option<u32> {
    let (issued, in_use) = row.issued.zip(row.in_use)?;
    let held = in_use.saturating_sub(row.unwrapped.unwrap_or(0));
    let kept = held.saturating_add(row.reserved.unwrap_or(0));
    Some(if row.queued > Some(0) { 0 } else { issued.saturating_sub(kept) })
}

fn say_rows(document: &Available) -> anyhow::Result<()> {
    let rows = document.features.iter().map(|row| {
        let free = row.free.map_or_else(|| "not visible".to_owned(), |free| free.to_string());
        vec![
            row.server.to_string(),
            row.feature.to_string(),
            if row.uncounted { "no limit".to_owned() } else { free },
            cell(row.issued),
            cell(row.reserved),
            cell(row.queued),
        ]
    });
    let heads = ["SERVER", "FEATURE", "FREE", "ISSUED", "SET ASIDE", "QUEUED"];
    say_table(&heads, rows, "the databases show nothing of it")?;
    match document.said.as_deref().and_then(|said| said.lines().last()) {
        Some(last) => say(&format!("\n{last}")),
        None => Ok(()),
    }
}
