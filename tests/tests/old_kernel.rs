//! On a kernel without pidfd licmon says that it can hold no seats, doctor finds it, and tools run uncounted, as `on_down` says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use lic_protocol::doctor::Findings;
use lic_tests::{
    process::Process,
    programs::command,
    site::{Site, shown},
    wait,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// No descriptor of a process, neither by its number (`pidfd_open`) nor of who is at the other end of a socket: of the questions
/// about him each second is for that.
const OLD: [&str; 6] = [
    "-e",
    "trace=pidfd_open,getsockopt",
    "-e",
    "inject=pidfd_open:error=ENOSYS",
    "-e",
    "inject=getsockopt:error=ENOPROTOOPT:when=2+2",
];
/// Leaves its number, and becomes the program.
const NAMED: &str = r#"echo $$ >"$0"; exec "$@""#;

/// The command on an old kernel; its number goes to the file `pid`.
fn on_old_kernel(old: &Command, pid: &Path) -> Command {
    let mut strace = command("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null"]).args(OLD).args(["sh", "-c", NAMED]).arg(pid);
    strace.arg(old.get_program()).args(old.get_args());
    strace
}

/// licmon, which strace leaves behind where it is killed.
struct Traced {
    strace: Process,
    pid: PathBuf,
}

impl Drop for Traced {
    fn drop(&mut self) {
        let pid = fs::read_to_string(&self.pid).ok().and_then(|pid| pid.trim().parse().ok());
        if let Some(pid) = pid.filter(|_| self.strace.ended().is_none()) {
            // It may end in between.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

#[test]
fn licwrap_runs_the_tool_and_says_that_it_is_not_counted() {
    let site = Site::without_log("[[tool]]\nname = \"t\"\nseats = 1\n");
    let pid = site.path("pid");
    let mut serve = on_old_kernel(&site.licmon(&["serve"]), &pid);
    let said = site.path("licmon.said");
    let strace = Process::start("strace", &mut serve, &said).expect("strace starts");
    let traced = Traced { strace, pid };
    wait::until("licmon is ready", || traced.strace.said().contains("INFO ready"));
    let told = traced.strace.said();
    assert!(told.contains("ERROR nobody can be given a seat"), "{told}");

    for options in [&["-v", "-f", "t"][..], &["-v", "--supervise", "-f", "t"]] {
        let output = site.licwrap(options).args(["--", "sh", "-c", "exit 7"]).output();
        let output = output.expect("licwrap runs");
        assert_eq!(output.status.code(), Some(7), "{}", shown(&output));
        let said = shown(&output);
        assert!(said.contains("no answer from the license monitor"), "{said}");
        assert!(said.contains("; running sh uncounted"), "{said}");
    }
    let doctor = site.licmon(&["doctor", "--json"]);
    let output = on_old_kernel(&doctor, &site.path("pid of doctor")).output();
    let output = output.expect("strace runs");
    let findings: Findings = serde_json::from_slice(&output.stdout).expect("findings");
    let kernel = findings.findings.iter().filter(|finding| finding.about == "kernel").count();
    assert_eq!((kernel, findings.findings.len()), (1, 1), "{findings:#?}");
}
