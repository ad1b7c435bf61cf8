//! What licdash can take: its overview asked for at a rate while many pages are open, how soon those learn of a change, what
//! memory it has then, and how long each page takes to make from a long history.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    path::PathBuf,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use jiff::Timestamp;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::resource::{Resource, getrlimit, setrlimit},
};
use tempfile::TempDir;

use super::{
    figure::{Bound, Goal},
    memory,
    year::{FEATURES, PEOPLE, grant, history},
};
use crate::{http, process::Process, programs::command, site::append, wait};

/// Who asks at one time.
const CLIENTS: u32 = 8;
/// Times that each page is asked for.
const ASKED: usize = 20;
/// Between two changes, while it is loaded.
const CHANGE_EVERY: Duration = Duration::from_secs(1);
/// The pages that are timed.
const PAGES: [&str; 13] = [
    "/",
    "/features",
    "/features/catia/F7",
    "/features/catia/F7?range=year",
    "/sessions",
    "/sessions?state=all&user=user7",
    "/users",
    "/users/user7",
    "/hosts",
    "/denials",
    "/queue",
    "/events",
    "/servers",
];
/// How long licmon may take to read the history.
const READ_MAX: Duration = Duration::from_mins(10);

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Pages {
    /// The monitor, built as for a release.
    #[arg(long)]
    licmon: PathBuf,
    /// The dashboard, built as for a release.
    #[arg(long)]
    licdash: PathBuf,
    /// Sessions of history.
    #[arg(long, default_value_t = 200_000)]
    sessions: u64,
    /// Pages that are open.
    #[arg(long, default_value_t = 1000)]
    streams: usize,
    /// Requests a second.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// For how long.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// A site that is measured.
struct Bench {
    folder: TempDir,
    address: SocketAddr,
    licmon: Process,
    licdash: Process,
}

/// Measures, and prints.
///
/// # Errors
/// When a program does not come up, or something is not answered.
pub fn run(options: &Pages) -> anyhow::Result<()> {
    allow_files()?;
    let bench = Bench::start(options)?;
    println!("{} sessions of history, {} features, {} people", options.sessions, FEATURES, PEOPLE);
    let mut slowest = 0.0_f64;
    for page in PAGES {
        let [half, most] = bench.page(page)?;
        slowest = slowest.max(most);
        println!("{page:<34} p50 {half:>7.1} ms   p95 {most:>7.1} ms");
    }
    let streams = bench.streams(options.streams)?;
    let before = memory::of_process(bench.licdash.pid())?.resident;
    println!("{} pages are open: resident {before} KiB", streams.len());
    let (stop, stopped) = mpsc::channel::<()>();
    let listening = thread::spawn(move || listen(streams, &stopped));
    let (asked, changes) = bench.load(options)?;
    let after = memory::of_process(bench.licdash.pid())?.resident;
    drop(stop);
    let mut heard = listening.join().expect("it does not panic")?;
    let mut delays = delays(&mut heard, &changes, options.streams);
    let mut asked = asked;
    println!(
        "asked {} times: p50 {:.1} ms, p99 {:.1} ms",
        asked.len(),
        at(&mut asked, 50),
        at(&mut asked, 99)
    );
    println!(
        "{} changes, from the line in the log to a page: p50 {:.0} ms",
        changes.len(),
        at(&mut delays, 50)
    );
    let p99 = at(&mut asked, 99);
    let told = at(&mut delays, 99);
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 KiB")]
    let resident_mb = after as f64 / 1024.0;
    let goals = [
        ("overview as JSON under load, p99", 100.0, "ms", p99),
        ("a change told to every open page, p99", 1000.0, "ms", told),
        ("resident memory under load", 200.0, "MiB", resident_mb),
        ("the slowest page, p95", 500.0, "ms", slowest),
    ];
    for (of, most, unit, measured) in goals {
        println!("{}", Goal { of, bound: Bound::AtMost(most), unit }.told(Some(measured)));
    }
    Ok(())
}

impl Bench {
    fn start(options: &Pages) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let path = |name: &str| folder.path().join(name);
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        fs::create_dir(path("logs"))?;
        let config = format!(
            "[dashboard]\nlisten = \"{address}\"\n[[server]]\nname = \"catia\"\nsystem = \"dsls\"\nzone = \"UTC\"\n\
             log = {{ directory = \"{}\", pattern = \"LicenseServer[0-9]*.log\" }}\n",
            path("logs").display()
        );
        fs::write(path("licwrap.toml"), config)?;
        let text = history(options.sessions, now());
        let lines = text.lines().count() as u64;
        fs::write(path("logs/LicenseServer20250101000000.log"), text)?;
        let mut serve = command(&options.licmon);
        serve.arg("serve").arg("--config").arg(path("licwrap.toml"));
        serve.arg("--state").arg(path("state")).arg("--runtime").arg(path("runtime"));
        let licmon = Process::start("licmon", &mut serve, &path("licmon.said"))?;
        let mut serve = command(&options.licdash);
        serve
            .arg("serve")
            .arg("--config")
            .arg(path("licwrap.toml"))
            .arg("--state")
            .arg(path("state"));
        let licdash = Process::start("licdash", &mut serve, &path("licdash.said"))?;
        let bench = Self { folder, address, licmon, licdash };
        let is_read = || {
            let answer = http::get(bench.address, "/api/v1/servers").ok()?;
            let servers: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
            let read = servers["servers"].as_array()?.iter().find(|row| row["name"] == "catia")?;
            (read["coverage"]["lines"].as_u64()? >= lines).then_some(())
        };
        let said = || format!("{}{}", bench.licmon.said(), bench.licdash.said());
        wait::answer(READ_MAX, is_read).with_context(|| format!("it is not read: {}", said()))?;
        Ok(bench)
    }

    /// Half and 95 in 100 of the times that a page takes, made anew each time.
    fn page(&self, path: &str) -> anyhow::Result<[f64; 2]> {
        let mut took = Vec::new();
        for round in 1..=ASKED {
            // Nothing is between these, so it is the same page under an address of its own.
            let joint = if path.contains('?') { "&" } else { "?" };
            let address = format!("{path}{joint}{}", "&".repeat(round));
            let asked = Instant::now();
            let answer = http::get(self.address, &address)?;
            took.push(ms(asked.elapsed()));
            if answer.status != 200 {
                bail!("{path} is answered with {}: {}", answer.status, answer.body);
            }
        }
        Ok([at(&mut took, 50), at(&mut took, 95)])
    }

    fn streams(&self, count: usize) -> anyhow::Result<Vec<TcpStream>> {
        let open = |_| {
            let mut stream = TcpStream::connect(self.address)?;
            write!(stream, "GET /api/v1/stream HTTP/1.1\r\nHost: {}\r\n\r\n", self.address)?;
            let mut first = [0; 4096];
            let length = stream.read(&mut first)?;
            let head = std::str::from_utf8(&first[..length])?;
            if !head.starts_with("HTTP/1.1 200") {
                bail!("a stream is answered with {head}");
            }
            Ok(stream)
        };
        (0..count).map(open).collect()
    }

    /// Asks at the rate while something happens every second. Milliseconds that each answer took, and when things happened.
    fn load(&self, options: &Pages) -> anyhow::Result<(Vec<f64>, Vec<Instant>)> {
        let each = Duration::from_secs(1) * CLIENTS / options.rate;
        let until = Instant::now() + Duration::from_secs(options.seconds.into());
        let (told, answers) = mpsc::channel();
        let clients = (0..CLIENTS).map(|client| {
            let (told, address) = (told.clone(), self.address);
            let first = Instant::now() + each * client / CLIENTS;
            thread::spawn(move || ask(address, first, each, until, &told))
        });
        let clients: Vec<_> = clients.collect();
        drop(told);
        let mut changes = Vec::new();
        let log = self.folder.path().join("logs/LicenseServer20250101000000.log");
        let (_never, pace) = mpsc::channel::<()>();
        while Instant::now() + CHANGE_EVERY < until {
            changes.push(Instant::now());
            append(&log, grant(now(), 9_000_000 + changes.len() as u64, 1, 1).as_bytes());
            let _ = pace.recv_timeout(CHANGE_EVERY);
        }
        for client in clients {
            client.join().expect("it does not panic")?;
        }
        Ok((answers.iter().collect(), changes))
    }
}

