//! What is asked on the seat socket and is not about seats: importing a log, making live again. One at a time, on its own thread.

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context, anyhow, bail};
use jiff::{Timestamp, tz::TimeZone};
use lic_parse::{LicenseSystem, registry};
use lic_protocol::{
    name::ServerName,
    wire::{Import, Refusal, Reply, Request},
};
use lic_store::checkpoint::Checkpoint;
use tracing::{info, warn};

use crate::{
    exchange::{self, EXPORT},
    pipe::EventSink,
    server::config::{Act, OnAct},
    sources::{encoding::Encoding, import, logfile::LogOf},
};

/// Acts that may wait for their turn.
const ACTS_MAX: usize = 8;

/// The thread that does acts.
pub struct Acts {
    taker: SyncSender<Act>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Acts {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(
        sink: EventSink,
        clock: fn() -> Timestamp,
        systems: HashMap<ServerName, (Arc<dyn LicenseSystem>, Encoding)>,
    ) -> anyhow::Result<Self> {
        let (taker, acts) = sync_channel(ACTS_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let doer = Doer { sink, clock, systems, stop: stop.clone() };
        let thread = thread::Builder::new().name("acts".to_owned());
        let thread = thread.spawn(move || doer.run(&acts)).context("start the acts")?;
        Ok(Self { taker, stop, thread })
    }

    /// Takes acts from the seat server without making it wait.
    #[must_use]
    pub fn taker(&self) -> OnAct {
        let taker = self.taker.clone();
        Box::new(move |act| {
            if let Err(refused) = taker.try_send(act) {
                let (std::sync::mpsc::TrySendError::Full(act)
                | std::sync::mpsc::TrySendError::Disconnected(act)) = refused;
                let text = "too much is asked at once, or licmon is stopping".to_owned();
                answer(act, &Reply::Refused { refusal: Refusal::QueueFull, text });
            }
        })
    }

    /// Stops after the batch that is being read. The seat server's taker must be gone, or go.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.taker);
        // It may wait for acts that the seat server could still send; it ends with the program.
        if self.thread.is_finished() {
            drop(self.thread.join());
        }
    }
}

struct Doer {
    sink: EventSink,
    systems: HashMap<ServerName, (Arc<dyn LicenseSystem>, Encoding)>,
    clock: fn() -> Timestamp,
    stop: Arc<AtomicBool>,
}

impl Doer {
    fn run(self, acts: &Receiver<Act>) {
        while let Ok(act) = acts.recv() {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let mut connection = UnixStream::from(act.connection);
            let done = match act.request {
                Request::Import(wanted) => {
                    let file = act.file.map(File::from);
                    self.import(&wanted, file, act.uid, &mut connection)
                }
                Request::Rebuild => self.rebuild(act.uid),
                Request::Acquire(_)
                | Request::Explain(_)
                | Request::Outcome(_)
                | Request::Denied(_)
                | Request::Release { .. } => Err(anyhow!("seats are asked of the seat server")),
            };
            let reply = match done {
                Ok(text) => Reply::Done { text },
                Err(error) => Reply::Failed { text: format!("{error:#}") },
            };
            tell(&mut connection, &reply);
        }
    }

    fn import(
        &self,
        wanted: &Import,
        file: Option<File>,
        uid: u32,
        connection: &mut UnixStream,
    ) -> anyhow::Result<String> {
        if wanted.system == EXPORT {
            return self.exchange(wanted, file, uid, connection);
        }
        let server = ServerName::from(wanted.server.as_str());
        let configured = self.systems.get(&server);
        let configured = configured.filter(|(system, _)| system.name() == wanted.system).cloned();
        let of_name = || Some((registry::license_system(&wanted.system)?, Encoding::Bytes));
        let Some((system, encoding)) = configured.or_else(of_name) else {
            bail!("no server {server} of the license system {} is configured", wanted.system);
        };
        let zone = TimeZone::get(&wanted.zone).context("read the zone")?;
        let file = file.context("no file came with the request")?;
        info!(user.uid = uid, "importing {} into {server}", wanted.path);
        let of = LogOf { server: server.clone(), system, zone, encoding };
        let known = know(&self.sink, server, wanted.system.clone())?;
        let path = Path::new(&wanted.path);
        let mut told = 0;
        let imported = import::import(&of, file, path, &known, &self.sink, self.clock, |share| {
            if share.percent() != told {
                told = share.percent();
                let text = format!("{}: {share}", wanted.path);
                tell(connection, &Reply::Progress { text });
            }
            !self.stop.load(Ordering::Relaxed)
        })?;
        Ok(imported.sentence(&wanted.path))
    }

    fn exchange(
        &self,
        wanted: &Import,
        file: Option<File>,
        uid: u32,
        connection: &mut UnixStream,
    ) -> anyhow::Result<String> {
        let file = file.context("no file came with the request")?;
        info!(user.uid = uid, "importing {}, which licmon exported", wanted.path);
        let machine = ServerName::from(wanted.server.as_str());
        let machine = Some(&machine).filter(|machine| !machine.as_str().is_empty());
        let read = exchange::read(file, machine, &self.sink, |lines| {
            let text = format!("{}: {lines} events", wanted.path);
            tell(connection, &Reply::Progress { text });
            !self.stop.load(Ordering::Relaxed)
        });
        let path = &wanted.path;
        Ok(read.with_context(|| format!("read {path}"))?.sentence(path))
    }

    fn rebuild(&self, uid: u32) -> anyhow::Result<String> {
        info!(user.uid = uid, "making the live database again");
        let (done, records) = sync_channel(1);
        let act = move |writer: &mut lic_store::writer::Writer| {
            let records = writer.rebuild()?;
            let _ = done.send(records);
            Ok(())
        };
        self.sink.act(act).map_err(|_| anyhow!("licmon is stopping"))?;
        let records = records.recv().context("the live database could not be made again")?;
        Ok(rebuilt(records))
    }
}

/// The story of a rebuild for people.
#[must_use]
pub fn rebuilt(records: i64) -> String {
    format!("the live database was made again from {records} records of history")
}

/// Makes a server known to the store, and asks how far its files were read.
///
/// # Errors
/// When there is no writer any more.
pub fn know(
    sink: &EventSink,
    server: ServerName,
    system: String,
) -> anyhow::Result<Vec<Checkpoint>> {
    let (done, checkpoints) = sync_channel(1);
    let act = move |writer: &mut lic_store::writer::Writer| {
        writer.know_server(&server, &system)?;
        drop(done.send(writer.checkpoints(&server)?));
        Ok(())
    };
    sink.act(act).map_err(|_| anyhow!("licmon is stopping"))?;
    checkpoints.recv().context("the databases do not answer")
}

fn answer(act: Act, reply: &Reply) {
    tell(&mut UnixStream::from(act.connection), reply);
}

fn tell(connection: &mut UnixStream, reply: &Reply) {
    if let Err(error) = connection.write_all(reply.encode().as_bytes()) {
        // Whoever asked went away; what was asked is done all the same.
        warn!("answer an act: {error}");
    }
}
