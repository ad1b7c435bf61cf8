//! A pretend license server that writes its log in random pieces, and knows which line lies where.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context;
use lic_protocol::paths;

use super::check;
use crate::{dice::Dice, wait};

/// Lines between two rotations.
const LINES_OF_LIFE: (u64, u64) = (20, 160);
/// The pause behind a piece is one of so many milliseconds.
const REST_MS: u64 = 4;
/// How long licmon may take to see a log, however often it is killed.
const SEEN: Duration = Duration::from_mins(1);
/// The pause before licmon's history is looked into.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// One run of bytes of one file: from when it was made, or cut, to when it was cut or taken away.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// The name that the log had.
    pub(super) name: String,
    /// The file that its name was a link to.
    pub(super) target: Option<String>,
    /// How it ended.
    pub(super) style: u32,
    /// Whether its bytes may be gone before they were read.
    pub(super) may_lose: bool,
    /// Number of each line, its first byte, and the first byte behind it.
    pub(super) lines: Vec<(u64, u64, u64)>,
    /// Whether two bytes make a letter.
    pub(super) is_wide: bool,
}

impl Life {
    /// Names that its file had while it was written.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.target.as_deref().into_iter().chain([self.name.as_str()])
    }
}

/// The license server.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) folder: PathBuf,
    pub(super) aside: PathBuf,
    history: PathBuf,
    pub(super) dice: Dice,
    styles: Vec<u32>,
    /// Those of this turn that are left.
    deck: Vec<u32>,
    /// The name of the log now.
    pub(super) name: String,
    pub(super) file: File,
    /// Where it writes next; `None` where it appends.
    pub(super) at: Option<u64>,
    number: u64,
    pub(super) names: u64,
    has_begun: bool,
    life: Life,
    lives: Vec<Life>,
    /// Where lives ended that were read, checked and removed.
    removed: HashSet<u64>,
}

impl Writer {
    pub(super) fn new(
        folder: &Path,
        aside: &Path,
        state: &Path,
        (seed, styles): (u64, &[u32]),
    ) -> anyhow::Result<Self> {
        let name = "lic.log".to_owned();
        let file = append_to(&folder.join(&name))?;
        let life = Life { name: name.clone(), ..Life::default() };
        Ok(Self {
            folder: folder.to_owned(),
            aside: aside.to_owned(),
            history: state.join(paths::HISTORY_DB),
            dice: Dice::new(seed ^ 0x5EED),
            styles: styles.to_vec(),
            deck: Vec::new(),
            name,
            file,
            at: None,
            number: 0,
            names: 0,
            has_begun: false,
            life,
            lives: Vec::new(),
            removed: HashSet::new(),
        })
    }

    /// Every life since the last time of quiet, the one that goes on last.
    pub(super) fn lives(&self) -> Vec<&Life> {
        self.lives.iter().chain([&self.life]).collect()
    }

    /// Where lives ended that were removed since.
    pub(super) fn removed(&self) -> &HashSet<u64> {
        &self.removed
    }

    /// Writes and rotates until it is told to stop. Tells when every way to rotate was gone.
    pub(super) fn go_on(&mut self, stop: &AtomicBool, all: &AtomicBool) -> anyhow::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let lines = self.dice.between(LINES_OF_LIFE.0, LINES_OF_LIFE.1);
            self.write(lines, stop)?;
            // Of what was there before it was first started licmon knows nothing.
            self.has_begun = self.has_begun || self.wait_until_seen(stop);
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let style = self.next_style();
            self.rotate(style, stop).with_context(|| format!("rotate in the way {style}"))?;
            all.fetch_or(self.deck.is_empty(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn next_style(&mut self) -> u32 {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.styles);
        }
        let place = self.dice.pick(self.deck.len());
        self.deck.swap_remove(place)
    }