/// Asks for the overview on one connection, at times that do not wait for slow answers.
fn ask(
    address: SocketAddr,
    first: Instant,
    each: Duration,
    until: Instant,
    told: &Sender<f64>,
) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (_never, pace) = mpsc::channel::<()>();
    let mut due = first;
    while due < until {
        let _ = pace.recv_timeout(due.saturating_duration_since(Instant::now()));
        write!(stream, "GET /api/v1/overview HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
        read_answer(&mut stream)?;
        told.send(ms(due.elapsed()))?;
        due += each;
    }
    Ok(())
}

/// Reads one answer to its end.
fn read_answer(stream: &mut TcpStream) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    let mut part = [0; 16 << 10];
    let mut left: Option<usize> = None;
    while left != Some(0) {
        let length = stream.read(&mut part)?;
        if length == 0 {
            bail!("the connection is closed");
        }
        left = match left {
            Some(left) => Some(left.saturating_sub(length)),
            None => {
                bytes.extend_from_slice(&part[..length]);
                left_of(&bytes)?
            }
        };
    }
    Ok(())
}

/// How much is yet to come of the answer that begins with `bytes`; `None` while its head is not whole.
fn left_of(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..head])?.to_ascii_lowercase();
    let size = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let size: usize = size.context("an answer without a length")?.trim().parse()?;
    if !text.starts_with("http/1.1 200") {
        bail!("answered with {text}");
    }
    Ok(Some((head + 4 + size).saturating_sub(bytes.len())))
}

