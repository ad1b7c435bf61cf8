//! Learning of a commit: the folder is watched, a scan stands behind it, and the database itself has the last word.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context;
use jiff::Timestamp;
use lic_store::{open::DatabasePaths, read::Reader};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;
use tracing::debug;

use crate::readers::{self, Files};

/// A commit is seen after this time even where the kernel reports no change of a file, as on a network file system.
const SCAN_EVERY: Duration = Duration::from_millis(250);
/// Least time between two changes told: a burst of commits is one change for the reader of a page.
const CHANGE_GAP: Duration = Duration::from_millis(50);

/// Wakes that wait: one is as good as many.
const WAKES_MAX: usize = 1;

/// What wakes the watching thread.
enum Wake {
    /// Something moved in the folder.
    Look,
    /// The program stops.
    Stop,
}

/// The watching thread. Dropped, it ends, and with it every stream that listens.
pub struct Changes {
    number: watch::Receiver<u64>,
    wakes: SyncSender<Wake>,
    thread: Option<JoinHandle<()>>,
}

impl Changes {
    /// Starts to watch.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn watch(databases: &DatabasePaths) -> anyhow::Result<Self> {
        let (sender, number) = watch::channel(first_number());
        let (wakes, woken) = mpsc::sync_channel(WAKES_MAX);
        let watcher = Watching { databases: databases.clone(), sender, folder: None, seen: None };
        let wake = wakes.clone();
        let thread = thread::Builder::new().name("changes".to_owned());
        let thread = thread.spawn(move || watcher.run(&wake, &woken)).context("start a thread")?;
        Ok(Self { number, wakes, thread: Some(thread) })
    }

    /// The number of the last change: it only grows, over restarts too.
    #[must_use]
    pub fn number(&self) -> watch::Receiver<u64> {
        self.number.clone()
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // Both fail only when the thread has ended already.
        let _ = self.wakes.send(Wake::Stop);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Numbers start at the clock, so that a page of before a restart sees a greater one.
#[expect(clippy::disallowed_methods, reason = "the wiring reads the clock")]
fn first_number() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// What the thread owns.
struct Watching {
    databases: DatabasePaths,
    sender: watch::Sender<u64>,
    folder: Option<RecommendedWatcher>,
    seen: Option<Seen>,
}

/// What the databases looked like.
struct Seen {
    files: Files,
    reader: Reader,
    number: i64,
}

impl Watching {
    fn run(mut self, wake: &SyncSender<Wake>, woken: &Receiver<Wake>) {
        loop {
            if self.folder.is_none() {
                self.folder = watch_folder(&self.databases, wake.clone());
            }
            if self.has_changed() {
                self.sender.send_modify(|number| *number += 1);
                if is_stopped_within(woken, CHANGE_GAP) {
                    return;
                }
                continue;
            }
            match woken.recv_timeout(SCAN_EVERY) {
                Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whether another connection has committed, or the files are others, since this was last asked.
    fn has_changed(&mut self) -> bool {
        let files = readers::files(&self.databases);
        let before = self.seen.as_ref().map(|seen| seen.number);
        match self.seen.as_mut().filter(|seen| seen.files == files) {
            Some(seen) => match seen.reader.change_number() {
                Ok(number) => seen.number = number,
                Err(error) => {
                    debug!(%error, "the databases cannot be asked for changes");
                    self.seen = None;
                }
            },
            None => return self.is_reopened(files),
        }
        before != self.seen.as_ref().map(|seen| seen.number)
    }

    /// Opens the databases; true when there was something to see before, or is now.
    fn is_reopened(&mut self, files: Files) -> bool {
        let had_one = self.seen.take().is_some();
        if files.contains(&None) {
            return had_one;
        }
        let opened = Reader::open(&self.databases)
            .and_then(|reader| Ok((reader.change_number()?, reader)))
            .map(|(number, reader)| Seen { files, reader, number });
        self.seen = opened.inspect_err(|error| debug!(%error, "no databases to watch yet")).ok();
        had_one || self.seen.is_some()
    }
}

/// Drains wakes for `span`; true when one of them was to stop.
fn is_stopped_within(woken: &Receiver<Wake>, span: Duration) -> bool {
    let until = Instant::now() + span;
    loop {
        match woken.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Wake::Look) => {}
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Watches the folder of live, in which every commit ends. `None` while it is not there, or the kernel has no watch left.
fn watch_folder(databases: &DatabasePaths, wake: SyncSender<Wake>) -> Option<RecommendedWatcher> {
    let folder = databases.live.parent().filter(|folder| folder.is_dir())?;
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is reported too; waking for it would wake us for our own reading, for ever.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // It is full when a wake waits already.
            let _ = wake.try_send(Wake::Look);
        }
    })
    .ok()?;
    watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}
