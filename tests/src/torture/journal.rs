//! What tools say of themselves: when they began and ended, on one clock that all processes of the host share.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use nix::time::{ClockId, clock_gettime};

/// What the tool of one run said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its first instruction.
    pub start: Option<Start>,
    /// Its last.
    pub end_ns: Option<u64>,
    /// The first of the child it left behind.
    pub child_start_ns: Option<u64>,
    /// The child's last.
    pub child_end_ns: Option<u64>,
}

/// The first instruction of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// When.
    pub at_ns: u64,
    /// Its process.
    pub pid: u32,
    /// The seat it was told to have; `None` where it runs uncounted.
    pub lease: Option<u64>,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A tool begins.
    Start(Start),
    /// A tool is about to end.
    End(u64),
    /// The child of a tool begins.
    ChildStart(u64),
    /// The child of a tool is about to end.
    ChildEnd(u64),
}

/// Nanoseconds since this host started, those it slept included.
#[must_use]
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock");
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
}

/// Adds a line about a run, in one write.
///
/// # Errors
/// When it cannot be written.
pub fn add(path: &Path, run: u64, mark: Mark) -> io::Result<()> {
    let line = match mark {
        Mark::Start(Start { at_ns, pid, lease }) => {
            format!("{run} start {at_ns} {pid} {}\n", lease.unwrap_or(0))
        }
        Mark::End(at_ns) => format!("{run} end {at_ns}\n"),
        Mark::ChildStart(at_ns) => format!("{run} child-start {at_ns}\n"),
        Mark::ChildEnd(at_ns) => format!("{run} child-end {at_ns}\n"),
    };
    File::options().create(true).append(true).open(path)?.write_all(line.as_bytes())
}

/// What every file of a folder says, by run.
///
/// # Errors
/// When a file cannot be read, or a line is none of ours.
pub fn read(folder: &Path) -> io::Result<BTreeMap<u64, Seen>> {
    let mut runs = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        for line in fs::read_to_string(entry?.path())?.lines() {
            let (run, mark) = mark(line).ok_or_else(|| io::Error::other(line.to_owned()))?;
            runs.entry(run).or_insert_with(Seen::default).take(mark);
        }
    }
    Ok(runs)
}

fn mark(line: &str) -> Option<(u64, Mark)> {
    let mut words = line.split(' ');
    let run = words.next()?.parse().ok()?;
    let kind = words.next()?;
    let at_ns = words.next()?.parse().ok()?;
    let mark = match kind {
        "start" => {
            let pid = words.next()?.parse().ok()?;
            let lease = words.next()?.parse().ok().filter(|lease| *lease != 0);
            Mark::Start(Start { at_ns, pid, lease })
        }
        "end" => Mark::End(at_ns),
        "child-start" => Mark::ChildStart(at_ns),
        "child-end" => Mark::ChildEnd(at_ns),
        _ => return None,
    };
    Some((run, mark))
}

impl Seen {
    fn take(&mut self, mark: Mark) {
        match mark {
            Mark::Start(start) => self.start = Some(start),
            Mark::End(at_ns) => self.end_ns = Some(at_ns),
            Mark::ChildStart(at_ns) => self.child_start_ns = Some(at_ns),
            Mark::ChildEnd(at_ns) => self.child_end_ns = Some(at_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("7");
        let start = Start { at_ns: 5, pid: 42, lease: Some(9) };
        let marks = [Mark::Start(start), Mark::ChildStart(6), Mark::End(7), Mark::ChildEnd(8)];
        for mark in marks {
            add(&file, 3, mark).unwrap();
        }
        add(&file, 4, Mark::Start(Start { lease: None, ..start })).unwrap();
        let read = read(folder.path()).unwrap();
        let all = Seen {
            start: Some(start),
            end_ns: Some(7),
            child_start_ns: Some(6),
            child_end_ns: Some(8),
        };
        assert_eq!(read.get(&3), Some(&all));
        assert_eq!(read[&4].start.unwrap().lease, None);
    }
}
