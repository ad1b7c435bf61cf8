//! `licmon parse` of a status or a license file: what licmon understands of it, as a table or as the JSON of a snapshot.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, bail};
use jiff::{Timestamp, tz::TimeZone};
use lic_parse::status::{self, Answer, StatusFormat};
use lic_protocol::{
    snapshot::{Expiry, FeatureStatus, Holder, Snapshot},
    view::Coverage,
};

use crate::{
    answers::Form,
    table::{cell, say, say_json, say_table, time},
};

/// Bytes of an answer that are read: no license server prints as much.
pub const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// The columns of features.
pub const FEATURE_HEADS: [&str; 9] =
    ["FEATURE", "VERSION", "VENDOR", "POOL", "ISSUED", "IN USE", "RESERVED", "QUEUED", "EXPIRES"];

/// Prints what the best of these formats understands of a file. `-` is standard input.
///
/// # Errors
/// When the file cannot be read or is too large.
pub fn print(
    formats: &[Arc<dyn StatusFormat>],
    zone: &TimeZone,
    path: &Path,
    form: Form,
) -> anyhow::Result<()> {
    let (text, asked) = read(path).with_context(|| format!("read {}", path.display()))?;
    let answer = Answer { text: &text, zone, asked };
    let (format, snapshot) = status::best(formats, &answer).context("no format to read it with")?;
    if formats.len() > 1 && snapshot.coverage.events == 0 && snapshot.features.is_empty() {
        bail!(
            "no format knows {}: name one with --format to see what it makes of it; logs are read with --system",
            path.display()
        );
    }
    match form {
        Form::Json => say_json(&snapshot),
        Form::Table => say_all(format.name(), &snapshot),
    }
}

/// The text, and when it was written where that is known: it is the time of the answer if it tells none.
fn read(path: &Path) -> anyhow::Result<(Vec<u8>, Option<Timestamp>)> {
    let mut text = Vec::new();
    let written = if path == Path::new("-") {
        io::stdin().take(ANSWER_BYTES_MAX + 1).read_to_end(&mut text)?;
        None
    } else {
        let file = File::open(path)?;
        let modified = file.metadata()?.modified().ok();
        file.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut text)?;
        modified.and_then(|modified| Timestamp::try_from(modified).ok())
    };
    if text.len() as u64 > ANSWER_BYTES_MAX {
        bail!("it is larger than 16 MiB, which no answer of a license server is");
    }
    Ok((text, written))
}

fn say_all(format: &str, snapshot: &Snapshot) -> anyhow::Result<()> {
    let why = snapshot.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
    say(&format!("{}{why} (read as {format})", snapshot.state))?;
    say_servers(snapshot)?;
    if !snapshot.features.is_empty() {
        say("")?;
        say_table(&FEATURE_HEADS, snapshot.features.iter().map(feature), "")?;
    }
    let holders =
        snapshot.features.iter().flat_map(|it| it.holders.iter().map(move |holder| (it, holder)));
    let rows: Vec<Vec<String>> = holders.map(|(feature, it)| holder(feature, it)).collect();
    if !rows.is_empty() {
        say("")?;
        say_table(&["FEATURE", "USER", "HOST", "SEATS", "STARTED", "HANDLE", ""], rows, "")?;
    }
    for note in &snapshot.notes {
        say(&format!("\nnote: {note}"))?;
    }
    say_coverage(&snapshot.coverage)
}

fn say_servers(snapshot: &Snapshot) -> anyhow::Result<()> {
    let text = |text: &Option<String>| cell(text.as_ref());
    let servers = snapshot.servers.iter().map(|it| {
        let name = if it.master { format!("{} (master)", it.host) } else { it.host.to_string() };
        vec!["server".to_owned(), name, it.state.to_string(), text(&it.version), text(&it.error)]
    });
    let daemons = snapshot.daemons.iter().map(|it| {
        vec![
            "daemon".to_owned(),
            it.name.clone(),
            it.state.to_string(),
            text(&it.version),
            text(&it.error),
        ]
    });
    let rows: Vec<Vec<String>> = servers.chain(daemons).collect();
    if rows.is_empty() {
        return Ok(());
    }
    say("")?;
    say_table(&["KIND", "NAME", "STATE", "VERSION", "ERROR"], rows, "")
}

/// The cells of a feature, below [`FEATURE_HEADS`].
#[must_use]
pub fn feature(it: &FeatureStatus) -> Vec<String> {
    let issued = if it.uncounted { "uncounted".to_owned() } else { cell(it.issued) };
    let expires = it.expires.map(|expires| match expires {
        Expiry::At(at) => time(at),
        Expiry::Permanent => "never".to_owned(),
    });
    let name = it
        .error
        .as_ref()
        .map_or_else(|| it.feature.to_string(), |error| format!("{} ({error})", it.feature));
    vec![
        name,
        cell(it.version.as_ref()),
        cell(it.vendor.as_ref()),
        cell(it.pool.as_ref()),
        issued,
        cell(it.in_use),
        cell(it.reserved),
        cell(it.queued),
        cell(expires),
    ]
}

fn holder(feature: &FeatureStatus, it: &Holder) -> Vec<String> {
    let standing = match (it.queued, it.linger_until) {
        (true, _) => "waits".to_owned(),
        (false, Some(until)) => format!("kept until {}", time(until)),
        (false, None) => String::new(),
    };
    vec![
        feature.feature.to_string(),
        cell(it.user.as_ref()),
        cell(it.host.as_ref()),
        it.count.to_string(),
        cell(it.started.map(time)),
        cell(it.handle.as_ref()),
        standing,
    ]
}

fn say_coverage(coverage: &Coverage) -> anyhow::Result<()> {
    let Coverage { lines, events, noise, unknown, examples } = coverage;
    say(&format!(
        "\n{lines} lines: {events} understood, {noise} without meaning, {unknown} not understood"
    ))?;
    for example in examples {
        say(&format!("  line {}: {}: {}", example.line, example.why, example.text))?;
    }
    Ok(())
}
