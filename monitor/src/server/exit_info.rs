//! How a process ended, as the kernel tells whoever holds its descriptor. The monitor's only unsafe code: one ioctl.
#![expect(unsafe_code, reason = "no crate of ours offers this ioctl")]

use std::{fs, os::fd::OwnedFd};

use lic_protocol::outcome::Outcome;
use nix::libc;
use rustix::{
    io::Errno,
    ioctl::{Opcode, Updater, ioctl, opcode},
};

use super::processes;

/// Asks for how the process ended, and tells that this is in the answer. Source: linux/pidfd.h, `PIDFD_INFO_EXIT`.
const EXIT: u64 = 1 << 3;
/// Source: linux/pidfd.h, `PIDFD_GET_INFO`.
const GET_INFO: Opcode = opcode::read_write::<PidfdInfo>(0xFF, 11);

/// What the kernel tells of a process, as its first version of the answer has it. A newer kernel fills no more than this.
///
/// Source: linux/pidfd.h, `struct pidfd_info`, `PIDFD_INFO_SIZE_VER0`.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    control_group: u64,
    /// Numbers of the process, its parent and its users.
    numbers: [u32; 11],
    /// As wait(2) gives it.
    exit_code: i32,
}

const _: () = assert!(size_of::<PidfdInfo>() == 64, "the first version has 64 bytes");

/// How the process of a descriptor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// So it was.
    Known(Outcome),
    /// Its parent has not yet asked for it: until then the kernel tells nobody else.
    NotYet,
    /// This kernel does not tell: one before 6.15.
    Untold,
}

/// Asks the kernel how a process ended. It must have been held by this descriptor before it ended.
pub(super) fn exit(process: &OwnedFd) -> Exit {
    let mut told = PidfdInfo { mask: EXIT, ..PidfdInfo::default() };
    // SAFETY: the opcode carries the size of `PidfdInfo`, the kernel writes no more than that, and any bits are numbers.
    let asked = unsafe { ioctl(process, Updater::<GET_INFO, PidfdInfo>::new(&mut told)) };
    match asked {
        Ok(()) if told.mask & EXIT != 0 => Exit::Known(outcome(told.exit_code)),
        Ok(()) => Exit::NotYet,
        // ENOTTY before 6.13; ESRCH from a kernel that knows the question, not the answer.
        Err(Errno::NOTTY | Errno::INVAL | Errno::SRCH) => Exit::Untold,
        Err(errno) => {
            tracing::debug!("the kernel does not tell how a process ended: {errno}");
            Exit::Untold
        }
    }
}

/// Whether this kernel tells how processes end. Two versions before it did know the question already, so its own is asked too.
pub(crate) fn can_tell() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap_or(0));
    let is_new = (numbers.next(), numbers.next()) >= (Some(6), Some(15));
    is_new && processes::pidfd(std::process::id()).is_ok_and(|own| exit(&own) == Exit::NotYet)
}

fn outcome(status: i32) -> Outcome {
    let number = |number: i32| u32::try_from(number).ok();
    Outcome {
        exit_status: number(libc::WEXITSTATUS(status)).filter(|_| libc::WIFEXITED(status)),
        exit_signal: number(libc::WTERMSIG(status)).filter(|_| libc::WIFSIGNALED(status)),
        ..Outcome::default()
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    #[test]
    fn statuses_are_those_of_wait() {
        for (status, exit_status, exit_signal) in [
            (0, Some(0), None),
            (3 << 8, Some(3), None),
            (255 << 8, Some(255), None),
            (9, None, Some(9)),
            // With a core.
            (0x8b, None, Some(11)),
        ] {
            let expected = Outcome { exit_status, exit_signal, ..Outcome::default() };
            assert_eq!(outcome(status), expected, "{status:#x}");
        }
    }

    /// On a kernel before 6.15 only the last row says anything.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "only a process can end")]
    fn the_kernel_tells_once_the_parent_knows() {
        for script in ["exit 3", "kill -9 $$"] {
            let mut child = std::process::Command::new("sh")
                .args(["-c", &format!("read line; {script}")])
                .stdin(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
            let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
            let alive = exit(&process);
            let status = child.wait().unwrap();
            let expected = outcome(std::os::unix::process::ExitStatusExt::into_raw(status));
            let told = if can_tell() {
                (Exit::NotYet, Exit::Known(expected))
            } else {
                (Exit::Untold, Exit::Untold)
            };
            assert_eq!((alive, exit(&process)), told);
        }
    }

    #[test]
    fn what_is_no_process_tells_nothing() {
        let (end, _other) = std::io::pipe().unwrap();
        assert_eq!(exit(&OwnedFd::from(end)), Exit::Untold);
    }
}
