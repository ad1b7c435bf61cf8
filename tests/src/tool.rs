//! A pretend tool: counts the live copies of itself, and behaves as well or as badly as it is told.
//!
//! The count needs nobody's word: each copy locks a file of its own, and the kernel drops the lock when the copy dies.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    sys::signal::{SigSet, SigmaskHow, Signal, raise, sigprocmask},
};

use crate::wait;

/// Longest a copy waits for its file: the story is long over then.
const UNTIL_MAX: Duration = Duration::from_mins(10);

/// What a copy does.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "probe", about = "A pretend tool for stories and the demo")]
pub struct Probe {
    /// Folder in which live copies are counted.
    #[arg(long)]
    pub count: Option<PathBuf>,
    /// What this copy is called in the journal.
    #[arg(long, default_value = "-")]
    pub name: String,
    /// Run until this file exists.
    #[arg(long)]
    pub until: Option<PathBuf>,
    /// Run for so many milliseconds.
    #[arg(long, default_value_t = 0)]
    pub for_ms: u64,
    /// Keep every signal that can be kept from arriving, and print at the end which came.
    #[arg(long)]
    pub deaf: bool,
    /// Die by this signal at the end: 11, 15.
    #[arg(long)]
    pub die: Option<i32>,
    /// End with this status.
    #[arg(long, default_value_t = 0)]
    pub exit: u8,
}

/// One line of the journal: a copy started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// What it is called.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Copies alive then, itself included.
    pub live: usize,
}

/// Runs a copy. The exit status is returned.
///
/// # Errors
/// When the folder cannot be used, or a signal has no such number.
pub fn run(probe: &Probe) -> io::Result<u8> {
    if probe.deaf {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?;
    }
    let mark = probe.count.as_deref().map(|folder| enter(folder, &probe.name)).transpose()?;
    match &probe.until {
        Some(path) => drop(wait::answer(UNTIL_MAX, || path.exists().then_some(()))),
        None => drop(wait::answer(Duration::from_millis(probe.for_ms), || None::<()>)),
    }
    if let Some(folder) = &probe.count {
        let most = journal(folder)?.iter().map(|start| start.live).max();
        println!("{}", most.unwrap_or(0));
    }
    if probe.deaf {
        println!("signals {}", signals_that_came()?);
    }
    drop(mark);
    if let Some(number) = probe.die {
        let signal = Signal::try_from(number)?;
        // Twice: at the first SEGV the runtime only puts the default back.
        raise(signal)?;
        raise(signal)?;
    }
    Ok(probe.exit)
}

/// Every start so far, in order. Empty before the first.
///
/// # Errors
/// When the journal cannot be read, or holds something else.
pub fn journal(folder: &Path) -> io::Result<Vec<Start>> {
    let text = match fs::read_to_string(folder.join("journal")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    text.lines().map(|line| start(line).ok_or_else(|| io::Error::other(line.to_owned()))).collect()
}

/// Copies alive now.
///
/// # Errors
/// When the folder cannot be read.
pub fn live(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "alive") && is_locked(&path)? {
            count += 1;
        }
    }
    Ok(count)
}

/// Counts this copy in: with the folder's own lock held, so that the journal's order is the order of starts.
fn enter(folder: &Path, name: &str) -> io::Result<Flock<File>> {
    let order = lock(&folder.join("order"))?;
    let pid = std::process::id();
    let mark = lock(&folder.join(format!("{pid}.alive")))?;
    let line = format!("{name} {pid} {}\n", live(folder)?);
    File::options()
        .create(true)
        .append(true)
        .open(folder.join("journal"))?
        .write_all(line.as_bytes())?;
    drop(order);
    Ok(mark)
}

fn lock(path: &Path) -> io::Result<Flock<File>> {
    let file = File::options().create(true).append(true).open(path)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
}

fn is_locked(path: &Path) -> io::Result<bool> {
    match Flock::lock(File::open(path)?, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(false),
        Err((_, Errno::EWOULDBLOCK)) => Ok(true),
        Err((_, errno)) => Err(errno.into()),
    }
}

fn start(line: &str) -> Option<Start> {
    let mut words = line.split(' ');
    let start = Start {
        name: words.next()?.to_owned(),
        pid: words.next()?.parse().ok()?,
        live: words.next()?.parse().ok()?,
    };
    Some(start)
}

/// The sets of pending signals, as hexadecimal bits. Source: proc(5), `SigPnd` and `ShdPnd` of status.
fn signals_that_came() -> io::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let sets = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigPnd:").or(line.strip_prefix("ShdPnd:")));
    Ok(sets.map(|set| set.trim().trim_start_matches('0')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_while_they_live() {
        let folder = tempfile::tempdir().unwrap();
        let mark = enter(folder.path(), "a").unwrap();
        assert_eq!(live(folder.path()).unwrap(), 1);
        drop(mark);
        assert_eq!(live(folder.path()).unwrap(), 0);
        let pid = std::process::id();
        assert_eq!(journal(folder.path()).unwrap(), [Start { name: "a".into(), pid, live: 1 }]);
    }
}
