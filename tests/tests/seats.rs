//! `licwrap -f NAME -- TOOL` runs at most as many tools as there are seats, in the order asked, and every run is one session.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use lic_protocol::view::Session;
use lic_tests::{programs::programs, site::Site, tool, wait};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const RUNS: usize = 200;

fn site(seats: &str) -> Site {
    let mut site = Site::without_log(&format!("[[tool]]\nname = \"t\"\nseats = {seats}\n"));
    site.start();
    fs::create_dir(site.path("count")).expect("a folder");
    site
}

/// `licwrap OPTIONS -- probe`, which counts itself; more arguments of the tool may follow.
fn probe(site: &Site, options: &[&str]) -> Command {
    let mut licwrap = site.licwrap(options);
    licwrap.arg("--").arg(&programs().probe).arg("--count").arg(site.path("count"));
    licwrap.stdout(Stdio::null());
    licwrap
}

/// A run that holds its seat until the file `until` of the site exists.
fn holder(site: &Site, options: &[&str], until: &str) -> Child {
    probe(site, options).arg("--until").arg(site.path(until)).spawn().expect("licwrap starts")
}

#[track_caller]
fn live_becomes(site: &Site, count: usize) {
    wait::until(&format!("{count} tools run"), || {
        tool::live(&site.path("count")).expect("a count") == count
    });
}

fn most_at_once(site: &Site) -> usize {
    let starts = tool::journal(&site.path("count")).expect("a journal");
    starts.iter().map(|start| start.live).max().unwrap_or(0)
}

#[track_caller]
fn ends_well(runs: Vec<Child>) {
    for mut run in runs {
        assert!(run.wait().expect("licwrap ran").success());
    }
}

#[test]
fn two_hundred_at_once_on_three_seats_are_never_more_than_three() {
    let site = site("3");
    let runs =
        (0..RUNS).map(|_| probe(&site, &["-f", "t"]).args(["--for-ms", "10"]).spawn().unwrap());
    ends_well(runs.collect());
    assert_eq!(tool::journal(&site.path("count")).unwrap().len(), RUNS);
    assert_eq!(most_at_once(&site), 3);
    wait::until("every session has ended", || {
        site.active().is_empty() && site.sessions().len() == RUNS
    });
    assert_eq!(site.sessions().len(), RUNS, "exactly one session a run");
}

#[test]
fn seats_are_given_in_the_order_asked() {
    let site = site("3");
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let name = format!("{number:03}");
        runs.push(holder(&site, &["-f", "t", "-P", &name], "go"));
        if number < 3 {
            live_becomes(&site, number + 1);
        } else {
            wait::until("one more waits", || site.queue().len() == number - 2);
        }
    }
    fs::write(site.path("go"), "").unwrap();
    ends_well(runs);
    assert_eq!(most_at_once(&site), 3);
    wait::until("every session has ended", || {
        site.active().is_empty() && site.sessions().len() == RUNS
    });
    let mut sessions = site.sessions();
    sessions.sort_unstable_by_key(|session| session.id);
    let order: Vec<String> = sessions.into_iter().filter_map(|session| session.project).collect();
    let asked: Vec<String> = (0..RUNS).map(|number| format!("{number:03}")).collect();
    assert_eq!(order, asked);
    assert!(site.queue().is_empty());
}

#[test]
fn the_next_starts_when_the_first_ends() {
    let site = site("1");
    let mut spans = Vec::new();
    for number in 0..9 {
        let mut first = holder(&site, &["-f", "t"], "never");
        live_becomes(&site, 1);
        let mut second = site.licwrap(&["-f", "t", "--", "sh", "-c", "echo here; read end"]);
        let mut second = second.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        wait::until("the second waits", || site.queue().len() == 1);
        let ended = Instant::now();
        first.kill().unwrap();
        let mut word = String::new();
        BufReader::new(second.stdout.take().unwrap()).read_line(&mut word).unwrap();
        spans.push(ended.elapsed());
        assert_eq!(word, "here\n", "round {number}");
        drop(second.stdin.take());
        second.wait().unwrap();
        first.wait().unwrap();
    }
    spans.sort_unstable();
    println!(
        "kill of the first to a word of the second: {:?} (median), {:?} (slowest of 9)",
        spans[4], spans[8]
    );
    assert!(spans[0] < Duration::from_millis(5), "{spans:?}");
}

