//! The real program with `--supervise` against a small monitor: the tool ends, stops and hears signals as without a parent.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "the stage serves other tests too")]

#[path = "stage/programs.rs"]
mod programs;
#[path = "stage/responder.rs"]
mod responder;

use std::{
    io::{Read, Write},
    os::unix::{
        fs::PermissionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Stdio},
};

use lic_protocol::{
    outcome::Outcome,
    wire::{Refusal, Reply, Request, Wait},
};
use nix::{
    libc,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::{
    programs::{check, licwrap, text},
    responder::{Responder, Token},
};

/// A shell script under a parent that stays, granted.
fn supervised(monitor: &Responder, script: &str) -> (Child, Token) {
    let arguments = ["--supervise", "-f", "x", "--", "/bin/sh", "-c", script];
    let mut command = licwrap(monitor.socket(), &arguments);
    let child = command.stdin(Stdio::piped()).process_group(0).spawn().unwrap();
    let asker = monitor.accept();
    let Request::Acquire(acquire) = &asker.request else { panic!("{:?}", asker.request) };
    assert!(acquire.is_supervised);
    (child, asker.grant(7))
}

/// What the parent tells at the end.
fn outcome(monitor: &Responder) -> Outcome {
    let mut asker = monitor.accept();
    asker.reply(&Reply::Done { text: String::new() });
    match asker.request {
        Request::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Waits for a line of the tool.
fn expect(child: &mut Child, line: &str) {
    let mut bytes = vec![0; line.len()];
    child.stdout.as_mut().unwrap().read_exact(&mut bytes).unwrap();
    assert_eq!(text(&bytes), line);
}

#[test]
fn an_exit_status_passes_and_is_told_with_what_was_used() {
    let monitor = Responder::start();
    for status in [0, 42, 255] {
        let (child, _token) = supervised(&monitor, &format!("echo $LICWRAP_SEAT; exit {status}"));
        let outcome = outcome(&monitor);
        check(&child.wait_with_output().unwrap(), status, "7\n", "");
        let status = u32::try_from(status).unwrap();
        assert_eq!((outcome.exit_status, outcome.exit_signal), (Some(status), None));
        assert!(outcome.memory_peak_bytes.is_some_and(|bytes| bytes > 100_000), "{outcome:?}");
        assert!(outcome.cpu_ms.is_some_and(|ms| ms < 10_000), "{outcome:?}");
    }
}

#[test]
fn processor_time_is_told() {
    let monitor = Responder::start();
    let busy = "while read -r _ t _ </proc/$$/schedstat; [ $SECONDS ]; do :; done";
    let busy = busy.replace("[ $SECONDS ]", "i=$((i+1)); [ $i -lt 30000 ]");
    let (child, _token) = supervised(&monitor, &busy);
    let outcome = outcome(&monitor);
    check(&child.wait_with_output().unwrap(), 0, "", "");
    assert!(outcome.cpu_ms.is_some_and(|ms| ms > 20), "{outcome:?}");
}

#[test]
fn death_by_a_signal_is_the_parents_too_and_is_told() {
    let monitor = Responder::start();
    // The last is a signal that has a number and no name.
    for signal in [libc::SIGSEGV, libc::SIGKILL, libc::SIGTERM, libc::SIGPIPE, 40] {
        let script = format!("ulimit -c 0; kill -{signal} $$");
        let (mut child, _token) = supervised(&monitor, &script);
        let outcome = outcome(&monitor);
        assert_eq!(child.wait().unwrap().signal(), Some(signal));
        let number = u32::try_from(signal).unwrap();
        assert_eq!((outcome.exit_status, outcome.exit_signal), (None, Some(number)));
    }
}

#[test]
fn what_did_not_run_has_its_code() {
    let monitor = Responder::start();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    std::fs::write(&script, "#!/nonexistent\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["--supervise", "-f", "x", "--", script.to_str().unwrap()];
    let child = licwrap(monitor.socket(), &arguments).spawn().unwrap();
    let _token = monitor.accept().grant(7);
    assert_eq!(outcome(&monitor).exit_status, Some(127));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(127));
    assert!(text(&output.stderr).starts_with("licwrap: cannot run "));
    let child = licwrap(monitor.socket(), &["--supervise", "-n", "--", "true"]).spawn().unwrap();
    monitor.accept().reply(&Reply::Refused { refusal: Refusal::Busy, text: "full".into() });
    let _told = outcome(&monitor);
    check(&child.wait_with_output().unwrap(), 75, "", "licwrap: full\n");
}

#[test]
fn a_monitor_that_is_away_does_not_keep_the_end() {
    let monitor = Responder::start();
    let (child, _token) = supervised(&monitor, "exit 3");
    let socket = monitor.socket().to_owned();
    drop(monitor);
    check(&child.wait_with_output().unwrap(), 3, "", "");
    let child = licwrap(&socket, &["--supervise", "--", "echo", "ran"]).spawn().unwrap();
    check(&child.wait_with_output().unwrap(), 0, "ran\n", "");
}

#[test]
fn signals_to_the_parent_reach_the_tool_once() {
    let monitor = Responder::start();
    for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM", "CONT", "TSTP"] {
        let script = format!("trap 'echo got' {name}; echo ready; while read line; do :; done");
        // dash ends its read when a trap has run.
        let script = format!("{script}; while read line; do :; done; exit 7");
        let (mut child, _token) = supervised(&monitor, &script);
        expect(&mut child, "ready\n");
        let signal: Signal = format!("SIG{name}").parse().unwrap();
        kill(pid(&child), signal).unwrap();
        expect(&mut child, "got\n");
        drop(child.stdin.take());
        let outcome = outcome(&monitor);
        check(&child.wait_with_output().unwrap(), 7, "", "");
        assert_eq!(outcome.exit_status, Some(7));
    }
}

#[test]
fn a_signal_ends_waiting_as_it_would_without_a_parent() {
    let monitor = Responder::start();
    let arguments = ["--supervise", "-w", "-v", "--", "true"];
    let mut child = licwrap(monitor.socket(), &arguments).process_group(0).spawn().unwrap();
    let mut asker = monitor.accept();
    asker.reply(&Reply::Queued { ticket: 3, place: 1 });
    let mut told = [0; 16];
    child.stderr.as_mut().unwrap().read_exact(&mut told).unwrap();
    kill(pid(&child), Signal::SIGTERM).unwrap();
    assert!(asker.has_left());
    let _told = outcome(&monitor);
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
}

#[test]
fn the_parent_stops_as_the_tool_stops_and_goes_on_with_it() {
    let monitor = Responder::start();
    for name in ["STOP", "TSTP", "TTIN"] {
        let script = format!("echo ready; kill -{name} $$; echo again; exit 7");
        let (mut child, _token) = supervised(&monitor, &script);
        expect(&mut child, "ready\n");
        let signal: Signal = format!("SIG{name}").parse().unwrap();
        let stopped = waitpid(pid(&child), Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(stopped, WaitStatus::Stopped(pid(&child), signal));
        kill(pid(&child), Signal::SIGCONT).unwrap();
        expect(&mut child, "again\n");
        let _told = outcome(&monitor);
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }
}

#[test]
fn a_killed_parent_leaves_the_tool_its_seat() {
    let monitor = Responder::start();
    let (mut child, token) = supervised(&monitor, "echo ready; read line");
    expect(&mut child, "ready\n");
    let input = child.stdin.take().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(token.is_held());
    drop(input);
    token.wait_for_end();
}

#[test]
fn the_parent_keeps_nothing_open() {
    let monitor = Responder::start();
    let (mut child, token) =
        supervised(&monitor, "exec 0<&- >&- 2>&-; cd /proc/$PPID/fd; while :; do sleep 1; done");
    // Its output ends though it runs.
    let mut rest = String::new();
    child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert!(token.is_held());
    kill(pid(&child), Signal::SIGTERM).unwrap();
    assert_eq!(outcome(&monitor).exit_signal, Some(15));
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn ignored_signals_and_the_mask_are_the_tools_as_they_were() {
    let monitor = Responder::start();
    let look = "trap '' CHLD PIPE HUP; exec \"$@\"";
    let status = ["grep", "-E", "Sig(Ign|Blk|Cgt)", "/proc/self/status"];
    let mut texts = Vec::new();
    for options in [&[][..], &["--supervise"]] {
        let licwrap_itself =
            [&[programs::LICWRAP][..], options, &["-f", "x", "--"], &status].concat();
        let arguments =
            [&["-f", "x", "--", "/bin/sh", "-c", look, "sh"], &licwrap_itself[..]].concat();
        let child = licwrap(monitor.socket(), &arguments).spawn().unwrap();
        let _token = monitor.accept().grant(7);
        let _inner = monitor.accept().grant(8);
        if !options.is_empty() {
            let _told = outcome(&monitor);
        }
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        texts.push(text(&output.stdout).to_owned());
    }
    assert!(texts[0].contains("SigIgn"));
    assert_eq!(texts[0], texts[1]);
}

/// What a parent tells of a tool that says it got no license.
fn denied(monitor: &Responder) -> Option<u32> {
    let mut asker = monitor.accept();
    asker.reply(&Reply::Done { text: String::new() });
    match asker.request {
        Request::Denied(outcome) => outcome.exit_status,
        other => panic!("{other:?}"),
    }
}

/// A tool that fails with the status of each of its standard input's lines.
const FAILS: [&str; 5] = ["--", "/bin/sh", "-c", "read line; echo $line; exit $line", "x"];

#[test]
fn a_tool_without_a_license_asks_again_at_the_end_of_the_queue() {
    let monitor = Responder::start();
    let options = ["-f", "x", "--denied-exit", "3-5", "--requeue", "5"];
    let mut command = licwrap(monitor.socket(), &[&options[..], &FAILS].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for (status, waits) in [(3, Wait::AsConfigured), (5, Wait::Yes)] {
        let asker = monitor.accept();
        let Request::Acquire(acquire) = &asker.request else { panic!("{:?}", asker.request) };
        assert!(acquire.is_supervised);
        assert_eq!((acquire.wait, acquire.ticket), (waits, None));
        let token = asker.grant(7);
        writeln!(input, "{status}").unwrap();
        token.wait_for_end();
        assert_eq!(denied(&monitor), Some(status));
    }
    let _token = monitor.accept().grant(7);
    writeln!(input, "9").unwrap();
    assert_eq!(outcome(&monitor).exit_status, Some(9));
    check(&child.wait_with_output().unwrap(), 9, "3\n5\n9\n", "");
}

#[test]
fn asking_again_has_an_end_and_the_status_passes() {
    let monitor = Responder::start();
    for (requeue, runs) in [("0", 1), ("1", 2)] {
        let options = ["-f", "x", "--denied-exit", "3", "--requeue", requeue];
        let tool = ["--", "/bin/sh", "-c", "exit 3"];
        let child = licwrap(monitor.socket(), &[&options[..], &tool].concat()).spawn().unwrap();
        for _ in 0..runs {
            let _token = monitor.accept().grant(7);
            assert_eq!(denied(&monitor), Some(3));
        }
        check(&child.wait_with_output().unwrap(), 3, "", "");
    }
}

#[test]
fn a_signal_ends_the_pause_before_asking_again() {
    let monitor = Responder::start();
    let options = ["-v", "-f", "x", "--denied-exit", "3", "--requeue", "5"];
    let tool = ["--", "/bin/sh", "-c", "trap '' TERM; exit 3"];
    let mut child = licwrap(monitor.socket(), &[&options[..], &tool].concat()).spawn().unwrap();
    let _token = monitor.accept().grant(7);
    assert_eq!(denied(&monitor), Some(3));
    let told = "licwrap: got x, lease 7\nlicwrap: sh got no license; asking again in 1 s, time 1\n";
    let mut bytes = vec![0; told.len()];
    child.stderr.as_mut().unwrap().read_exact(&mut bytes).unwrap();
    assert_eq!(text(&bytes), told);
    kill(pid(&child), Signal::SIGTERM).unwrap();
    let _told = outcome(&monitor);
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
}
