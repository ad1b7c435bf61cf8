//! The real program against a small monitor: how it asks and waits, and how it ends when it gets no seat.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "the stage serves other tests too")]

#[path = "stage/programs.rs"]
mod programs;
#[path = "stage/responder.rs"]
mod responder;

use std::{
    fs,
    io::Read,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    time::{Duration, Instant},
};

use lic_protocol::{
    want::Choice,
    wire::{Acquire, Refusal, Reply, Request, Wait},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    programs::{check, end, licwrap, text},
    responder::Responder,
};

#[test]
fn the_request_says_what_the_command_line_says() {
    let monitor = Responder::start();
    let arguments =
        ["-f", "render:2", "-f", "light || dim:3", "-w", "-P", "bridge", "--", "/bin/true"];
    let child = licwrap(monitor.socket(), &arguments).spawn().unwrap();
    let asker = monitor.accept();
    let expected = Acquire {
        choices: ["render:2", "light || dim:3"].map(|text| Choice::parse(text).unwrap()).into(),
        wait: Wait::Yes,
        tool: "true".into(),
        project: Some("bridge".into()),
        is_supervised: false,
        ticket: None,
        is_again: false,
    };
    assert_eq!(asker.request, Request::Acquire(expected));
    let _token = asker.grant(1);
    check(&child.wait_with_output().unwrap(), 0, "", "");
}

#[test]
fn a_queue_ends_with_a_grant() {
    let monitor = Responder::start();
    let child = licwrap(monitor.socket(), &["-v", "-f", "x", "--", "echo", "ran"]).spawn().unwrap();
    let mut asker = monitor.accept();
    asker.reply(&Reply::Queued { ticket: 3, place: 2 });
    asker.reply(&Reply::Queued { ticket: 3, place: 2 });
    asker.reply(&Reply::Queued { ticket: 3, place: 1 });
    let _token = asker.grant(9);
    let told = "licwrap: waiting for a seat of x, place 2\n\
                licwrap: waiting for a seat of x, place 1\n\
                licwrap: got x, lease 9\n";
    check(&child.wait_with_output().unwrap(), 0, "ran\n", told);
}

#[test]
fn a_grant_in_pieces_is_a_grant() {
    let monitor = Responder::start();
    let child = licwrap(monitor.socket(), &["--", "echo", "ran"]).spawn().unwrap();
    let mut asker = monitor.accept();
    let message = Reply::Granted { lease: 9, is_looked_at: false }.encode();
    let (first, second) = message.split_at(20);
    asker.write(first);
    asker.write(second);
    check(&child.wait_with_output().unwrap(), 0, "ran\n", "");
}

#[test]
fn the_time_to_wait_ends() {
    for (more, code) in [(&[][..], 124), (&["-E", "7"], 7)] {
        let monitor = Responder::start();
        let arguments = [&["-w=0.2", "-f", "x"], more, &["--", "true"]].concat();
        let started = Instant::now();
        let child = licwrap(monitor.socket(), &arguments).spawn().unwrap();
        let mut asker = monitor.accept();
        asker.reply(&Reply::Queued { ticket: 3, place: 1 });
        let output = child.wait_with_output().unwrap();
        check(&output, code, "", "licwrap: no seat of x in the time given by -w\n");
        assert!(started.elapsed() >= Duration::from_millis(200));
        assert!(asker.has_left());
    }
}

#[track_caller]
fn check_refusal(arguments: &[&str], refusal: Refusal, code: i32) {
    let monitor = Responder::start();
    let arguments = [arguments, &["--", "true"]].concat();
    let child = licwrap(monitor.socket(), &arguments).spawn().unwrap();
    monitor.accept().reply(&Reply::Refused { refusal, text: "a \u{7}sentence".into() });
    check(&child.wait_with_output().unwrap(), code, "", "licwrap: a ?sentence\n");
}

#[test]
fn refusals() {
    check_refusal(&["-n"], Refusal::Busy, 75);
    check_refusal(&["-n", "-E", "7"], Refusal::Busy, 7);
    check_refusal(&[], Refusal::QueueFull, 75);
    check_refusal(&[], Refusal::Unknown, 125);
    check_refusal(&["-E7"], Refusal::Unknown, 7);
    check_refusal(&["-w"], Refusal::TooMany, 125);
    check_refusal(&[], Refusal::Forbidden, 125);
    check_refusal(&[], Refusal::Malformed, 125);
}

