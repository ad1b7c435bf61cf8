//! How long a seat lies idle between two tools: from the last instruction of one to the first of the next.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context, ensure};

use crate::bench::{
    figure::{Bound, Goal, least, median, us},
    monitor::Monitor,
    tools::Programs,
};

/// Passes the only seat from tool to tool `rounds` times, and prints the figure beside its goal.
///
/// # Errors
/// When a program cannot be run.
pub fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<()> {
    let monitor = Monitor::start(&programs.licmon, 1)?;
    let mut spans = Vec::new();
    for _ in 0..rounds {
        spans.push(span_us(programs, &monitor)? / 1000.0);
    }
    let goal = Goal {
        of: "a seat from the end of a tool to the start of the next (median)",
        bound: Bound::AtMost(1.0),
        unit: "ms",
    };
    println!("{}", goal.told(median(&spans)));
    println!("         (the least of {rounds}: {:.2} ms)", least(&spans).unwrap_or(f64::NAN));
    Ok(())
}

fn span_us(programs: &Programs, monitor: &Monitor) -> anyhow::Result<f64> {
    let mut first = programs.moment(programs.licwrap(monitor.socket(), &[]))?;
    first.told()?;
    let mut waits = programs.licwrap(monitor.socket(), &["-v", "-w"]);
    waits.stderr(Stdio::piped());
    let mut second = programs.moment(waits)?;
    let mut line = String::new();
    let messages = second.child.stderr.take().context("its messages")?;
    // Kept open: the second tool inherits it.
    let mut messages = BufReader::new(messages);
    messages.read_line(&mut line)?;
    ensure!(line.contains("waiting"), "licwrap says {line:?}");
    first.let_go();
    let began = second.told()?;
    let ended = first.end()?;
    second.end()?;
    Ok(us(began.saturating_sub(ended)))
}
