//! Becoming the tool: the seat's token above descriptor 100, one variable, and execve along `PATH` as a shell does it.

use std::{
    ffi::{CStr, CString},
    os::fd::{AsFd, IntoRawFd, OwnedFd},
};

use lic_protocol::pairs::push_decimal;
use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, AtFlags, FcntlArg, FdFlag, fcntl},
    sys::stat::stat,
    unistd::{AccessFlags, faccessat},
};

use crate::{
    config::variable,
    os,
    policy::{EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND},
};

/// The variable that names the lease.
pub const SEAT_VARIABLE: &str = "LICWRAP_SEAT";
/// The token's descriptor is at least this: shells use 10 and up, csh 15 to 19, scripts 3 to 9.
pub const TOKEN_DESCRIPTOR_MIN: i32 = 100;
/// Where programs are without `PATH`. Source: execvp(3).
pub const PATH_DEFAULT: &[u8] = b"/bin:/usr/bin";
const SHELL: &CStr = c"/bin/sh";

/// Seats that are held.
#[derive(Debug)]
pub struct Seat {
    /// The lease that holds them.
    pub lease: u64,
    /// What the tool inherits; absent if the process may open no more descriptors.
    pub token: Option<OwnedFd>,
}

/// Becomes the tool with its seat. Returns only if that failed.
#[must_use]
pub fn become_with_seat(
    program: &CStr,
    tool: &[&CStr],
    environment: &[&CStr],
    seat: Seat,
) -> Errno {
    if let Some(token) = seat.token {
        pass_on(token);
    }
    let entry = seat_entry(seat.lease);
    let mut with_seat: Vec<&CStr> = environment
        .iter()
        .copied()
        .filter(|entry| variable(&[entry], SEAT_VARIABLE).is_none())
        .collect();
    with_seat.push(&entry);
    match become_tool(program, tool, &with_seat) {
        // The variable itself may have been one too many.
        Errno::E2BIG => become_tool(program, tool, environment),
        errno => errno,
    }
}

/// Becomes the tool at `program`, with all its arguments in `tool`. Returns only if that failed.
#[must_use]
pub fn become_tool(program: &CStr, tool: &[&CStr], environment: &[&CStr]) -> Errno {
    let path = variable(environment, "PATH").unwrap_or(PATH_DEFAULT);
    let mut found = Errno::ENOENT;
    for candidate in candidates(program.to_bytes(), path) {
        let Ok(candidate) = CString::new(candidate) else { continue };
        match execute(&candidate, tool, environment) {
            Errno::EACCES => found = Errno::EACCES,
            errno if is_next_tried(errno) && !program.to_bytes().contains(&b'/') => {}
            errno => return errno,
        }
    }
    found
}

/// What is certain to keep the tool at `program` from running, found without trying: who cannot run takes no seat. `None` where
/// only trying tells.
#[must_use]
pub fn obstacle(program: &CStr, environment: &[&CStr]) -> Option<Errno> {
    let path = variable(environment, "PATH").unwrap_or(PATH_DEFAULT);
    let is_searched = !program.to_bytes().contains(&b'/');
    let mut found = Errno::ENOENT;
    for candidate in candidates(program.to_bytes(), path) {
        match look(&candidate) {
            Err(Errno::EACCES) => found = Errno::EACCES,
            Err(Errno::ENOENT | Errno::ENOTDIR) if is_searched => {}
            Err(errno @ (Errno::ENOENT | Errno::ENOTDIR)) => return Some(errno),
            Ok(()) | Err(_) => return None,
        }
    }
    Some(found)
}

/// Whether there is a file that we may run.
fn look(path: &[u8]) -> nix::Result<()> {
    if stat(path)?.st_mode & libc::S_IFMT == libc::S_IFDIR {
        return Err(Errno::EACCES);
    }
    faccessat(AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS)
}