/// What `--explain` prints and leaves with; the tool is never run.
#[track_caller]
fn check_words(reply: &Reply, code: i32) {
    let monitor = Responder::start();
    let arguments = ["--explain", "-f", "x:2", "-P", "p", "--", "echo", "ran"];
    let child = licwrap(monitor.socket(), &arguments).spawn().unwrap();
    let mut asker = monitor.accept();
    let Request::Explain(order) = &asker.request else { panic!("{:?}", asker.request) };
    assert_eq!((order.choices[0].shown().as_str(), order.project.as_deref()), ("x:2", Some("p")));
    asker.reply(reply);
    check(&child.wait_with_output().unwrap(), code, "one\ntwo\n", "");
}

#[test]
fn words_instead_of_a_seat() {
    let text = || "one\ntwo".to_owned();
    check_words(&Reply::Done { text: text() }, 0);
    check_words(&Reply::Refused { refusal: Refusal::Busy, text: text() }, 75);
    check_words(&Reply::Refused { refusal: Refusal::Forbidden, text: text() }, 125);
}

/// What licwrap does when nobody listens, and the tool's file beside the socket is `file`.
#[track_caller]
fn check_absent(file: &str, arguments: &[&str], code: i32, stdout: &str, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tools")).unwrap();
    fs::write(folder.path().join("tools/x"), file).unwrap();
    let arguments = [&["-f", "x"], arguments, &["--", "echo", "ran"]].concat();
    let output = licwrap(&folder.path().join("seat.sock"), &arguments).output().unwrap();
    check(&output, code, stdout, text(&output.stderr));
    let is_told =
        text(&output.stderr).contains(words) && words.is_empty() == output.stderr.is_empty();
    assert!(is_told, "{:?}", text(&output.stderr));
}

#[test]
fn without_a_monitor_its_file_decides() {
    let refused = "echo may not run without it";
    check_absent("on_down=run\n", &[], 0, "ran\n", "");
    check_absent("on_down=run\n", &["-v"], 0, "ran\n", "running echo uncounted");
    check_absent("", &["-n"], 0, "ran\n", "");
    check_absent("on_down=deny\n", &[], 125, "", refused);
    check_absent("on_down=deny\n", &["-E", "7"], 7, "", refused);
    check_absent("on_down=wait\non_down_wait_s=0\n", &[], 125, "", refused);
    check_absent("on_down=wait\non_down_wait_s=1\n", &[], 125, "", refused);
    check_absent("on_down=wait\n", &["-n"], 75, "", refused);
    check_absent("on_down=wait\n", &["-w=0.1"], 124, "", "in the time given by -w");
}

/// What is left in the spool by `licwrap ARGUMENTS` while nobody listens.
fn left(arguments: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    fs::create_dir(&spool).unwrap();
    fs::create_dir(folder.path().join("tools")).unwrap();
    let file = format!("on_down=run\nspool={}\n", spool.display());
    fs::write(folder.path().join("tools/x"), file).unwrap();
    let mut command = licwrap(&folder.path().join("seat.sock"), arguments);
    let child = command.spawn().unwrap();
    let pid = child.id();
    child.wait_with_output().unwrap();
    let files = fs::read_dir(spool).unwrap().map(|entry| entry.unwrap());
    let read = |entry: fs::DirEntry| {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(entry.path()).unwrap();
        text.replace(&format!("\npid={pid}\n"), "\npid=PID\n")
    };
    files.map(read).collect()
}

#[test]
fn a_run_without_a_monitor_is_told_of_in_the_spool() {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let texts = left(&["-f", "x", "-f", "y:2", "-P", "a b", "--", "true"]);
    assert_eq!(texts.len(), 1);
    let (before, after) = texts[0].split_once("start_time=").unwrap();
    assert_eq!(before, "feature=x\nfeature=y:2\ntool=true\nproject=a b\npid=PID\n");
    let (start_time, after) = after.split_once('\n').unwrap();
    assert!(start_time.parse::<u64>().is_ok());
    assert_eq!(after, format!("boot_id={}\n\n", boot_id.trim()));
    // What did not run is not told of, and neither is a tool whose file names no spool.
    assert_eq!(left(&["-f", "x", "--", "/nonexistent"]), [""; 0]);
    assert_eq!(left(&["-f", "y", "--", "true"]), [""; 0]);
}

#[test]
fn a_monitor_that_does_not_speak_is_away() {
    let monitor = Responder::start();
    let child = licwrap(monitor.socket(), &["-v", "--", "echo", "ran"]).spawn().unwrap();
    let _silent = monitor.accept();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "ran\n"));
    assert!(text(&output.stderr).contains("it takes too long"));

    let child = licwrap(monitor.socket(), &["-v", "--", "echo", "ran"]).spawn().unwrap();
    monitor.accept().write("HTTP/1.1 400 Bad Request\n\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "ran\n"));
    assert!(text(&output.stderr).contains("not a message of this version"));
}

