//! Torture of the seats of wrapped tools: real programs over a temporary site, ended and stopped at drawn moments, and a checker
//! that believes only the tools themselves and what was committed.

pub mod plan;

pub mod journal;

pub mod hold;

pub mod clients;

pub mod faults;

mod load;

pub mod history;

pub mod check;

pub mod report;

pub mod ingest;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::Context;
use lic_protocol::paths;
use nix::{
    sys::signal::Signal,
    unistd::{User, geteuid},
};

use crate::{programs::programs, site::Site, wait};
use check::{Evidence, Finding, Rule};
use clients::{Client, Place, Table};
use faults::Faults;
use journal::now_ns;
use plan::Plan;
use report::Report;

/// Kills between two times of quiet.
const KILLS_OF_ROUND: u64 = 1000;
/// How long the last runs and their traces may take to go: seats are kept for those expected back for 30 s at most.
const QUIET: Duration = Duration::from_mins(1);
/// Other users, where we may start processes in their name. Nobody has these numbers.
const OTHER_USERS: [u32; 3] = [61_001, 61_002, 61_003];

/// How much of it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Options {
    /// Processes that are ended by SIGKILL: waiting licwraps, running tools, supervisors, licmon.
    #[arg(long, default_value_t = 500)]
    pub kills: u64,
    /// Clients that start one run after another.
    #[arg(long, default_value_t = 64)]
    pub clients: u64,
    /// Of every choice, so that they are made again; taken from the clock if none is given.
    #[arg(long)]
    pub seed: Option<u64>,
}

/// Everything that runs.
#[derive(Debug)]
struct Torture {
    site: Site,
    place: Place,
    table: Table,
    faults: Faults,
    clients: Vec<Client>,
    /// Asks for all seats of each tool when it is quiet.
    prober: Client,
    report: Report,
}

/// Tortures the seats, and checks what came of it.
///
/// # Errors
/// When the site cannot be made, or what is left of it cannot be read.
pub fn seats(options: Options) -> anyhow::Result<Report> {
    let mut torture = Torture::prepare(options)?;
    let mut left = options.kills;
    while left > 0 {
        let kills = left.min(KILLS_OF_ROUND);
        left -= kills;
        torture.round(kills)?;
    }
    torture.finish()
}

impl Torture {
    fn prepare(options: Options) -> anyhow::Result<Self> {
        let seed = options.seed.unwrap_or_else(|| now_ns() % 1_000_000);
        let own = User::from_uid(geteuid())?.context("this user has no name")?.name;
        let mut site = Site::without_log(&plan::config(&own));
        site.keep();
        let place = place(&site)?;
        site.start_licmon();
        let clients = (0..options.clients).map(|number| Client::new(number, seed)).collect();
        Ok(Self {
            report: Report::new(seed, site.path("")),
            site,
            place,
            table: Table::default(),
            faults: Faults::new(seed),
            clients,
            prober: Client::new(options.clients, seed),
        })
    }

    /// Faults under load, then quiet.
    fn round(&mut self, kills: u64) -> anyhow::Result<()> {
        let (flag, table) = (AtomicBool::new(false), &self.table);
        let (site, faults, place) = (&mut self.site, &mut self.faults, &self.place);
        let (clients, report) = (&mut self.clients, &mut self.report);
        thread::scope(|scope| {
            let stop = Stop { flag: &flag, table };
            let started: Vec<_> = clients
                .iter_mut()
                .map(|client| scope.spawn(|| client.go_on(place, table, &flag)))
                .collect();
            faults.inject(kills, site, table);
            flag.store(true, Ordering::Relaxed);
            report.findings.extend(all_end(site, table));
            drop(stop);
            let ended = started.into_iter().map(|client| client.join().expect("it does not panic"));
            ended.collect::<anyhow::Result<()>>()
        })?;
        let findings = self.quiet();
        self.report.findings.extend(findings);
        self.probe()
    }

    /// H3, as far as it is seen from outside.
    fn quiet(&self) -> Option<Finding> {
        let mut left = Vec::new();
        let quiet = wait::answer(QUIET, || {
            left = self.traces().unwrap_or_else(|error| vec![format!("{error:#}")]);
            left.is_empty().then_some(())
        });
        quiet.is_none().then(|| {
            Rule::Leak.broken(format!("{QUIET:?} after the last run: {}", left.join("; ")))
        })
    }

