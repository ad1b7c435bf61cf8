//! A process as the kernel shows it, and which one it is. A number alone names another process after a while.

use std::fmt;

use jiff::Timestamp;

/// Longest name of a process, which the kernel cuts. Source: `proc_pid_comm(5)`.
const NAME_BYTES_MAX: usize = 15;
/// The program that waits for a seat, and becomes the tool.
const WRAPPER: &[u8] = b"licwrap";
/// Characters of a boot id in a handle.
const BOOT_CHARACTERS: usize = 8;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which one it is.
    pub key: ProcessKey,
    /// The number of the process that started it, or has taken it over.
    pub parent: Option<u32>,
    /// When it started, to the hundredth of a second.
    pub started: Timestamp,
    /// Who started it.
    pub uid: u32,
    /// Its name as the kernel has it, at most 15 bytes: of a script, the script's.
    pub name: Vec<u8>,
    /// The path of its executable, whether or not the file is still there; `None` where /proc shows it to its user alone.
    pub exe: Option<Vec<u8>>,
    /// Its arguments with spaces between them; empty where no rule asks for them.
    pub command_line: Vec<u8>,
}

/// Names one process of this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey {
    /// Its number.
    pub pid: u32,
    /// When it started, in ticks since boot.
    pub start_time: u64,
}

/// Names one process of one boot: the handle of its session, `PID.START.BOOT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The process.
    pub key: ProcessKey,
    boot: String,
}

impl Process {
    /// Its name, whole where its executable tells the end that the kernel has cut off.
    pub(super) fn name(&self) -> &[u8] {
        let is_cut = self.name.len() >= NAME_BYTES_MAX;
        let whole = self.program().filter(|program| is_cut && program.starts_with(&self.name));
        whole.unwrap_or(&self.name)
    }

    /// What a session calls it: its executable, without folders and arguments.
    #[must_use]
    pub fn shown_name(&self) -> String {
        let name = self.program().unwrap_or(&self.name);
        match str::from_utf8(name) {
            Ok(name) => name.to_owned(),
            Err(_) => name.escape_ascii().to_string(),
        }
    }

    /// Whether it is licwrap, which becomes a tool and is none.
    pub(super) fn is_wrapper(&self) -> bool {
        self.program().unwrap_or(&self.name) == WRAPPER
    }

    fn program(&self) -> Option<&[u8]> {
        self.exe.as_deref()?.rsplit(|byte| *byte == b'/').next()
    }
}

impl Handle {
    pub(super) fn new(key: ProcessKey, boot_id: &str) -> Self {
        Self { key, boot: boot_id.chars().take(BOOT_CHARACTERS).collect() }
    }

    /// Reads what was written; `None` when it is no handle of a process.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.split_once('.')?;
        let (start_time, boot) = rest.split_once('.')?;
        let key = ProcessKey { pid: pid.parse().ok()?, start_time: start_time.parse().ok()? };
        Some(Self { key, boot: boot.to_owned() })
    }

    pub(super) fn is_of_boot(&self, boot_id: &str) -> bool {
        boot_id.starts_with(&self.boot)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.key.pid, self.key.start_time, self.boot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, exe: Option<&str>) -> Process {
        Process {
            key: ProcessKey { pid: 7, start_time: 4711 },
            parent: None,
            started: Timestamp::UNIX_EPOCH,
            uid: 1000,
            name: name.into(),
            exe: exe.map(Into::into),
            command_line: Vec::new(),
        }
    }

    #[track_caller]
    fn check(name: &str, exe: Option<&str>, expected: &str) {
        let process = process(name, exe);
        let name = str::from_utf8(process.name()).unwrap();
        assert_eq!(format!("{name}, shown as {}", process.shown_name()), expected);
    }

    #[test]
    fn names() {
        check("solver", Some("/opt/x/solver"), "solver, shown as solver");
        check("solver", None, "solver, shown as solver");
        check(
            "a_solver_with_a",
            Some("/o/a_solver_with_a_name"),
            "a_solver_with_a_name, shown as a_solver_with_a_name",
        );
        check("a_script_with_a", Some("/bin/bash"), "a_script_with_a, shown as bash");
    }

    #[test]
    fn licwrap_is_no_tool_whatever_it_is_called() {
        assert!(process("sqlite3", Some("/usr/bin/licwrap")).is_wrapper());
        assert!(process("licwrap", None).is_wrapper());
        assert!(!process("licwrap", Some("/usr/bin/sqlite3")).is_wrapper());
    }

    #[test]
    fn a_handle_names_a_process_of_one_boot() {
        let handle = Handle::new(process("a", None).key, "1f2e3d4c-aaaa");
        assert_eq!(handle.to_string(), "7.4711.1f2e3d4c");
        assert_eq!(Handle::parse("7.4711.1f2e3d4c"), Some(handle.clone()));
        assert!(handle.is_of_boot("1f2e3d4c-aaaa") && !handle.is_of_boot("2f2e3d4c-aaaa"));
        for text in ["1763990400000001", "7.4711", "", "a.b.c"] {
            assert_eq!(Handle::parse(text), None, "{text}");
        }
    }
}
