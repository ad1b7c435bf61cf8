//! A folder of logs, a license server that writes to one, a follower that is stepped by hand, and the databases it fills.

#[path = "check.rs"]
mod check;

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
    thread::JoinHandle,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use glob::Pattern;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use liblzma::write::XzEncoder;
use lic_parse::registry;
use lic_protocol::name::ServerName;
use lic_store::{StoreError, open::DatabasePaths, writer::Writer};
use licmon::{
    pipe::{EventSink, pipe},
    sources::{
        encoding::Encoding,
        logfile::LogOf,
        tail::{Follower, Following, waker::Waker},
        unpack::Packing,
    },
};
use tempfile::TempDir;

const SERVER: &str = "catia";

thread_local! {
    static PASSED_S: Cell<i64> = const { Cell::new(0) };
}

/// The wall clock, and the time that a test let pass.
fn clock() -> Timestamp {
    licmon::serve::clock() + SignedDuration::from_secs(PASSED_S.get())
}

pub(crate) fn let_pass(seconds: i64) {
    PASSED_S.set(PASSED_S.get() + seconds);
}

/// When licmon looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// After every step.
    Always,
    /// When all is done.
    Late,
    /// It is stopped before, and started when all is done.
    Away,
    /// After every step, and is then killed and started again.
    Killed,
}

impl When {
    pub(crate) const ALL: [Self; 4] = [Self::Always, Self::Late, Self::Away, Self::Killed];
}

/// A line that was written: into which life of which file, and where.
struct Written {
    life: u32,
    from: u64,
    to: u64,
}

/// What runs of licmon.
struct Running {
    follower: Follower,
    sink: EventSink,
    writing: JoinHandle<Result<(), StoreError>>,
}

pub(crate) struct Site {
    pub(crate) folder: TempDir,
    away: TempDir,
    state: TempDir,
    when: When,
    running: Option<Running>,
    /// The log as its license server has it open.
    file: File,
    at: u64,
    life: u32,
    is_appending: bool,
    pub(crate) encode: fn(&str) -> Vec<u8>,
    pub(crate) encoding: Encoding,
    pub(crate) user: &'static str,
    number: u32,
    written: BTreeMap<u32, Written>,
}

impl Site {
    pub(crate) fn new(when: When) -> Self {
        let folder = TempDir::new().unwrap();
        let file = append_to(&folder.path().join("lic.log"));
        let mut site = Self {
            folder,
            away: TempDir::new().unwrap(),
            state: TempDir::new().unwrap(),
            when,
            running: None,
            file,
            at: 0,
            life: 1,
            is_appending: true,
            encode: |text| text.as_bytes().to_vec(),
            encoding: Encoding::Bytes,
            user: "Sjöberg",
            number: 0,
            written: BTreeMap::new(),
        };
        site.start();
        site.banner();
        site
    }

