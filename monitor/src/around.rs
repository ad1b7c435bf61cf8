//! Runs that went around the wrapper: a thread looks at the processes of this machine for those that a tool's rule fits and
//! no lease covers. They are counted, never refused, never touched.

mod facts;
pub mod fitting;
mod ledger;
mod look;
pub mod process;
pub mod rule;
mod scan;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use anyhow::Context;
use jiff::Timestamp;
use lic_protocol::{
    name::{HostName, ServerName},
    view::Source,
};
use lic_store::commit::Batch;
use tracing::{debug, info, warn};

use self::{
    ledger::{Change, Ledger, Shown},
    rule::Rule,
};
use crate::{
    pipe::{Closed, EventSink},
    server::{
        config::BelievedSession,
        held,
        peer::{self, Users},
    },
};

/// How often the processes are looked at where the configuration does not say it.
pub const EVERY_DEFAULT: Duration = Duration::from_secs(10);
/// The most often they may be: a look is some milliseconds of work.
pub const EVERY_MIN: Duration = Duration::from_millis(100);
/// What it is opened with.
pub struct AroundConfig {
    /// What the tools' processes look like.
    pub rules: Vec<Rule>,
    /// The folder of seats: leases and places are read from it.
    pub seats: PathBuf,
    /// This host's name.
    pub host: HostName,
    /// How often it looks.
    pub every: Duration,
    /// The last moment at which the monitor before this one is known to have lived.
    pub last_alive: Option<Timestamp>,
    /// The sessions it left open.
    pub believed: Vec<BelievedSession>,
}

/// What it is told.
pub enum Told {
    /// The rules are these from now on.
    Rules(Vec<Rule>),
    /// It ends. Runs stay open, for the monitor after this one.
    Stop,
}

/// Looks at processes. Made by [`Around::open`], consumed by [`Around::run`].
pub struct Around {
    rules: Vec<Rule>,
    seats: PathBuf,
    host: HostName,
    every: Duration,
    ledger: Ledger,
    /// Ends that are to be told first.
    ended: Vec<Change>,
    users: Users,
    sink: EventSink,
    clock: fn() -> Timestamp,
    /// Whether the last look failed: that is told once.
    is_blind: bool,
}

impl Around {
    /// Takes over the runs that the monitor before this one left open.
    ///
    /// # Errors
    /// When /proc is not there.
    pub fn open(
        config: AroundConfig,
        sink: EventSink,
        clock: fn() -> Timestamp,
    ) -> anyhow::Result<Self> {
        let boot_id = peer::boot_id().context("read the boot id")?;
        // It may have ended right after its last look.
        let seen = config.last_alive.and_then(|alive| alive.checked_sub(config.every).ok());
        let (ledger, ended) = Ledger::adopt(boot_id, config.believed, seen, clock());
        Ok(Self {
            rules: config.rules,
            seats: config.seats,
            host: config.host,
            every: config.every,
            ledger,
            ended,
            users: Users::default(),
            sink,
            clock,
            is_blind: false,
        })
    }

    /// Looks until it is told to stop, or nobody records what it sees.
    pub fn run(mut self, told: &Receiver<Told>) {
        let ended = std::mem::take(&mut self.ended);
        if self.tell(ended).is_err() {
            return;
        }
        loop {
            let has_work = !self.rules.is_empty() || !self.ledger.is_empty();
            if has_work && self.look().is_err() {
                return;
            }
            let next = if has_work {
                told.recv_timeout(self.every)
            } else {
                told.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(Told::Rules(rules)) => self.rules = rules,
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// One look. Where it fails nothing changes: what cannot be seen has neither begun nor ended.
    fn look(&mut self) -> Result<(), Closed> {
        let at = (self.clock)();
        match self.seen(at) {
            Ok(changes) => {
                self.is_blind = false;
                self.tell(changes)
            }
            Err(error) => {
                if !self.is_blind {
                    warn!("runs without licwrap cannot be seen: {error:#}");
                }
                self.is_blind = true;
                Ok(())
            }
        }
    }

    fn seen(&mut self, at: Timestamp) -> anyhow::Result<Vec<Change>> {
        let processes = scan::processes(&self.rules, at)?;
        let held = held::all(&self.seats);
        let held = held.with_context(|| format!("read {}", self.seats.display()))?;
        let shown = Shown { at, processes: &processes, held: &held, pipes: scan::pipes };
        let changes = self.ledger.see(&self.rules, &shown);
        debug!("looked at {} processes: {} changes", processes.len(), changes.len());
        Ok(changes)
    }

    fn tell(&mut self, changes: Vec<Change>) -> Result<(), Closed> {
        let mut events = Vec::new();
        for change in changes {
            note(&change);
            events.extend(facts::event(change, &self.host, |uid| self.users.name(uid)));
        }
        if events.is_empty() {
            return Ok(());
        }
        self.sink.send(Batch {
            server: ServerName::local(),
            source: Source::Process,
            learned_at: (self.clock)(),
            events,
            checkpoint: None,
        })
    }
}

fn note(change: &Change) {
    match change {
        Change::Began { feature, handle, uid, .. } => {
            info!("{feature} runs without licwrap: process {handle} of user {uid}");
        }
        Change::Ended { .. } => {}
        Change::TooMany { feature, runs } => {
            warn!("{runs} runs of {feature} without licwrap are not counted: they are too many");
        }
    }
}
