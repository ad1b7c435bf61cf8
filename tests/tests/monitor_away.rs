//! A running tool never notices that licmon is gone; a restarted licmon finds every running tool and every waiter again.

use std::{
    fs,
    process::{Child, Stdio},
};

use lic_protocol::{event::EndReason, view::Session};
use lic_tests::{programs::programs, site::Site, tool, wait};

const TOOLS: &str = r#"
[[tool]]
name = "t"
seats = 3

[[tool]]
name = "strict"
seats = 1
on_down = "deny"
"#;

fn site() -> Site {
    let mut site = Site::without_log(TOOLS);
    site.start();
    fs::create_dir(site.path("count")).expect("a folder");
    site
}

/// A run that hears no signal, tells at its end which came, and lasts until a file of its own name exists.
fn deaf(site: &Site, name: &str) -> Child {
    let mut licwrap = site.licwrap(&["-f", "t", "-P", name, "--"]);
    licwrap
        .arg(&programs().probe)
        .args(["--deaf", "--name", name, "--count"])
        .arg(site.path("count"));
    licwrap
        .arg("--until")
        .arg(site.path(name))
        .stdout(Stdio::piped())
        .spawn()
        .expect("licwrap starts")
}

/// What of the held sessions must outlive a restart.
fn held(site: &Site) -> Vec<(i64, Option<String>, String)> {
    let told = |session: Session| (session.id, session.project, session.started.to_string());
    let mut held: Vec<_> = site.active().into_iter().map(told).collect();
    held.sort_unstable();
    held
}

fn live(site: &Site) -> usize {
    tool::live(&site.path("count")).expect("a count")
}

#[test]
fn a_restart_keeps_who_runs_and_who_waits() {
    let mut site = site();
    let mut runs = Vec::new();
    for number in 0..8 {
        runs.push(deaf(&site, &number.to_string()));
        if number < 3 {
            wait::until("it runs", || live(&site) == number + 1);
        } else {
            wait::until("it waits", || site.queue().len() == number - 2);
        }
    }
    wait::until("three sessions", || site.active().len() == 3);
    let before = held(&site);

    for _ in 0..3 {
        site.kill_licmon();
        assert_eq!(live(&site), 3, "the tools run on");
        site.start_licmon();
        wait::until("five wait again", || site.queue().len() == 5);
        assert_eq!(held(&site), before, "the same three are held");
        assert_eq!(live(&site), 3, "nobody else got in");
        let places: Vec<u32> = site.queue().iter().map(|waiter| waiter.place).collect();
        assert_eq!(places, [1, 2, 3, 4, 5]);
    }

    // One seat at a time, so that there is one right order.
    for number in 0..8 {
        fs::write(site.path(&number.to_string()), "").unwrap();
        let running = if number < 5 { 3 } else { 7 - number };
        let started = (number + 4).min(8);
        wait::until("the next one runs", || {
            live(&site) == running && tool::journal(&site.path("count")).unwrap().len() == started
        });
    }
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            String::from_utf8(output.stdout).unwrap().ends_with("signals \n"),
            "no signal came"
        );
    }
    wait::until("eight ended sessions", || site.active().is_empty() && site.sessions().len() == 8);
    let mut sessions = site.sessions();
    sessions.sort_unstable_by_key(|session| session.id);
    let order: Vec<String> = sessions.into_iter().filter_map(|session| session.project).collect();
    assert_eq!(order, ["0", "1", "2", "3", "4", "5", "6", "7"], "the order kept, nobody doubled");
    let starts = tool::journal(&site.path("count")).unwrap();
    let names: Vec<&str> = starts.iter().map(|start| start.name.as_str()).collect();
    assert_eq!(names, order);
    assert_eq!(starts.iter().map(|start| start.live).max(), Some(3));
}

#[test]
fn a_seat_is_free_after_a_restart_where_its_tool_ended_meanwhile() {
    let mut site = site();
    let mut run = deaf(&site, "a");
    wait::until("it runs", || live(&site) == 1);
    wait::until("one session", || site.active().len() == 1);
    site.kill_licmon();
    run.kill().unwrap();
    run.wait().unwrap();
    site.start_licmon();
    wait::until("it has ended", || site.active().is_empty());
    assert_eq!(site.sessions().len(), 1);
}

#[test]
fn without_licmon_on_down_decides() {
    let mut site = site();
    let end = |site: &Site, tool: &str| {
        site.licwrap(&["-f", tool, "--", "sh", "-c", "exit 7"]).output().unwrap().status.code()
    };
    assert_eq!((end(&site, "t"), end(&site, "strict")), (Some(7), Some(7)));
    site.kill_licmon();
    assert_eq!(end(&site, "t"), Some(7), "by default the tool runs");
    assert_eq!(end(&site, "strict"), Some(125), "on_down = deny");
    site.start_licmon();
    assert_eq!(end(&site, "strict"), Some(7));
}

#[test]
fn runs_without_licmon_are_counted_when_it_is_back() {
    let mut site = site();
    site.kill_licmon();
    let short = site.licwrap(&["-f", "t", "-P", "short", "--", "true"]).output().unwrap();
    assert!(short.status.success());
    let long = deaf(&site, "long");
    wait::until("it runs", || live(&site) == 1);
    for _ in 0..2 {
        site.start_licmon();
        wait::until("two sessions", || site.sessions().len() == 2);
        let told = |session: &Session| {
            (session.project.clone().unwrap_or_default(), session.end_reason.map(EndReason::word))
        };
        let mut sessions: Vec<_> = site.sessions().iter().map(told).collect();
        sessions.sort_unstable();
        assert_eq!(sessions, [("long".to_owned(), None), ("short".to_owned(), Some("lost"))]);
        assert_eq!(fs::read_dir(site.state().join("spool")).unwrap().count(), 0);
        site.kill_licmon();
    }
    site.start_licmon();
    fs::write(site.path("long"), "").unwrap();
    assert!(long.wait_with_output().unwrap().status.success());
    wait::until("it has ended", || site.active().is_empty());
    assert_eq!(site.sessions().len(), 2);
}
