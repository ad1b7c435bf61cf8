//! License servers are asked for their state; one that hangs, forks, floods or talks nonsense is told of and delays nobody.

use std::{
    fs,
    time::{Duration, Instant},
};

use lic_protocol::view::{Feature, Overview, Server, ServerState, Servers};
use lic_tests::{
    license_server::Script,
    programs::{command, programs},
    site::{Site, shown},
    wait,
};
use nix::sys::signal::Signal;

/// What licmon may hold while a license server prints without end.
const MEMORY_KB_MAX: u64 = 64 * 1024;

/// A site that asks servers of these names, each every second and with a second to answer; they serve at first.
fn site(names: &[&str]) -> (Site, Vec<Script>) {
    let site = Site::without_log("");
    let mut config = fs::read_to_string(site.config()).expect("the configuration");
    let mut scripts = Vec::new();
    for name in names {
        let script = Script::new(site.path(&format!("{name}.script")));
        script.set("serve 4 1");
        config += &script.section(name, &programs().license_server, "1s", "1s");
        scripts.push(script);
    }
    fs::write(site.config(), config).expect("a configuration");
    (site, scripts)
}

fn server(site: &Site, name: &str) -> Server {
    let servers = site.json::<Servers>(&["servers"]).servers;
    servers.into_iter().find(|server| server.name.as_str() == name).expect("a configured server")
}

fn becomes(site: &Site, name: &str, state: ServerState, error: &str) {
    wait::until(&format!("{name} is {state}: {error}"), || {
        let server = server(site, name);
        server.state == state && server.error.unwrap_or_default().contains(error)
    });
}

/// The one feature of the pretend server.
fn mesh(site: &Site) -> Feature {
    site.json::<Overview>(&["status"]).features.remove(0)
}

#[test]
fn answer_of_a_license_server_is_shown_by_commands_and_pages() {
    let (mut site, scripts) = site(&["acme"]);
    site.start();
    becomes(&site, "acme", ServerState::Up, "");
    let known = server(&site, "acme");
    assert!(known.response_ms.is_some_and(|took| took > 0.0));
    assert_eq!((known.denials_visible, known.coverage.unknown), (Some(false), 0));
    let told = mesh(&site);
    assert_eq!((told.issued, told.in_use, told.sessions), (Some(4), Some(1), None));
    assert_eq!(told.expires.unwrap().to_string(), "2030-12-31T23:59:59Z");
    scripts[0].set("serve 4 3");
    wait::until("3 seats in use", || mesh(&site).in_use == Some(3));
    let overview: Overview = site.api("/overview");
    assert_eq!(overview.features[0].in_use, Some(3));
}

#[test]
fn server_that_goes_down_has_no_use_that_is_known_and_comes_back() {
    let (mut site, scripts) = site(&["acme"]);
    site.start_licmon();
    becomes(&site, "acme", ServerState::Up, "");
    let heard = server(&site, "acme").last_answer;
    scripts[0].set("down");
    becomes(&site, "acme", ServerState::Down, "Cannot connect to license server system");
    let told = mesh(&site);
    assert_eq!((told.issued, told.in_use, told.queued), (Some(4), None, None));
    assert!(server(&site, "acme").last_answer >= heard, "the last good time stays");
    scripts[0].set("serve 5 0");
    becomes(&site, "acme", ServerState::Up, "");
    assert_eq!(mesh(&site).issued, Some(5));
    let said = site.licmon_said();
    assert!(said.contains("license server acme is down: Cannot connect"), "{said}");
}

#[test]
fn servers_that_misbehave_are_told_of_ended_and_delay_nobody() {
    let (mut site, scripts) = site(&["good", "hung", "forking", "flooding", "babbling"]);
    for (script, words) in scripts.iter().skip(1).zip(["hang", "fork", "flood", "garbage"]) {
        script.set(words);
    }
    site.start_licmon();
    becomes(&site, "good", ServerState::Up, "");
    becomes(&site, "hung", ServerState::Unknown, "no answer within 1 s");
    becomes(&site, "forking", ServerState::Unknown, "no answer within 1 s");
    becomes(&site, "flooding", ServerState::Unknown, "more than 16 MiB");
    becomes(&site, "babbling", ServerState::Unknown, "not what lmstat prints");
    let asked = scripts[0].processes().0;
    let begun = Instant::now();
    wait::until("the good one is asked on", || scripts[0].processes().0 >= asked + 4);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "4 times in {took:?}, not in 4 s");
    let peak_kb = site.licmon_memory_peak_kb();
    println!("asked 4 times in {took:?}, memory peak {peak_kb} kB");
    assert!(peak_kb < MEMORY_KB_MAX, "{peak_kb} kB");
    site.stop_licmon();
    for (script, name) in scripts.iter().zip(["good", "hung", "forking", "flooding", "babbling"]) {
        wait::until(&format!("nothing left of {name}"), || script.processes().1 == 0);
        assert!(script.processes().0 > 0, "{name} was asked");
    }
}

