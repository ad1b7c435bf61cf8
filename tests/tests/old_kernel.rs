//! On a kernel without pidfd seats are held all the same: they are free a moment later, licwrap and licmon say so, and doctor finds it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use lic_protocol::{
    doctor::{Findings, Level},
    event::EndReason,
    view::{Session, Sessions, Waiters},
};
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

/// No descriptor of a process. That of who is at the other end of a socket came with a later kernel, and is not asked for then.
const OLD: [&str; 4] = ["-e", "trace=pidfd_open", "-e", "inject=pidfd_open:error=ENOSYS"];
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

impl Traced {
    /// A licmon of this site that can be asked for seats.
    fn serve(site: &Site) -> Self {
        let pid = site.path("pid");
        let mut serve = on_old_kernel(&site.licmon(&["serve"]), &pid);
        let said = site.path("licmon.said");
        let strace = Process::start("strace", &mut serve, &said).expect("strace starts");
        let traced = Self { strace, pid };
        wait::until("licmon is ready", || traced.strace.said().contains("INFO ready"));
        traced
    }
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

const TOOL: &str = "[[tool]]\nname = \"t\"\nseats = 1\n";

/// licwrap on the same kernel; its number goes to a file of this name.
fn licwrap(site: &Site, name: &str, arguments: &[&str]) -> Command {
    let mut licwrap = on_old_kernel(&site.licwrap(arguments), &site.path(name));
    licwrap.env("LICWRAP_SOCKET", site.socket());
    licwrap
}

fn sessions(site: &Site, which: &str) -> Vec<Session> {
    site.json::<Sessions>(&["sessions", which]).sessions
}

#[track_caller]
fn says_so(output: &Output) {
    assert_eq!(output.status.code(), Some(7), "{}", shown(output));
    let said = shown(output);
    assert!(said.contains("got t, lease "), "{said}");
    assert!(
        said.contains("this kernel has no pidfd: the seat is free a moment after sh has ended"),
        "{said}"
    );
}

#[test]
fn a_run_is_counted_and_supervised_as_elsewhere() {
    let site = Site::without_log(TOOL);
    let licmon = Traced::serve(&site);
    let told = licmon.strace.said();
    let warned: Vec<&str> = told.lines().filter(|line| line.contains("WARN")).collect();
    assert!(
        matches!(warned[..], [line] if line.contains("does not tell when a process ends")),
        "{told}"
    );

    // One after the other takes the only seat.
    for options in [&["-v", "-f", "t"][..], &["-v", "--supervise", "-f", "t"]] {
        let arguments = [options, &["--", "sh", "-c", "exit 7"]].concat();
        says_so(&licwrap(&site, "pid of licwrap", &arguments).output().expect("strace runs"));
    }
    let ended = || sessions(&site, "--ended");
    wait::until("both are told", || ended().len() == 2);
    let exits: Vec<Option<i32>> = ended().iter().map(|session| session.exit_status).collect();
    assert_eq!(exits, [Some(7), None], "the supervised one is the newest");
    assert!(ended().iter().all(|session| session.end_reason == Some(EndReason::ToolExited)));
}

#[test]
fn a_seat_is_held_until_its_process_has_ended() {
    let site = Site::without_log(TOOL);
    let licmon = Traced::serve(&site);
    let mut holder = site.licwrap(&["-f", "t", "--", "cat"]);
    let mut holder = holder.stdin(Stdio::piped()).spawn().expect("licwrap starts");
    wait::until("the seat is taken", || sessions(&site, "--active").len() == 1);
    let refused = site.licwrap(&["-n", "-f", "t", "--", "true"]).output().expect("licwrap runs");
    assert_eq!(refused.status.code(), Some(75), "{}", shown(&refused));

    let mut waits = site.licwrap(&["-f", "t", "--", "true"]).spawn().expect("licwrap starts");
    wait::until("one waits", || site.json::<Waiters>(&["queue"]).queue.len() == 1);
    assert!(waits.try_wait().expect("a child").is_none());
    // A new licmon finds the same process again.
    drop(licmon);
    let _licmon = Traced::serve(&site);
    assert_eq!(sessions(&site, "--active").len(), 1);
    kill(Pid::from_raw(holder.id().cast_signed()), Signal::SIGKILL).expect("a process");
    holder.wait().expect("a child");
    assert!(waits.wait().expect("a child").success());
    wait::until("both have ended", || sessions(&site, "--ended").len() == 2);
}

#[test]
fn doctor_says_that_seats_are_free_later() {
    let site = Site::without_log(TOOL);
    let _licmon = Traced::serve(&site);
    let doctor = site.licmon(&["doctor", "--json"]);
    let output = on_old_kernel(&doctor, &site.path("pid of doctor")).output();
    let output = output.expect("strace runs");
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let findings: Findings = serde_json::from_slice(&output.stdout).expect("findings");
    let [finding] = findings.findings.as_slice() else { panic!("{findings:#?}") };
    assert_eq!((finding.level, finding.about.as_str()), (Level::Warning, "kernel"));
}
