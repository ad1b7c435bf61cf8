//! A tool that is run without licwrap is seen among the processes: counted, marked, never refused, and never counted twice.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use lic_protocol::{
    event::EndReason,
    view::{FeatureHistory, Session, Source},
};
use lic_tests::{
    programs::{command, programs},
    site::{Site, append, shown},
    tool, wait,
};
use nix::sys::signal::Signal;

/// What nobody may find anywhere.
const SECRET: &str = "not-for-the-record";

/// A site that looks often at the processes, and has one seat of `t`.
fn site() -> Site {
    let site = Site::without_log(
        "[monitor]\nscan_processes = \"200ms\"\n[[tool]]\nname = \"t\"\nseats = 1\n",
    );
    fs::create_dir(site.path("count")).expect("a folder");
    site
}

/// Has `t` looked for: other stories run the same program.
fn look_for_it(site: &Site) {
    let here = site.path("count").display().to_string();
    let rule = format!("match = {{ name = \"^probe$\", cmdline = \"--count {here}\" }}\n");
    let config = fs::read_to_string(site.config()).expect("the configuration");
    fs::write(site.config(), config.replace("seats = 1\n", &format!("seats = 1\n{rule}")))
        .expect("a configuration");
}

/// Tells the tool to run until `until` exists.
fn tell(tool: &mut Command, site: &Site, until: &str) {
    tool.arg("--count").arg(site.path("count")).arg("--until").arg(site.path(until));
    tool.args(["--name", SECRET]).stdin(Stdio::null()).stdout(Stdio::null());
}

fn bare(site: &Site, until: &str) -> Child {
    let mut tool = command(&programs().probe);
    tell(&mut tool, site, until);
    tool.spawn().expect("the tool starts")
}

fn end(site: &Site, until: &str, mut run: Child) {
    append(&site.path(until), b"");
    assert!(run.wait().expect("it ran").success());
}

#[track_caller]
fn active_becomes(site: &Site, count: usize) -> Vec<Session> {
    wait::soon(&format!("{count} sessions"), || {
        Some(site.active()).filter(|active| active.len() == count)
    })
}

fn of(sessions: &[Session], process: &Child) -> Session {
    let start = format!("{}.", process.id());
    let is_its = |session: &&Session| {
        session.handle.as_ref().is_some_and(|handle| handle.starts_with(&start))
    };
    let found: Vec<_> = sessions.iter().filter(is_its).collect();
    assert_eq!(found.len(), 1, "sessions of {start} in {sessions:?}");
    found[0].clone()
}

#[test]
fn a_run_without_licwrap_is_counted_beside_those_with_a_lease() {
    let mut site = site();
    look_for_it(&site);
    site.start();
    // A shell holds the lease, and the tool is a process below it.
    let mut wrapped = site.licwrap(&["-f", "t", "--", "sh", "-c", "\"$@\"; exit $?", "sh"]);
    wrapped.arg(&programs().probe);
    tell(&mut wrapped, &site, "wrapped");
    let wrapped = wrapped.spawn().expect("licwrap starts");
    wait::until("the wrapped tool runs", || tool::live(&site.path("count")).expect("a count") == 1);
    let unwrapped = bare(&site, "bare");
    let active = active_becomes(&site, 2);
    let session = of(&active, &unwrapped);
    assert_eq!((session.source, session.process.as_deref()), (Source::Process, Some("probe")));
    assert_eq!((session.unit.as_deref(), session.verified), (Some("run"), Some(true)));
    assert!(session.started <= session.learned_at);
    wait::until("both are in use, one of them unwrapped", || {
        let feature: FeatureHistory = site.api("/features/local/t");
        (feature.now.in_use, feature.now.unwrapped) == (Some(2), Some(1))
    });
    assert_eq!(site.run_licmon(&["avail", "t"]).status.code(), Some(75), "the one seat is held");
    assert!(site.get("/sessions").body.contains("unwrapped</span>"));

    let said = site.run_licmon(&["check-config"]);
    assert!(
        shown(&said).contains("tool              t: match name ^probe$, cmdline "),
        "{}",
        shown(&said)
    );
    assert!(shown(&said).contains(&format!("probe ({}, ", unwrapped.id())), "{}", shown(&said));
    assert!(shown(&said).contains(": 2 processes now: "), "{}", shown(&said));
    assert!(!shown(&said).contains(SECRET), "{}", shown(&said));

    end(&site, "wrapped", wrapped);
    active_becomes(&site, 1);
    assert_eq!(
        site.run_licmon(&["avail", "t"]).status.code(),
        Some(0),
        "it takes no seat from anybody"
    );
    let next = site.licwrap(&["-f", "t", "-n", "--", "true"]).status().expect("licwrap runs");
    assert!(next.success(), "{next}");

    end(&site, "bare", unwrapped);
    active_becomes(&site, 0);
    let ended =
        site.sessions().into_iter().find(|found| found.id == session.id).expect("it is kept");
    assert_eq!(ended.end_reason, Some(EndReason::ToolExited));
    assert!(ended.ended_before > ended.ended && ended.ended >= Some(session.started), "{ended:?}");
    assert_eq!(site.sessions().len(), 3);
    site.stop_licmon();
    for file in fs::read_dir(site.state()).expect("the state folder") {
        let path = file.expect("a file").path();
        let bytes = fs::read(&path).unwrap_or_default();
        let finds = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!finds, "arguments are in {}", path.display());
    }
    assert!(!site.licmon_said().contains(SECRET));
}

