//! The socket wrappers speak to: one thread, one loop, no locks. Whatever happens to a seat happens between two waits.
//!
//! A request is read, [`lic_admission`] decides, and the reply goes out on the connection it came by. Nothing here waits for
//! a client. A seat is held by a descriptor of its process, which the kernel makes readable when the process ends.

mod act;
mod adopt;
mod checkin;
mod checkout;
pub mod config;
mod connection;
pub(crate) mod cores;
mod deadlines;
mod denials;
mod door;
pub(crate) mod exit_info;
mod explain;
mod facts;
mod grant;
pub(crate) mod held;
mod hours;
mod linger;
mod nested;
mod outbox;
mod outcome;
mod passed_over;
pub(crate) mod peer;
pub(crate) mod processes;
pub mod record;
mod release;
mod reload;
mod runtime;
pub mod socket;
mod spool;
pub mod token;
mod watch;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    os::fd::{AsFd, OwnedFd},
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use lic_admission::{Admission, LeaseId, Ticket, asker::Asker};
use lic_protocol::{
    name::HostName,
    time::to_millisecond,
    wire::{Refusal, Reply, Request},
};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use tracing::{debug, error, info};

use crate::{
    pipe::EventSink,
    server::{
        act::may_act,
        config::{Alive, OnAct, Past, SeatServerConfig, ToolConfig},
        connection::{Arrived, Connection, Connections},
        denials::Denials,
        outbox::Outbox,
        peer::Users,
        processes::Processes,
        record::{Ending, Record},
        runtime::Runtime,
        spool::Spool,
        token::SeatFolder,
        watch::{Deadline, Watched},
    },
};

/// Until when a request must be whole, after the connection was accepted.
pub const REQUEST_S_MAX: u64 = 2;
/// Most connections at once, waiters included; a quarter of the descriptors we may have, where that is less.
pub const CONNECTIONS_MAX: usize = 8192;
/// Most connections of one user: a job array that waits is many, and nobody may take them all.
pub const CONNECTIONS_PER_UID_MAX: usize = 2048;
/// Most leases of one user, so that unlimited tools do not take every descriptor.
pub const LEASES_PER_UID_MAX: usize = 16_384;
/// How long a waiter's place is kept after a restart.
pub const TICKET_S_MAX: u64 = 30;
/// How long an act's reply may take to be written.
pub const ACT_WRITE_S_MAX: u64 = 2;
/// Connections accepted before the loop looks at its seats again.
const ACCEPTS_PER_TURN_MAX: usize = 256;
/// Descriptors that one wait of the loop reports.
const READY_MAX: usize = 256;
/// How long no connection is accepted after there was no descriptor for one.
const ACCEPT_PAUSE_MS: u64 = 100;
/// How long a stop waits for requests of connections that were accepted: whoever has come in is answered.
const STOP_GRACE_MS: u64 = 1000;
/// How often waiters that were passed over are looked at.
const PASSED_OVER_MS: u64 = 200;
/// How often records whose end was committed are looked for while nothing else happens.
const SWEEP_MS: u64 = 200;
/// How long the end of a supervised tool waits to be told with its outcome.
const OUTCOME_MS_MAX: u64 = 2000;
/// How long the end of a tool waits for its parent to ask how it ended, which is when the kernel tells us too.
const REAPED_MS_MAX: u64 = 500;
/// Most ends that wait so; each has a descriptor. The others are told at once, without how the tool ended.
const UNREPORTED_MAX: usize = 1024;
/// How often denials are looked at that were counted, to be told in one.
const DENIALS_S: u64 = 10;
/// How often runs are looked for that were not counted when they began.
const SPOOL_S: u64 = 3;

/// Gives out seats. Made by [`SeatServer::open`], consumed by [`SeatServer::run`].
pub struct SeatServer {
    epoll: Epoll,
    listener: OwnedFd,
    seats: SeatFolder,
    runtime: Runtime,
    reloads: Receiver<Vec<ToolConfig>>,
    reload: OwnedFd,
    host: HostName,
    boot_id: String,
    on_act: OnAct,
    past: Past,
    clock: Box<dyn Fn() -> Timestamp + Send>,
    admission: Admission,
    connections: Connections,
    connections_max: usize,
    /// In boxes, because the table has more room than leases.
    leases: BTreeMap<LeaseId, Box<Lease>>,
    /// Leases that ended, and nobody knows yet how their tool did: their seats are free, and their end is written down.
    unreported: BTreeMap<LeaseId, Unreported>,
    waiters: BTreeMap<Ticket, Waiter>,
    /// Waiters whose process was stopped when their turn came.
    passed_over: BTreeSet<Ticket>,
    deadlines: BinaryHeap<Reverse<(Instant, Deadline)>>,
    processes: Processes,
    users: Users,
    denials: Denials,
    outbox: Outbox,
    last_connection: u64,
    is_paused: bool,
    /// Until when requests are still read; `None` unless we were told to stop.
    stops_at: Option<Instant>,
    /// Whether those who wait are looked at again by the clock.
    looks_at_hours: bool,
    lingering: linger::Teller,
    spool: Option<Spool>,
    alive: Option<Alive>,
}

