//! Processes that a program left behind and that are in no group of it any more: they are known by a mark in their environment.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};

/// Ends every process of ours whose environment holds the mark, again and again until a look finds none: one that is being
/// ended may start another. It is given up after `limit`.
pub(super) fn end(variable: &str, value: &str, limit: Duration) {
    let mark = format!("{variable}={value}");
    let until = Instant::now() + limit;
    while ends_some(mark.as_bytes()) && Instant::now() < until {}
}

fn ends_some(mark: &[u8]) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    let mut is_some = false;
    for process in processes.filter_map(Result::ok) {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let is_ours = process.metadata().is_ok_and(|it| it.uid() == geteuid().as_raw());
        let is_other = pid != std::process::id().cast_signed();
        if is_ours && is_other && is_marked(&process.path().join("environ"), mark) {
            is_some = true;
            // It may have ended by itself since.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    is_some
}

/// Who has ended has no environment any more.
fn is_marked(environment: &Path, mark: &[u8]) -> bool {
    fs::read(environment)
        .is_ok_and(|all| all.split(|&byte| byte == 0).any(|variable| variable == mark))
}
