//! How many seats a second the server gives and takes back, with history written: from clients that stay and give their
//! leases back by word, as licmon's own user may, so that making and ending processes is not what is measured; and from
//! real tools, beside the same tools bare.

use std::{
    fs,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    bench::{
        figure::{Bound, Goal},
        monitor::{Monitor, acquire, release},
        tools::Programs,
    },
    programs::command,
};

const CLIENTS: usize = 16;
const SEATS: u32 = 64;
const LASTS: Duration = Duration::from_secs(4);

/// Measures both rates, and prints them.
///
/// # Errors
/// When a program cannot be run, or the server refuses.
pub fn measure(programs: &Programs) -> anyhow::Result<()> {
    let monitor = Monitor::start(&programs.licmon, SEATS)?;
    let before = threads_ns(monitor.pid())?;
    let pairs = rate(|| {
        let lease = acquire(monitor.connect()?)?.context("a seat is free")?;
        release(monitor.connect()?, lease)
    })?;
    let after = threads_ns(monitor.pid())?;
    let goal = Goal {
        of: "seats taken and given back, 16 clients",
        bound: Bound::AtLeast(80_000.0),
        unit: "/s",
    };
    println!("{}", goal.told(Some(pairs)));
    for (name, ns) in after {
        let earlier = before.iter().find(|(other, _)| *other == name).map_or(0.0, |(_, ns)| *ns);
        let us = (ns - earlier) / 1000.0 / (pairs * LASTS.as_secs_f64());
        println!("         (thread {name}: {us:.1} us of a processor for each)");
    }
    let bare = rate(|| run(command(&programs.moment)))?;
    let ours = rate(|| run(programs.licwrap_of(&monitor.socket(), &programs.moment)))?;
    println!("         (tools run by 16 clients: {bare:.0}/s bare, {ours:.0}/s under licwrap)");
    println!("         (history: {} bytes)", monitor.history_bytes()?);
    Ok(())
}

/// How often a second all clients together get something done.
fn rate(act: impl Fn() -> anyhow::Result<()> + Sync) -> anyhow::Result<f64> {
    let done = AtomicU32::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        let client = || {
            while began.elapsed() < LASTS {
                act()?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
    })
    .map(|()| f64::from(done.into_inner()) / began.elapsed().as_secs_f64())
}

fn run(mut tool: std::process::Command) -> anyhow::Result<()> {
    tool.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    Ok(())
}

/// Processor time of each thread so far. Source: proc(5), the first field of `schedstat`.
fn threads_ns(pid: u32) -> anyhow::Result<Vec<(String, f64)>> {
    let mut threads = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path();
        let read = |name: &str| fs::read_to_string(path.join(name));
        let time = read("schedstat")?;
        let time = time.split(' ').next().and_then(|ns| ns.parse().ok()).context("a time")?;
        threads.push((read("comm")?.trim_end().to_owned(), time));
    }
    Ok(threads)
}

impl Programs {
    fn licwrap_of(&self, socket: &Path, tool: &Path) -> std::process::Command {
        let mut licwrap = self.licwrap(socket.to_owned(), &[]);
        licwrap.arg(tool);
        licwrap
    }
}
