//! Pairing: whatever the order in which lines are learned, history holds the sessions that the log tells.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::collections::{BTreeMap, HashSet, btree_map::Entry};

use jiff::Timestamp;
use lic_protocol::event::{Event, Fact};
use lic_store::writer::Writer;
use proptest::{collection::vec, prelude::*};
use site::{Site, at, batch, checkin, checkout, event, rows};

/// How many of the lines that two files share stand at the end of the first.
const OVERLAP_LINES: usize = 5;

/// Server, feature, handle, start, end.
type Held = (String, String, String, i64, Option<i64>);

/// An event and the server that wrote it.
type Line = (&'static str, Event);

const SERVERS: [&str; 2] = ["lic1", "lic2"];

/// A line drawn at random: server, feature, handle, whether it is a checkout, seconds since the line before.
type Drawn = (usize, u8, u8, bool, i64);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let line = (0..2_usize, 0..2_u8, 0..3_u8, any::<bool>(), prop::sample::select(vec![0, 1, 60]));
    vec(line, 1..80)
}

fn key(line: &Drawn) -> (usize, u8, u8) {
    (line.0, line.1, line.2)
}

/// The log these lines make; two handles share a seat.
fn log(drawn: &[Drawn]) -> Vec<Line> {
    let mut at_ms = 1_700_000_000_000;
    let mut log = Vec::new();
    for (number, (server, feature, handle, is_checkout, pause_s)) in (1..).zip(drawn) {
        at_ms += pause_s * 1000;
        let (feature, seat) = (format!("solve{feature}"), format!("seat{}", handle / 2));
        let handle = format!("h{handle}");
        let fact = if *is_checkout {
            checkout(&feature, "ann", &handle, Some(&seat))
        } else {
            checkin(&feature, "ann", &handle)
        };
        log.push((SERVERS[*server], event(at_ms, number, fact)));
    }
    log
}

/// Sessions and contradictions, by reading the log once from its first line to its last.
fn reference(log: &[Line]) -> (Vec<Held>, usize) {
    let mut open = BTreeMap::new();
    let (mut held, mut anomalies) = (Vec::new(), 0);
    let mut known = HashSet::new();
    for (server, line) in log.iter().filter(|(server, line)| known.insert((*server, line.identity)))
    {
        let at_ms = line.at.as_millisecond();
        match &line.fact {
            Fact::Checkout(checkout) => {
                let key = (*server, checkout.feature.to_string(), checkout.handle.clone());
                match open.entry(key) {
                    Entry::Occupied(_) => anomalies += 1,
                    Entry::Vacant(closed) => {
                        closed.insert(at_ms);
                    }
                }
            }
            Fact::Checkin(checkin) => {
                let key = (*server, checkin.feature.to_string(), checkin.handle.clone());
                if let Some(started) = open.remove(&key) {
                    held.push((server.to_string(), key.1, key.2, started, Some(at_ms)));
                }
            }
            _ => {}
        }
    }
    held.extend(open.into_iter().map(|((server, feature, handle), started)| {
        (server.to_owned(), feature, handle, started, None)
    }));
    held.sort();
    (held, anomalies)
}

/// Commits a file in pieces of these sizes; returns how many events were new.
fn import(writer: &mut Writer, file: &[Line], pieces: &[usize]) -> u64 {
    let (mut rest, mut added) = (file, 0);
    for size in pieces.iter().copied().chain([usize::MAX]) {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        let runs = piece.chunk_by(|one, next| one.0 == next.0);
        let batches: Vec<_> = runs
            .map(|run| {
                let events: Vec<_> = run.iter().map(|(_, event)| event.clone()).collect();
                batch(run[0].0, &events)
            })
            .collect();
        let receipts = writer.commit(&batches, at(1_800_000_000_000)).unwrap();
        added += receipts.iter().map(|receipt| receipt.added).sum::<u64>();
        rest = after;
    }
    added
}