/// The exit status that tells why the tool did not run.
#[must_use]
pub fn exit_code(errno: Errno) -> u8 {
    if errno == Errno::ENOENT { EXIT_NOT_FOUND } else { EXIT_NOT_EXECUTABLE }
}

/// Every path at which `program` may be, in order: itself if it has a `/`, else one in each folder of `path`, where an
/// empty element is the current folder.
///
/// Source: POSIX, Shell Command Language, 2.9.1.4 and the `PATH` variable.
#[must_use]
pub fn candidates(program: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    if program.is_empty() {
        return Vec::new();
    }
    if program.contains(&b'/') {
        return vec![program.to_vec()];
    }
    path.split(|byte| *byte == b':')
        .map(|folder| {
            let mut candidate = if folder.is_empty() { b".".to_vec() } else { folder.to_vec() };
            if candidate.last() != Some(&b'/') {
                candidate.push(b'/');
            }
            candidate.extend_from_slice(program);
            candidate
        })
        .collect()
}

/// Errors that say only that the tool is not in this folder. Source: glibc's execvp goes on at the same ones.
fn is_next_tried(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::ENAMETOOLONG
            | Errno::ESTALE
            | Errno::ENODEV
            | Errno::ETIMEDOUT
    )
}

/// One attempt. A file that is neither a binary nor begins with `#!` is a script of the shell.
fn execute(path: &CStr, tool: &[&CStr], environment: &[&CStr]) -> Errno {
    match os::execve(path, tool, environment) {
        Errno::ENOEXEC => {
            let mut script = vec![SHELL, path];
            script.extend(tool.iter().skip(1));
            os::execve(SHELL, &script, environment)
        }
        errno => errno,
    }
}

/// Makes the token one the tool inherits: high where the limit on descriptors allows, as it is where not.
fn pass_on(token: OwnedFd) {
    let is_high = [TOKEN_DESCRIPTOR_MIN, 10, 3]
        .into_iter()
        .any(|least| fcntl(token.as_fd(), FcntlArg::F_DUPFD(least)).is_ok());
    if !is_high && fcntl(token.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).is_ok() {
        let _stays_open = token.into_raw_fd();
    }
}

fn seat_entry(lease: u64) -> CString {
    let mut entry = String::with_capacity(SEAT_VARIABLE.len() + 21);
    entry.push_str(SEAT_VARIABLE);
    entry.push('=');
    push_decimal(&mut entry, lease);
    CString::new(entry).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_a_shells() {
        for (program, path, expected) in [
            ("x", "/bin:/usr/bin", vec!["/bin/x", "/usr/bin/x"]),
            ("x", ":/bin", vec!["./x", "/bin/x"]),
            ("x", "/bin:", vec!["/bin/x", "./x"]),
            ("x", "/a::/b", vec!["/a/x", "./x", "/b/x"]),
            ("x", "", vec!["./x"]),
            ("x", "bin:../b/", vec!["bin/x", "../b/x"]),
            ("-x", ":", vec!["./-x", "./-x"]),
            ("./x", "/bin", vec!["./x"]),
            ("a/x", "/bin", vec!["a/x"]),
            ("", "/bin", vec![]),
        ] {
            let expected: Vec<Vec<u8>> =
                expected.iter().map(|text| text.as_bytes().to_vec()).collect();
            let found = candidates(program.as_bytes(), path.as_bytes());
            assert_eq!(found, expected, "{program} in {path}");
        }
    }

    #[test]
    fn exit_codes_tell_missing_from_unusable() {
        assert_eq!(exit_code(Errno::ENOENT), 127);
        assert_eq!(exit_code(Errno::EACCES), 126);
        assert_eq!(exit_code(Errno::ENOTDIR), 126);
    }

    #[test]
    fn the_variable_is_short() {
        assert_eq!(seat_entry(u64::MAX).as_bytes(), b"LICWRAP_SEAT=18446744073709551615");
    }
}
