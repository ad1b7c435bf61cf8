//! The wiring of `licmon serve`: opens the store, starts the tasks, waits for the end, and closes from the left.

mod believed;
mod past;

use std::{
    collections::HashMap,
    fs::DirBuilder,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::Path,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use lic_admission::{
    capacity::{self, Seats},
    expiry::Expiry,
};
use lic_parse::LicenseSystem;
use lic_protocol::{
    config::ConfigError,
    name::{HostName, ServerName},
    paths,
    view::Mode,
};
use lic_store::{
    configured::{Configured, ConfiguredFeature, ConfiguredServer},
    damage::histories_aside,
    read::Reader,
    writer::Writer,
};
use nix::{
    sys::resource::{Resource, getrlimit},
    sys::signal::{SigSet, Signal},
    unistd::geteuid,
};
use tracing::{error, info, warn};

use crate::{
    acts::Acts,
    around::{Around, AroundConfig, Told, rule},
    config::{Config, LogServer},
    manager,
    pipe::{EventSink, Message, pipe},
    poll::{PolledServer, Poller, kept},
    server::{
        SeatServer,
        config::{Believed, BelievedSession, SeatServerConfig, SpoolConfig, ToolConfig},
        processes,
    },
    sources::{
        encoding::Encoding,
        logfile::LogOf,
        tail::{Follower, Following, opened::OPEN_MAX, waker::Waker},
    },
    writer,
};

/// Why the program ends.
enum End {
    /// It was asked to.
    Signal(Signal),
    /// The writer or the seat server failed.
    Failed(anyhow::Error),
}

/// Runs until SIGTERM or SIGINT, or until nothing can be recorded any more.
///
/// # Errors
/// When it cannot start, or the databases cannot be written.
pub fn serve(
    config: &Config,
    load: impl Fn() -> Result<Config, ConfigError> + Send + 'static,
) -> anyhow::Result<()> {
    // Every thread inherits this mask, so that only the one that waits for signals gets them.
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    signals.thread_block().context("block signals")?;
    let listener = manager::listener(&config.place.runtime.join(paths::SEAT_SOCKET))?;
    let (ends, end) = sync_channel(4);
    let mut writer = open_writer(config)?;
    // Anybody may ask for a seat, also where no tool is configured; that is told too.
    writer.know_server(&ServerName::local(), "licwrap")?;
    let last_alive = writer.last_alive()?;
    let (unwrapped, held) = believed::believed_sessions(config)?;
    let around = around_config(config, unwrapped, last_alive);
    let believed = Believed { sessions: held, waiters: believed::believed_waiters(&writer)? };
    writer.configure(&configured(config))?;
    writer.say_where(&config.place.runtime.join(paths::SEAT_SOCKET))?;
    let followers = followers(config, &writer)?;
    if let Err(error) = processes::can_tell() {
        warn!(
            "the kernel does not tell when a process ends (pidfd_open: {error}), which Linux does since 5.3 and a container must \
             allow: those that hold seats are looked at every {} ms, and a seat is free so much later",
            processes::LOOK_MS
        );
    }
    let (sink, messages) = pipe();
    let stop_waiting = Arc::new(AtomicBool::new(false));
    let writing = start_writer(writer, messages, ends.clone(), stop_waiting.clone())?;
    let (tools, reloads) = channel();
    let (tell_around, told) = channel();
    let (reload, wake) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let configuring = Arc::new(sink.clone());
    let sink_of_reloads = Arc::downgrade(&configuring);
    let reloader = Reloader {
        load: Box::new(load),
        tools,
        wake,
        around: tell_around.clone(),
        sink: sink_of_reloads,
    };
    let acts = Acts::start(sink.clone(), clock, systems(config))?;
    let seats = SeatServer::open(
        SeatServerConfig {
            runtime: config.place.runtime.clone(),
            tools: config.tools.clone(),
            spool: Some(spool(config)),
            host: host_name(),
            listener,
            alive: manager::alive(),
            last_alive,
            believed,
            on_act: acts.taker(),
            past: past::past(Reader::open(&config.databases())?),
            reloads,
            reload,
        },
        sink.clone(),
        clock,
    )?;
    // Behind the seat server, which has counted by now what ran while no monitor did.
    let around = Around::open(around, sink.clone(), clock)?;
    let looking = spawn("look around", ends.clone(), move || around.run(&told))?;
    let (stop_seats, seating) = start_seats(seats, ends.clone())?;
    let following = start_followers(followers, &sink, &ends)?;
    let asking = start_pollers(config, &sink, &ends)?;
    start_signals(signals, ends, reloader)?;
    info!(
        "ready: {} license servers, {} tools, databases in {}",
        config.servers.len(),
        config.tools.len(),
        config.place.state.display()
    );
    manager::ready();
    let why = end.recv().context("wait for the end")?;
    manager::stopping();
    // Where the disk is full, what waits for room is left to the next licmon, as if this one had been killed.
    stop_waiting.store(true, Ordering::Relaxed);
    // From the left: sources, then whoever holds a sink, then the writer, which drains the pipe.
    for (waker, _) in &following {
        waker.stop();
    }
    // Who is gone already needs not be told.
    let _ = tell_around.send(Told::Stop);
    let asking: Vec<JoinHandle<()>> = asking.into_iter().map(|(_stop, thread)| thread).collect();
    drop(stop_seats);
    drop(configuring);
    acts.stop();
    // A thread that panicked has told so; the others are waited for all the same, or the pipe would not be drained.
    for (_, thread) in following {
        drop(thread.join());
    }
    for thread in asking {
        drop(thread.join());
    }
    drop(looking.join());
    drop(seating.join());
    drop(sink);
    drop(writing.join());
    match why {
        End::Signal(signal) => {
            info!("stopped by {signal}");
            Ok(())
        }
        End::Failed(error) => Err(error),
    }
}

/// The databases, in a state folder that is made if need be.
///
/// # Errors
/// When they cannot be opened for writing.
pub fn open_writer(config: &Config) -> anyhow::Result<Writer> {
    for database in [&config.place.live, &config.place.history] {
        let folder = database.parent().unwrap_or(Path::new("."));
        let made = DirBuilder::new().recursive(true).mode(0o750).create(folder);
        made.with_context(|| format!("make folder {}", folder.display()))?;
    }
    let writer = Writer::open(&config.databases())?;
    for aside in writer.aside() {
        let histories = histories_aside(&config.databases());
        let then = if histories.contains(aside) {
            "a new history is begun, of what the logs still tell: restore a backup, or see `licmon doctor`"
        } else {
            "it was made again from history, and nothing is missing"
        };
        error!("a database was damaged and is set aside as {}: {then}", aside.display());
    }
    if let Some(copy) = writer.copy() {
        info!(
            "the schema of history has changed; as it was before it is in {}: remove it when you are content",
            copy.display()
        );
    }
    Ok(writer)
}

/// The one place of licmon that reads the wall clock.
#[expect(clippy::disallowed_methods, reason = "the wiring reads the clock and passes it on")]
#[must_use]
pub fn clock() -> Timestamp {
    Timestamp::now()
}

fn configured(config: &Config) -> Configured {
    let mut servers: Vec<ConfiguredServer> = config.servers.iter().map(configured_server).collect();
    let is_followed =
        |polled: &&PolledServer| config.servers.iter().any(|server| server.name == polled.name);
    servers.extend(config.polled.iter().filter(|polled| !is_followed(polled)).map(|polled| {
        ConfiguredServer {
            name: polled.name.clone(),
            system: polled.system.clone(),
            zone: polled.zone_name.clone(),
        }
    }));
    if !config.tools.is_empty() {
        let (_, zone) = crate::config::machine_zone();
        servers.push(ConfiguredServer {
            name: ServerName::local(),
            system: "licwrap".into(),
            zone,
        });
    }
    let features = config.tools.iter().map(|tool| ConfiguredFeature {
        server: ServerName::local(),
        feature: tool.name.clone(),
        issued: match tool.tool.seats {
            Seats::Limited(seats) => Some(seats),
            Seats::Unlimited => None,
        },
        reserved: tool.tool.set_aside(),
        mode: match tool.tool.mode {
            capacity::Mode::Off => Mode::Off,
            capacity::Mode::Observe => Mode::Observe,
            capacity::Mode::Enforce => Mode::Enforce,
        },
        expires: tool.tool.expires.as_ref().map(Expiry::at),
    });
    Configured { servers, features: features.collect() }
}

/// How the logs of the configured servers are read: what is imported by name is read as it is followed.
fn systems(config: &Config) -> HashMap<ServerName, (Arc<dyn LicenseSystem>, Encoding)> {
    let of = |server: &LogServer| (server.name.clone(), (server.system.clone(), server.encoding));
    config.servers.iter().map(of).collect()
}

fn configured_server(server: &LogServer) -> ConfiguredServer {
    ConfiguredServer {
        name: server.name.clone(),
        system: server.system.name().to_owned(),
        zone: server.zone_name.clone(),
    }
}

fn around_config(
    config: &Config,
    believed: Vec<BelievedSession>,
    last_alive: Option<Timestamp>,
) -> AroundConfig {
    AroundConfig {
        rules: rule::rules(&config.tools),
        seats: config.place.runtime.join(paths::SEATS),
        host: host_name(),
        every: config.scan_processes,
        last_alive,
        believed,
    }
}

/// Everybody may leave a file where the monitor is everybody's; elsewhere nobody could come there.
fn spool(config: &Config) -> SpoolConfig {
    let state = &config.place.state;
    let is_of_all = geteuid().is_root() || state == Path::new(paths::STATE_SYSTEM);
    SpoolConfig { path: state.join(paths::SPOOL), mode: if is_of_all { 0o1733 } else { 0o700 } }
}

/// How many files this process may have open once it has asked for all it may. Logs take half of them at most: seats are granted
/// through files too.
fn files_max() -> anyhow::Result<usize> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("read the descriptor limit")?;
    Ok(usize::try_from(hard).unwrap_or(usize::MAX))
}

