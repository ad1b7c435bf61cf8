//! Answers as they were printed, kept for a week: below the state folder, one folder for each server, and in it a file for each
//! day and start of licmon. A file is a row of zstd frames, each an answer behind a line of JSON that tells of it.

use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use lic_protocol::{name::ServerName, time::ms};
use serde::{Deserialize, Serialize};

use super::ask::Told;

/// The folder below the state folder.
pub const FOLDER: &str = "raw";
/// Days that answers are kept, today's among them.
const DAYS: i32 = 7;
/// Bytes of one server and one start on one day, compressed. Answers beyond are read, and not kept.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Starts of licmon on one day that keep answers.
const STARTS_MAX: u32 = 100;
/// What a file ends in.
const SUFFIX: &str = ".zst";
/// How hard the compressor tries: answers are much alike, and there are many.
const LEVEL: i32 = 3;

/// The line before an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// When it was asked for.
    #[serde(with = "ms")]
    pub asked: Timestamp,
    /// Milliseconds until it was there.
    pub took_ms: f64,
    /// How the program ended, in words.
    pub ended: String,
    /// Whether it said all it had to say.
    pub whole: bool,
    /// Bytes of the answer.
    pub bytes: usize,
}

/// Keeps the answers of one server.
pub struct Kept {
    folder: PathBuf,
    open: Option<(Date, File, u64)>,
}

impl Kept {
    /// Keeps them below `raw`.
    #[must_use]
    pub fn new(raw: &Path, server: &ServerName) -> Self {
        Self { folder: folder(raw, server), open: None }
    }

    /// Adds an answer.
    ///
    /// # Errors
    /// When it cannot be written, or the day has too much already.
    pub fn add(&mut self, asked: Timestamp, told: &Told) -> anyhow::Result<()> {
        let day = TimeZone::UTC.to_datetime(asked).date();
        if self.open.as_ref().is_none_or(|open| open.0 != day) {
            self.open = Some((day, self.begin(day)?, 0));
            self.forget(day)?;
        }
        let Some((_, file, written)) = &mut self.open else { return Ok(()) };
        let frame = frame(asked, told)?;
        let length = frame.len() as u64;
        if *written + length > FILE_BYTES_MAX {
            bail!("today's are {} MiB already", FILE_BYTES_MAX >> 20);
        }
        file.write_all(&frame).with_context(|| format!("write in {}", self.folder.display()))?;
        *written += length;
        Ok(())
    }

    /// A file of its own: what another licmon left behind may end within a frame.
    fn begin(&self, day: Date) -> anyhow::Result<File> {
        let making = || format!("make a file in {}", self.folder.display());
        DirBuilder::new().recursive(true).mode(0o750).create(&self.folder).with_context(making)?;
        for number in 0..STARTS_MAX {
            let path = self.folder.join(format!("{day}.{number:02}{SUFFIX}"));
            match OpenOptions::new().append(true).create_new(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return opened.with_context(making),
            }
        }
        bail!("licmon was started {STARTS_MAX} times on {day}");
    }

    /// Removes the files of days that are over for a week.
    fn forget(&self, today: Date) -> anyhow::Result<()> {
        let Ok(first) = today.checked_sub((DAYS - 1).days()) else { return Ok(()) };
        for path in files(&self.folder)? {
            if day_of(&path).is_some_and(|day| day < first) {
                fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

/// The folder of a server: its name, in which whatever means something to a file system is written as a number.
#[must_use]
pub fn folder(raw: &Path, server: &ServerName) -> PathBuf {
    let mut name = String::new();
    for byte in server.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            name.push(char::from(byte));
        } else {
            write!(name, "%{byte:02X}").expect("a string takes everything");
        }
    }
    raw.join(name)
}

/// The files of kept answers in a folder, the oldest first. A folder that is not there has none.
///
/// # Errors
/// When it cannot be read.
pub fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("read folder {}", folder.display()))?,
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| day_of(path).is_some()).collect();
    paths.sort();
    Ok(paths)
}

/// The day of a file of ours.
fn day_of(path: &Path) -> Option<Date> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    let (day, number) = name.split_once('.')?;
    number.parse::<u32>().ok()?;
    day.parse().ok()
}

fn frame(asked: Timestamp, told: &Told) -> anyhow::Result<Vec<u8>> {
    let head = Head {
        asked,
        took_ms: told.took.as_secs_f64() * 1000.0,
        ended: told.ended.to_string(),
        whole: told.ended.is_whole(),
        bytes: told.text.len(),
    };
    let mut record = serde_json::to_vec(&head)?;
    record.push(b'\n');
    record.extend_from_slice(&told.text);
    zstd::bulk::compress(&record, LEVEL).context("compress an answer")
}

impl Head {
    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::try_from_secs_f64(self.took_ms / 1000.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{ask::Ended, replay};

    fn told(text: &str) -> Told {
        let ended = Ended::Failed("it was not there".into());
        Told { text: text.as_bytes().to_vec(), ended, took: Duration::from_millis(12) }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn texts(raw: &Path, server: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for file in files(&folder(raw, &server.into())).unwrap() {
            replay::each(&file, |head, text| {
                assert_eq!((head.bytes, head.ended.as_str()), (text.len(), "it was not there"));
                texts.push(String::from_utf8(text.to_vec()).unwrap());
            })
            .unwrap();
        }
        texts
    }

    #[test]
    fn answers_come_back_over_days_and_starts() {
        let raw = tempfile::tempdir().unwrap();
        for (day, text) in [("25", "one"), ("26", "two\n"), ("26", "")] {
            let mut kept = Kept::new(raw.path(), &"a/../b".into());
            kept.add(at(&format!("2025-11-{day}T10:00:00Z")), &told(text)).unwrap();
            kept.add(at(&format!("2025-11-{day}T10:00:30Z")), &told("more")).unwrap();
        }
        assert_eq!(texts(raw.path(), "a/../b"), ["one", "more", "two\n", "more", "", "more"]);
        assert_eq!(fs::read_dir(raw.path()).unwrap().count(), 1, "all are in one folder");
    }

    #[test]
    fn answers_of_the_week_before_are_gone_and_other_files_stay() {
        let raw = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(raw.path(), &"acme".into());
        kept.add(at("2025-11-01T10:00:00Z"), &told("old")).unwrap();
        fs::write(raw.path().join("acme/notes.txt"), "mine").unwrap();
        kept.add(at("2025-11-07T10:00:00Z"), &told("a week")).unwrap();
        assert_eq!(texts(raw.path(), "acme"), ["old", "a week"]);
        kept.add(at("2025-11-08T10:00:00Z"), &told("new")).unwrap();
        assert_eq!(texts(raw.path(), "acme"), ["a week", "new"]);
        assert!(raw.path().join("acme/notes.txt").exists());
    }
}