#[test]
fn who_does_not_wait_is_told_at_once() {
    let site = site("1");
    let mut first = holder(&site, &["-f", "t"], "go");
    live_becomes(&site, 1);
    let refused = site.licwrap(&["-f", "t", "-n", "--", "true"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(75));
    let waited = site.licwrap(&["-f", "t", "-w=0.2s", "--", "true"]).output().unwrap();
    assert_eq!(waited.status.code(), Some(124));
    wait::until("nobody waits any more", || site.queue().is_empty());
    fs::write(site.path("go"), "").unwrap();
    first.wait().unwrap();
    assert!(site.licwrap(&["-f", "t", "-n", "--", "true"]).status().unwrap().success());
}

#[test]
fn a_killed_tool_frees_its_seat_at_once() {
    let site = site("1");
    let mut first = holder(&site, &["-f", "t"], "never");
    live_becomes(&site, 1);
    first.kill().unwrap();
    first.wait().unwrap();
    wait::until("a seat is free", || {
        site.licwrap(&["-f", "t", "-n", "--", "true"]).status().unwrap().success()
    });
    wait::until("both have ended", || site.active().is_empty() && site.sessions().len() == 2);
}

#[test]
fn the_tools_own_end_is_licwraps() {
    let site = site("\"unlimited\"");
    let end = |line: &str| site.licwrap(&["-f", "t", "--", "sh", "-c", line]).status().unwrap();
    assert_eq!(end("exit 42").code(), Some(42));
    assert_eq!(end("kill -SEGV $$").signal(), Some(11));
    assert_eq!(end("exit 0").code(), Some(0));
    let code = |tool: &str| site.licwrap(&["-f", "t", "--", tool]).output().unwrap().status.code();
    assert_eq!(code("no-such-tool-here"), Some(127));
    fs::write(site.path("no-program"), "text").unwrap();
    assert_eq!(code(site.path("no-program").to_str().unwrap()), Some(126));
}

#[test]
fn what_cannot_be_had_is_refused_for_good() {
    let site = site("2");
    let code = |feature: &str| {
        site.licwrap(&["-f", feature, "--", "true"]).output().unwrap().status.code()
    };
    assert_eq!(code("t:2"), Some(0));
    assert_eq!(code("t:3"), Some(125), "more than there are");
    assert_eq!(code("unheard-of"), Some(125), "no such tool");
}

#[test]
fn an_unlimited_tool_is_counted_and_never_refused() {
    let site = site("\"unlimited\"");
    let runs: Vec<Child> = (0..20).map(|_| holder(&site, &["-f", "t", "-n"], "go")).collect();
    live_becomes(&site, 20);
    wait::until("twenty sessions", || site.active().len() == 20);
    fs::write(site.path("go"), "").unwrap();
    ends_well(runs);
}

#[test]
fn a_run_inside_a_run_takes_no_second_seat() {
    let site = site("1");
    let licwrap = programs().licwrap.to_str().expect("a path");
    let inner = [licwrap, "-n", "-f", "t", "--"];
    let script = ["sh", "-c", "exit 4"];
    let twice = [&["-f", "t", "--"], &inner[..], &inner[..], &script[..]].concat();
    let run = site.licwrap(&twice).output().expect("licwrap runs");
    assert_eq!(run.status.code(), Some(4), "{}", lic_tests::site::shown(&run));
    wait::until("one session", || site.sessions().len() == 1 && site.sessions()[0].ended.is_some());
    // A tool that closed the token, and kept the variable, is outside.
    let close = "use POSIX; POSIX::close(100); exec @ARGV";
    let outside = ["-f", "t", "--", "perl", "-e", close];
    let run = site.licwrap(&[&outside[..], &inner[..], &["true"]].concat()).output().unwrap();
    assert_eq!(run.status.code(), Some(75), "{}", lic_tests::site::shown(&run));
}

/// What anybody sees of a run.
#[derive(Clone, Copy, PartialEq)]
enum Sees {
    End,
    Nothing,
}

/// A run of `script` as the session that it becomes, checked for how both ended.
#[track_caller]
fn ended(site: &Site, options: &[&str], script: &str, sees: Sees) -> Session {
    let arguments = [options, &["-f", "t", "-P", script, "--", "sh", "-c", script]].concat();
    let run = site.licwrap(&arguments).output().expect("licwrap runs");
    let is_it =
        |session: &Session| session.ended.is_some() && session.project.as_deref() == Some(script);
    wait::until("it has ended", || site.sessions().iter().any(is_it));
    let session = site.sessions().into_iter().find(is_it).expect("it has ended");
    let told = (session.exit_status, session.exit_signal);
    assert_eq!(
        told,
        if sees == Sees::End { (run.status.code(), run.status.signal()) } else { (None, None) }
    );
    session
}

#[test]
fn a_run_is_recorded_with_how_it_ended() {
    // Source: linux/pidfd.h of 6.15, where the kernel begins to tell it.
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let tells = (numbers.next(), numbers.next()) >= (Some(6), Some(15));
    let sees = if tells { Sees::End } else { Sees::Nothing };
    let site = site("1");
    for script in ["exit 42", "kill -9 $$", "exit 0"] {
        let session = ended(&site, &[], script, sees);
        assert_eq!((session.memory_peak_bytes, session.cpu_s), (None, None), "nobody saw it");
    }
}

#[test]
fn a_supervised_run_is_recorded_with_what_it_used() {
    let site = site("1");
    for script in ["exit 42", "kill -9 $$"] {
        let session = ended(&site, &["--supervise"], script, Sees::End);
        assert!(session.memory_peak_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(session.cpu_s.is_some_and(|s| s < 10.0));
    }
}

#[test]
fn a_tool_that_got_no_license_is_denied_and_runs_again() {
    let site = site("1");
    // The first run finds no license, the second does.
    let script = "mkdir once 2>/dev/null && exit 3; exit 0";
    let mut licwrap = site.licwrap(&["-f", "t", "--denied-exit", "3", "--requeue", "2", "--"]);
    let run = licwrap.args(["sh", "-c", script]).current_dir(site.path("count")).output();
    assert_eq!(run.expect("licwrap runs").status.code(), Some(0));
    wait::until("both runs have ended", || {
        site.sessions().iter().filter(|session| session.ended.is_some()).count() == 2
    });
    let mut statuses: Vec<_> = site.sessions().iter().map(|run| run.exit_status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [Some(0), Some(3)]);
    wait::until("the denial is there", || site.denials().denials.len() == 1);
    let denial = site.denials().denials.remove(0);
    assert_eq!(denial.reason, "the tool exited with 3, its own \"no license\" status");
    assert_eq!((denial.process.as_deref(), denial.count), (Some("sh"), 1));
}

#[test]
fn s10_a_stopped_waiter_takes_no_seat_and_is_served_when_it_goes_on() {
    let site = site("1");
    let first = holder(&site, &["-f", "t"], "first");
    live_becomes(&site, 1);
    let stopped = holder(&site, &["-f", "t", "-P", "stopped"], "go");
    wait::until("it waits", || site.queue().len() == 1);
    let pid = Pid::from_raw(stopped.id().cast_signed());
    kill(pid, Signal::SIGSTOP).expect("it stops");
    let second = holder(&site, &["-f", "t", "-P", "second"], "second");
    wait::until("both wait", || site.queue().len() == 2);
    fs::write(site.path("first"), "").expect("the first ends");
    let holds = |project: &str| {
        let active = site.active();
        active.len() == 1 && active[0].project.as_deref() == Some(project)
    };
    wait::until("the second runs", || holds("second"));
    kill(pid, Signal::SIGCONT).expect("it goes on");
    fs::write(site.path("second"), "").expect("the second ends");
    wait::until("the one that was stopped runs", || holds("stopped"));
    fs::write(site.path("go"), "").expect("it ends");
    ends_well(vec![first, second, stopped]);
}