#[test]
fn a_monitor_that_comes_back_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tools")).unwrap();
    fs::write(folder.path().join("tools/echo"), "on_down=wait\n").unwrap();
    let socket = folder.path().join("seat.sock");
    let mut child = licwrap(&socket, &["-v", "--", "echo", "ran"]).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut told = [0; 8];
    stderr.read_exact(&mut told).unwrap();
    let monitor = Responder::start_at(&socket);
    let _token = monitor.accept().grant(1);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "ran\n"));
}

#[test]
fn who_got_no_answer_says_that_it_asks_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tools")).unwrap();
    fs::write(folder.path().join("tools/echo"), "on_down=wait\n").unwrap();
    let socket = folder.path().join("seat.sock");
    let monitor = Responder::start_at(&socket);
    let child = licwrap(&socket, &["--", "echo", "ran"]).spawn().unwrap();
    for is_again in [false, true, true] {
        let asker = monitor.accept();
        let Request::Acquire(acquire) = &asker.request else { panic!("{:?}", asker.request) };
        assert_eq!(acquire.is_again, is_again);
    }
    let _token = monitor.accept().grant(1);
    check(&child.wait_with_output().unwrap(), 0, "ran\n", "");
}

#[test]
fn a_waiter_shows_its_ticket_to_the_next_monitor() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("seat.sock");
    let monitor = Responder::start_at(&socket);
    let child = licwrap(&socket, &["-w", "--", "echo", "ran"]).spawn().unwrap();
    let mut asker = monitor.accept();
    asker.reply(&Reply::Queued { ticket: 31, place: 5 });
    drop(monitor);
    drop(asker);
    fs::remove_file(&socket).unwrap();

    let monitor = Responder::start_at(&socket);
    for place in [5, 4] {
        let mut asker = monitor.accept();
        assert_eq!(asker.ticket(), Some(31));
        asker.reply(&Reply::Queued { ticket: 31, place });
    }
    let asker = monitor.accept();
    assert_eq!(asker.ticket(), Some(31));
    let _token = asker.grant(2);
    check(&child.wait_with_output().unwrap(), 0, "ran\n", "");
}

#[test]
fn a_lost_place_is_not_looked_for_beyond_the_time_to_wait() {
    let monitor = Responder::start();
    let child = licwrap(monitor.socket(), &["-w=0.3", "--", "true"]).spawn().unwrap();
    let mut asker = monitor.accept();
    asker.reply(&Reply::Queued { ticket: 31, place: 5 });
    drop(monitor);
    drop(asker);
    let stderr = "licwrap: no seat of true in the time given by -w\n";
    check(&child.wait_with_output().unwrap(), 124, "", stderr);
}

#[test]
fn signals_end_the_wait_at_once() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let monitor = Responder::start();
        let mut child = licwrap(monitor.socket(), &["-w", "-v", "--", "true"]).spawn().unwrap();
        let mut asker = monitor.accept();
        asker.reply(&Reply::Queued { ticket: 31, place: 5 });
        let mut told = [0; 16];
        child.stderr.as_mut().unwrap().read_exact(&mut told).unwrap();
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        assert_eq!(end(&mut child).signal(), Some(signal as i32));
        assert!(asker.has_left());
    }
}

#[test]
fn a_grant_counts_though_the_waiter_was_stopped() {
    let monitor = Responder::start();
    let child = licwrap(monitor.socket(), &["-w=0.1", "--", "echo", "ran"]).spawn().unwrap();
    let pid = Pid::from_raw(child.id().cast_signed());
    let asker = monitor.accept();
    kill(pid, Signal::SIGSTOP).unwrap();
    let stopped = Instant::now();
    responder::until(|| stopped.elapsed() > Duration::from_millis(150));
    let _token = asker.grant(4);
    kill(pid, Signal::SIGCONT).unwrap();
    check(&child.wait_with_output().unwrap(), 0, "ran\n", "");
}

#[test]
fn a_command_line_that_cannot_be_followed_is_told() {
    for (arguments, stderr) in [
        (&["true"][..], "licwrap: put -- before the tool: `true` (see licwrap --help)\n"),
        (
            &["--explained", "--", "true"],
            "licwrap: there is no option: `--explained` (see licwrap --help)\n",
        ),
    ] {
        check(&licwrap(Path::new("/none"), arguments).output().unwrap(), 125, "", stderr);
    }
    let output = licwrap(Path::new("/none"), &["--version"]).output().unwrap();
    check(&output, 0, concat!("licwrap ", env!("CARGO_PKG_VERSION"), "\n"), "");
    let output = licwrap(Path::new("/none"), &["--help"]).output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"usage: licwrap "));
}
