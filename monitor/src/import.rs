//! `licmon import` and `licmon rebuild`: done here where nobody else writes the databases, or else by the `licmon serve` that does.

pub mod exports;

use std::{
    fs::File,
    io::{self, IoSlice, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, mpsc::sync_channel},
    thread,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use jiff::tz::TimeZone;
use lic_parse::LicenseSystem;
use lic_protocol::{
    name::ServerName,
    paths,
    view::Source,
    wire::{self, Reply, Request},
};
use lic_store::{
    commit::{Batch, Receipt},
    damage::histories_aside,
    error::StoreError,
    lite::Lite,
    lock::holder,
    writer::Writer,
};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use crate::{
    acts::{know, rebuilt},
    config::Config,
    lite::{self, Converted},
    pipe::{EventSink, pipe},
    progress::Progress,
    serve::{clock, open_writer},
    sources::{
        encoding::Encoding,
        import::{self, Imports},
        logfile::LogOf,
        unpack::{self, Unpacked},
    },
    table::say,
    writer,
};

/// How long an answer about seats may take to come.
const ANSWER_S_MAX: u64 = 2;
/// Rows that were not understood that are named.
const LITE_SKIPPED_SHOWN: usize = 10;

/// Logs to read once.
pub struct Logs {
    /// Their license system.
    pub system: Arc<dyn LicenseSystem>,
    /// The license server they belong to.
    pub server: ServerName,
    /// The zone of their times.
    pub zone: TimeZone,
    /// The name of that zone.
    pub zone_name: String,
    /// How they are written down, where they do not tell it.
    pub encoding: Encoding,
    /// The files.
    pub files: Vec<PathBuf>,
}

/// Imports logs.
///
/// # Errors
/// When a file cannot be read; all the others are stored.
pub fn import_logs(config: &Config, logs: &Logs) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    let files = files(&logs.files, &mut failed);
    let count = files.len();
    match writer_or_serve(config)? {
        Some(writer) => with_sink(writer, |sink| {
            let mut imports = Imports::default();
            let read =
                |place: &str, path: &Path| import_here(logs, place, path, sink, &mut imports);
            failed.extend(each(&files, read));
            if count > 1 {
                say(&imports.sentence(count))?;
            }
            last_of(failed)
        }),
        None => {
            let read = |place: &str, path: &Path| import_by_serve(config, logs, place, path);
            let unread = each(&files, read);
            if count > 1 {
                say(&format!("{} of {count} files read, by licmon serve", count - unread.len()))?;
            }
            failed.extend(unread);
            last_of(failed)
        }
    }
}

/// Imports every file, each with its place among them; one that cannot be read does not keep the others from it.
fn each(
    files: &[PathBuf],
    mut import: impl FnMut(&str, &Path) -> anyhow::Result<()>,
) -> Vec<anyhow::Error> {
    let mut failed = Vec::new();
    for (number, path) in (1..).zip(files) {
        let place = match files.len() {
            1 => String::new(),
            count => format!("{number} of {count}: "),
        };
        failed.extend(import(&place, path).err());
    }
    failed
}

/// Says every error but the last, which is left to `main`.
fn last_of(mut failed: Vec<anyhow::Error>) -> anyhow::Result<()> {
    let Some(last) = failed.pop() else { return Ok(()) };
    failed.iter().try_for_each(|error| say(&format!("{error:#}")))?;
    Err(last)
}

/// The files among `paths`, and those in the folders among them by name. Links in folders are not followed.
fn files(paths: &[PathBuf], failed: &mut Vec<anyhow::Error>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match entries(path) {
            Ok(entries) => files.extend(self::files(&entries, failed)),
            Err(error) => failed.push(anyhow!(error).context(format!("read {}", path.display()))),
        }
    }
    files
}