    /// A path in the folder of logs.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path("lic.log")
    }

    /// A path in another folder.
    pub(crate) fn away(&self, name: &str) -> PathBuf {
        self.away.path().join(name)
    }

    fn start(&mut self) {
        let databases = DatabasePaths::in_state(self.state.path());
        let mut writer = Writer::open(&databases).unwrap();
        let server = ServerName::from(SERVER);
        writer.know_server(&server, "dsls").unwrap();
        let following = Following {
            of: LogOf {
                server: server.clone(),
                system: registry::license_system("dsls").unwrap(),
                zone: TimeZone::UTC,
                encoding: self.encoding,
            },
            directory: self.folder.path().to_owned(),
            pattern: Pattern::new("*.log").unwrap(),
            scan: Duration::from_secs(1),
            checkpoints: writer.checkpoints(&server).unwrap(),
            with_gaps: writer.generations_with_gaps().collect(),
            open_max: 2,
        };
        let (sink, messages) = pipe();
        let writing = std::thread::spawn(move || licmon::writer::run(writer, &messages, clock));
        let (waker, _hints) = Waker::new();
        let follower = Follower::new(following, sink.clone(), clock, waker);
        self.running = Some(Running { follower, sink, writing });
    }

    fn stop(&mut self) {
        let Some(Running { follower, sink, writing }) = self.running.take() else { return };
        drop((follower, sink));
        writing.join().unwrap().unwrap();
    }

    /// Starts it anew, to read with what was set since.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// The follower looks, and what it found is committed.
    pub(crate) fn look(&mut self) {
        let running = self.running.as_mut().unwrap();
        running.follower.look().unwrap();
        let (done, is_done) = sync_channel(1);
        running
            .sink
            .act(move |_| {
                done.send(()).unwrap();
                Ok(())
            })
            .unwrap();
        is_done.recv().unwrap();
    }

    /// What is rotated is rotated from now on.
    pub(crate) fn begin(&mut self) {
        if self.when == When::Away {
            self.stop();
        }
    }

    /// A step is done.
    pub(crate) fn step(&mut self) {
        match self.when {
            When::Always => self.look(),
            When::Late | When::Away => {}
            When::Killed => {
                self.look();
                self.restart();
            }
        }
    }

    /// All is done.
    pub(crate) fn end(&mut self) {
        if self.running.is_none() {
            self.start();
        }
        self.look();
        self.look();
    }

    fn banner(&mut self) {
        let (minute, second) = (self.number / 60 % 60, self.number % 60);
        let text = format!(
            "2025/03/03 08:{minute:02}:{second:02}:900 I STARTSERVER  License server started\n"
        );
        self.put(&(self.encode)(&text));
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.is_appending {
            self.file.write_all(bytes).unwrap();
            self.at = self.file.metadata().unwrap().len();
        } else {
            self.file.write_all_at(bytes, self.at).unwrap();
            self.at += bytes.len() as u64;
        }
    }

    /// Writes lines.
    pub(crate) fn write(&mut self, lines: u32) {
        for _ in 0..lines {
            self.write_line("\n");
        }
    }

    /// Writes a line that ends like this.
    pub(crate) fn write_line(&mut self, end: &str) {
        let text = self.next_line();
        let bytes = (self.encode)(&format!("{text}{end}"));
        let from = self.end_of_file();
        self.put(&bytes);
        let line = Written { life: self.life, from, to: self.at };
        self.written.insert(self.number, line);
    }

    /// Writes a line in two parts.
    pub(crate) fn write_in_parts(&mut self, first: usize) {
        let text = self.next_line() + "\n";
        let bytes = (self.encode)(&text);
        let from = self.end_of_file();
        self.put(&bytes[..first]);
        self.step();
        self.put(&bytes[first..]);
        let line = Written { life: self.life, from, to: self.at };
        self.written.insert(self.number, line);
    }

    /// Writes bytes that are no line.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }

    fn end_of_file(&self) -> u64 {
        if self.is_appending { self.file.metadata().unwrap().len() } else { self.at }
    }

    fn next_line(&mut self) -> String {
        self.number += 1;
        let (minute, second) = (self.number / 60 % 60, self.number % 60);
        format!(
            "2025/03/03 08:{minute:02}:{second:02}:100 I USGTRACING  Grant!!CAD!{}!Example!ConcurrentUser!1!STD!PINE \
             (1-2.3)!192.0.2.5!{}!SJ@PLANT!cad.exe!5.34!ALC",
            self.number, self.user
        )
    }

    /// The license server begins a new log.
    pub(crate) fn create(&mut self) {
        let path = self.log();
        self.create_at(&path);
    }

    pub(crate) fn create_at(&mut self, path: &Path) {
        self.file = append_to(path);
        self.new_life();
        self.banner();
    }

    /// From now on its bytes are others'.
    fn new_life(&mut self) {
        self.life += 1;
        self.at = 0;
    }

    /// The log is cut by somebody else; its writer goes on at the end.
    pub(crate) fn cut(&mut self) {
        OpenOptions::new().write(true).open(self.log()).unwrap().set_len(0).unwrap();
        self.new_life();
    }

    /// The same, and its writer goes on where it was.
    pub(crate) fn cut_under_the_writer(&mut self) {
        let at = self.at;
        self.cut();
        self.at = at;
        self.is_appending = false;
    }

    /// The license server writes its log anew, in place.
    pub(crate) fn rewrite(&mut self) {
        self.cut();
        self.banner();
    }

    pub(crate) fn size(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }

    pub(crate) fn fill_up_to(&mut self, bytes: u64) {
        let missing = usize::try_from(bytes - self.size()).unwrap();
        self.put("\n".repeat(missing).as_bytes());
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    /// Compresses a file, which then has a longer name.
    pub(crate) fn pack(&self, name: &str, packing: Packing) {
        self.pack_copy(name, packing);
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Compresses a copy of a file.
    pub(crate) fn pack_copy(&self, name: &str, packing: Packing) {
        let text = fs::read(self.path(name)).unwrap();
        let (packed, extension) = match packing {
            Packing::Gzip => (gzip(&text), "gz"),
            Packing::Zstd => (zstd::encode_all(text.as_slice(), 1).unwrap(), "zst"),
            Packing::Xz => (xz(&text), "xz"),
        };
        fs::write(self.path(name).with_added_extension(extension), packed).unwrap();
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

fn xz(text: &[u8]) -> Vec<u8> {
    let mut packed = XzEncoder::new(Vec::new(), 1);
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

fn append_to(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

impl Site {
    /// Compresses a file onto the end of a compressed one, and removes it.
    pub(crate) fn append_packed(&self, from: &str, to: &str) {
        let member = gzip(&fs::read(self.path(from)).unwrap());
        append_to(&self.path(to)).write_all(&member).unwrap();
        fs::remove_file(self.path(from)).unwrap();
    }

    /// Lets `lic.log` stand for another file.
    pub(crate) fn link(&self, target: &str) {
        let new = self.path("link");
        std::os::unix::fs::symlink(target, &new).unwrap();
        fs::rename(new, self.log()).unwrap();
    }

    /// Where licmon was away, it looks once in between.
    pub(crate) fn end_of_absence(&mut self) {
        if self.when == When::Away {
            self.start();
            self.look();
            self.stop();
        } else {
            self.look();
        }
    }
}