/// Seats held.
#[derive(Debug)]
struct Lease {
    record: Record,
    /// Readable when the process ends, and watched for that; `None` once it has, and the seats are held by its token.
    pidfd: Option<OwnedFd>,
    /// Its process once that has ended, to ask how; hung up when its parent has asked, and watched for that.
    ended: Option<OwnedFd>,
    /// Where the seats are held as long as any process has its token: hung up when none has.
    token: Option<OwnedFd>,
}

/// An end that is not told yet.
#[derive(Debug)]
struct Unreported {
    record: Record,
    ending: Ending,
    /// The process that has ended.
    ended: Option<OwnedFd>,
}

/// A place in the queue.
#[derive(Debug)]
struct Waiter {
    record: Record,
    /// Its connection; `None` while it is expected back after a restart.
    connection: Option<u64>,
    /// Readable when the process ends that is expected back.
    pidfd: Option<OwnedFd>,
}

impl SeatServer {
    /// Makes the runtime folder ready, takes over the seats of the monitor before this one, and listens.
    ///
    /// # Errors
    /// When another monitor listens, or the folder cannot be used.
    pub fn open(
        config: SeatServerConfig,
        sink: EventSink,
        now: impl Fn() -> Timestamp + Send + 'static,
    ) -> anyhow::Result<Self> {
        let descriptors_max = runtime::raise_descriptors_max()?;
        let runtime = Runtime::prepare(&config.runtime)?;
        // First of all: if another monitor lives, the folder is its own.
        let listener = match config.listener {
            Some(listener) => listener,
            None => socket::listener(&runtime.socket())?,
        };
        rustix::io::ioctl_fionbio(&listener, true).context("prepare the socket")?;
        let spool = config.spool.map(Spool::open).transpose()?;
        runtime.write_tools(&config.tools, spool.as_ref().map(Spool::path))?;
        let tools = config.tools.into_iter().map(|tool| (tool.name, tool.tool));
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("make the event loop")?;
        let mut server = Self {
            epoll,
            listener,
            seats: SeatFolder::new(runtime.seats()),
            runtime,
            reloads: config.reloads,
            reload: config.reload,
            host: config.host,
            boot_id: peer::boot_id().context("read the boot id")?,
            on_act: config.on_act,
            past: config.past,
            clock: Box::new(now),
            admission: Admission::new(tools),
            connections: Connections::default(),
            connections_max: CONNECTIONS_MAX.min(descriptors_max / 4),
            leases: BTreeMap::new(),
            unreported: BTreeMap::new(),
            waiters: BTreeMap::new(),
            passed_over: BTreeSet::new(),
            deadlines: BinaryHeap::new(),
            processes: Processes::of_this_kernel(),
            users: Users::default(),
            denials: Denials::default(),
            outbox: Outbox::new(sink),
            last_connection: 0,
            is_paused: false,
            stops_at: None,
            looks_at_hours: false,
            lingering: linger::Teller::default(),
            spool,
            alive: config.alive,
        };
        let now = (server.clock)();
        server.adopt(config.last_alive, &config.believed, now)?;
        server.take_up_runs(now);
        server.tell_alive();
        server.look_at_processes();
        server.watch(&server.reload, Watched::Reload, EpollFlags::EPOLLIN)?;
        server.watch(&server.listener, Watched::Listener, EpollFlags::EPOLLIN)?;
        Ok(server)
    }

    /// Serves until `stop` is readable or its other end is closed. Seats held then stay held, and waiters keep their places
    /// for the next monitor.
    ///
    /// # Errors
    /// When the event loop fails, or events can be recorded no more.
    #[expect(clippy::needless_pass_by_value, reason = "the end that stops it is its own")]
    pub fn run(mut self, stop: OwnedFd) -> anyhow::Result<()> {
        self.watch(&stop, Watched::Stop, EpollFlags::EPOLLIN)?;
        let mut ready = [EpollEvent::empty(); READY_MAX];
        loop {
            self.send_events()?;
            let count = match self.epoll.wait(&mut ready, self.timeout()) {
                Ok(count) => count,
                Err(nix::Error::EINTR) => 0,
                Err(errno) => return Err(errno).context("wait for seats"),
            };
            let now = (self.clock)();
            for event in &ready[..count] {
                match Watched::of(event.data()) {
                    Watched::Stop => self.stop(&stop)?,
                    Watched::Listener => self.accept(now),
                    Watched::Reload => self.reload(now),
                    Watched::Connection(id) => self.serve(id, now),
                    Watched::Process(id) => self.process_ended(id, now),
                    Watched::Token(id) => self.tree_ended(id, now),
                }
            }
            self.pass_deadlines(now);
            if self.has_stopped() {
                self.wait_for_no_outcome();
                self.outbox.push_at_once(self.denials.all());
                return self.send_events();
            }
        }
    }

