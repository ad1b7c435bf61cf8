//! A run while the monitor is away: one file about it, for the monitor to find when it is back. Nothing here keeps a tool from
//! running, and nothing is said: a run that leaves no file is a run nobody counts, as without licwrap.

use std::{
    ffi::CString,
    os::fd::{AsFd, OwnedFd},
};

use lic_protocol::pairs::{Pairs, push_decimal};
use nix::{
    fcntl::{OFlag, open},
    sys::stat::{Mode, fchmod, stat},
    unistd::{Uid, getpid, unlink, write},
};

use crate::{
    cli::Order,
    file::{content, open_to_read},
};

/// A file that was left in the spool.
#[derive(Debug)]
pub struct Left(CString);

impl Left {
    /// Takes it away again: there was no run.
    pub fn take_back(self) {
        // If it cannot be, the monitor finds a run that ended at once.
        let _gone = unlink(self.0.as_c_str());
    }
}

/// Leaves a file about this process in the folder `spool`.
#[must_use]
pub fn leave(order: &Order<'_>, spool: &[u8]) -> Option<Left> {
    let text = told(order)?;
    let mut path = spool.to_vec();
    path.push(b'/');
    path.extend_from_slice(drawn()?.as_bytes());
    let path = CString::new(path).ok()?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
    let file =
        open(path.as_c_str(), flags | OFlag::O_CLOEXEC, Mode::S_IRUSR | Mode::S_IWUSR).ok()?;
    let left = Left(path);
    match write_to(&file, spool, text.as_bytes()) {
        Some(()) => Some(left),
        None => {
            left.take_back();
            None
        }
    }
}

fn write_to(file: &OwnedFd, spool: &[u8], text: &[u8]) -> Option<()> {
    let reader = Uid::from_raw(stat(spool).ok()?.st_uid);
    if !reader.is_root() && reader != Uid::current() {
        // The monitor is neither root nor we. Nobody but it may list the folder, and nobody can guess the name.
        fchmod(file.as_fd(), Mode::S_IRUSR | Mode::S_IWUSR | Mode::S_IRGRP | Mode::S_IROTH).ok()?;
    }
    (write(file, text).ok()? == text.len()).then_some(())
}

/// What is told of this run; the empty line at its end says that it is whole.
fn told(order: &Order<'_>) -> Option<String> {
    let mut pairs = Pairs::new();
    for choice in &order.choices {
        pairs.put("feature", &choice.shown());
    }
    pairs.put("tool", &order.tool_name);
    if let Some(project) = &order.project {
        pairs.put("project", project);
    }
    pairs.put_number("pid", u64::try_from(getpid().as_raw()).ok()?);
    let stat = content(&open_to_read(b"/proc/self/stat")?)?;
    pairs.put_number("start_time", start_time(&stat)?);
    let boot_id = content(&open_to_read(b"/proc/sys/kernel/random/boot_id")?)?;
    pairs.put("boot_id", std::str::from_utf8(&boot_id).ok()?.trim_ascii());
    let mut text = pairs.as_str().to_owned();
    text.push('\n');
    Some(text)
}

/// When the process started, in ticks since boot. Source: `proc_pid_stat(5)`, field 22.
fn start_time(stat: &[u8]) -> Option<u64> {
    // The second field is the program's name in brackets, and may hold any byte.
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// A number nobody can guess.
fn drawn() -> Option<String> {
    let mut bytes = [0; 8];
    let random = open_to_read(b"/dev/urandom")?;
    let length = nix::unistd::read(random, &mut bytes).ok()?;
    (length == bytes.len()).then(|| {
        let mut name = String::with_capacity(20);
        push_decimal(&mut name, u64::from_ne_bytes(bytes));
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_times() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(start_time(format!("7 (a) b) {rest}").as_bytes()), Some(4711));
        assert_eq!(start_time(b"7 (a) S 1 2"), None);
    }
}
