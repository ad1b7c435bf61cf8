//! The processes of this machine, from /proc. Nothing of them is kept from one look to the next, least of all their arguments.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use rustix::param::clock_ticks_per_second;
use sysinfo::{
    ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, ThreadKind, UpdateKind,
};

use super::{
    process::{Process, ProcessKey},
    rule::Rule,
};
use crate::server::peer;

/// How much of a process's arguments is looked at: a user can make them megabytes.
const COMMAND_LINE_BYTES_MAX: u64 = 4096;
/// How many of a process's descriptors are looked at.
const DESCRIPTORS_MAX: usize = 4096;

/// Every process that may be a tool, in no order: none of the kernel, none that has ended, and not this one.
///
/// Arguments are read of those alone whose name and executable a rule takes for a tool's.
///
/// # Errors
/// When /proc cannot be read.
pub(super) fn processes(rules: &[Rule], now: Timestamp) -> anyhow::Result<Vec<Process>> {
    let mut system = System::new().context("look at the processes")?;
    let asked = ProcessRefreshKind::nothing()
        .with_exe(UpdateKind::Always)
        .with_user(UpdateKind::Always)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, asked);
    let booted = now - up().context("read /proc/uptime")?;
    let found = system.processes().values().filter_map(|found| process(found, booted));
    let with_arguments = |mut process: Process| {
        if rules.iter().any(|rule| rule.process.asks_for_command_line(&process)) {
            process.command_line = command_line(process.key.pid);
        }
        process
    };
    Ok(found.map(with_arguments).collect())
}

/// Device and number of the named pipes that a process has open; none where /proc hides them.
pub(super) fn pipes(pid: u32) -> Vec<(u64, u64)> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let files = files.take(DESCRIPTORS_MAX).flatten();
    let files = files.filter_map(|file| fs::metadata(file.path()).ok());
    files.filter(|file| file.file_type().is_fifo()).map(|file| (file.dev(), file.ino())).collect()
}

fn process(found: &sysinfo::Process, booted: Timestamp) -> Option<Process> {
    let pid = found.pid().as_u32();
    let is_over = matches!(found.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
    let is_of_kernel = found.thread_kind() == Some(ThreadKind::Kernel);
    if is_over || is_of_kernel || pid == std::process::id() {
        return None;
    }
    // What the list tells is to the second, by a clock that can be set.
    let start_time = peer::start_time(pid)?;
    Some(Process {
        key: ProcessKey { pid, start_time },
        parent: found.parent().map(sysinfo::Pid::as_u32),
        started: booted.checked_add(ticks(start_time)).ok()?,
        uid: **found.user_id()?,
        name: found.name().as_bytes().to_vec(),
        exe: found.exe().map(|exe| exe.as_os_str().as_bytes().to_vec()),
        command_line: Vec::new(),
    })
}

/// The arguments of a process with spaces between them, as far as they are looked at; nothing when it has ended.
fn command_line(pid: u32) -> Vec<u8> {
    let mut arguments = Vec::new();
    let file = File::open(format!("/proc/{pid}/cmdline"));
    let read = file.and_then(|file| file.take(COMMAND_LINE_BYTES_MAX).read_to_end(&mut arguments));
    if read.is_err() {
        return Vec::new();
    }
    while arguments.last() == Some(&0) {
        arguments.pop();
    }
    arguments.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect()
}

/// For how long this machine is up. Source: `proc_uptime(5)`.
fn up() -> anyhow::Result<SignedDuration> {
    let text = fs::read_to_string("/proc/uptime")?;
    let seconds: f64 = text.split_ascii_whitespace().next().context("it is empty")?.parse()?;
    Ok(SignedDuration::try_from_secs_f64(seconds)?)
}

fn ticks(ticks: u64) -> SignedDuration {
    let per_second = clock_ticks_per_second().max(1);
    let ms = u128::from(ticks) * 1000 / u128::from(per_second);
    SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::clock;

    #[test]
    fn a_process_began_before_now_and_after_its_parent() {
        let now = clock();
        let processes = processes(&[], now).unwrap();
        let parent = std::os::unix::process::parent_id();
        let parent = processes.iter().find(|process| process.key.pid == parent).unwrap();
        let own = peer::start_time(std::process::id()).unwrap();
        assert!(parent.started <= now && parent.key.start_time <= own);
        assert!(processes.iter().all(|process| process.command_line.is_empty()));
    }
}
