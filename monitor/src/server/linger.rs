//! Who keeps a seat after its tool has ended: the processes that still have its token, told in the log.

use std::{
    fs,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tracing::{info, warn};

/// Most processes that are named.
const NAMED_MAX: usize = 5;

/// Looks through the processes of this host on a thread of its own, one seat at a time: with many of them it takes a while.
#[derive(Debug, Default)]
pub(super) struct Teller {
    is_busy: Arc<AtomicBool>,
}

impl Teller {
    /// Tells who has the other end of this token. Says no names where it is busy or /proc hides them.
    pub(super) fn tell(&self, lease: u64, token: &OwnedFd) {
        if self.is_busy.swap(true, Ordering::AcqRel) {
            return told(lease, "processes that are not looked for now");
        }
        let (is_busy, token) = (Arc::clone(&self.is_busy), token.try_clone());
        let started = thread::Builder::new().name("linger".to_owned()).spawn(move || {
            match token.map(fs::File::from).and_then(|token| token.metadata()) {
                Ok(token) => told(lease, &named(&holders(token.dev(), token.ino()))),
                Err(error) => warn!("look at the token of lease {lease}: {error}"),
            }
            is_busy.store(false, Ordering::Release);
        });
        if let Err(error) = started {
            self.is_busy.store(false, Ordering::Release);
            warn!("look who keeps lease {lease}: {error}");
        }
    }
}

fn told(lease: u64, who: &str) {
    info!("the tool of lease {lease} has ended, its seats are kept by {who}");
}

fn named(holders: &[String]) -> String {
    match holders {
        [] => "processes that /proc does not show us".to_owned(),
        _ if holders.len() > NAMED_MAX => {
            let more = holders.len() - NAMED_MAX;
            format!("{} and {more} more", holders[..NAMED_MAX].join(", "))
        }
        _ => holders.join(", "),
    }
}

/// Every process but this one that has a file of this device and number open, as `name (pid)`.
fn holders(dev: u64, ino: u64) -> Vec<String> {
    let own = std::process::id().to_string();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut holders = Vec::new();
    for process in processes.flatten() {
        let pid = process.file_name().into_string().unwrap_or_default();
        let is_other = pid != own && pid.bytes().all(|byte| byte.is_ascii_digit());
        if is_other && has_open(&process.path(), dev, ino) {
            let name = fs::read(process.path().join("comm")).unwrap_or_default();
            holders.push(format!("{} ({pid})", name.trim_ascii_end().escape_ascii()));
        }
    }
    holders
}

fn has_open(process: &Path, dev: u64, ino: u64) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    let is_it = |file: fs::DirEntry| {
        fs::metadata(file.path()).is_ok_and(|found| (found.dev(), found.ino()) == (dev, ino))
    };
    files.flatten().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_few() {
        let names =
            |count: usize| -> Vec<String> { (0..count).map(|n| format!("p ({n})")).collect() };
        assert_eq!(named(&names(0)), "processes that /proc does not show us");
        assert_eq!(named(&names(2)), "p (0), p (1)");
        assert!(named(&names(7)).ends_with("p (4) and 2 more"));
    }

    #[test]
    fn who_has_a_file_open_is_found() {
        let own = fs::metadata(std::env::current_exe().unwrap()).unwrap();
        assert!(!has_open(Path::new("/proc/self"), own.dev(), own.ino()));
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("held")).unwrap();
        let held = file.metadata().unwrap();
        assert!(has_open(Path::new("/proc/self"), held.dev(), held.ino()));
    }
}