fn followers(config: &Config, writer: &Writer) -> anyhow::Result<Vec<Following>> {
    let mut followers = Vec::new();
    for server in &config.servers {
        followers.push(Following {
            of: LogOf {
                server: server.name.clone(),
                system: server.system.clone(),
                zone: server.zone.clone(),
                encoding: server.encoding,
            },
            directory: server.directory.clone(),
            pattern: server.pattern.clone(),
            scan: config.scan,
            checkpoints: writer.checkpoints(&server.name)?,
            with_gaps: writer.generations_with_gaps().collect(),
            open_max: (files_max()? / 2 / config.servers.len()).clamp(1, OPEN_MAX),
        });
    }
    Ok(followers)
}

fn start_writer(
    writer: Writer,
    messages: Receiver<Message>,
    ends: SyncSender<End>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<JoinHandle<()>> {
    spawn("writer", ends.clone(), move || {
        if let Err(error) = writer::run_patiently(writer, &messages, clock, &stop) {
            let error = anyhow!(error).context("the databases cannot be written");
            drop(ends.send(End::Failed(error)));
        }
    })
}

/// Starts the seat server. It stops when the other end of its pipe is closed.
fn start_seats(
    seats: SeatServer,
    ends: SyncSender<End>,
) -> anyhow::Result<(OwnedFd, JoinHandle<()>)> {
    let (stop, stopper) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let thread = spawn("seats", ends.clone(), move || {
        if let Err(error) = seats.run(stop) {
            drop(ends.send(End::Failed(error.context("the seat server failed"))));
        }
    })?;
    Ok((stopper, thread))
}

fn start_followers(
    followers: Vec<Following>,
    sink: &EventSink,
    ends: &SyncSender<End>,
) -> anyhow::Result<Vec<(Waker, JoinHandle<()>)>> {
    let mut started = Vec::new();
    for following in followers {
        let (waker, hints) = Waker::new();
        let follower = Follower::new(following, sink.clone(), clock, waker.clone());
        let thread = spawn("follower", ends.clone(), move || follower.run(&hints))?;
        started.push((waker, thread));
    }
    Ok(started)
}

/// Starts a thread for each license server that is asked. It stops when its sender is dropped.
fn start_pollers(
    config: &Config,
    sink: &EventSink,
    ends: &SyncSender<End>,
) -> anyhow::Result<Vec<(Sender<()>, JoinHandle<()>)>> {
    let raw = config.place.state.join(kept::FOLDER);
    let mut started = Vec::new();
    for server in &config.polled {
        let (stop, stopped) = channel();
        let poller = Poller::new(server.clone(), sink.clone(), clock, &raw);
        let thread = spawn("poller", ends.clone(), move || poller.run(&stopped))?;
        started.push((stop, thread));
    }
    Ok(started)
}

fn start_signals(signals: SigSet, ends: SyncSender<End>, reloader: Reloader) -> anyhow::Result<()> {
    // This thread is not joined: it may wait for a signal that never comes.
    spawn("signals", ends.clone(), move || {
        loop {
            match signals.wait() {
                Ok(Signal::SIGHUP) => reloader.reload(),
                Ok(signal) => return drop(ends.send(End::Signal(signal))),
                Err(error) => return error!("wait for signals: {error}"),
            }
        }
    })
    .map(drop)
}

fn spawn(
    name: &'static str,
    ends: SyncSender<End>,
    run: impl FnOnce() + Send + 'static,
) -> anyhow::Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _told = TellsPanic { name, ends };
        run();
    });
    thread.with_context(|| format!("start {name}"))
}

