//! A folder of logs, a follower that is stepped by hand, and what is told of both: the lines written, the events committed.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use glob::Pattern;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lic_parse::registry;
use lic_protocol::event::{Event, Fact};
use lic_store::{
    checkpoint::Checkpoint,
    commit::{Batch, Receipt},
    writer::Writer,
};
use licmon::{
    pipe::{EventSink, Message, pipe},
    sources::{
        encoding::Encoding,
        logfile::LogOf,
        tail::{Follower, Following, opened::OPEN_MAX, waker::Waker},
    },
};
use tempfile::TempDir;

thread_local! {
    static PASSED_S: Cell<i64> = const { Cell::new(0) };
}

/// The wall clock, and the time that a test let pass.
pub(crate) fn clock() -> Timestamp {
    licmon::serve::clock() + SignedDuration::from_secs(PASSED_S.get())
}

pub(crate) fn let_pass(seconds: i64) {
    PASSED_S.set(PASSED_S.get() + seconds);
}

pub(crate) fn log_of() -> LogOf {
    let system = registry::license_system("dsls").unwrap();
    LogOf { server: "catia".into(), system, zone: TimeZone::UTC, encoding: Encoding::Bytes }
}

/// The line of checkout `number`, with its line feed.
pub(crate) fn line(number: u32) -> String {
    let (minute, second) = (number / 60 % 60, number % 60);
    format!(
        "2025/03/03 08:{minute:02}:{second:02}:100 I USGTRACING  Grant!!CAD!{number}!Example!ConcurrentUser!1!STD!PINE \
         (1-2.3)!192.0.2.5!anna!ANNA@PLANT!cad.exe!5.34!ALC\n"
    )
}

const BANNER: &str = "2025/03/03 08:00:00:000 I STARTSERVER  License server started\n";

/// A log as its license server has it open.
struct Log {
    path: PathBuf,
    file: File,
    /// What is still to be written of its last line, and the number of that.
    rest: Option<(u32, String)>,
    numbers: Vec<u32>,
}

pub(crate) struct World {
    folder: TempDir,
    sink: EventSink,
    writing: JoinHandle<()>,
    batches: Arc<Mutex<Vec<Batch>>>,
    /// How many of them no crash can undo.
    safe: usize,
    follower: Option<Follower>,
    hints: Receiver<()>,
    log: Log,
    earlier: Option<Log>,
    files: u32,
    last: u32,
    /// How often each line was written.
    written: HashMap<u32, usize>,
    /// Those that were unread when their bytes went away.
    cut: Vec<u32>,
}