fn held(site: &Site) -> Vec<Held> {
    let sessions = site.sessions().into_iter().map(|session| {
        (
            session.server.to_string(),
            session.feature.to_string(),
            session.handle.unwrap(),
            session.started.as_millisecond(),
            session.ended.map(Timestamp::as_millisecond),
        )
    });
    let mut held: Vec<_> = sessions.collect();
    held.sort();
    held
}

/// What the view of history, live and the spans that figures are made of say of the same sessions.
fn check_all_agree(site: &Site, held: &[Held]) {
    let history = rusqlite::Connection::open(&site.paths.history).unwrap();
    let view = "select server, feature, handle, started_ms, ended_ms from session
        order by server, feature, handle, started_ms, ended_ms";
    let expected: Vec<_> = held
        .iter()
        .map(|(server, feature, handle, started, ended)| {
            let ended = ended.map_or("Null".to_owned(), |ended| format!("Integer({ended})"));
            format!("[Text({server:?}), Text({feature:?}), Text({handle:?}), Integer({started}), {ended}]")
        })
        .collect();
    assert_eq!(rows(&history, view), expected);
    // The writer's connection leaves it to the writer that every number it stores is one that is there.
    assert_eq!(rows(&history, "pragma foreign_key_check"), Vec::<String>::new());
    let live = rusqlite::Connection::open(&site.paths.live).unwrap();
    let open = "select id from session order by id";
    let never_ended = "select id from session where ended is null order by id";
    assert_eq!(rows(&live, open), rows(&history, never_ended));
    let reader = site.reader();
    for server in SERVERS {
        for feature in ["solve0", "solve1"] {
            let spans = reader.spans(&server.into(), &feature.into()).unwrap();
            let mut spans: Vec<_> = spans
                .iter()
                .map(|span| {
                    let ended = span.ended.map(|(ended, _)| ended.as_millisecond());
                    (span.started.as_millisecond(), ended)
                })
                .collect();
            spans.sort_unstable();
            let of_feature = held.iter().filter(|held| held.0 == server && held.1 == feature);
            let mut expected: Vec<_> = of_feature.map(|held| (held.3, held.4)).collect();
            expected.sort_unstable();
            assert_eq!(spans, expected);
        }
    }
}

fn anomalies(site: &Site) -> usize {
    let history = rusqlite::Connection::open(&site.paths.history).unwrap();
    let sql = "select e.text from server_event e join name on name.id = e.change
        where name.text = 'anomaly'";
    rows(&history, sql).len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A log in its own order, contradictions and repeated lines included, cut anywhere.
    #[test]
    fn log_in_order_is_read_as_a_person_reads_it(
        drawn in drawn(),
        repeated in vec(any::<prop::sample::Index>(), 0..10),
        pieces in vec(1..20_usize, 0..10),
        restarts in any::<bool>(),
    ) {
        let mut log = log(&drawn);
        for index in repeated {
            let line = index.get(&log).clone();
            log.push(line);
        }
        let site = Site::new();
        let mut writer = site.writer();
        let (expected, contradictions) = reference(&log);
        prop_assert_eq!(import(&mut writer, &log, &pieces), drawn.len() as u64);
        if restarts {
            drop(writer);
            writer = site.writer();
        }
        prop_assert_eq!(import(&mut writer, &log, &pieces), 0);
        prop_assert_eq!(held(&site), expected.clone());
        prop_assert_eq!(anomalies(&site), contradictions);
        check_all_agree(&site, &expected);
    }

    /// Two files of one log, which share some lines: either may be imported first.
    #[test]
    fn order_of_two_files_does_not_matter(
        drawn in drawn(),
        cut in any::<prop::sample::Index>(),
        pieces in vec(1..20_usize, 0..10),
        restarts in any::<bool>(),
    ) {
        // A handle is taken and given back in turn; the log may begin while some are held.
        let mut is_held = BTreeMap::new();
        let mut drawn = drawn;
        for line in &mut drawn {
            let held = is_held.entry(key(line)).or_insert(!line.3);
            *held = !*held;
            line.3 = *held;
        }
        let cut = cut.index(drawn.len());
        drawn[cut].4 = 3600;
        let log = log(&drawn);
        let files = [&log[..(cut + OVERLAP_LINES).min(log.len())], &log[cut..]];
        let (expected, contradictions) = reference(&log);
        prop_assert_eq!(contradictions, 0);
        for order in [[0, 1], [1, 0]] {
            let site = Site::new();
            let mut writer = site.writer();
            let mut added = import(&mut writer, files[order[0]], &pieces);
            if restarts {
                drop(writer);
                writer = site.writer();
            }
            added += import(&mut writer, files[order[1]], &pieces);
            prop_assert_eq!(added, log.len() as u64);
            prop_assert_eq!(held(&site), expected.clone(), "order {:?}", order);
            prop_assert_eq!(anomalies(&site), 0);
            check_all_agree(&site, &expected);
        }
    }
}

