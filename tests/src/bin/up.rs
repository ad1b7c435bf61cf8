//! `cargo up`: builds the programs, starts licmon and licdash under ./run, says what to type next, and stops both.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Parser;
use lic_tests::{
    demo::{Demo, Wrapper},
    http,
    process::Process,
    programs::{self, Programs, command},
    up::{Run, shell_word},
    wait,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// How often the two programs are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Ports tried after the one that was asked for.
const PORTS: u16 = 20;

/// Builds and starts licmon and licdash here, with the embedded databases under ./run.
#[derive(Debug, Parser)]
#[command(name = "cargo up", bin_name = "cargo up")]
struct Options {
    /// Play a whole site: days of history, live traffic, and tools with a queue; under ./run/demo.
    #[arg(long, conflicts_with = "logs")]
    demo: bool,
    /// Follow the logs of a real DSLS license server in this folder.
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Where the page is [default: as configured, else 8501]; the next free port where it is taken.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

fn main() -> ExitCode {
    match up(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo up: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn up(options: &Options) -> anyhow::Result<()> {
    let stop = stop_signals()?;
    let run = Run::prepare(options.demo, options.logs.as_deref())?;
    println!("Building licmon, licdash and licwrap (a few minutes the first time) …");
    let programs = programs::build(&[])?;
    for note in &programs.notes {
        println!("Note: {note}");
    }
    run.link(&programs)?;
    let mut wanted = run.listen()?;
    wanted.set_port(options.port.unwrap_or(wanted.port()));
    let address = free_address(wanted)?;
    let demo = options.demo.then(|| Demo::begin(&run.logs())).transpose()?;
    let mut licmon = start_licmon(&run, &programs)?;
    let mut licdash = start_licdash(&run, &programs, address)?;
    say(&run, address, options);
    let (go_on, demo_stop) = mpsc::channel();
    let played = demo.map(|demo| {
        let wrapper = wrapper(&run);
        thread::spawn(move || demo.run(&wrapper, &demo_stop))
    });
    let ended = until_stop_or_death(&stop, &mut licmon, &mut licdash);
    println!("Stopping …");
    drop(go_on);
    let played = played.map_or(Ok(()), |played| played.join().expect("the demo does not panic"));
    let stopped = licdash.stop().and(licmon.stop());
    // What ended first is the reason for the rest.
    ended.and(played.context("play the demo")).and(stopped.map(drop))
}

/// Requests to stop, as messages. By handlers and not by a blocked mask, which the programs we start would inherit.
fn stop_signals() -> anyhow::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("listen for signals")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for signal in signals.forever() {
            if sender.send(signal).is_err() {
                break;
            }
        }
    });
    Ok(receiver)
}

/// The address asked for, or the next one that nobody listens on.
fn free_address(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    let last = wanted.port().saturating_add(PORTS);
    let addresses = (wanted.port()..=last).map(|port| SocketAddr::new(wanted.ip(), port));
    let Some(free) = addresses.into_iter().find(|address| TcpListener::bind(address).is_ok())
    else {
        bail!(
            "ports {} to {last} of {} cannot be had: choose another with --port",
            wanted.port(),
            wanted.ip()
        );
    };
    if free != wanted {
        println!("Port {} is taken: the page is on port {}.", wanted.port(), free.port());
    }
    Ok(free)
}

/// The address to look at from this machine.
fn here(address: SocketAddr) -> SocketAddr {
    let is_any = address.ip().is_unspecified();
    if is_any { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address }
}

fn start_licmon(run: &Run, programs: &Programs) -> anyhow::Result<Process> {
    let mut serve = command(&programs.licmon);
    serve.args(["serve", "--config"]).arg(run.config());
    serve.arg("--state").arg(run.state()).arg("--runtime").arg(run.runtime());
    let mut licmon = Process::start("licmon", &mut serve, &run.said("licmon"))?;
    wait_for("licmon", &mut licmon, || UnixStream::connect(run.socket()).is_ok())?;
    Ok(licmon)
}

fn start_licdash(run: &Run, programs: &Programs, address: SocketAddr) -> anyhow::Result<Process> {
    let mut serve = command(&programs.licdash);
    serve.args(["serve", "--config"]).arg(run.config_at(address)?).arg("--state").arg(run.state());
    let mut licdash = Process::start("licdash", &mut serve, &run.said("licdash"))?;
    wait_for("licdash", &mut licdash, || http::get(here(address), "/api/v1/health").is_ok())?;
    Ok(licdash)
}

fn wait_for(
    name: &str,
    process: &mut Process,
    mut answers: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let answer = wait::answer(wait::SOON, || match process.ended() {
        Some(status) => Some(Err(status)),
        None => answers().then_some(Ok(())),
    });
    match answer {
        Some(Ok(())) => Ok(()),
        Some(Err(status)) => bail!("{name} ended ({status}): {}", last_words(process)),
        None => bail!("{name} does not answer: {}", last_words(process)),
    }
}

fn last_words(process: &Process) -> String {
    let said = process.said();
    said.lines().last().unwrap_or("it said nothing").to_owned()
}

fn wrapper(run: &Run) -> Wrapper {
    Wrapper { licwrap: run.bin().join("licwrap"), socket: run.socket(), said: run.said("tools") }
}

fn say(run: &Run, address: SocketAddr, options: &Options) {
    let socket = shell_word(&run.socket());
    let licwrap = shell_word(&run.bin().join("licwrap"));
    println!();
    println!("  The page    http://{}", here(address));
    println!("  Type next   LICWRAP_SOCKET={socket} {licwrap} -f demo -- sleep 30");
    match (&options.logs, options.demo) {
        (_, true) => println!(
            "  The demo    pretends a license server and people; all of it is in {}",
            run.shown()
        ),
        (Some(logs), false) => println!("  Following   {}", logs.display()),
        (None, false) => println!(
            "  No log yet  cargo up --logs DIR follows a real license server, --demo plays one"
        ),
    }
    println!("  Settings    {}", run.config().display());
    println!("  Ctrl-C stops both.");
    println!();
}

fn until_stop_or_death(
    stop: &Receiver<i32>,
    licmon: &mut Process,
    licdash: &mut Process,
) -> anyhow::Result<()> {
    while stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        for (name, process) in [("licmon", &mut *licmon), ("licdash", &mut *licdash)] {
            if let Some(status) = process.ended() {
                bail!("{name} ended ({status}): {}", last_words(process));
            }
        }
    }
    Ok(())
}
