//! License servers that are asked for their state: one thread for each, so that none waits for another. A thread runs the command
//! of its server, has its answer read, and sends what it says into the pipe.

pub mod ask;
pub mod kept;
pub mod plan;
pub mod replay;

mod ended;

use std::{
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use lic_parse::status::{self, Answer, StatusFormat};
use lic_protocol::{name::ServerName, snapshot::Snapshot, view::ServerState};
use lic_store::polled::Polled;
use tracing::{info, warn};

use self::{
    ask::{Ask, Told},
    kept::Kept,
    plan::Plan,
};
use crate::pipe::{Closed, EventSink};

/// A license server that is asked.
#[derive(Clone)]
pub struct PolledServer {
    /// Its name.
    pub name: ServerName,
    /// Its license system.
    pub system: String,
    /// The zone of the times in its answers.
    pub zone: TimeZone,
    /// The name of that zone.
    pub zone_name: String,
    /// The program, and what it is given.
    pub command: Vec<String>,
    /// How often it is asked.
    pub every: Duration,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// What its answers may be written in.
    pub formats: Vec<Arc<dyn StatusFormat>>,
}

/// Asks one license server.
pub struct Poller {
    server: PolledServer,
    sink: EventSink,
    clock: fn() -> Timestamp,
    kept: Kept,
    state: Option<ServerState>,
    is_keeping: bool,
}

impl Poller {
    /// Keeps the answers as they are below `raw`.
    #[must_use]
    pub fn new(
        server: PolledServer,
        sink: EventSink,
        clock: fn() -> Timestamp,
        raw: &Path,
    ) -> Self {
        let kept = Kept::new(raw, &server.name);
        Self { server, sink, clock, kept, state: None, is_keeping: true }
    }

    /// Asks until the other end of `stop` is gone, or nobody records any more.
    pub fn run(mut self, stop: &Receiver<()>) {
        let mut plan = Plan::new(self.server.every, &self.server.name);
        let mut due = Instant::now() + plan.first();
        while let Err(RecvTimeoutError::Timeout) =
            stop.recv_timeout(due.saturating_duration_since(Instant::now()))
        {
            let asked = Instant::now();
            let Ok(state) = self.ask(stop) else { return };
            due = asked + plan.next(state);
        }
    }

    fn ask(&mut self, stop: &Receiver<()>) -> Result<ServerState, Closed> {
        let asked_at = (self.clock)();
        let ask = Ask { command: &self.server.command, timeout: self.server.timeout };
        let told =
            ask.run(|| matches!(stop.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)));
        let snapshot = read(&self.server, asked_at, &told);
        self.keep(asked_at, &told);
        self.say(&snapshot);
        let state = snapshot.state;
        let is_answer = matches!(state, ServerState::Up | ServerState::Degraded);
        let response_ms = is_answer.then_some(told.took.as_secs_f64() * 1000.0);
        let polled = Polled { server: self.server.name.clone(), asked_at, response_ms, snapshot };
        self.sink.act(move |writer| writer.set_polled(&polled))?;
        Ok(state)
    }

    /// What cannot be kept is told once, and does not keep us from asking.
    fn keep(&mut self, asked_at: Timestamp, told: &Told) {
        let kept = self.kept.add(asked_at, told);
        if let (Err(error), true) = (&kept, self.is_keeping) {
            warn!("answers of license server {} are not kept: {error:#}", self.server.name);
        }
        self.is_keeping = kept.is_ok();
    }

    /// Tells the log what changed.
    fn say(&mut self, snapshot: &Snapshot) {
        if self.state.replace(snapshot.state) == Some(snapshot.state) {
            return;
        }
        let (name, state) = (&self.server.name, snapshot.state);
        match &snapshot.error {
            Some(error) => warn!("license server {name} is {state}: {error}"),
            None => info!("license server {name} is {state}"),
        }
    }
}

/// What an answer says: its text first, then how its program ended.
#[must_use]
pub fn read(server: &PolledServer, asked_at: Timestamp, told: &Told) -> Snapshot {
    let unread = |why: String| Snapshot { error: Some(why), ..Snapshot::default() };
    if !told.ended.is_whole() {
        // A part of an answer would say that the rest is not there.
        return unread(told.ended.to_string());
    }
    let answer = Answer { text: &told.text, zone: &server.zone, asked: Some(asked_at) };
    let Some((_, mut snapshot)) = status::best(&server.formats, &answer) else {
        return unread("no format to read the answer with".to_owned());
    };
    if snapshot.state == ServerState::Unknown && !told.ended.is_success() {
        let why = snapshot.error.take().unwrap_or_default();
        snapshot.error = Some(format!("{}: {why}", told.ended));
    }
    snapshot
}