/// One handle: `o` is a checkout, `i` a checkin, and the number is its second. Files in the order of their import.
/// The sessions that must be there: start and end.
#[track_caller]
fn check(files: &[&str], expected: &[&str]) {
    let site = Site::new();
    let mut writer = site.writer();
    for file in files {
        let lines = file.split_whitespace().map(|line| {
            let second: i64 = line[1..].parse().unwrap();
            let is_checkout = line.starts_with('o');
            let fact = if is_checkout {
                checkout("solve", "ann", "h", None)
            } else {
                checkin("solve", "ann", "h")
            };
            let number = second.unsigned_abs() * 2 + u64::from(is_checkout);
            event(second * 1000, number, fact)
        });
        // Line by line, as a follower may see it.
        for line in lines {
            writer.commit(&[batch("lic1", &[line])], at(0)).unwrap();
        }
    }
    let mut sessions: Vec<_> = held(&site)
        .iter()
        .map(|held| {
            let ended = held.4.map(|ended| (ended / 1000).to_string());
            format!("{}-{}", held.3 / 1000, ended.unwrap_or_default())
        })
        .collect();
    sessions.sort();
    assert_eq!(sessions, expected);
    let held = writer.open_sessions(&"lic1".into()).unwrap().len();
    assert_eq!(held, expected.iter().filter(|session| session.ends_with('-')).count());
}

#[test]
fn checkin_learned_first_ends_its_checkout() {
    check(&["i50", "o10"], &["10-50"]);
}

#[test]
fn older_checkin_does_not_end_a_newer_checkout() {
    check(&["o50", "i10"], &["50-"]);
    check(&["o50", "o10 i20"], &["10-20", "50-"]);
    check(&["i50 o60 i70 o80", "o10 i20 o30"], &["10-20", "30-50", "60-70", "80-"]);
}

#[test]
fn nearer_checkin_learned_later_is_the_end() {
    check(&["i90", "o10", "i50"], &["10-50"]);
    check(&["i90", "o10", "i50 o60"], &["10-50", "60-90"]);
    check(&["i90", "o10", "i50 o60", "i30 o40"], &["10-30", "40-50", "60-90"]);
}

#[test]
fn checkin_ends_every_older_checkout_of_its_handle() {
    check(&["o50", "o10", "i90"], &["10-90", "50-90"]);
}

#[test]
fn clock_set_back_a_little_ends_the_session() {
    check(&["o50", "i49"], &["50-49"]);
    check(&["o50 i49 o52 i60"], &["50-49", "52-60"]);
}

#[test]
fn second_checkout_of_an_open_handle_is_no_session() {
    check(&["o10 o20 i30 i40"], &["10-30"]);
    check(&["i90", "o10", "o20"], &["10-90"]);
}
