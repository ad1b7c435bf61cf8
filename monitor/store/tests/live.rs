//! Live is a fold over history: made again from nothing, from an older state or in place, it is the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::{fs, path::PathBuf};

use lic_protocol::{
    event::{Event, ServerChange},
    view::Mode,
};
use lic_store::{
    configured::{Configured, ConfiguredFeature, ConfiguredServer},
    writer::Writer,
};
use proptest::{collection::vec, prelude::*};
use site::{Site, at, batch, checkin, checkout, denial, dequeue, event, queue, server};

/// Which kind of event, of which key, by which server, how many seconds after (or before) the last.
type Drawn = (u8, u8, usize, i64);

fn events(drawn: &[Drawn]) -> Vec<(&'static str, Event)> {
    let mut at_ms = 1_700_000_000_000;
    let mut events = Vec::new();
    for (number, (kind, key, name, pause_s)) in (1..).zip(drawn) {
        at_ms += pause_s * 1000;
        let feature = ["solve", "mesh"][usize::from(key % 2)];
        let (user, key) = (["ann", "ben", "cleo"][usize::from(key % 3)], format!("k{}", key % 4));
        let fact = match kind {
            0..5 => checkout(feature, user, &key, Some("seat")),
            5..9 => checkin(feature, user, &key),
            9 => denial("never-held", user),
            10..12 => queue(feature, user, &key),
            12..14 => dequeue(feature, &key),
            14 => server(ServerChange::Started),
            _ => server(ServerChange::Stopped),
        };
        events.push((["lic1", "lic2"][*name], event(at_ms, number, fact)));
    }
    events
}