/// Reads the configuration again when it is told to.
struct Reloader {
    load: Box<dyn Fn() -> Result<Config, ConfigError> + Send>,
    tools: Sender<Vec<ToolConfig>>,
    wake: OwnedFd,
    around: Sender<Told>,
    /// Weak, because its thread outlives the pipe.
    sink: Weak<EventSink>,
}

impl Reloader {
    /// Passes on what is new of the tools. A mistake leaves all as it is.
    fn reload(&self) {
        manager::reloading();
        match (self.load)() {
            Ok(config) => {
                if let Err(error) = self.pass_on(config) {
                    error!("use the configuration: {error:#}");
                }
            }
            Err(error) => error!("the configuration stays as it was: {error}"),
        }
        manager::ready();
    }

    fn pass_on(&self, config: Config) -> anyhow::Result<()> {
        info!("the tools are read again; license servers and folders at the next start");
        let mut named = configured(&config);
        // Those that are followed stay those of the start.
        named.servers.retain(|server| server.name == ServerName::local());
        let act = move |writer: &mut Writer| writer.configure_again(&named);
        let sink = self.sink.upgrade().context("licmon is stopping")?;
        sink.act(act).map_err(|_| anyhow!("licmon is stopping"))?;
        let rules = rule::rules(&config.tools);
        self.around.send(Told::Rules(rules)).context("nobody looks at processes")?;
        self.tools.send(config.tools).context("the seat server has ended")?;
        rustix::io::write(&self.wake, &[1]).context("wake the seat server").map(drop)
    }
}

/// Ends the program when its thread panics: what that thread did would silently be done no more.
struct TellsPanic {
    name: &'static str,
    ends: SyncSender<End>,
}

impl Drop for TellsPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            let error = anyhow!("the thread of the {} panicked", self.name);
            // One reason is enough; if there is one already, this is not it.
            let _ = self.ends.try_send(End::Failed(error));
        }
    }
}

fn host_name() -> HostName {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    HostName::new(name.unwrap_or_else(|| "localhost".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_ends_the_program() {
        let (ends, end) = sync_channel(4);
        let thread = spawn("follower", ends, || panic!("a mistake of ours")).unwrap();
        assert!(thread.join().is_err());
        let Ok(End::Failed(error)) = end.try_recv() else { panic!("nobody was told") };
        assert_eq!(error.to_string(), "the thread of the follower panicked");
    }
}
