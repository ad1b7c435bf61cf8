//! What license servers answered: what is shown of it, what is not known any more when they fall silent, and what a start and a
//! rebuild leave of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use jiff::Timestamp;
use lic_protocol::{
    name::ServerName,
    snapshot::{Expiry, FeatureStatus, Snapshot},
    view::{Coverage, ServerState},
};
use lic_store::{
    configured::{Configured, ConfiguredServer},
    polled::Polled,
    writer::Writer,
};

use self::site::{Site, at};

fn configured() -> Configured {
    let name = ServerName::from("acme");
    let server = ConfiguredServer { name, system: "flexlm".into(), zone: "UTC".into() };
    Configured { servers: vec![server], features: Vec::new() }
}

fn feature(name: &str, pool: &str, counts: [Option<u32>; 2]) -> FeatureStatus {
    let mut feature = FeatureStatus::named(name);
    feature.pool = Some(pool.into());
    [feature.issued, feature.in_use] = counts;
    feature.expires = Some(Expiry::At(at(5000)));
    feature
}

fn answer(asked_ms: i64, features: &[FeatureStatus]) -> Polled {
    let coverage = Coverage { lines: 3, events: 3, ..Coverage::default() };
    let features = features.to_vec();
    let snapshot = Snapshot { state: ServerState::Up, features, coverage, ..Snapshot::default() };
    Polled { server: "acme".into(), asked_at: at(asked_ms), response_ms: Some(12.5), snapshot }
}

fn silence(asked_ms: i64, state: ServerState, why: &str) -> Polled {
    let snapshot = Snapshot { state, error: Some(why.into()), ..Snapshot::default() };
    Polled { server: "acme".into(), asked_at: at(asked_ms), response_ms: None, snapshot }
}

/// Answers in; the server's state and its features out, as a running licmon shows them.
#[track_caller]
fn check(answers: &[Polled], expected: &[&str]) {
    let site = Site::new();
    let mut writer = site.writer();
    writer.configure(&configured()).unwrap();
    for polled in answers {
        writer.set_polled(polled).unwrap();
    }
    assert_eq!(told(&site, &writer), expected);
}

fn told(site: &Site, _running: &Writer) -> Vec<String> {
    let reader = site.reader();
    let server = reader.servers().unwrap().remove(0);
    let since = server.since.map(Timestamp::as_millisecond);
    let heard = server.last_answer.map(Timestamp::as_millisecond);
    let line = format!(
        "{} since {since:?} heard {heard:?} in {:?} ms, denials {:?}, {} lines: {:?}",
        server.state,
        server.response_ms,
        server.denials_visible,
        server.coverage.lines,
        server.error
    );
    let features = reader.features().unwrap().into_iter().map(|feature| {
        let expires = feature.expires.map(Timestamp::as_millisecond);
        format!(
            "{} {:?} of {:?}, sessions {:?}, to {expires:?}, {}",
            feature.feature, feature.in_use, feature.issued, feature.sessions, feature.source
        )
    });
    [line].into_iter().chain(features).collect()
}

#[test]
fn answer_is_shown() {
    check(
        &[answer(
            1000,
            &[feature("mesh", "1", [Some(4), Some(1)]), feature("cad", "1", [None, Some(2)])],
        )],
        &[
            "up since Some(1000) heard Some(1000) in Some(12.5) ms, denials Some(false), 3 lines: None",
            "cad Some(2) of None, sessions None, to Some(5000), poll",
            "mesh Some(1) of Some(4), sessions None, to Some(5000), poll",
        ],
    );
}

#[test]
fn pools_of_one_name_are_added_and_one_unknown_makes_all_unknown() {
    check(
        &[answer(
            1000,
            &[feature("mesh", "1", [Some(4), Some(1)]), feature("mesh", "2", [Some(3), None])],
        )],
        &[
            "up since Some(1000) heard Some(1000) in Some(12.5) ms, denials Some(false), 3 lines: None",
            "mesh None of Some(7), sessions None, to Some(5000), poll",
        ],
    );
}