/// Files and folders in a folder, by name.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_file() || kind.is_dir() {
            entries.push(entry.path());
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// Takes over the rows of a License-Monitor-Lite database.
///
/// # Errors
/// When it cannot be read, or `licmon serve` holds our databases.
pub fn import_lite(config: &Config, server: &ServerName, path: &Path) -> anyhow::Result<()> {
    let lite = Lite::open(path)?;
    if lite.tables().next().is_none() {
        bail!("{} has no table with a time, a feature and a user", path.display());
    }
    let Some(writer) = writer_or_serve(config)? else {
        bail!(
            "stop `licmon serve` first: another program's database is taken over while nobody else writes"
        );
    };
    with_sink(writer, |sink| {
        know(sink, server.clone(), "dsls".to_owned())?;
        let left_out = lite.left_out().to_vec();
        let mut taken = TakenOver::default();
        for converted in lite::events(server, lite) {
            taken.add(server, converted?, sink)?;
        }
        left_out.iter().chain(&taken.skipped).try_for_each(|skipped| say(skipped))?;
        say(&taken.sentence(path))
    })
}

/// What became of the rows of another program's database.
#[derive(Default)]
struct TakenOver {
    receipt: Receipt,
    skipped: Vec<String>,
    skipped_count: usize,
    repeated: u64,
}

impl TakenOver {
    fn add(
        &mut self,
        server: &ServerName,
        rows: Converted,
        sink: &EventSink,
    ) -> anyhow::Result<()> {
        let batch = Batch {
            server: server.clone(),
            source: Source::Import,
            learned_at: clock(),
            events: rows.events,
            checkpoint: None,
        };
        let (receipt, committed) = sync_channel(1);
        sink.send_with_receipt(batch, receipt).map_err(|_| anyhow!("the databases are closed"))?;
        let receipt = committed.recv().context("the databases do not take the events")?;
        self.receipt.added += receipt.added;
        self.receipt.duplicates += receipt.duplicates;
        self.repeated += rows.repeated;
        self.skipped_count += rows.skipped.len();
        let room = LITE_SKIPPED_SHOWN.saturating_sub(self.skipped.len());
        self.skipped.extend(rows.skipped.into_iter().take(room));
        Ok(())
    }

    fn sentence(&self, path: &Path) -> String {
        format!(
            "{}: {} events added, {} stored already, {} rows not understood, {} rows that repeat another table; times are \
             those at which that program saw things",
            path.display(),
            self.receipt.added,
            self.receipt.duplicates,
            self.skipped_count,
            self.repeated
        )
    }
}

/// Makes the live database again from history.
///
/// # Errors
/// When the databases cannot be used.
pub fn rebuild(config: &Config) -> anyhow::Result<()> {
    let aside = histories_aside(&config.databases()).len();
    match writer_or_serve(config)? {
        Some(mut writer) => {
            say(&rebuilt(writer.rebuild()?))?;
            if histories_aside(&config.databases()).len() > aside {
                bail!(
                    "history was damaged and is set aside; the new one holds what the logs still tell from now on: restore a backup, or import the logs again"
                );
            }
            Ok(())
        }
        None => ask_serve(config, &Request::Rebuild, None),
    }
}

