//! A day that is carried elsewhere tells there what it told here: in whatever order the days come, and however often.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs::File, io::Write, thread};

use jiff::{Timestamp, civil::date};
use lic_protocol::{
    event::{Checkin, Checkout, Denial, EndReason, Event, Fact, HandleOf, Identity, ReasonClass},
    name::ServerName,
    outcome::Outcome,
    query::{Filter, Which},
    view::Source,
};
use lic_store::{commit::Batch, open::DatabasePaths, read::Reader, writer::Writer};
use licmon::{
    exchange,
    pipe::{EventSink, pipe},
    writer,
};
use proptest::{collection::vec, prelude::*};

const DAYS: [i8; 3] = [1, 2, 3];
const HOUR_MS: i64 = 3_600_000;

struct Place {
    _folder: tempfile::TempDir,
    paths: DatabasePaths,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { paths: DatabasePaths::in_state(folder.path()), _folder: folder }
    }

    /// Every session and denial, as text, without the numbers that belong to one history.
    fn told(&self) -> Vec<String> {
        let reader = Reader::open(&self.paths).unwrap();
        let all = Filter { limit: 1000, ..Filter::default() };
        let sessions = reader.sessions(Which::All, &all).unwrap().sessions.into_iter();
        let mut told: Vec<String> = sessions
            .map(|mut session| {
                session.id = 0;
                format!("{session:?}")
            })
            .collect();
        let denials = reader.denials(&all).unwrap().denials.into_iter();
        told.extend(denials.map(|mut denial| {
            (denial.id, denial.episode) = (0, 0);
            format!("{denial:?}")
        }));
        for server in ["bare", "numbered"] {
            let counted = reader.denial_count(&server.into(), &"solve".into()).unwrap();
            told.push(format!("{server}: {} of {}", counted.episodes, counted.tries));
        }
        told.sort_unstable();
        told
    }

    fn exported(&self, day: i8) -> Vec<u8> {
        let mut lines = Vec::new();
        let reader = Reader::open(&self.paths).unwrap();
        exchange::write(&reader, date(2025, 8, day), None, &mut lines).unwrap();
        lines
    }

    /// Reads files one after the other; tells what each said.
    fn import(&self, files: &[Vec<u8>], machine: Option<&str>) -> Vec<anyhow::Result<String>> {
        let machine = machine.map(ServerName::from);
        let writer = Writer::open(&self.paths).unwrap();
        let (sink, messages) = pipe();
        let writing = thread::spawn(move || writer::run(writer, &messages, now).unwrap());
        let read = |bytes: &Vec<u8>| read(bytes, machine.as_ref(), &sink);
        let said = files.iter().map(read).collect();
        drop(sink);
        writing.join().unwrap();
        said
    }
}

fn read(bytes: &[u8], machine: Option<&ServerName>, sink: &EventSink) -> anyhow::Result<String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let read = exchange::read(File::open(file.path()).unwrap(), machine, sink, |_| true)?;
    Ok(read.sentence("FILE"))
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn at(hours: i64) -> Timestamp {
    let first = "2025-08-01T00:00:00Z".parse::<Timestamp>().unwrap();
    Timestamp::from_millisecond(first.as_millisecond() + hours * HOUR_MS).unwrap()
}

/// A step drawn at random: hours since the one before, who, whether he takes, gives or is refused, seats, whether his system
/// numbers its sessions.
type Drawn = (i64, u8, u8, u32, bool);

/// A session that is open: who, whether numbered, seats, the line it began with.
type Held = (u8, bool, u32, usize);

/// What a log would tell, in its order: no checkin without its checkout.
fn story(drawn: &[Drawn]) -> Vec<(&'static str, Event)> {
    let (mut hours, mut story) = (0, Vec::new());
    let mut held: Vec<Held> = Vec::new();
    for (line, (later, who, what, count, numbered)) in drawn.iter().copied().enumerate() {
        hours = (hours + later).min(71);
        let user = format!("user{who}");
        let server = if numbered { "numbered" } else { "bare" };
        let of = if numbered { HandleOf::Session } else { HandleOf::Holder };
        let handle = |line: usize| if numbered { line.to_string() } else { user.clone() };
        let fact = match what {
            0 | 1 => {
                held.push((who, numbered, count, line));
                Fact::Checkout(Checkout {
                    feature: "solve".into(),
                    user: user.as_str().into(),
                    host: "pc".into(),
                    count,
                    handle: handle(line),
                    handle_of: of,
                    seat: numbered.then(|| format!("seat{who}")),
                    version: Some("12".into()),
                    vendor: Some("Acme".into()),
                    unit: None,
                    display: None,
                    process: None,
                    project: Some("apollo".into()),
                })
            }
            2 | 3 => {
                let mine =
                    |(of_whom, is_numbered, ..): &Held| *of_whom == who && *is_numbered == numbered;
                let Some(place) = held.iter().position(mine) else { continue };
                let (_, _, count, begun) = held.remove(place);
                Fact::Checkin(Checkin {
                    feature: "solve".into(),
                    handle: handle(begun),
                    handle_of: of,
                    count: Some(count),
                    user: user.as_str().into(),
                    host: "pc".into(),
                    reason: if what == 2 { EndReason::Checkin } else { EndReason::Timeout },
                    ended_before: None,
                    outcome: Outcome { exit_status: Some(u32::from(who)), ..Outcome::default() },
                })
            }
            _ => Fact::Denial(Denial {
                feature: "solve".into(),
                user: user.as_str().into(),
                host: "pc".into(),
                count,
                reason: "no more seats".into(),
                class: ReasonClass::Exhausted,
                process: None,
                tries: count,
            }),
        };
        let identity = Identity { hash: 77 * line as u64, ordinal: 0 };
        story.push((server, Event { at: at(hours), fact, identity, raw: None }));
    }
    story
}