#[test]
fn newer_answer_replaces_the_older_and_keeps_since() {
    check(
        &[
            answer(1000, &[feature("mesh", "1", [Some(4), Some(1)])]),
            answer(2000, &[feature("cad", "1", [Some(2), Some(0)])]),
        ],
        &[
            "up since Some(1000) heard Some(2000) in Some(12.5) ms, denials Some(false), 3 lines: None",
            "cad Some(0) of Some(2), sessions None, to Some(5000), poll",
        ],
    );
}

#[test]
fn silent_server_has_no_use_that_is_known() {
    check(
        &[
            answer(1000, &[feature("mesh", "1", [Some(4), Some(1)])]),
            silence(2000, ServerState::Down, "refused"),
        ],
        &[
            "down since Some(2000) heard Some(1000) in None ms, denials Some(false), 0 lines: Some(\"refused\")",
            "mesh None of Some(4), sessions None, to Some(5000), poll",
        ],
    );
}

#[test]
fn seats_beyond_what_can_be_are_not_told() {
    check(
        &[answer(
            1000,
            &[
                feature("mesh", "1", [Some(u32::MAX), Some(1)]),
                feature("mesh", "2", [Some(1), Some(1)]),
            ],
        )],
        &[
            "up since Some(1000) heard Some(1000) in Some(12.5) ms, denials Some(false), 3 lines: None",
            "mesh Some(2) of None, sessions None, to Some(5000), poll",
        ],
    );
}

#[test]
fn next_start_knows_what_was_issued_and_not_what_is_in_use() {
    let site = Site::new();
    let mut writer = site.writer();
    writer.configure(&configured()).unwrap();
    writer.set_polled(&answer(1000, &[feature("mesh", "1", [Some(4), Some(1)])])).unwrap();
    let mut writer = site.writer_after(writer);
    writer.configure(&configured()).unwrap();
    assert_eq!(
        told(&site, &writer),
        [
            "unknown since None heard Some(1000) in None ms, denials None, 0 lines: None",
            "mesh None of Some(4), sessions None, to Some(5000), poll",
        ]
    );
    writer.set_polled(&answer(2000, &[feature("mesh", "1", [Some(4), Some(1)])])).unwrap();
    assert_eq!(
        told(&site, &writer),
        [
            "up since Some(1000) heard Some(2000) in Some(12.5) ms, denials Some(false), 3 lines: None",
            "mesh Some(1) of Some(4), sessions None, to Some(5000), poll",
        ]
    );
}

#[test]
fn rebuilt_picture_shows_the_last_answer_that_told_anything_new() {
    let site = Site::new();
    let mut writer = site.writer();
    writer.configure(&configured()).unwrap();
    for asked_ms in [1000, 2000] {
        let features = [feature("mesh", "1", [Some(4), Some(1)])];
        writer.set_polled(&answer(asked_ms, &features)).unwrap();
    }
    writer.rebuild().unwrap();
    assert_eq!(
        told(&site, &writer),
        [
            "up since Some(1000) heard Some(1000) in None ms, denials Some(false), 0 lines: None",
            "mesh Some(1) of Some(4), sessions None, to Some(5000), poll",
        ]
    );
    writer.set_polled(&silence(3000, ServerState::Down, "refused")).unwrap();
    writer.rebuild().unwrap();
    assert_eq!(
        told(&site, &writer),
        [
            "down since Some(3000) heard Some(1000) in None ms, denials Some(false), 0 lines: Some(\"refused\")",
            "mesh None of Some(4), sessions None, to Some(5000), poll",
        ]
    );
}

#[test]
fn live_that_is_gone_is_made_again_with_the_last_answer() {
    let site = Site::new();
    let mut writer = site.writer();
    writer.configure(&configured()).unwrap();
    writer.set_polled(&answer(1000, &[feature("mesh", "1", [Some(4), Some(1)])])).unwrap();
    drop(writer);
    for end in ["", "-wal", "-shm"] {
        let path = format!("{}{end}", site.paths.live.display());
        // A database that was closed whole has no log.
        drop(std::fs::remove_file(path));
    }
    let writer = site.writer();
    let features: Vec<String> = told(&site, &writer).split_off(1);
    assert_eq!(features, ["mesh Some(1) of Some(4), sessions None, to Some(5000), poll"]);
}
