//! A seat server in a thread, its clock in our hand, the pipe behind it drained here; and those who ask it.

use std::{
    fs,
    io::{PipeWriter, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{fs::OpenOptionsExt, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lic_admission::{
    asker::Who,
    capacity::{Mode, OnFull, Seats, Tokens, Tool, Unit},
    expiry::Expiry,
    reserve::Reserve,
    rule::{Rule, Verdict},
    window::{Window, Windows},
};
use lic_analytics::wait::{RUNS_MIN, Runs};
use lic_protocol::event::{Event, Fact};
use lic_store::commit::Receipt;
use licmon::{
    pipe::{Message, pipe},
    server::{
        SeatServer,
        config::{Act, Believed, OnDown, SeatServerConfig, SpoolConfig, ToolConfig},
    },
};
use tempfile::TempDir;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// What the clock shows at first: 2025-11-24 12:00 UTC.
pub(crate) const START_MS: i64 = 1_763_985_600_000;

/// Asks for seats as licwrap does, shows each reply, and lives until its standard input ends or gives it an exit status.
const HOLDER: &str = r#"
socket(S, PF_UNIX, SOCK_STREAM, 0) and connect(S, sockaddr_un($ARGV[0])) or die "connect: $!";
syswrite(S, "licwrap=1\nop=acquire\nfeature=$ARGV[1]\nwait=yes\ntool=holder\n\n");
while (sysread(S, $reply, 4096)) { syswrite(STDOUT, $reply); last if $reply =~ /granted/; }
sysread(STDIN, $reply, 1) and exit ord $reply;
"#;

/// What a server is started with, beside its folder.
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) last_alive: Option<Timestamp>,
    pub(crate) believed: Believed,
}

pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) acts: Receiver<Act>,
    reload: (Sender<Vec<ToolConfig>>, PipeWriter),
    clock_ms: Arc<AtomicI64>,
    running: Option<(JoinHandle<anyhow::Result<()>>, PipeWriter)>,
    messages: Receiver<Message>,
    events: Mutex<Vec<Event>>,
    uncommitted: Mutex<Vec<std::sync::mpsc::SyncSender<Receipt>>>,
    commits: bool,
}

