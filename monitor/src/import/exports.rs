//! What `licmon export` wrote: read here where nobody else writes the databases, or else by the `licmon serve` that does.

use std::path::{Path, PathBuf};

use anyhow::Context;
use lic_protocol::{
    name::ServerName,
    wire::{self, Request},
};

use super::{ask_serve, each, files, last_of, whole, with_sink, writer_or_serve};
use crate::{
    config::Config,
    exchange::{self, EXPORT},
    pipe::EventSink,
    progress::Progress,
    serve::clock,
    sources::unpack::{self, Unpacked},
    table::say,
};

/// Imports what `licmon export` wrote. `machine` is how the machine is called here whose tools ran under licwrap.
///
/// # Errors
/// When a file cannot be read to its end; all the others are stored.
pub fn import_exports(
    config: &Config,
    machine: Option<&ServerName>,
    paths: &[PathBuf],
) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    let files = files(paths, &mut failed);
    let unread = match writer_or_serve(config)? {
        Some(writer) => {
            let mut unread = Vec::new();
            with_sink(writer, |sink| {
                unread = each(&files, |place, path| export_here(machine, place, path, sink));
                Ok(())
            })?;
            unread
        }
        None => each(&files, |place, path| export_by_serve(config, machine, place, path)),
    };
    failed.extend(unread);
    last_of(failed)
}

fn export_here(
    machine: Option<&ServerName>,
    place: &str,
    path: &Path,
    sink: &EventSink,
) -> anyhow::Result<()> {
    let reading = || format!("read {}", path.display());
    let Unpacked { file, damage } = unpack::open(path).with_context(reading)?;
    let mut progress = Progress::new(clock());
    let read = exchange::read(file, machine, sink, |lines| {
        progress.show(&format!("{place}{}: {lines} events", path.display()), clock());
        true
    });
    progress.clear();
    say(&read.with_context(reading)?.sentence(&path.display().to_string()))?;
    whole(path, damage)
}

fn export_by_serve(
    config: &Config,
    machine: Option<&ServerName>,
    place: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let Unpacked { file, damage } =
        unpack::open(path).with_context(|| format!("read {}", path.display()))?;
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let request = Request::Import(wire::Import {
        system: EXPORT.to_owned(),
        server: machine.map(ToString::to_string).unwrap_or_default(),
        zone: "UTC".to_owned(),
        path: full.display().to_string(),
    });
    ask_serve(config, &request, Some((place, &file)))?;
    whole(path, damage)
}
