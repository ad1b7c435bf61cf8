//! What goes wrong: processes that are killed, or stopped for a while, at moments that are drawn.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{
    clients::{Doing, Table},
    journal::now_ns,
};
use crate::{dice::Dice, site::Site, wait};

/// Longest pause between two faults.
const PAUSE_MS_MAX: u64 = 25;
/// Longest that a process is stopped as a rule.
const STOP_MS_MAX: u64 = 300;
/// How long licmon is stopped now and then: longer than licwrap waits for an answer.
const LONG_STOP_MS: u64 = 2_300;

/// So many tools run, and more, when licmon is killed: drawn from below this.
const BUSY_MAX: usize = 14;
/// How long that is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Longest time without faults after it was started again.
const CALM_MS_MAX: u64 = 500;

/// Whom it hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// A process of a client.
    Client(Doing),
    /// licmon.
    Monitor,
}

/// Faults, from round to round.
#[derive(Debug)]
pub struct Faults {
    dice: Dice,
    /// Who was killed how often.
    pub kills: BTreeMap<Victim, u64>,
    /// Who was stopped how often.
    pub stops: BTreeMap<Victim, u64>,
    /// Each of them with its time, for people.
    pub told: Vec<String>,
    stopped: Vec<(Instant, Option<(u64, u64)>)>,
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(Doing::Asks) => "licwrap",
            Self::Client(Doing::Runs) => "tool",
            Self::Client(Doing::Supervises) => "supervisor",
            Self::Monitor => "licmon",
        })
    }
}

impl Faults {
    /// None yet; chance comes from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (kills, stops) = (BTreeMap::new(), BTreeMap::new());
        Self { dice: Dice::new(seed), kills, stops, told: Vec::new(), stopped: Vec::new() }
    }

    /// So many kills, and stops between them. Whoever was stopped goes on at the end.
    pub fn inject(&mut self, kills: u64, site: &mut Site, table: &Table) {
        let mut done = 0;
        while done < kills {
            let pause = Duration::from_millis(self.dice.below(PAUSE_MS_MAX));
            let _ = wait::answer(pause, || None::<()>);
            self.let_go_on(Instant::now(), site, table);
            if self.dice.percent(20) {
                self.stop(site, table);
            } else if self.kill(site, table) {
                done += 1;
            }
        }
        self.let_all_go_on(site, table);
    }

    fn kill(&mut self, site: &mut Site, table: &Table) -> bool {
        let victim = match self.dice.below(100) {
            0..35 => Victim::Client(Doing::Asks),
            35..89 => Victim::Client(Doing::Runs),
            89..95 => Victim::Client(Doing::Supervises),
            _ => Victim::Monitor,
        };
        let Victim::Client(doing) = victim else {
            self.kill_monitor(site, table);
            return true;
        };
        let Some((client, run)) = self.one(table, |found| found == doing) else { return false };
        self.tell("kill", victim, Some(run));
        let is_killed = table.signal(client, run, Signal::SIGKILL);
        *self.kills.entry(victim).or_default() += u64::from(is_killed);
        is_killed
    }

    /// As a rule while many tools run, and then leaves them alone for a while: the next licmon must find their seats again, and
    /// give no other than are free.
    fn kill_monitor(&mut self, site: &mut Site, table: &Table) {
        let busy = self.dice.pick(BUSY_MAX);
        let running = || table.all().iter().filter(|(_, _, doing)| *doing == Doing::Runs).count();
        let _ = wait::answer(BUSY_WAIT, || (running() >= busy).then_some(()));
        self.tell("kill", Victim::Monitor, None);
        site.kill_licmon();
        self.stopped.retain(|(_, client)| client.is_some());
        site.start_licmon();
        *self.kills.entry(Victim::Monitor).or_default() += 1;
        let calm = Duration::from_millis(self.dice.below(CALM_MS_MAX));
        let _ = wait::answer(calm, || {
            self.let_go_on(Instant::now(), site, table);
            None::<()>
        });
    }

    fn stop(&mut self, site: &mut Site, table: &Table) {
        let for_ms = self.dice.between(5, STOP_MS_MAX);
        if self.dice.percent(15) {
            let for_ms = if self.dice.percent(4) { LONG_STOP_MS } else { for_ms };
            self.tell("stop", Victim::Monitor, None);
            site.signal_licmon(Signal::SIGSTOP);
            *self.stops.entry(Victim::Monitor).or_default() += 1;
            return self.stopped.push((Instant::now() + Duration::from_millis(for_ms), None));
        }
        let all = table.all();
        if all.is_empty() {
            return;
        }
        let (client, entry, doing) = &all[self.dice.pick(all.len())];
        let (victim, whom) = (Victim::Client(*doing), (*client, entry.run));
        self.tell("stop", victim, Some(entry.run));
        if table.signal(*client, entry.run, Signal::SIGSTOP) {
            *self.stops.entry(victim).or_default() += 1;
            self.stopped.push((Instant::now() + Duration::from_millis(for_ms), Some(whom)));
        }
    }

    fn one(&mut self, table: &Table, is_one: impl Fn(Doing) -> bool) -> Option<(u64, u64)> {
        let mut all = table.all();
        all.retain(|(_, _, doing)| is_one(*doing));
        (!all.is_empty()).then(|| {
            let (client, entry, _) = &all[self.dice.pick(all.len())];
            (*client, entry.run)
        })
    }

    fn let_all_go_on(&mut self, site: &mut Site, table: &Table) {
        let latest = self.stopped.iter().map(|(until, _)| *until).max();
        self.let_go_on(latest.unwrap_or_else(Instant::now), site, table);
    }

    fn let_go_on(&mut self, now: Instant, site: &mut Site, table: &Table) {
        let over = self.stopped.extract_if(.., |(until, _)| *until <= now);
        for (_, client) in over {
            match client {
                Some((client, run)) => drop(table.signal(client, run, Signal::SIGCONT)),
                None => site.signal_licmon(Signal::SIGCONT),
            }
        }
    }

    fn tell(&mut self, what: &str, victim: Victim, run: Option<u64>) {
        let run = run.map(|run| format!(" run {run}")).unwrap_or_default();
        self.told.push(format!("{} {what} {victim}{run}", now_ns()));
    }
}
