//! Torture of following: a pretend license server writes lines in random pieces and rotates its log in every way, licmon is killed
//! at drawn moments and started again, and a checker that shares no code with it reads what it stored with SQLite's own program.

pub mod calls;
mod check;
pub mod report;
mod rotate;
mod writer;

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use lic_protocol::paths;

use super::journal::now_ns;
use crate::{dice::Dice, process::Process, programs::command, site::Site, wait};
use check::Stored;
use report::{Finding, Report};
use writer::Writer;

/// Kills between two times of quiet.
const KILLS_OF_ROUND: u64 = 250;
/// How long what was written may take to be stored once nobody is killed any more.
const QUIET: Duration = Duration::from_mins(1);
/// licmon lives at most so many times as long as it takes to start.
const LIVES: u64 = 3;
/// Longer than this it is not waited for, even where it takes longer to start.
const START_MS_MAX: u64 = 250;

/// How licmon learns that a log grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Watch {
    /// The kernel tells it.
    Inotify,
    /// Nobody tells it: this process may not watch anything.
    Poll,
    /// The folder is a file system whose files change without the kernel knowing (bindfs).
    Fuse,
}

/// How much of it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often licmon is ended by SIGKILL, for each way to watch.
    #[arg(long, default_value_t = 500)]
    pub kills: u64,
    /// Of every choice, so that they are made again; taken from the clock if none is given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Numbers of the ways to rotate a log; all of them if none is given.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=24))]
    pub styles: Vec<u32>,
    /// How licmon learns that a log grew.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [Watch::Inotify, Watch::Poll])]
    pub watch: Vec<Watch>,
}

/// Tortures the following of logs, and checks what came of it.
///
/// # Errors
/// When the site cannot be made, or what is left of it cannot be read.
pub fn ingest(options: &Options) -> anyhow::Result<Vec<Report>> {
    let seed = options.seed.unwrap_or_else(|| now_ns() % 1_000_000);
    let styles =
        if options.styles.is_empty() { (1..=24).collect() } else { options.styles.clone() };
    let tortures = options
        .watch
        .iter()
        .map(|watch| Torture::prepare(*watch, seed, &styles)?.run(options.kills));
    tortures.collect()
}

/// Everything that runs.
#[derive(Debug)]
struct Torture {
    site: Site,
    watch: Watch,
    dice: Dice,
    writer: Writer,
    report: Report,
    /// The newest record that was checked.
    seen: i64,
    mount: Option<Mount>,
}

impl Torture {
    fn prepare(watch: Watch, seed: u64, styles: &[u32]) -> anyhow::Result<Self> {
        let mut site = Site::without_log("");
        site.keep();
        let written = site.path("written");
        fs::create_dir(&written)?;
        fs::create_dir(site.path("aside"))?;
        let (logs, mount) = match watch {
            Watch::Fuse => {
                let mounted = Mount::of(&written, &site.path("mounted"))?;
                (mounted.0.clone(), Some(mounted))
            }
            Watch::Inotify | Watch::Poll => (written.clone(), None),
        };
        let server = format!(
            "[monitor]\nscan = \"50ms\"\n[[server]]\nname = \"catia\"\nsystem = \"dsls\"\nzone = \"UTC\"\n\
             log = {{ directory = \"{}\", pattern = \"*.log\" }}\n",
            logs.display()
        );
        let config = fs::read_to_string(site.config())?;
        fs::write(site.config(), server + &config)?;
        let writer = Writer::new(&written, &site.path("aside"), &site.state(), (seed, styles))?;
        let report = Report::new(watch, seed, site.path(""));
        Ok(Self { site, watch, dice: Dice::new(seed), writer, report, seen: 0, mount })
    }

    fn run(mut self, kills: u64) -> anyhow::Result<Report> {
        let mut left = kills;
        while left > 0 {
            let kills = left.min(KILLS_OF_ROUND);
            left -= kills;
            self.round(kills)?;
            if !self.report.is_clean() {
                break;
            }
        }
        if self.report.is_clean() {
            drop(self.mount);
            self.site.keep_no_more();
        }
        Ok(self.report)
    }

