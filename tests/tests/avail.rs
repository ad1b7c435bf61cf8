//! `licmon avail` says what a run of whoever asks would be told, and without a licmon what the databases show.

use std::process::{Child, Stdio};

use lic_protocol::avail::Available;
use lic_tests::{
    site::{Site, shown},
    wait,
};

const TOOLS: &str = r#"
[[tool]]
name = "two"
seats = 2

[[tool]]
name = "pair"
seats = 3
tokens = 2

[[tool]]
name = "aside"
seats = 2
reserve = [{ seats = 1, user = "nobody at all" }]

[[tool]]
name = "closed"
seats = 1
rules = [{ deny = { user = "*" } }]

[[tool]]
name = "free"
seats = "unlimited"
"#;

fn run(site: &Site, feature: &str) -> Child {
    let mut licwrap = site.licwrap(&["-f", feature, "--", "cat"]);
    licwrap.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("licwrap starts")
}

/// The document, whose answer is the exit status.
#[track_caller]
fn check(site: &Site, want: &str, count: u32, status: i32) -> Available {
    let output = site.run_licmon(&["avail", want, "--json"]);
    assert_eq!(output.status.code(), Some(status), "{want}: {}", shown(&output));
    let document: Available = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((document.available, document.count), (status == 0, count), "{want}: {document:?}");
    document
}

#[test]
fn seats_are_free_as_a_run_would_find_them() {
    let mut site = Site::without_log(TOOLS);
    site.start();
    let rows = [
        ("two", 1, 0),
        ("two:2", 2, 0),
        ("two:3", 3, 75),
        ("pair", 2, 0),
        ("pair:3", 3, 0),
        ("aside", 1, 0),
        ("aside:2", 2, 75),
        ("closed", 1, 75),
        ("free:9", 9, 0),
    ];
    for (want, count, status) in rows {
        assert!(check(&site, want, count, status).said.is_some(), "{want}");
    }
    assert!(check(&site, "closed", 1, 75).said.is_some_and(|said| said.contains("decided by")));
    assert_eq!(site.run_licmon(&["avail", "unheard-of"]).status.code(), Some(1));
    let mut runs = ["two", "pair", "aside"].map(|feature| run(&site, feature));
    wait::until("they run", || site.active().len() == 3);
    for (want, count, status) in
        [("two", 1, 0), ("two:2", 2, 75), ("pair", 2, 75), ("pair:1", 1, 0), ("aside", 1, 75)]
    {
        check(&site, want, count, status);
    }
    let table = shown(&site.run_licmon(&["avail", "pair"]));
    assert!(table.contains("a run of yours would wait at place 1"), "{table}");
    assert!(table.contains("2 seats of pair cannot be had now"), "{table}");
    site.kill_licmon();
    for (want, count, status) in
        [("two", 1, 0), ("two:2", 2, 75), ("pair", 2, 75), ("aside", 1, 75), ("closed", 1, 0)]
    {
        let document = check(&site, want, count, status);
        assert_eq!(document.said, None, "{want}");
    }
    let [aside] = &check(&site, "aside", 1, 75).features[..] else { panic!("one row") };
    assert_eq!((aside.free, aside.issued, aside.reserved), (Some(0), Some(2), Some(1)));
    let table = shown(&site.run_licmon(&["avail", "two"]));
    assert!(table.contains("no licmon answers"), "{table}");
    for run in &mut runs {
        run.kill().expect("it runs");
        run.wait().expect("it ran");
    }
}
