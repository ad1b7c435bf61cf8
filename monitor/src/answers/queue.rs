//! `licmon queue`: the tools, who waits, and who holds what there is to wait for.

use jiff::Timestamp;
use lic_analytics::{
    queue::{self, Present},
    wait::Runs,
};
use lic_protocol::{
    query::{Filter, Which},
    view::{QueuedFeature, Session, Waiter, Waiters},
};
use lic_store::{error::StoreError, read::Reader};

use super::Form;
use crate::table::{cell, say, say_json, say_table, span, time};

/// Prints it.
///
/// # Errors
/// When the databases cannot be read.
pub fn print(reader: &Reader, form: Form, now: Timestamp) -> anyhow::Result<()> {
    let document = document(reader, now)?;
    if form == Form::Json {
        return say_json(&document);
    }
    let heads = ["SERVER", "FEATURE", "IN USE", "ISSUED", "FREE", "SET ASIDE", "QUEUED", "MODE"];
    let empty = "no tool is configured, and nobody waits for a feature";
    say_table(&heads, document.features.iter().map(seats_row), empty)?;
    say("")?;
    let heads = ["SERVER", "FEATURE", "PLACE", "USER", "HOST", "SEATS", "WAITING", "MAY START IN"];
    say_table(&heads, document.queue.iter().map(|row| waiter_row(row, now)), "nobody waits")?;
    let holders = document.features.iter().flat_map(|feature| &feature.holders);
    let rows: Vec<Vec<String>> = holders.map(|session| holder_row(session, now)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    say("")?;
    let heads = [
        "SERVER", "FEATURE", "HELD BY", "HOST", "PROJECT", "SEATS", "SINCE", "FOR", "PROCESS",
        "LEASE",
    ];
    say_table(&heads, rows, "")?;
    let mut cut = document.features.iter().filter(|feature| feature.holders_more > 0);
    cut.try_for_each(|row| {
        let (more, feature) = (row.holders_more, &row.now.feature);
        say(&format!("and {more} more: licmon sessions --active --feature {feature}"))
    })
}

fn document(reader: &Reader, now: Timestamp) -> Result<Waiters, StoreError> {
    let filter = Filter::default();
    let present = Present {
        features: reader.features()?,
        holders: reader.holders(&filter)?,
        waiting: reader.waiters()?,
    };
    queue::queue(present, &filter, now, |feature| {
        let past = Runs::filter(&feature.server, &feature.feature, now);
        reader.sessions(Which::Ended, &past).map(|ended| Runs::of(&ended.sessions))
    })
}

fn seats_row(row: &QueuedFeature) -> Vec<String> {
    let now = &row.now;
    let is_counted =
        |seats: Option<u32>| if now.uncounted { "no limit".to_owned() } else { cell(seats) };
    vec![
        now.server.to_string(),
        now.feature.to_string(),
        cell(now.in_use),
        is_counted(now.issued),
        is_counted(row.free),
        cell(now.reserved),
        cell(now.queued),
        cell(now.mode),
    ]
}

fn waiter_row(waiter: &Waiter, now: Timestamp) -> Vec<String> {
    let wait = |start: Timestamp| match start.duration_since(now).as_secs_f64() {
        wait if wait < 1.0 => "any moment".to_owned(),
        wait => format!("about {}", span(wait)),
    };
    vec![
        waiter.server.to_string(),
        waiter.feature.to_string(),
        waiter.place.to_string(),
        waiter.user.to_string(),
        waiter.host.to_string(),
        waiter.count.to_string(),
        span(now.duration_since(waiter.since).as_secs_f64()),
        waiter.expected_start.map_or_else(|| "not known yet".to_owned(), wait),
    ]
}

fn holder_row(session: &Session, now: Timestamp) -> Vec<String> {
    vec![
        session.server.to_string(),
        session.feature.to_string(),
        session.user.to_string(),
        session.host.to_string(),
        cell(session.project.clone()),
        session.count.to_string(),
        time(session.started),
        span(now.duration_since(session.started).as_secs_f64()),
        cell(session.process.clone()),
        cell(session.handle.clone()),
    ]
}
