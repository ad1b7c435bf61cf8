//! Ten thousand seats held by real tools: the memory they cost the server, and how soon after `kill -9` it grants again.

use std::{
    io::{PipeReader, pipe},
    process::{Child, Stdio},
    time::Instant,
};

use anyhow::{Context, ensure};

use crate::{
    bench::{
        figure::{Bound, Goal},
        memory,
        monitor::{Monitor, acquire},
        tools::Programs,
    },
    wait,
};

/// Measures memory and restart, and prints them beside their goals.
///
/// # Errors
/// When a program cannot be run, or a seat was lost or given twice.
pub fn measure(programs: &Programs, seats: u32) -> anyhow::Result<()> {
    let mut monitor = Monitor::start(&programs.licmon, seats + 1)?;
    let (input, end_of_input) = pipe()?;
    let mut tools = start(programs, &monitor, seats, &input)?;
    let all =
        wait::answer(wait::SOON, || (monitor.in_use().ok()? == u64::from(seats)).then_some(()));
    all.with_context(|| format!("{seats} tools hold {:?} seats", monitor.in_use()))?;
    let before = memory::of_process(monitor.pid())?;
    let began = Instant::now();
    monitor.kill();
    monitor.start_again()?;
    let granted = acquire(monitor.connect()?)?;
    let restart = began.elapsed();
    ensure!(granted.is_some(), "the last seat is free after the restart");
    ensure!(acquire(monitor.connect()?)?.is_none(), "no seat was lost in the restart");
    let after = memory::of_process(monitor.pid())?;
    drop(end_of_input);
    for tool in &mut tools {
        tool.wait()?;
    }
    let memory = Goal {
        of: "memory of licmon with the seats held (RSS)",
        bound: Bound::AtMost(16.0),
        unit: "MB",
    };
    let restarted =
        Goal { of: "kill -9 and restart to the first grant", bound: Bound::AtMost(0.5), unit: "s" };
    println!("{}", memory.told(Some(mb(before.resident.max(after.resident)))));
    println!("         ({seats} seats; {:.1} MB after the restart)", mb(after.resident));
    println!("{}", restarted.told(Some(restart.as_secs_f64())));
    Ok(())
}

/// So many tools, each with a seat, that end when the other end of `input` is closed.
fn start(
    programs: &Programs,
    monitor: &Monitor,
    seats: u32,
    input: &PipeReader,
) -> anyhow::Result<Vec<Child>> {
    let mut tools = Vec::new();
    for _ in 0..seats {
        let mut tool = programs.licwrap(monitor.socket(), &["-n"]);
        tool.arg(&programs.moment).arg("hold").stdin(input.try_clone()?).stdout(Stdio::null());
        tools.push(tool.spawn().context("start a tool")?);
    }
    Ok(tools)
}

fn mb(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::MAX, |kib| f64::from(kib) * 1024.0 / 1e6)
}
