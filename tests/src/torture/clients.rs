//! Those who start runs: each starts licwrap again and again, and waits for its end. A process is signalled only while it is in
//! the table, and only reaped once it is out of it, so a signal never reaches another process of the same number.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Stdio},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};

use super::{check::Run, hold, journal::now_ns, plan::Plan};
use crate::{dice::Dice, programs::command, wait};

/// Runs of one client are numbered from its number times this.
const RUNS_OF_CLIENT: u64 = 10_000_000;
/// Longest rest of a client between two runs.
const REST_MS_MAX: u64 = 20;

/// What each client needs to know.
#[derive(Debug)]
pub struct Place {
    /// The wrapper, where every user can run it.
    pub licwrap: PathBuf,
    /// The tool, likewise.
    pub tool: PathBuf,
    /// licmon's socket.
    pub socket: PathBuf,
    /// The folder in which tools tell.
    pub journal: PathBuf,
    /// Who runs: the number of each user.
    pub users: Vec<u32>,
}

/// One client, from round to round.
#[derive(Debug)]
pub struct Client {
    number: u64,
    dice: Dice,
    last: u64,
    /// What it started, and what became of it.
    pub runs: BTreeMap<u64, Run>,
}

/// A process that can be signalled.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The run.
    pub run: u64,
    pid: i32,
    is_supervised: bool,
    killed_ns: Option<u64>,
}

/// What a process is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// licwrap asks, or waits.
    Asks,
    /// The tool runs.
    Runs,
    /// licwrap stays as parent of the tool.
    Supervises,
}

/// The process of every client that has one, by the client's number.
#[derive(Debug, Default)]
pub struct Table(Mutex<BTreeMap<u64, Entry>>);

impl Client {
    /// A client that has run nothing; its chance comes from the seed and its number.
    #[must_use]
    pub fn new(number: u64, seed: u64) -> Self {
        let dice = Dice::new(seed ^ (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self { number, dice, last: number * RUNS_OF_CLIENT, runs: BTreeMap::new() }
    }

    /// Runs what it draws until told to stop.
    ///
    /// # Errors
    /// When a run cannot be started.
    pub fn go_on(&mut self, place: &Place, table: &Table, stop: &AtomicBool) -> anyhow::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let plan = Plan::draw(&mut self.dice);
            let user = self.dice.pick(place.users.len());
            self.run(&plan, user, place, table)?;
            let rest = Duration::from_millis(self.dice.below(REST_MS_MAX));
            let _ = wait::answer(rest, || None::<()>);
        }
        Ok(())
    }

    /// One run, to its end. Its number is returned.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(
        &mut self,
        plan: &Plan,
        user: usize,
        place: &Place,
        table: &Table,
    ) -> anyhow::Result<u64> {
        self.last += 1;
        let run = self.last;
        let asked_ns = now_ns();
        let child = self.start(run, plan, place.users[user], place)?;
        let (killed_ns, status) = table.until_end(self.number, run, plan.is_supervised, child)?;
        let known = Run {
            user: u32::try_from(user)?,
            wants: plan.wants.clone(),
            is_supervised: plan.is_supervised,
            asked_ns,
            killed_ns,
            status,
        };
        self.runs.insert(run, known);
        Ok(run)
    }

    fn start(&self, run: u64, plan: &Plan, uid: u32, place: &Place) -> std::io::Result<Child> {
        let journal = place.journal.join(format!("{}-{uid}", self.number));
        let mut licwrap = command(&place.licwrap);
        licwrap.args(plan.options()).arg("-P").arg(run.to_string()).arg("--").arg(&place.tool);
        licwrap.args(hold::arguments(&journal, run, plan.hold));
        licwrap.env("LICWRAP_SOCKET", &place.socket).current_dir("/");
        licwrap.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if place.users.len() > 1 {
            licwrap.uid(uid).gid(uid);
        }
        licwrap.spawn()
    }
}

impl Table {
    /// Those that can be signalled, and what they do.
    pub fn all(&self) -> Vec<(u64, Entry, Doing)> {
        let entries = self.entries();
        let doing = |(client, entry): (&u64, &Entry)| Some((*client, entry.clone(), doing(entry)?));
        entries.iter().filter_map(doing).collect()
    }

    /// Whether nobody has a process.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Sends a signal to a client's process if it is still that of this run. SIGKILL is noted, with the time before it.
    pub fn signal(&self, client: u64, run: u64, signal: Signal) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&client).filter(|entry| entry.run == run) else {
            return false;
        };
        if signal == Signal::SIGKILL && entry.killed_ns.is_none() {
            entry.killed_ns = Some(now_ns());
        }
        kill(Pid::from_raw(entry.pid), signal).is_ok()
    }

    /// Waits for the end of a process that can be signalled meanwhile. When it was killed, and its exit status.
    fn until_end(
        &self,
        client: u64,
        run: u64,
        is_supervised: bool,
        mut child: Child,
    ) -> anyhow::Result<(Option<u64>, Option<i32>)> {
        let pid = i32::try_from(child.id())?;
        self.entries().insert(client, Entry { run, pid, is_supervised, killed_ns: None });
        // It stays a zombie, and its number its own, until it is out of the table.
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(Pid::from_raw(pid)), flags) == Err(Errno::EINTR) {}
        let entry = self.entries().remove(&client);
        let status = child.wait()?;
        Ok((entry.and_then(|entry| entry.killed_ns), status.code()))
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.0.lock().expect("nobody panics with the table")
    }
}

/// By the program that the kernel says it is; `None` where it has just ended.
fn doing(entry: &Entry) -> Option<Doing> {
    let program = fs::read_to_string(format!("/proc/{}/comm", entry.pid)).ok()?;
    Some(match program.trim_end() {
        "licwrap" if entry.is_supervised => Doing::Supervises,
        "licwrap" => Doing::Asks,
        _ => Doing::Runs,
    })
}