/// The right to write; `None` when `licmon serve` has it.
fn writer_or_serve(config: &Config) -> anyhow::Result<Option<Writer>> {
    match open_writer(config) {
        Ok(writer) => Ok(Some(writer)),
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Locked { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs `work` with a pipe into `writer`, and drains it.
fn with_sink(
    writer: Writer,
    work: impl FnOnce(&EventSink) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (sink, messages) = pipe();
    let writing = thread::Builder::new().name("writer".to_owned());
    let writing = writing.spawn(move || writer::run(writer, &messages, clock))?;
    let worked = work(&sink);
    drop(sink);
    writing.join().map_err(|_| anyhow!("the writer panicked"))??;
    worked
}

fn import_here(
    logs: &Logs,
    place: &str,
    path: &Path,
    sink: &EventSink,
    imports: &mut Imports,
) -> anyhow::Result<()> {
    let Unpacked { file, damage } =
        unpack::open(path).with_context(|| format!("read {}", path.display()))?;
    let of = LogOf {
        server: logs.server.clone(),
        system: logs.system.clone(),
        zone: logs.zone.clone(),
        encoding: logs.encoding,
    };
    let known = know(sink, logs.server.clone(), logs.system.name().to_owned())?;
    let mut progress = Progress::new(clock());
    let imported = import::import(&of, file, path, &known, sink, clock, |share| {
        progress.show(&format!("{place}{}: {share}", path.display()), clock());
        true
    })?;
    progress.clear();
    imports.add(&imported);
    say(&imported.sentence(&path.display().to_string()))?;
    whole(path, damage)
}

/// What was read of a damaged file is kept; that it is damaged is said.
fn whole(path: &Path, damage: Option<io::Error>) -> anyhow::Result<()> {
    let Some(error) = damage else { return Ok(()) };
    let text = format!("{} is damaged, what is before that was read", path.display());
    Err(anyhow!(error).context(text))
}

fn import_by_serve(config: &Config, logs: &Logs, place: &str, path: &Path) -> anyhow::Result<()> {
    let Unpacked { file, damage } =
        unpack::open(path).with_context(|| format!("read {}", path.display()))?;
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let request = Request::Import(wire::Import {
        system: logs.system.name().to_owned(),
        server: logs.server.to_string(),
        zone: logs.zone_name.clone(),
        path: full.display().to_string(),
    });
    ask_serve(config, &request, Some((place, &file)))?;
    whole(path, damage)
}

/// Gives back the seats of a lease, through the `licmon serve` that holds it.
///
/// # Errors
/// When there is none, the lease is not held, or we may not.
pub fn release(config: &Config, lease: u64) -> anyhow::Result<()> {
    ask_serve(config, &Request::Release { lease }, None)
}

/// Asks the `licmon serve` that holds the databases, and shows what it answers: of a file, with its place among others.
fn ask_serve(
    config: &Config,
    request: &Request,
    file: Option<(&str, &File)>,
) -> anyhow::Result<()> {
    let (place, file) = file.unzip();
    let socket = socket(config);
    let asking = || format!("ask the licmon that holds the databases, at {}", socket.display());
    let mut connection = UnixStream::connect(&socket).with_context(asking)?;
    let message = request.encode();
    let descriptors: Vec<_> = file.iter().map(|file| file.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let rights = if descriptors.is_empty() { &rights[..0] } else { &rights[..] };
    let bytes = [IoSlice::new(message.as_bytes())];
    sendmsg::<()>(connection.as_raw_fd(), &bytes, rights, MsgFlags::MSG_NOSIGNAL, None)
        .with_context(asking)?;
    let mut progress = Progress::new(clock());
    loop {
        match next_reply(&mut connection).with_context(asking)? {
            Reply::Progress { text } => {
                progress.show(&format!("{}{text}", place.unwrap_or_default()), clock());
            }
            Reply::Done { text } => {
                progress.clear();
                return say(&text);
            }
            Reply::Failed { text } | Reply::Refused { text, .. } => {
                progress.clear();
                bail!("{text}");
            }
            Reply::Granted { .. } | Reply::Queued { .. } => bail!("the answer is about seats"),
        }
    }
}

/// The first answer of the `licmon serve` that holds the databases; `None` where there is none in time.
#[must_use]
pub fn asked(config: &Config, request: &Request) -> Option<Reply> {
    let mut connection = UnixStream::connect(socket(config)).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(ANSWER_S_MAX))).ok()?;
    connection.write_all(request.encode().as_bytes()).ok()?;
    next_reply(&mut connection).ok()
}

/// Where the `licmon serve` that holds the databases can be asked.
pub(crate) fn socket(config: &Config) -> PathBuf {
    let told = holder(&config.databases());
    told.unwrap_or_else(|| config.place.runtime.join(paths::SEAT_SOCKET))
}

/// Reads one message, up to its closing empty line.
fn next_reply(connection: &mut UnixStream) -> anyhow::Result<Reply> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\n\n") {
        if text.len() >= wire::MESSAGE_BYTES_MAX {
            bail!("the answer is too long");
        }
        connection.read_exact(&mut byte)?;
        text.push(byte[0]);
    }
    Ok(Reply::decode(std::str::from_utf8(&text)?)?)
}