impl World {
    pub(crate) fn new() -> Self {
        PASSED_S.set(0);
        let folder = TempDir::new().unwrap();
        let (sink, messages) = pipe();
        let batches = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&batches);
        let writing = std::thread::spawn(move || keep(&messages, &kept));
        let log = Log::create(folder.path().join("server.log"));
        let (follower, hints) = follower(&folder, &sink, Vec::new());
        Self {
            folder,
            sink,
            writing,
            batches,
            safe: 0,
            follower: Some(follower),
            hints,
            log,
            earlier: None,
            files: 0,
            last: 0,
            written: HashMap::new(),
            cut: Vec::new(),
        }
    }

    /// The follower looks through the folder, and its events are in the store.
    pub(crate) fn look(&mut self) {
        self.follower.as_mut().unwrap().look().unwrap();
        while self.hints.try_recv().is_ok() {}
        let (done, dropped) = sync_channel::<()>(0);
        let act = move |_: &mut Writer| {
            let _ = &done;
            Ok(())
        };
        self.sink.act(act).unwrap();
        assert!(dropped.recv().is_err(), "it is dropped, not done");
    }

    /// The follower ends and another begins where history ends, without the last `lost` of its batches.
    pub(crate) fn restart(&mut self, lost: usize) {
        self.follower = None;
        let mut batches = self.batches.lock().unwrap();
        let kept = batches.len().saturating_sub(lost).max(self.safe);
        batches.truncate(kept);
        let known: HashMap<i64, Checkpoint> = batches
            .iter()
            .filter_map(|batch| batch.checkpoint.clone())
            .map(|checkpoint| (checkpoint.id, checkpoint))
            .collect();
        drop(batches);
        let (follower, hints) = follower(&self.folder, &self.sink, known.into_values().collect());
        (self.follower, self.hints) = (Some(follower), hints);
    }

    /// Writes lines, every third twice.
    pub(crate) fn write(&mut self, lines: u32) {
        finish(&mut self.log, &mut self.written);
        let mut text = String::new();
        for _ in 0..lines {
            self.last += 1;
            let count = if self.last.is_multiple_of(3) { 2 } else { 1 };
            text += &line(self.last).repeat(count);
            self.written.insert(self.last, count);
            self.log.numbers.push(self.last);
        }
        self.log.file.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn write_part(&mut self, bytes: usize) {
        finish(&mut self.log, &mut self.written);
        self.last += 1;
        let text = line(self.last);
        let (part, rest) = text.split_at(bytes.clamp(1, text.len() - 1));
        self.log.file.write_all(part.as_bytes()).unwrap();
        self.log.rest = Some((self.last, rest.to_owned()));
    }

    /// Bytes that are no line of a log, and then one.
    pub(crate) fn write_behind(&mut self, bytes: &[u8]) {
        finish(&mut self.log, &mut self.written);
        self.log.file.write_all(bytes).unwrap();
        self.write(1);
    }

    /// The server ends a line in the log it had before.
    pub(crate) fn finish_earlier(&mut self) {
        if let Some(earlier) = &mut self.earlier {
            finish(earlier, &mut self.written);
        }
    }

    /// The log gets a name that matches, and a new one takes its place.
    pub(crate) fn rename(&mut self) {
        let path = self.next_path("server-", ".log");
        self.replace(Some(path));
    }

    /// The log gets a name that does not match.
    pub(crate) fn rename_away(&mut self) {
        self.cannot_be_known();
        let path = self.next_path("old-", "");
        self.replace(Some(path));
    }

    /// The log gets a name of which nobody can know that it is a log's, unless a line of it was read.
    fn cannot_be_known(&mut self) {
        self.safe = self.batches.lock().unwrap().len();
        let read = self.committed();
        if !self.log.numbers.iter().any(|number| read.contains_key(number)) {
            self.cut.extend(self.log.numbers.iter().chain(self.log.rest.iter().map(|(n, _)| n)));
        }
    }

    /// The log is compressed into a file of another name, and a new one takes its place.
    pub(crate) fn compress(&mut self) {
        let path = self.next_path("server-", ".log");
        self.compress_into(&path);
    }

    /// The same, with a name that is none of a log.
    pub(crate) fn compress_away(&mut self) {
        finish(&mut self.log, &mut self.written);
        self.cannot_be_known();
        let path = self.next_path("old-", "");
        self.compress_into(&path);
    }

    /// The log is compressed, and what does that is ended before the last bytes; a new log takes its place.
    pub(crate) fn compress_in_part(&mut self) {
        let path = self.next_path("server-", ".log");
        self.compress_into(&path);
        let packed = File::options().write(true).open(path.with_added_extension("gz")).unwrap();
        packed.set_len(packed.metadata().unwrap().len() - 1).unwrap();
    }

    fn compress_into(&mut self, path: &Path) {
        finish(&mut self.log, &mut self.written);
        self.replace(Some(path.to_owned()));
        self.earlier = None;
        let packed = File::create(path.with_added_extension("gz")).unwrap();
        let mut packed = GzEncoder::new(packed, Compression::fast());
        packed.write_all(&fs::read(path).unwrap()).unwrap();
        packed.finish().unwrap();
        fs::remove_file(path).unwrap();
    }

    pub(crate) fn delete(&mut self) {
        self.unread_is_cut();
        self.cut.extend(self.log.rest.iter().map(|(number, _)| number));
        self.replace(None);
    }

    pub(crate) fn truncate(&mut self) {
        self.unread_is_cut();
        self.log.rest = None;
        self.log.numbers.clear();
        self.log.file.set_len(0).unwrap();
    }

    /// Cuts it, and writes more than there was before anybody looks.
    pub(crate) fn rewrite(&mut self) {
        let lines = u32::try_from(self.log.numbers.len()).unwrap() + 2;
        self.truncate();
        self.log.file.write_all(BANNER.as_bytes()).unwrap();
        self.write(lines);
    }

    /// Copies it to a name that matches, and cuts it.
    pub(crate) fn copy_and_truncate(&mut self) {
        let path = self.next_path("server-", ".log");
        fs::copy(&self.log.path, path).unwrap();
        self.log.rest = None;
        self.log.numbers.clear();
        self.log.file.set_len(0).unwrap();
    }

    /// Everything written is committed as often as it was written, but for what was cut.
    pub(crate) fn check(mut self) -> Result<(), String> {
        finish(&mut self.log, &mut self.written);
        self.finish_earlier();
        // A file that is replaced while it is looked for is found by the next look.
        self.look();
        self.look();
        let committed = self.committed();
        for (number, count) in &self.written {
            let found = committed.get(number).copied().unwrap_or(0);
            if found > *count || (found < *count && !self.cut.contains(number)) {
                return Err(format!("line {number} was written {count} times and read {found}"));
            }
        }
        // A line that was begun in a file that went away may be read as far as it came.
        let is_known =
            |number: &u32| self.written.contains_key(number) || self.cut.contains(number);
        if let Some(number) = committed.keys().find(|number| !is_known(number)) {
            return Err(format!("line {number} was read and never written"));
        }
        drop((self.follower, self.sink));
        self.writing.join().map_err(|_| "the writer panicked".to_owned())
    }

    /// How often each line is in a store that keeps an event once.
    fn committed(&self) -> HashMap<u32, usize> {
        let batches = self.batches.lock().unwrap();
        let mut identities = std::collections::HashSet::new();
        let mut committed = HashMap::new();
        for event in batches.iter().flat_map(|batch| &batch.events) {
            if identities.insert((event.identity.hash, event.identity.ordinal)) {
                *committed.entry(number(event)).or_default() += 1;
            }
        }
        committed
    }

    fn unread_is_cut(&mut self) {
        self.safe = self.batches.lock().unwrap().len();
        let read = self.committed();
        let unread = |number: &&u32| read.get(number) != self.written.get(number);
        self.cut.extend(self.log.numbers.iter().filter(unread));
    }

    fn next_path(&mut self, before: &str, after: &str) -> PathBuf {
        self.files += 1;
        self.folder.path().join(format!("{before}{:04}{after}", self.files))
    }

    fn replace(&mut self, renamed: Option<PathBuf>) {
        let path = self.log.path.clone();
        match renamed {
            Some(renamed) => fs::rename(&path, renamed).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        // What a server has not finished in the log before the last one, it never will.
        self.earlier = Some(std::mem::replace(&mut self.log, Log::create(path)));
    }
}

impl Log {
    fn create(path: PathBuf) -> Self {
        let mut file = OpenOptions::new().append(true).create_new(true).open(&path).unwrap();
        file.write_all(BANNER.as_bytes()).unwrap();
        Self { path, file, rest: None, numbers: Vec::new() }
    }
}

fn finish(log: &mut Log, written: &mut HashMap<u32, usize>) {
    if let Some((number, rest)) = log.rest.take() {
        log.file.write_all(rest.as_bytes()).unwrap();
        written.insert(number, 1);
        log.numbers.push(number);
    }
}

/// The number of the line it was read from; 0 where that was glued together from two.
fn number(event: &Event) -> u32 {
    let Fact::Checkout(checkout) = &event.fact else { panic!("{event:?}") };
    let number = checkout.handle.parse().unwrap();
    let is_whole = event.at.to_string() == time(number);
    if is_whole { number } else { 0 }
}

fn time(number: u32) -> String {
    format!("2025-03-03T08:{:02}:{:02}.1Z", number / 60 % 60, number % 60)
}

pub(crate) fn follower(
    folder: &TempDir,
    sink: &EventSink,
    checkpoints: Vec<Checkpoint>,
) -> (Follower, Receiver<()>) {
    let following = Following {
        of: log_of(),
        directory: folder.path().to_owned(),
        pattern: Pattern::new("server*.log").unwrap(),
        scan: Duration::from_secs(1),
        checkpoints,
        with_gaps: Vec::new(),
        open_max: OPEN_MAX,
    };
    let (waker, hints) = Waker::new();
    (Follower::new(following, sink.clone(), clock, waker), hints)
}

/// A writer that keeps batches in memory.
fn keep(messages: &Receiver<Message>, kept: &Mutex<Vec<Batch>>) {
    while let Ok(message) = messages.recv() {
        let Message::Batch { batch, receipt } = message else { continue };
        kept.lock().unwrap().push(batch);
        if let Some(receipt) = receipt {
            let _ = receipt.try_send(Receipt::default());
        }
    }
}