    /// Kills while the log grows, then quiet, then the check.
    fn round(&mut self, kills: u64) -> anyhow::Result<()> {
        let (stop, all) = (AtomicBool::new(false), AtomicBool::new(false));
        let (site, dice, watch) = (&self.site, &mut self.dice, self.watch);
        let (writer, flag, all) = (&mut self.writer, &stop, &all);
        self.report.kills += thread::scope(|scope| {
            let writing = scope.spawn(move || writer.go_on(flag, all));
            let killed = kill(site, (watch, dice), kills, all);
            stop.store(true, Ordering::Relaxed);
            writing.join().expect("it does not panic")?;
            killed
        })?;
        let mut licmon = start(&self.site, self.watch)?;
        let history = self.site.state().join(paths::HISTORY_DB);
        let mut findings: Vec<Finding> = Vec::new();
        let quiet = wait::answer(QUIET, || {
            // It may not have made the database yet.
            let stored = Stored::read(&history, self.seen).ok()?;
            findings = check::findings(&self.writer.lives(), self.writer.removed(), &stored);
            findings.is_empty().then_some(stored)
        });
        let ended = licmon.stop()?;
        if !ended.success() {
            bail!("licmon ended with {ended}: {}", licmon.said());
        }
        self.report.findings.extend(findings);
        if let Some(stored) = quiet {
            self.report.count(&self.writer.lives(), &stored);
            self.seen = stored.last;
        }
        if self.report.is_clean() { self.writer.clear() } else { Ok(()) }
    }
}

/// Kills licmon so often, and until the log was rotated in every way. Returns how often that was.
fn kill(
    site: &Site,
    (watch, dice): (Watch, &mut Dice),
    kills: u64,
    all: &AtomicBool,
) -> anyhow::Result<u64> {
    let longest = LIVES * start_ms(site, watch)?.min(START_MS_MAX);
    let mut killed = 0;
    while killed < kills || !all.load(Ordering::Relaxed) && killed < kills + KILLS_OF_ROUND {
        let mut licmon = start(site, watch)?;
        let life = Duration::from_millis(dice.below(longest));
        let ended = wait::answer(life, || licmon.ended());
        if let Some(status) = ended {
            bail!("licmon ended by itself with {status}: {}", licmon.said());
        }
        licmon.kill();
        killed += 1;
    }
    Ok(killed)
}

/// How long it takes licmon to start here and now.
fn start_ms(site: &Site, watch: Watch) -> anyhow::Result<u64> {
    let began_ns = now_ns();
    let mut licmon = start(site, watch)?;
    let is_there = || UnixStream::connect(site.socket()).ok();
    wait::answer(QUIET, is_there)
        .with_context(|| format!("licmon is silent: {}", licmon.said()))?;
    licmon.kill();
    Ok((now_ns() - began_ns) / 1_000_000 + 1)
}

fn start(site: &Site, watch: Watch) -> anyhow::Result<Process> {
    let mut serve = site.licmon(&["serve"]);
    if watch == Watch::Poll {
        serve = unwatched(&serve);
    }
    Process::start("licmon", &mut serve, &site.path("licmon.said"))
}

/// The same in a user namespace of its own, in which nobody may watch anything.
fn unwatched(serve: &Command) -> Command {
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"";
    let mut alone = command("unshare");
    alone.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
    alone.arg(serve.get_program()).args(serve.get_args()).stdin(Stdio::null());
    alone
}

/// Whether a program can be kept from watching here.
#[must_use]
pub fn can_unwatch() -> bool {
    let done = unwatched(&command("true")).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

/// A folder that shows another, whose changes the kernel does not tell.
#[derive(Debug)]
struct Mount(PathBuf);

impl Mount {
    fn of(folder: &Path, at: &Path) -> anyhow::Result<Self> {
        fs::create_dir(at)?;
        let bindfs = command("bindfs").arg(folder).arg(at).status();
        let status = bindfs.context("run bindfs: install the package bindfs")?;
        if !status.success() {
            bail!("bindfs ended with {status}: is there a /dev/fuse, and may this user mount?");
        }
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // It fails where it was unmounted already.
        let _ = command("fusermount").arg("-u").arg(&self.0).status();
    }
}