/// Reads what all streams say until it is told to stop: when each said something.
fn listen(streams: Vec<TcpStream>, stop: &Receiver<()>) -> anyhow::Result<Vec<(usize, Instant)>> {
    let mut heard = Vec::new();
    let mut streams: Vec<(TcpStream, [u8; 4096])> =
        streams.into_iter().map(|stream| (stream, [0; 4096])).collect();
    while stop.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
        let mut watched: Vec<PollFd<'_>> =
            streams.iter().map(|stream| PollFd::new(stream.0.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut watched, PollTimeout::from(100_u8))?;
        let ready: Vec<usize> = watched
            .iter()
            .enumerate()
            .filter(|(_, fd)| fd.any().unwrap_or_default())
            .map(|(number, _)| number)
            .collect();
        for number in ready {
            let (stream, part) = &mut streams[number];
            let length = stream.read(part)?;
            if length == 0 {
                bail!("stream {number} is closed");
            }
            if part[..length].windows(6).any(|six| six == b"change") {
                heard.push((number, Instant::now()));
            }
        }
    }
    Ok(heard)
}

/// Milliseconds from each change to when each stream first told it.
fn delays(heard: &mut [(usize, Instant)], changes: &[Instant], streams: usize) -> Vec<f64> {
    heard.sort_unstable_by_key(|heard| heard.1);
    let mut delays = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        let next = changes.get(at + 1).copied();
        let mut is_told = vec![false; streams];
        let within =
            heard.iter().filter(|(_, when)| when >= change && next.is_none_or(|next| *when < next));
        for (stream, when) in within {
            if !std::mem::replace(&mut is_told[*stream], true) {
                delays.push(ms(when.duration_since(*change)));
            }
        }
        let missing = is_told.iter().filter(|told| !**told).count();
        // Whoever was not told before the next change waited for longer than there is between them.
        delays.extend(std::iter::repeat_n(ms(CHANGE_EVERY), missing));
    }
    delays
}

/// The value that `percent` of 100 do not exceed; 0 of nothing.
fn at(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100);
    rank.checked_sub(1).map_or(0.0, |rank| values[rank])
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// Lets this process open as many files as it may: each stream is one.
fn allow_files() -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("raise the limit of open files")
}

#[expect(clippy::disallowed_methods, reason = "the pretend license server lives now")]
fn now() -> Timestamp {
    Timestamp::now()
}