fn commit(writer: &mut Writer, events: &[(&'static str, Event)]) {
    let batches: Vec<_> =
        events.iter().map(|(name, event)| batch(name, std::slice::from_ref(event))).collect();
    writer.commit(&batches, at(0)).unwrap();
}

fn configured() -> Configured {
    let server = |name: &str, system: &str| ConfiguredServer {
        name: name.into(),
        system: system.to_owned(),
        zone: "UTC".to_owned(),
    };
    let seats = |feature: &str, issued| ConfiguredFeature {
        server: "local".into(),
        feature: feature.into(),
        issued,
        reserved: 0,
        mode: Mode::Enforce,
        expires: issued.map(|_| at(3600)),
    };
    Configured {
        servers: vec![server("lic1", "dsls"), server("local", "licwrap")],
        features: vec![seats("run", Some(3)), seats("free", None)],
    }
}

/// The files of live; nothing may have the database open.
fn live_files(site: &Site) -> Vec<PathBuf> {
    ["", "-wal", "-shm"]
        .iter()
        .map(|suffix| PathBuf::from(format!("{}{suffix}", site.paths.live.display())))
        .collect()
}

fn delete(site: &Site) {
    for file in live_files(site).iter().filter(|file| file.exists()) {
        fs::remove_file(file).unwrap();
    }
}

fn saved(site: &Site) -> Vec<(PathBuf, Vec<u8>)> {
    let files = live_files(site).into_iter().filter(|file| file.exists());
    files.map(|file| (file.clone(), fs::read(&file).unwrap())).collect()
}

fn reopened(site: &Site, is_configured: bool) -> Writer {
    let mut writer = site.writer();
    if is_configured {
        writer.configure(&configured()).unwrap();
    }
    writer
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn live_is_the_fold(
        drawn in vec((0..16_u8, 0..12_u8, 0..2_usize, -20..60_i64), 1..120),
        pieces in vec(1..30_usize, 0..8),
        behind in any::<prop::sample::Index>(),
        is_configured in any::<bool>(),
    ) {
        let site = Site::new();
        let mut writer = reopened(&site, is_configured);
        let events = events(&drawn);
        let mut rest = &events[..];
        let pieces: Vec<_> = pieces.into_iter().chain([events.len()]).collect();
        let behind = behind.index(pieces.len());
        let mut older = Vec::new();
        for (number, size) in pieces.into_iter().enumerate() {
            if number == behind {
                drop(writer);
                older = saved(&site);
                writer = reopened(&site, is_configured);
            }
            let (piece, after) = rest.split_at(size.min(rest.len()));
            commit(&mut writer, piece);
            rest = after;
        }
        let picture = site.picture();

        writer.rebuild().unwrap();
        prop_assert_eq!(site.picture(), picture.clone(), "made again in place");

        drop(writer);
        delete(&site);
        writer = reopened(&site, is_configured);
        prop_assert_eq!(site.picture(), picture.clone(), "made again from nothing");

        drop(writer);
        delete(&site);
        for (file, bytes) in older {
            fs::write(file, bytes).unwrap();
        }
        writer = reopened(&site, is_configured);
        prop_assert_eq!(site.picture(), picture.clone(), "caught up from an older state");

        // What the writer knows of what is open came back with it.
        let after = events.len() as u64 + 1;
        for key in 0..4 {
            let end = event(1_800_000_000_000, after + key, checkin("solve", "ann", &format!("k{key}")));
            commit(&mut writer, &[("lic1", end)]);
        }
        let left = writer.open_sessions(&"lic1".into()).unwrap();
        prop_assert!(left.iter().all(|(feature, _)| feature != "solve"), "{:?}", left);
    }
}

/// A live database ahead of its history belongs to another one.
#[test]
fn live_of_another_history_is_made_again() {
    let site = Site::new();
    let other = Site::new();
    let mut writer = site.writer();
    commit(&mut writer, &[("lic1", event(1000, 1, checkout("solve", "ann", "h", None)))]);
    let picture = site.picture();
    drop(writer);
    let mut writer = other.writer();
    for number in 1..10 {
        let fact = checkout("mesh", "ben", &number.to_string(), None);
        commit(&mut writer, &[("lic2", event(1000, number, fact))]);
    }
    drop(writer);
    delete(&site);
    for (from, to) in live_files(&other).iter().zip(live_files(&site)) {
        fs::copy(from, to).unwrap();
    }
    drop(site.writer());
    assert_eq!(site.picture(), picture);
}

/// What the configuration named and nobody ever heard of goes with its line.
#[test]
fn configuration_leaves_nothing_behind() {
    let site = Site::new();
    let mut writer = site.writer();
    commit(
        &mut writer,
        &[
            ("lic1", event(1000, 1, denial("mesh", "ann"))),
            ("lic1", event(1000, 2, checkout("solve", "ann", "h", None))),
            ("lic2", event(1000, 3, queue("draw", "ann", "t"))),
        ],
    );
    let heard = site.picture();
    writer.configure(&configured()).unwrap();
    assert_ne!(site.picture(), heard);
    writer.configure(&Configured::default()).unwrap();
    let without_zone = |picture: Vec<String>| -> Vec<String> {
        picture.into_iter().map(|row| row.replace("Text(\"UTC\")", "Null")).collect()
    };
    assert_eq!(without_zone(site.picture()), heard);
}

/// Changes of a server in the order they are learned: `s` started, `x` stopped, `e` any other event, with its second.
/// Then its state and since when.
#[track_caller]
fn check(changes: &str, expected: &str) {
    let site = Site::new();
    let mut writer = reopened(&site, true);
    for (number, change) in (1..).zip(changes.split_whitespace()) {
        let fact = match &change[..1] {
            "s" => server(ServerChange::Started),
            "x" => server(ServerChange::Stopped),
            _ => denial("mesh", "ann"),
        };
        let at_ms: i64 = change[1..].parse::<i64>().unwrap() * 1000;
        commit(&mut writer, &[("lic1", event(at_ms, number, fact))]);
    }
    let servers = site.reader().servers().unwrap();
    let server = servers.iter().find(|server| server.name.as_str() == "lic1").unwrap();
    let second = |time: Option<jiff::Timestamp>| match time {
        Some(time) => time.as_second().to_string(),
        None => "?".to_owned(),
    };
    let heard = second(server.last_answer);
    let found = format!("{} since {}, heard {heard}", server.state, second(server.since));
    assert_eq!(found, expected, "{changes}");
}

#[test]
fn server_state_follows_the_log() {
    check("", "unknown since ?, heard ?");
    check("e5", "up since ?, heard 5");
    check("s10", "up since 10, heard 10");
    check("s10 e15", "up since 10, heard 15");
    check("s10 x20", "down since 20, heard 20");
    check("x20", "down since 20, heard 20");
    check("s10 e15 x20 e30", "up since 30, heard 30");
    check("s10 x20 s20", "up since 20, heard 20");
    check("s10 x20 s30 e40", "up since 30, heard 40");
    check("s10 x20 s30 x40", "down since 40, heard 40");
}

#[test]
fn server_that_says_twice_that_it_stops_stopped_the_first_time() {
    check("s10 x20 x25", "down since 20, heard 25");
}

#[test]
fn events_of_the_second_it_stopped_do_not_raise_a_server() {
    check("s10 e20 x20 e20", "down since 20, heard 20");
}

#[test]
fn older_log_read_later_does_not_change_the_state() {
    check("s110 e120 s10 x20 e15", "up since 110, heard 120");
    check("s110 x120 s10 x20 s30", "down since 120, heard 120");
    check("e120 s10 x20 s30", "up since 30, heard 120");
}