fn place_with(story: &[(&'static str, Event)]) -> Place {
    let place = Place::new();
    let mut writer = Writer::open(&place.paths).unwrap();
    writer.know_server(&"bare".into(), "flexlm").unwrap();
    writer.know_server(&"numbered".into(), "dsls").unwrap();
    for events in story.chunks(7) {
        for (server, event) in events {
            let batch = Batch {
                server: (*server).into(),
                source: Source::Log,
                learned_at: event.at,
                events: vec![event.clone()],
                checkpoint: None,
            };
            writer.commit(&[batch], now()).unwrap();
        }
    }
    place
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn days_in_any_order_and_twice_tell_the_same(
        drawn in vec((0..6_i64, 0..3_u8, 0..5_u8, 1..3_u32, any::<bool>()), 1..40),
        order in Just(DAYS.to_vec()).prop_shuffle(),
    ) {
        let here = place_with(&story(&drawn));
        let files: Vec<Vec<u8>> = order.iter().map(|day| here.exported(*day)).collect();
        let there = Place::new();
        for said in there.import(&files, None) {
            said.unwrap();
        }
        prop_assert_eq!(there.told(), here.told());
        for said in there.import(&files, None) {
            let said = said.unwrap();
            prop_assert!(said.starts_with("FILE: 0 events added,"), "{}", said);
        }
        prop_assert_eq!(there.told(), here.told());
    }
}

#[test]
fn a_day_between_two_that_were_read_finds_its_own_ends() {
    // Two sessions of one holder, one behind the other: the first ends on the second day, the other on the third.
    let drawn =
        [(1, 1, 0, 2, false), (28, 1, 2, 2, false), (5, 1, 0, 2, false), (16, 1, 2, 2, false)];
    let here = place_with(&story(&drawn));
    let there = Place::new();
    for said in there.import(&[1, 3, 2].map(|day| here.exported(day)), None) {
        said.unwrap();
    }
    assert_eq!(there.told(), here.told());
}

/// One session over midnight, and one of a tool of this machine.
fn small() -> Place {
    let drawn = [(20, 1, 0, 1, true), (6, 1, 2, 1, true), (1, 2, 4, 1, true)];
    place_with(&story(&drawn))
}

#[test]
fn a_day_brings_the_beginning_of_what_ended_in_it_and_its_head() {
    let here = small();
    let text = String::from_utf8(here.exported(2)).unwrap();
    let kinds: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<&str> = kinds.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(said, ["export", "checkout", "checkin", "denial", "end"]);
    let head = Reader::open(&here.paths).unwrap().sealed_until().unwrap().unwrap().head;
    assert_eq!(kinds[0]["head"], head.to_string());
    assert_eq!(kinds[1]["at"], "2025-08-01T20:00:00.000Z");
    let there = Place::new();
    let said = there.import(&[text.into_bytes()], None).pop().unwrap().unwrap();
    let expected = format!(
        "FILE: 3 events added, 0 stored already; 2025-08-02 of all servers, from the history with head {head}"
    );
    assert_eq!(said, expected);
}

#[test]
fn what_is_no_whole_export_is_told() {
    let whole = small().exported(2);
    let text = String::from_utf8(whole.clone()).unwrap();
    let without_end = text.rsplit_once("{\"kind\":\"end\"").unwrap().0;
    let cut = &whole[..whole.len() / 2];
    for (bytes, expected) in [
        (without_end.as_bytes(), "it is incomplete: 3 events are in it"),
        (cut, "is none of a `licmon export`"),
        (b"", "the first line is not that of a `licmon export`"),
        (b"18:15:02 (acmed) OUT: \"solve\" ann@pc\n", "line 1 is none of a `licmon export`"),
        (text.replace("\"form\":1", "\"form\":2").as_bytes(), "upgrade the program"),
        (text.replace("\"identity\":\"0", "\"identity\":\"x").as_bytes(), "line 2 is no event"),
        (text.replace("\"numbered\"", "\"local\"").as_bytes(), "how that machine is called"),
    ] {
        let said = Place::new().import(&[bytes.to_vec()], None).pop().unwrap().unwrap_err();
        let said = format!("{said:#}");
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let theirs = text.replace("\"numbered\"", "\"local\"");
    let there = Place::new();
    there.import(&[theirs.into_bytes()], Some("workstation7")).pop().unwrap().unwrap();
    assert!(there.told().concat().contains("workstation7"), "{:?}", there.told());
}