    /// Whether everybody who was accepted has been answered since it was told to stop, or had time enough.
    fn has_stopped(&self) -> bool {
        let is_over = |end| end <= Instant::now() || !self.connections.has_unread();
        self.stops_at.is_some_and(is_over)
    }

    /// From now on nobody is accepted: who comes waits in the backlog for the next monitor, if a service manager keeps it.
    fn stop(&mut self, stop: &OwnedFd) -> anyhow::Result<()> {
        info!("{} seats stay held, {} wait", self.leases.len(), self.waiters.len());
        self.epoll.delete(stop).context("stop")?;
        match self.epoll.delete(&self.listener) {
            // Not watched while there is no descriptor for a connection.
            Ok(()) | Err(nix::Error::ENOENT) => {}
            Err(errno) => return Err(errno).context("stop accepting"),
        }
        let grace = Duration::from_millis(STOP_GRACE_MS);
        self.stops_at = Some(Instant::now() + grace);
        self.set_deadline(grace, Deadline::Stop);
        Ok(())
    }

    fn send_events(&mut self) -> anyhow::Result<()> {
        self.outbox.remove_committed(&self.seats);
        let now = (self.clock)();
        self.outbox.send(now).map_err(|_closed| anyhow!("nobody records what happens to seats"))
    }

    /// Something happened on a connection: more of its request, or its end.
    fn serve(&mut self, id: u64, now: Timestamp) {
        let Some(connection) = self.connections.remove(id) else { return };
        match connection.ticket {
            // Waiters are watched for their end alone.
            Some(ticket) => self.leave(ticket, now),
            None => self.read(connection, now),
        }
    }

    fn read(&mut self, mut connection: Connection, now: Timestamp) {
        match connection.receive() {
            Arrived::Request(Ok(Request::Acquire(acquire))) => {
                self.acquire(connection, &acquire, now);
            }
            Arrived::Request(Ok(Request::Outcome(outcome))) => {
                self.take_outcome(&connection, outcome);
            }
            Arrived::Request(Ok(Request::Denied(outcome))) => {
                self.take_denied(&connection, outcome, now);
            }
            Arrived::Request(Ok(Request::Explain(acquire))) => {
                self.explain(&connection, &acquire, now);
            }
            Arrived::Request(Ok(request)) if !may_act(&connection) => {
                debug!("refused to user {}: {request:?}", connection.peer.uid);
                let text = "only root and the user of licmon may ask this".to_owned();
                refuse(&connection, Refusal::Forbidden, text);
            }
            Arrived::Request(Ok(Request::Release { lease })) => {
                self.release(&connection, LeaseId(lease), now);
            }
            Arrived::Request(Ok(request)) => self.act(connection, request),
            Arrived::Request(Err(wrong)) => {
                refuse(&connection, Refusal::Malformed, wrong.to_string());
            }
            Arrived::Part => self.read_on_later(connection),
            Arrived::End => {}
        }
    }

    fn read_on_later(&mut self, mut connection: Connection) {
        if !connection.is_watched {
            let watched = Watched::Connection(connection.id);
            if let Err(error) = self.watch(&connection.socket, watched, EpollFlags::EPOLLIN) {
                return error!("a connection is dropped: {error:#}");
            }
            connection.is_watched = true;
            self.set_deadline(Duration::from_secs(REQUEST_S_MAX), Deadline::Request(connection.id));
        }
        self.connections.insert(connection);
    }

    /// Who asks, for admission. His groups are looked up only where a decision depends on them.
    fn asker(&mut self, record: &Record) -> Asker {
        let asks_for_groups = self.admission.asks_for_groups(record.wants());
        let groups =
            if asks_for_groups { self.users.groups(record.holder.uid) } else { Vec::new() };
        Asker {
            uid: record.holder.uid,
            user: record.holder.user.clone(),
            groups,
            host: record.host.clone(),
            project: record.project.clone(),
        }
    }

    fn watch(
        &self,
        descriptor: impl AsFd,
        watched: Watched,
        flags: EpollFlags,
    ) -> anyhow::Result<()> {
        self.epoll
            .add(descriptor, EpollEvent::new(flags, watched.bits()))
            .with_context(|| format!("watch {watched:?}"))
    }
}

/// Answers no, and closes. Nobody minds if the other end is gone.
fn refuse(connection: &Connection, refusal: Refusal, text: String) {
    if let Err(errno) = connection.send(&Reply::Refused { refusal, text }) {
        debug!("a refusal was not read: {errno}");
    }
}

/// The clock as events carry it.
fn stamp(now: Timestamp) -> Timestamp {
    to_millisecond(now)
}
