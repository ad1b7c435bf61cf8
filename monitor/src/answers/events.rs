//! `licmon events`: what happened, as a list or as it happens.

use std::{
    io::{ErrorKind, Write},
    os::fd::AsFd,
};

use anyhow::Context;
use lic_protocol::{
    query::Filter,
    view::events::{Events, Happened},
};
use lic_store::read::Reader;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Form, more};
use crate::table::{cell, say_json, say_table, span, time};

/// A commit is seen after this time.
const LOOK_MS: u8 = 250;
/// Records looked through at one time.
const RECORDS_MAX: u32 = 1000;

/// Prints a page of them.
///
/// # Errors
/// When the databases cannot be read.
pub fn print(reader: &Reader, form: Form, filter: &Filter) -> anyhow::Result<()> {
    let page: Events = reader.events(filter)?;
    if form == Form::Json {
        return say_json(&page);
    }
    let heads = ["AT", "WHAT", "SERVER", "FEATURE", "USER", "HOST", "SEATS", "WHY", "AFTER"];
    say_table(&heads, page.events.iter().map(row), "nothing happened")?;
    more(page.next.as_deref())
}

fn row(event: &Happened) -> Vec<String> {
    vec![
        time(event.at),
        event.kind.to_string(),
        event.server.to_string(),
        cell(event.feature.as_ref()),
        cell(event.user.as_ref()),
        cell(event.host.as_ref()),
        cell(event.count),
        cell(event.reason.as_ref()),
        cell(event.duration_s.map(span)),
    ]
}

/// Writes each event that is learned from now on, one JSON document a line, until nobody reads any more.
///
/// # Errors
/// When the databases cannot be read, or it cannot be written for another reason than that nobody reads.
pub fn follow(reader: &Reader, filter: &Filter) -> anyhow::Result<()> {
    let mut after = reader.newest_record()?;
    let mut change = reader.change_number()?;
    loop {
        let (events, up_to) = reader.learned(filter, after, RECORDS_MAX)?;
        for event in &events {
            if is_gone(say_line(event))? {
                return Ok(());
            }
        }
        if up_to != after {
            after = up_to;
            continue;
        }
        loop {
            if !is_read_on()? {
                return Ok(());
            }
            let now = reader.change_number()?;
            if now != change {
                change = now;
                break;
            }
        }
    }
}

fn say_line(event: &Happened) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(event)?)?;
    out.flush()
}

/// Whether nobody reads what was written.
fn is_gone(written: std::io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        written => written.map(|()| false).context("write to standard output"),
    }
}

/// Waits a moment; false as soon as nobody reads what we write.
fn is_read_on() -> anyhow::Result<bool> {
    let out = std::io::stdout();
    // Asked for nothing, a pipe tells still that its other end is closed. Source: poll(2).
    let mut watched = [PollFd::new(out.as_fd(), PollFlags::empty())];
    let told = poll(&mut watched, PollTimeout::from(LOOK_MS)).context("wait for a change")?;
    Ok(told == 0)
}