    /// Writes lines in pieces that end anywhere.
    pub(super) fn write(&mut self, lines: u64, stop: &AtomicBool) -> io::Result<()> {
        let mut text = Vec::new();
        let mut from = self.end()?;
        for _ in 0..lines {
            self.number += 1;
            let line = self.encoded(&line(self.number));
            let to = from + line.len() as u64;
            self.life.lines.push((self.number, from, to));
            from = to;
            text.extend(line);
        }
        let mut text = text.as_slice();
        while !text.is_empty() {
            let length = usize::try_from(self.dice.between(1, 700)).unwrap_or(1).min(text.len());
            let (piece, rest) = text.split_at(length);
            self.put(piece)?;
            text = rest;
            if !stop.load(Ordering::Relaxed) && self.dice.percent(40) {
                let rest = Duration::from_millis(self.dice.below(REST_MS));
                let _ = wait::answer(rest, || None::<()>);
            }
        }
        Ok(())
    }

    fn encoded(&self, text: &str) -> Vec<u8> {
        if self.life.is_wide {
            text.replace('\n', "\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            text.as_bytes().to_vec()
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.at {
            None => self.file.write_all(bytes),
            Some(at) => {
                self.file.write_all_at(bytes, *at)?;
                *at += bytes.len() as u64;
                Ok(())
            }
        }
    }

    pub(super) fn end(&self) -> io::Result<u64> {
        self.at.map_or_else(|| Ok(self.file.metadata()?.len()), Ok)
    }

    /// What was written so far ended in this way; its bytes may be gone before licmon read them.
    pub(super) fn end_life(&mut self, style: u32, may_lose: bool, name: &str) {
        self.at = None;
        let next = Life { name: name.to_owned(), ..Life::default() };
        let ended = std::mem::replace(&mut self.life, next);
        self.lives.push(Life { style, may_lose, ..ended });
        name.clone_into(&mut self.name);
    }

    /// The name of the log is a link to this file.
    pub(super) fn is_link_to(&mut self, target: String) {
        self.life.target = Some(target);
    }

    /// From now on two bytes make a letter.
    pub(super) fn widen(&mut self) -> io::Result<()> {
        self.life.is_wide = true;
        self.put(&[0xFF, 0xFE])
    }

    pub(super) fn is_wide(&self) -> bool {
        self.life.is_wide
    }

    /// Waits until licmon has read a line of what is written now: of a log that it never saw it can know nothing.
    pub(super) fn wait_until_seen(&self, stop: &AtomicBool) -> bool {
        let Some((first, _, _)) = self.life.lines.first() else { return false };
        let seen = wait::answer(SEEN, || {
            // Asking costs more than it takes licmon to start.
            let _ = wait::answer(ASK_AGAIN, || stop.load(Ordering::Relaxed).then_some(()));
            let newest = check::newest(&self.history).unwrap_or(0);
            (newest >= *first || stop.load(Ordering::Relaxed)).then_some(newest >= *first)
        });
        seen == Some(true)
    }

    /// Forgets what was checked, and removes what was set aside. licmon does not run, and has read it all.
    pub(super) fn clear(&mut self) -> anyhow::Result<()> {
        let ends = self.lives.iter().filter_map(|life| life.lines.last().map(|(_, _, to)| *to));
        self.removed.extend(ends);
        self.lives.clear();
        self.life.lines.clear();
        for entry in fs::read_dir(&self.folder)?.chain(fs::read_dir(&self.aside)?) {
            let path = entry?.path();
            let is_log = path.extension().is_some_and(|extension| extension == "log");
            let is_target = fs::read_link(self.folder.join("lic.log"))
                .is_ok_and(|target| Some(target.as_os_str()) == path.file_name());
            if path.parent() == Some(&self.aside) || !(is_log || is_target) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

pub(super) fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// A line: every second one ends the session that the one before began. Nothing in it is said twice.
pub(super) fn line(number: u64) -> String {
    let at_ms = number * 10;
    let (day, hour) = (1 + at_ms / 86_400_000 % 28, at_ms / 3_600_000 % 24);
    let month = 1 + at_ms / 86_400_000 / 28;
    let (minute, second, ms) = (at_ms / 60_000 % 60, at_ms / 1000 % 60, at_ms % 1000);
    let (word, handle) =
        if number.is_multiple_of(2) { ("Detachment", number - 1) } else { ("Grant", number) };
    format!(
        "2025/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}:{ms:03} I USGTRACING  {word}!!CAD!{handle}!Example!\
         ConcurrentUser!1!STD!PINE (1-2.3)!192.0.2.5!anna!ANNA@PLANT!cad.exe!5.34!ALC\n"
    )
}
