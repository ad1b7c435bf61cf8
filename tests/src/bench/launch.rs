//! What each way to start a tool adds to it: rounds in which every way runs once, and differences within a round, so that
//! a neighbour's load falls on all alike.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use crate::{
    bench::{
        figure::{Bound, Goal, least, median, us},
        memory,
        monitor::{FEATURE, Monitor},
        peers::{Peers, Way},
        tools::Programs,
    },
    programs::command,
};

/// A way that takes longer than this is run in every [`SLOW_EVERY`]th round.
const SLOW: Duration = Duration::from_millis(6);
const SLOW_EVERY: usize = 10;
/// Runs that tell how long a way takes.
const TRIES: usize = 5;
/// Enough that no run of ours waits for a seat.
const SEATS: u32 = 64;

const HEADINGS: &str = "median us  least us  added us of bare  by least";

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Launch {
    #[command(flatten)]
    programs: Programs,
    /// The tool.
    #[arg(long, default_value = "/bin/true")]
    tool: PathBuf,
    /// Rounds of all ways.
    #[arg(long, default_value_t = 400)]
    rounds: usize,
}

/// What the runs of one way took.
struct Row {
    way: Way,
    every: usize,
    us: Vec<f64>,
    added_us: Vec<f64>,
}

/// Runs the rounds, and prints figures and goals.
///
/// # Errors
/// When a program cannot be run, or fails.
pub fn run(options: &Launch) -> anyhow::Result<()> {
    let programs = &options.programs;
    let monitor = Monitor::start(&programs.licmon, SEATS)?;
    let peers = Peers::start()?;
    for missing in &peers.missing {
        println!("not here: {missing}; --install brings it");
    }
    let mut ways = vec![Way { name: "bare", words: Vec::new(), variables: Vec::new() }];
    ways.extend(ours(programs, &monitor));
    ways.extend(peers.ways.iter().cloned());
    let mut rows =
        ways.into_iter().map(|way| row(way, &options.tool)).collect::<Result<Vec<_>, _>>()?;
    for round in 0..options.rounds {
        measure_round(&mut rows, &options.tool, round)?;
    }
    print_rows(&rows);
    println!("\nhistory written meanwhile: {} bytes", monitor.history_bytes()?);
    print_ratios(&rows);
    print_size(programs, &monitor)
}

fn ours(programs: &Programs, monitor: &Monitor) -> [Way; 2] {
    [("licwrap", &[][..]), ("licwrap --supervise", &["--supervise"])].map(|(name, options)| Way {
        name,
        words: programs.licwrap_words(options),
        variables: vec![("LICWRAP_SOCKET", monitor.socket().into())],
    })
}

/// The first runs warm up, and tell how often the way can be afforded.
fn row(way: Way, tool: &Path) -> anyhow::Result<Row> {
    let tries = (0..TRIES).map(|_| time(&way, tool)).collect::<Result<Vec<_>, _>>()?;
    let every = if tries.into_iter().min() > Some(SLOW) { SLOW_EVERY } else { 1 };
    Ok(Row { way, every, us: Vec::new(), added_us: Vec::new() })
}

/// Every way that is due once, beginning with another each time.
fn measure_round(rows: &mut [Row], tool: &Path, round: usize) -> anyhow::Result<()> {
    let mut spans = Vec::new();
    for turn in 0..rows.len() {
        let place = (turn + round) % rows.len();
        if round.is_multiple_of(rows[place].every) {
            spans.push((place, us(time(&rows[place].way, tool)?)));
        }
    }
    let bare = spans.iter().find(|(place, _)| *place == 0).map(|(_, span)| *span);
    let bare = bare.context("the bare tool runs in every round")?;
    for (place, span) in spans {
        rows[place].us.push(span);
        rows[place].added_us.push(span - bare);
    }
    Ok(())
}

fn time(way: &Way, tool: &Path) -> anyhow::Result<Duration> {
    let mut words = way.words.iter().map(OsString::as_os_str).chain([tool.as_os_str()]);
    let mut run = command(words.next().unwrap_or_default());
    run.args(words).envs(way.variables.iter().cloned());
    run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = run.status().with_context(|| format!("run {}", way.name))?;
    let span = began.elapsed();
    ensure!(status.success(), "{} ended with {status}", way.name);
    Ok(span)
}