#[test]
fn answers_are_kept_and_read_again() {
    let (mut site, scripts) = site(&["acme"]);
    site.start_licmon();
    becomes(&site, "acme", ServerState::Up, "");
    scripts[0].set("down");
    becomes(&site, "acme", ServerState::Down, "");
    site.signal_licmon(Signal::SIGTERM);
    let again: serde_json::Value = site.json(&["replay-raw", "--server", "acme"]);
    let answers = again["answers"].as_array().unwrap();
    let states: Vec<&str> =
        answers.iter().map(|answer| answer["snapshot"]["state"].as_str().unwrap()).collect();
    assert_eq!((states.first(), states.last()), (Some(&"up"), Some(&"down")), "{again}");
    assert_eq!(answers[0]["snapshot"]["features"][0]["in_use"], 1);
    let table = site.run_licmon(&["replay-raw"]);
    assert!(shown(&table).contains("Connection refused"), "{}", shown(&table));
}

/// Every row of a table of history, counted.
#[track_caller]
fn records(site: &Site, table: &str) -> u64 {
    let history = site.state().join("history.db");
    let statement = format!("select count(*) from {table}");
    let output = command("sqlite3").arg("-readonly").arg(history).arg(statement).output();
    let output = output.expect("sqlite3 runs");
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8(output.stdout).expect("text").trim().parse().expect("a number")
}

#[test]
fn answers_are_history_and_a_rebuild_brings_the_last_one_back() {
    let (mut site, scripts) = site(&["acme"]);
    site.start_licmon();
    becomes(&site, "acme", ServerState::Up, "");
    let first = (records(&site, "sample"), records(&site, "entitlement"));
    assert_eq!(first, (1, 1));
    let asked = scripts[0].processes().0;
    wait::until("it answered twice more", || scripts[0].processes().0 >= asked + 3);
    site.stop_licmon();
    site.start_licmon();
    becomes(&site, "acme", ServerState::Up, "");
    assert_eq!((records(&site, "sample"), records(&site, "entitlement")), first, "all is known");
    scripts[0].set("serve 5 2");
    wait::until("2 seats in use", || mesh(&site).in_use == Some(2));
    scripts[0].set("down");
    becomes(&site, "acme", ServerState::Down, "Cannot connect");
    scripts[0].set("serve 5 2");
    becomes(&site, "acme", ServerState::Up, "");
    site.stop_licmon();
    assert_eq!((records(&site, "sample"), records(&site, "entitlement")), (2, 2));
    assert_eq!(records(&site, "server_event"), 3, "up, down, up");
    let verified = site.run_licmon(&["verify"]);
    assert!(verified.status.success(), "{}", shown(&verified));
    let rebuilt = site.run_licmon(&["rebuild"]);
    assert!(rebuilt.status.success(), "{}", shown(&rebuilt));
    let told = mesh(&site);
    assert_eq!((told.issued, told.in_use), (Some(5), Some(2)));
    assert!(told.as_of.is_some(), "with its time");
}

#[test]
fn test_of_a_server_says_that_its_system_was_never_tried() {
    let (site, _scripts) = site(&["acme"]);
    let words = "not tried on a real server";
    assert!(!shown(&site.run_licmon(&["server", "test", "acme"])).contains(words));
    let config = fs::read_to_string(site.config()).expect("the configuration");
    fs::write(site.config(), config.replace("\"flexlm\"", "\"rlm\"")).expect("a configuration");
    assert!(shown(&site.run_licmon(&["server", "test", "acme"])).contains(words));
}