impl Site {
    /// `one` has 1 seat, `three` 3, `quiet` 1 and refuses when full, `free` has no limit. The others have 1: of `shared` all
    /// runs of a user take it together, of `tree` it is held as long as any process has its token, `denied` nobody may have,
    /// nor `watched`, but that is only observed, `noon` may be started until 13:00, when the license of `ends` ends, and that of `aside` is for somebody else. A run takes 2 of 5
    /// seats of `pair`, and 3 of `wide` for each core.
    pub(crate) fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), Before::default())
    }

    pub(crate) fn start_in(folder: TempDir, before: Before) -> Self {
        Self::try_start(folder, before).unwrap_or_else(|(_, error)| panic!("{error:#}"))
    }

    pub(crate) fn try_start(
        folder: TempDir,
        before: Before,
    ) -> Result<Self, (TempDir, anyhow::Error)> {
        let (sink, messages) = pipe();
        let (acts_in, acts) = channel();
        let clock_ms = Arc::new(AtomicI64::new(START_MS));
        let (tools_in, reloads) = channel();
        let (reload, wake) = std::io::pipe().unwrap();
        let config = SeatServerConfig {
            runtime: folder.path().join("run"),
            tools: tools(),
            spool: Some(SpoolConfig { path: folder.path().join("spool"), mode: 0o1733 }),
            host: "node7".into(),
            listener: None,
            alive: None,
            last_alive: before.last_alive,
            believed: before.believed,
            on_act: Box::new(move |act| acts_in.send(act).unwrap()),
            reloads,
            reload: reload.into(),
            past: Box::new(|feature| {
                let runs = if feature.as_str() == "one" { RUNS_MIN } else { 0 };
                Runs::new(vec![Duration::from_mins(30); runs])
            }),
        };
        let hand = Arc::clone(&clock_ms);
        let now = move || Timestamp::from_millisecond(hand.load(Ordering::SeqCst)).unwrap();
        let server = match SeatServer::open(config, sink, now) {
            Ok(server) => server,
            Err(error) => return Err((folder, error)),
        };
        let (stop, stopper) = std::io::pipe().unwrap();
        let thread = std::thread::spawn(move || server.run(OwnedFd::from(stop)));
        Ok(Self {
            folder,
            acts,
            reload: (tools_in, wake),
            clock_ms,
            running: Some((thread, stopper)),
            messages,
            events: Mutex::default(),
            uncommitted: Mutex::default(),
            commits: true,
        })
    }

    /// Configures the tools again, `one` with so many seats and without `quiet`.
    pub(crate) fn reconfigure(&mut self, seats_of_one: u32) {
        let mut tools = tools();
        tools[0].tool.seats = Seats::Limited(seats_of_one);
        tools.retain(|tool| tool.name.as_str() != "quiet");
        self.reload.0.send(tools).unwrap();
        self.reload.1.write_all(&[1]).unwrap();
    }

    /// From now on nothing is committed, as when the monitor is killed before its writer comes to it.
    pub(crate) fn commit_no_more(&mut self) {
        self.commits = false;
    }

    /// Stops the server and gives its folder back.
    pub(crate) fn stop(mut self) -> TempDir {
        self.end();
        std::mem::replace(&mut self.folder, TempDir::new().unwrap())
    }

    /// Stops the server, and tells what it still had to say.
    pub(crate) fn stop_and_listen(mut self) -> Vec<String> {
        self.end();
        let batches = self.messages.try_iter().filter_map(|message| match message {
            Message::Batch { batch, .. } => Some(batch.events),
            Message::Act(_) => None,
        });
        batches.flatten().map(|event| shown(&event)).collect()
    }

    pub(crate) fn set_clock(&self, after_start_ms: i64) {
        self.clock_ms.store(START_MS + after_start_ms, Ordering::SeqCst);
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("run/seat.sock")
    }

    pub(crate) fn seat_folder(&self) -> PathBuf {
        self.folder.path().join("run/seat")
    }

    /// The files of the seat folder whose names end so.
    pub(crate) fn records(&self, extension: &str) -> usize {
        let entries = fs::read_dir(self.seat_folder()).unwrap();
        entries
            .filter(|e| e.as_ref().unwrap().path().extension() == Some(extension.as_ref()))
            .count()
    }

    /// The next events, as rows; waits for them.
    #[track_caller]
    pub(crate) fn expect_events(&self, expected: &[&str]) {
        let events: Vec<String> = expected.iter().map(|_| shown(&self.event())).collect();
        assert_eq!(events, expected);
    }

    /// The next event.
    #[track_caller]
    pub(crate) fn event(&self) -> Event {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = next(&self.events) {
                return event;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.messages.recv_timeout(left).expect("an event") {
                Message::Batch { batch, receipt } => {
                    self.events.lock().unwrap().extend(batch.events);
                    match receipt {
                        Some(receipt) if self.commits => receipt.send(Receipt::default()).unwrap(),
                        Some(receipt) => self.uncommitted.lock().unwrap().push(receipt),
                        None => {}
                    }
                }
                Message::Act(_) => panic!("the seat server asks nothing of the writer"),
            }
        }
    }

    /// Asks from this process.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.socket())
    }

    /// Sends a request from this process.
    pub(crate) fn ask(&self, lines: &str) -> Client {
        let mut client = self.client();
        client.send(&format!("licwrap=1\nop=acquire\n{lines}\n\n"));
        client
    }

    /// A process of its own that wants `feature`, lives, and can be killed.
    pub(crate) fn holder(&self, feature: &str) -> Holder {
        let mut child = command("perl")
            .args(["-MSocket", "-e", HOLDER])
            .arg(self.socket())
            .arg(feature)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let replies = child.stdout.take().unwrap();
        Holder { child, replies: Box::new(replies), text: String::new() }
    }

    fn end(&mut self) {
        if let Some((thread, stopper)) = self.running.take() {
            drop(stopper);
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

/// A connection of this process.
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    text: String,
}

impl Client {
    fn new(socket: &Path) -> Self {
        Self::of(OwnedFd::from(UnixStream::connect(socket).unwrap()))
    }

    /// A connection that somebody has made.
    pub(crate) fn of(socket: OwnedFd) -> Self {
        let stream = UnixStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, text: String::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// The next reply in one line, without its version; "closed" where there is none.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> String {
        reply(&mut self.stream, &mut self.text)
    }
}

/// A process that holds a seat, or waits for one.
pub(crate) struct Holder {
    child: Child,
    replies: Box<dyn Read>,
    text: String,
}

impl Holder {
    #[track_caller]
    pub(crate) fn reply(&mut self) -> String {
        reply(&mut *self.replies, &mut self.text)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.pid().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.reap();
    }

    /// Kills it, and leaves it to be asked how it ended.
    pub(crate) fn kill_unasked(&self) {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        self.signal(nix::sys::signal::Signal::SIGKILL);
        let pid = WaitId::Pid(Pid::from_child(&self.child));
        waitid(pid, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    }

    pub(crate) fn exit(mut self, status: u8) {
        self.child.stdin.take().unwrap().write_all(&[status]).unwrap();
        self.reap();
    }

    /// Asks how it ended, as a parent does sooner or later.
    pub(crate) fn reap(mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may be gone already; both calls say so, and that is fine.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A process that does nothing but live.
pub(crate) fn sleeper() -> Child {
    command("sleep").arg("600").spawn().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "seats are held by processes")]
pub(crate) fn command(program: &str) -> std::process::Command {
    std::process::Command::new(program)
}

/// Writes a file that only its owner may read, as a monitor of the time before would have.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The number after `key=` in a shown reply.
pub(crate) fn number(reply: &str, key: &str) -> u64 {
    let value = reply.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {key} in {reply}")).parse().unwrap()
}

fn next(events: &Mutex<Vec<Event>>) -> Option<Event> {
    let mut events = events.lock().unwrap();
    (!events.is_empty()).then(|| events.remove(0))
}

#[track_caller]
fn reply(from: &mut dyn Read, text: &mut String) -> String {
    loop {
        if let Some((reply, rest)) = text.split_once("\n\n") {
            let shown = reply.trim_start_matches("licwrap=1\n").replace('\n', " ");
            *text = rest.to_owned();
            return shown;
        }
        let mut bytes = [0; 4096];
        match from.read(&mut bytes) {
            Ok(0) => return "closed".to_owned(),
            Ok(length) => text.push_str(str::from_utf8(&bytes[..length]).unwrap()),
            Err(error) => panic!("no reply: {error}"),
        }
    }
}

/// An event in a row, its time in milliseconds after the start.
fn shown(event: &Event) -> String {
    let at = event.at.as_millisecond() - START_MS;
    match &event.fact {
        Fact::Checkout(f) => format!("{at} checkout {}:{}", f.feature, f.count),
        Fact::Checkin(f) => match f.ended_before {
            Some(before) => {
                let before = before.as_millisecond() - START_MS;
                format!("{at} checkin {} {} before {before}", f.feature, f.reason)
            }
            None => {
                let by = event.raw.as_deref().unwrap_or_default();
                format!("{at} checkin {} {} {by}", f.feature, f.reason).trim_end().to_owned()
            }
        },
        Fact::Denial(f) => {
            let tries = if f.tries > 1 { format!(" {} tries", f.tries) } else { String::new() };
            format!("{at} denial {}:{} {} {}{tries}", f.feature, f.count, f.class, f.reason)
        }
        Fact::Queue(f) => format!("{at} queue {}:{}", f.feature, f.count),
        Fact::Dequeue(f) => format!("{at} dequeue {} {}", f.feature, f.outcome),
        Fact::Server(f) => format!("{at} server {}", f.text),
    }
}

fn tools() -> Vec<ToolConfig> {
    let named = |name: &str, tool| ToolConfig {
        process: None,
        name: name.into(),
        tool,
        on_down: OnDown::Wait,
        on_down_wait_s: 60,
    };
    let one = || Tool::new(Seats::Limited(1), OnFull::Wait);
    let nobody = Who { user: Some(glob::Pattern::new("nobody at all").unwrap()), ..Who::default() };
    let everybody = Who { group: Some(glob::Pattern::new("*").unwrap()), ..Who::default() };
    let denied = Rule { verdict: Verdict::Deny, who: everybody, line: 7 };
    let utc = jiff::tz::TimeZone::UTC;
    // The clock starts at 12:00 UTC.
    let hours =
        Windows { windows: vec![Window::parse("11:00-13:00").unwrap()], ..Windows::default() };
    vec![
        named("one", one()),
        named("three", Tool::new(Seats::Limited(3), OnFull::Wait)),
        named("quiet", Tool::new(Seats::Limited(1), OnFull::Deny)),
        named("free", Tool::new(Seats::Unlimited, OnFull::Wait)),
        named("shared", Tool { unit: Unit::User, ..one() }),
        named("tree", Tool { unit: Unit::Tree, ..one() }),
        named("watched", Tool { mode: Mode::Observe, rules: vec![denied.clone()], ..one() }),
        named("denied", Tool { rules: vec![denied], ..one() }),
        named("noon", Tool { windows: hours, ..one() }),
        named("ends", Tool { expires: Expiry::parse("2025-11-24T13:00:00Z", &utc), ..one() }),
        named("pair", Tool { tokens: Tokens::PerRun(2), seats: Seats::Limited(5), ..one() }),
        named("wide", Tool { tokens: Tokens::PerCore(3), seats: Seats::Unlimited, ..one() }),
        named("aside", Tool { reserves: vec![Reserve { seats: 1, who: nobody }], ..one() }),
    ]
}
