//! Any system call may fail: one of each is made to, while licmon reads a log. It may go on or end, but not hang; and the next licmon
//! stores every line once.

use std::{collections::HashSet, fmt, fs, time::Duration};

use lic_protocol::paths;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    Watch,
    check::{self, Stored},
    report::Finding,
    start,
    writer::{Life, line},
};
use crate::{
    dice::Dice,
    process::Process,
    programs::command,
    site::{Site, append},
    wait,
};

/// Calls that are made to fail. Source: strace(1), `inject`.
const CALLS: [&str; 18] = [
    "pwrite64",
    "write",
    "read",
    "pread64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "openat",
    "renameat",
    "unlinkat",
    "mmap",
    "fcntl",
    "accept4",
    "connect",
    "clone3",
    "fstat",
    "newfstatat",
    "unlink",
];
/// What they say.
const ERRORS: [&str; 8] =
    ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENOMEM", "EINTR", "EAGAIN"];
/// Lines before licmon starts, and while it runs.
const LINES: u64 = 150;
/// How long licmon has until everything is stored, or it has ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// Leaves its number, and becomes the program.
const NAMED: &str = r#"echo $$ >"$0"; exec "$@""#;

/// How much of it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Options {
    /// Of every choice, so that they are made again.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only so many of the 144 cases, drawn.
    #[arg(long, default_value_t = 144)]
    pub cases: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    cases: usize,
    went_on: usize,
    ended: usize,
    /// Everything that is wrong.
    pub findings: Vec<String>,
}

/// Lets every call fail in every way, once each.
///
/// # Errors
/// When strace cannot be run.
pub fn faults(options: Options) -> anyhow::Result<Report> {
    let mut dice = Dice::new(options.seed);
    let mut cases: Vec<(&str, &str)> =
        CALLS.iter().flat_map(|call| ERRORS.iter().map(move |error| (*call, *error))).collect();
    let mut report = Report::default();
    while report.cases < options.cases && !cases.is_empty() {
        let (call, error) = cases.swap_remove(dice.pick(cases.len()));
        // The first calls of a process are those of its loader, which is not ours.
        let when = dice.between(3, 60);
        report.cases += 1;
        report.one(call, error, when)?;
    }
    Ok(report)
}

impl Report {
    fn one(&mut self, call: &str, error: &str, when: u64) -> anyhow::Result<()> {
        let site = Site::with_log("[monitor]\nscan = \"100ms\"\n");
        let history = site.state().join(paths::HISTORY_DB);
        let log = site.logs().join("LicenseServer20250101000000.log");
        let mut life = Life { name: "LicenseServer".to_owned(), ..Life::default() };
        let mut end = 0;
        let mut write = |from: u64| {
            for number in from..from + LINES {
                let text = line(number);
                life.lines.push((number, end, end + text.len() as u64));
                end += text.len() as u64;
                append(&log, text.as_bytes());
            }
        };
        write(1);
        let pid = site.path("pid");
        let inject = format!("inject={call}:error={error}:when={when}");
        let mut strace = command("strace");
        strace.args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
            "-e",
            &inject,
        ]);
        let serve = site.licmon(&["serve"]);
        strace.args(["sh", "-c", NAMED]).arg(&pid).arg(serve.get_program()).args(serve.get_args());
        let mut traced = Process::start("strace", &mut strace, &site.path("licmon.said"))?;
        let is_stored =
            || Stored::read(&history, 0).is_ok_and(|stored| stored.lines.len() as u64 >= LINES);
        let _ = wait::answer(PATIENCE, || (traced.ended().is_some() || is_stored()).then_some(()));
        write(LINES + 1);
        let all = || {
            check::findings(&[&life], &HashSet::new(), &Stored::read(&history, 0)?)
                .first()
                .map_or(Ok(None), |f| Ok(Some(f.clone())))
        };
        let done =
            |found: anyhow::Result<Option<Finding>>| found.is_ok_and(|found| found.is_none());
        let what = format!("{call} fails with {error} at its call {when}");
        let went =
            wait::answer(PATIENCE, || (traced.ended().is_some() || done(all())).then_some(()));
        match (traced.ended(), went) {
            (Some(status), _) if status.success() => {
                self.findings.push(format!("{what}: it ended as if all was well"));
            }
            (Some(_), _) => self.ended += 1,
            (None, Some(())) => self.went_on += 1,
            (None, None) => self.findings.push(format!("{what}: it hangs: {}", site.licmon_said())),
        }
        let number = fs::read_to_string(&pid).ok().and_then(|pid| pid.trim().parse().ok());
        if let Some(number) = number.filter(|_| traced.ended().is_none()) {
            // It may end in between.
            let _ = kill(Pid::from_raw(number), Signal::SIGKILL);
        }
        let _ = wait::answer(PATIENCE, || traced.ended());
        let mut licmon = start(&site, Watch::Inotify)?;
        if wait::answer(PATIENCE * 2, || done(all()).then_some(())).is_none() {
            self.findings.push(format!("{what}: then {:?}: {}", all(), site.licmon_said()));
        }
        licmon.kill();
        Ok(())
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, went_on, ended, findings } = self;
        writeln!(
            f,
            "{cases:>9} system calls failed: licmon went on {went_on} times, and ended {ended} times"
        )?;
        writeln!(f, "{:>9} hung, lied, or lost something", findings.len())?;
        findings.iter().try_for_each(|finding| writeln!(f, "          - {finding}"))?;
        f.write_str(if self.is_clean() { "clean" } else { "not clean" })
    }
}