fn print_rows(rows: &[Row]) {
    let of_bare = |figure: fn(&[f64]) -> Option<f64>| {
        rows.first().and_then(|row| figure(&row.us)).unwrap_or(f64::NAN)
    };
    let (bare, bare_least) = (of_bare(median), of_bare(least));
    println!("\n{:20} {:>5} {HEADINGS}", "way", "runs");
    for row in rows {
        let figure = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
        let (usual, quickest) = (figure(median(&row.us)), figure(least(&row.us)));
        println!(
            "{:20} {:>5} {usual:>9.0} {quickest:>9.0} {:>9.0} {:>7.2} {:>9.2}",
            row.way.name,
            row.us.len(),
            figure(median(&row.added_us)),
            usual / bare,
            quickest / bare_least,
        );
    }
}

fn print_ratios(rows: &[Row]) {
    let row = |name: &str| rows.iter().find(|row| row.way.name == name);
    let added = |name: &str| median(&row(name)?.added_us);
    let share_of = |name: &str| Some(added("licwrap")? / added(name)?);
    let of_bare = |name: &str| Some(median(&row(name)?.us)? / median(&row("bare")?.us)?);
    println!();
    for (of, most, measured) in [
        ("added by licwrap, of what flock -F adds", 1.0 / 3.0, share_of("flock -F")),
        ("added by licwrap, of what tsp -fn adds", 0.2, share_of("tsp -fn")),
        ("added by licwrap, of what etcdctl lock adds", 0.02, share_of("etcdctl lock")),
        ("a run under licwrap, of a bare one", 1.3, of_bare("licwrap")),
        ("a run under licwrap --supervise, of a bare one", 1.4, of_bare("licwrap --supervise")),
    ] {
        println!("{}", Goal { of, bound: Bound::AtMost(most), unit: "x" }.told(measured));
    }
}

fn print_size(programs: &Programs, monitor: &Monitor) -> anyhow::Result<()> {
    let size = fs::metadata(&programs.licwrap)?.len() / 1000;
    let stays = resident(programs, monitor)?;
    let (parent, waiter) = (stays.parent.proportional, stays.waiter.proportional);
    for (of, most, unit, measured) in [
        ("licwrap on disk", 300.0, "KB", size),
        ("licwrap in memory while the tool runs", 0.0, "KiB", stays.exec),
        ("the parent of --supervise in memory (PSS)", 64.0, "KiB", parent),
        ("licwrap in memory while it waits (PSS)", 64.0, "KiB", waiter),
    ] {
        let measured = u32::try_from(measured).map_or(f64::MAX, f64::from);
        println!("{}", Goal { of, bound: Bound::AtMost(most), unit }.told(Some(measured)));
    }
    let (parent, waiter) = (stays.parent.resident, stays.waiter.resident);
    println!("         (RSS of the parent {parent} KiB, of a waiter {waiter} KiB)");
    Ok(())
}

/// What of licwrap is in memory beside the tool.
struct Stays {
    exec: u64,
    parent: memory::Memory,
    waiter: memory::Memory,
}

fn resident(programs: &Programs, monitor: &Monitor) -> anyhow::Result<Stays> {
    let mut tool = programs.moment(programs.licwrap(monitor.socket(), &[]))?;
    tool.told()?;
    // It became the tool: then nothing of it is left, or else all of it is.
    let exec = match fs::read_link(format!("/proc/{}/exe", tool.child.id()))? {
        path if path == fs::canonicalize(&programs.moment)? => 0,
        _ => memory::of_process(tool.child.id())?.resident,
    };
    let mut supervised = programs.moment(programs.licwrap(monitor.socket(), &["--supervise"]))?;
    supervised.told()?;
    let parent = memory::of_process(supervised.child.id())?;
    let all = format!("{FEATURE}:{SEATS}");
    let mut waits = command(&programs.licwrap);
    waits.args(["-v", "-w", "-f", &all, "--", "true"]).env("LICWRAP_SOCKET", monitor.socket());
    let mut waits = waits.stderr(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(waits.stderr.take().context("its messages")?).read_line(&mut line)?;
    ensure!(line.contains("waiting"), "licwrap says {line:?}");
    let waiter = memory::of_process(waits.id())?;
    tool.end()?;
    supervised.end()?;
    waits.wait()?;
    Ok(Stays { exec, parent, waiter })
}