#[test]
fn licmon_killed_between_two_looks_neither_doubles_nor_loses_a_run() {
    let mut site = site();
    look_for_it(&site);
    site.start();
    let stays = bare(&site, "stays");
    let goes = bare(&site, "goes");
    let active = active_becomes(&site, 2);
    let (staying, going) = (of(&active, &stays), of(&active, &goes));
    for _ in 0..3 {
        site.kill_licmon();
        site.start_licmon();
    }
    site.kill_licmon();
    end(&site, "goes", goes);
    let comes = bare(&site, "comes");
    site.start_licmon();
    wait::until("the one that came is counted, and the one that went has ended", || {
        let active = site.active();
        active.len() == 2 && active.iter().all(|session| session.id != going.id)
    });
    let active = site.active();
    assert_eq!(of(&active, &stays).id, staying.id);
    assert_eq!(of(&active, &comes).source, Source::Process);
    let all = site.sessions();
    assert_eq!(all.len(), 3, "{all:?}");
    let gone = all.iter().find(|session| session.id == going.id).expect("it is kept");
    assert_eq!(gone.end_reason, Some(EndReason::ToolExited));
    end(&site, "stays", stays);
    end(&site, "comes", comes);
    active_becomes(&site, 0);
    assert_eq!(site.sessions().len(), 3);
}

#[test]
fn a_rule_that_comes_with_a_reload_finds_what_runs_already() {
    let mut site = site();
    site.start();
    let unwrapped = bare(&site, "bare");
    wait::until("the tool runs", || tool::live(&site.path("count")).expect("a count") == 1);
    look_for_it(&site);
    site.signal_licmon(Signal::SIGHUP);
    let active = active_becomes(&site, 1);
    let session = of(&active, &unwrapped);
    assert!(session.started < session.learned_at, "{session:?}");
    end(&site, "bare", unwrapped);
    active_becomes(&site, 0);
}

#[test]
fn doctor_names_whoever_goes_around() {
    let mut site = site();
    look_for_it(&site);
    site.start();
    let doctor = || {
        let output = site.run_licmon(&["doctor"]);
        let said = shown(&output);
        assert!(!said.contains(SECRET), "{said}");
        said
    };
    let mut wrapped = site.licwrap(&["-f", "t", "--"]);
    wrapped.arg(&programs().probe);
    tell(&mut wrapped, &site, "wrapped");
    let wrapped = wrapped.spawn().expect("licwrap starts");
    active_becomes(&site, 1);
    assert_eq!(doctor(), "exit status: 0\nnothing is wrong\n");
    let around = bare(&site, "around");
    let expected = format!(
        "warning: tools: t runs around licwrap and takes no seat: 1 process now: probe ({}, ",
        around.id()
    );
    wait::until("doctor finds it", || doctor().contains(&expected));
    end(&site, "around", around);
    end(&site, "wrapped", wrapped);
}