    fn traces(&self) -> anyhow::Result<Vec<String>> {
        let mut traces = Vec::new();
        for folder in
            [self.site.path("runtime").join(paths::SEATS), self.site.state().join(paths::SPOOL)]
        {
            let entries = fs::read_dir(&folder)?.flatten();
            traces.extend(entries.map(|entry| entry.path().display().to_string()));
        }
        if traces.is_empty() {
            traces = history::live(&self.site.state().join(paths::LIVE_DB))?;
        }
        Ok(traces)
    }

    /// H7 and the other half of H3: after one more restart all seats of each tool can be had at once, by one run.
    fn probe(&mut self) -> anyhow::Result<()> {
        self.site.kill_licmon();
        self.site.start_licmon();
        for (name, pool) in plan::pools() {
            let plan = Plan::of_all(&name, pool.seats.unwrap_or(1));
            let run = self.prober.run(&plan, 0, &self.place, &self.table)?;
            let seen = journal::read(&self.place.journal)?;
            let asked_ns = self.prober.runs[&run].asked_ns;
            match seen.get(&run).and_then(|seen| seen.start) {
                Some(start) if start.lease.is_some() => {
                    let took = Duration::from_nanos(start.at_ns.saturating_sub(asked_ns));
                    self.report.slowest_probe = self.report.slowest_probe.max(took);
                    self.report.probes += 1;
                }
                _ => {
                    let text = format!(
                        "all seats of {name} are free, and run {run} got none: {:?}",
                        self.prober.runs[&run]
                    );
                    self.report.findings.push(Rule::Alive.broken(text));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Report> {
        let left = self.quiet();
        self.report.findings.extend(left);
        self.site.stop_licmon();
        let history = self.site.state().join(paths::HISTORY_DB);
        for loose in history::loose_ends(&history)? {
            self.report.findings.push(Rule::Leak.broken(loose));
        }
        let mut runs = self.prober.runs;
        self.clients.into_iter().for_each(|client| runs.extend(client.runs));
        let evidence = Evidence {
            pools: plan::pools(),
            runs,
            seen: journal::read(&self.place.journal)?,
            records: history::records(&history)?,
        };
        self.report.findings.extend(evidence.findings());
        self.report.count(&self.faults, &evidence);
        if self.report.findings.is_empty() {
            self.site.keep_no_more();
        } else {
            self.report.write_down(&self.faults, &evidence)?;
        }
        Ok(self.report)
    }
}

/// Ends the load, whatever happens in between.
struct Stop<'a> {
    flag: &'a AtomicBool,
    table: &'a Table,
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.flag.store(true, Ordering::Relaxed);
        for (client, entry, _) in self.table.all() {
            self.table.signal(client, entry.run, Signal::SIGKILL);
        }
    }
}

/// Lets those who wait have their turn. Whoever does not get it is found.
fn all_end(site: &Site, table: &Table) -> Vec<Finding> {
    if wait::answer(QUIET, || table.is_empty().then_some(())).is_some() {
        return Vec::new();
    }
    let queue = String::from_utf8(site.run_licmon(&["queue"]).stdout).unwrap_or_default();
    let stuck = |(_, entry, doing): (u64, clients::Entry, clients::Doing)| {
        Rule::Alive.broken(format!(
            "run {} {doing:?} still, {QUIET:?} after the last fault; {queue}",
            entry.run
        ))
    };
    table.all().into_iter().map(stuck).collect()
}

/// Lets other users in, if there are any: to the site, its socket, and the programs.
fn place(site: &Site) -> anyhow::Result<Place> {
    let mut users = vec![geteuid().as_raw()];
    if geteuid().is_root() {
        users.extend(OTHER_USERS);
    }
    let (journal, bin) = (site.path("journal"), site.path("bin"));
    for (folder, mode) in [
        (site.path(""), 0o755),
        (site.state(), 0o755),
        (journal.clone(), 0o1777),
        (bin.clone(), 0o755),
    ] {
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode))?;
    }
    let copy = |program: &Path| {
        let to = bin.join(program.file_name().unwrap_or_default());
        fs::copy(program, &to).with_context(|| format!("copy {}", program.display()))?;
        Ok::<_, anyhow::Error>(to)
    };
    Ok(Place {
        licwrap: copy(&programs().licwrap)?,
        tool: copy(&programs().torture)?,
        socket: site.socket(),
        journal,
        users,
    })
}
