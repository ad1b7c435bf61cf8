//! Episodes: which denials are tries in a row, in whatever order they were learned.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::collections::{BTreeMap, BTreeSet};

use lic_protocol::{
    event::{Event, Fact},
    query::Filter,
    view::{Denial, Denials},
};
use lic_store::{
    read::{Reader, episodes::DenialCount},
    writer::Writer,
};
use site::{Site, at, batch, checkout, denial, event};

/// The longest time between two tries, by the system.
const GAPS_MS: [(&str, i64); 2] = [("licwrap", 120_000), ("dsls", 600_000)];

fn tries(at_ms: i64, line: u64, user: &str, tries: u32) -> Event {
    let Fact::Denial(mut fact) = denial("mesh", user) else { unreachable!() };
    fact.tries = tries;
    event(at_ms, line, Fact::Denial(fact))
}

/// A site whose server of that system wrote these denials, each learned by itself, in this order.
fn site(system: &str, events: &[Event]) -> Site {
    let site = Site::new();
    let mut writer = Writer::open(&site.paths).unwrap();
    writer.know_server(&"lic1".into(), system).unwrap();
    for event in events {
        writer.commit(&[batch("lic1", std::slice::from_ref(event))], at(0)).unwrap();
    }
    drop(writer);
    site
}

fn page(reader: &Reader) -> Denials {
    reader.denials(&Filter { limit: 1000, ..Filter::default() }).unwrap()
}

/// Episodes as `first..last tries`, newest first, times in milliseconds.
#[track_caller]
fn check(system: &str, rows: &[(i64, &str, u32)], expected: &[&str]) {
    let mut events: Vec<Event> =
        (0..).zip(rows).map(|(n, row)| tries(row.0, n, row.1, row.2)).collect();
    for _ in rows {
        events.rotate_left(1);
        let site = site(system, &events);
        let page = page(&site.reader());
        let shown = page.episodes.iter().map(|episode| {
            let (first, last) = (episode.first.as_millisecond(), episode.last.as_millisecond());
            format!("{first}..{last} {}", episode.tries)
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{system}");
        let whole: u64 = page.episodes.iter().map(|episode| episode.tries).sum();
        let count = DenialCount { tries: whole, episodes: u64::try_from(expected.len()).unwrap() };
        assert_eq!(site.reader().denial_count(&"lic1".into(), &"mesh".into()).unwrap(), count);
    }
}

#[test]
fn tries_in_a_row_are_one_episode() {
    for (system, gap) in GAPS_MS {
        check(system, &[], &[]);
        check(system, &[(5, "ann", 1)], &["5..5 1"]);
        let last = 1 + 2 * gap;
        let row = format!("1..{last} 3");
        check(system, &[(1, "ann", 1), (1 + gap, "ann", 1), (last, "ann", 1)], &[&row]);
        let late = 2 + gap;
        let row = format!("{late}..{late} 1");
        check(system, &[(1, "ann", 1), (late, "ann", 1)], &[&row, "1..1 1"]);
        check(system, &[(1, "ann", 1), (2, "ben", 1)], &["2..2 1", "1..1 1"]);
        check(system, &[(1, "ann", 1), (1, "ann", 1)], &["1..1 2"]);
        check(system, &[(1, "ann", 1), (9, "ann", 743)], &["1..9 744"]);
    }
}

/// A denial of ann at 1 s, when others and she took a seat, and what is known at last; how it ended out.
#[track_caller]
fn check_outcome(system: &str, taken: &[(i64, &str)], last_ms: i64, expected: &str) {
    let mut events = vec![tries(1000, 0, "ann", 1)];
    let taken = (1..).zip(taken).map(|(line, (at_ms, user))| {
        event(*at_ms, line, checkout("mesh", user, &line.to_string(), None))
    });
    events.extend(taken);
    events.push(event(last_ms, 99, denial("solve", "eve")));
    let page = page(&site(system, &events).reader());
    let episode = page.episodes.iter().find(|episode| episode.first == at(1000)).unwrap();
    let granted_ms = episode.granted_at.map(jiff::Timestamp::as_millisecond);
    assert_eq!(format!("{:?} {granted_ms:?}", episode.outcome), expected);
}

#[test]
fn an_episode_ends_with_a_seat_or_without_one() {
    let (gave_up, may_go_on) = ("Some(GaveUp) None", "None None");
    check_outcome("licwrap", &[], 500_000, gave_up);
    check_outcome("licwrap", &[(900, "ann"), (9000, "ben"), (121_001, "ann")], 500_000, gave_up);
    check_outcome("licwrap", &[(121_000, "ann")], 500_000, "Some(Granted) Some(121000)");
    check_outcome("licwrap", &[(8000, "ann"), (7000, "ann")], 1500, "Some(Granted) Some(7000)");
    check_outcome("licwrap", &[], 121_000, may_go_on);
    // Nothing that it wrote shows a checkout.
    check_outcome("dsls", &[], 9_000_000, may_go_on);
}

#[test]
fn an_episode_has_the_number_of_its_first_denial() {
    // Learned last, it is the first all the same; of two at one time it is the one with the lower number.
    let site = site("dsls", &[tries(9, 1, "ann", 1), tries(5, 2, "ann", 1), tries(5, 3, "ann", 1)]);
    let page = page(&site.reader());
    let shown: Vec<(i64, i64)> = page.denials.iter().map(|d| (d.id, d.episode)).collect();
    assert_eq!(shown, [(1, 2), (3, 2), (2, 2)]);
    assert_eq!(page.episodes[0].id, 2);
    let rows: Vec<(i64, i64)> = page.by_episode().iter().map(|(d, e)| (d.id, e.id)).collect();
    assert_eq!(rows, [(1, 2)]);
}

/// Random denials of a few users and features, learned in two orders, against grouping them by hand.
#[test]
fn pages_of_any_size_tell_the_same_episodes() {
    let mut number = 7_u64;
    let mut below = |limit: u64| {
        number =
            number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % limit
    };
    let mut events = Vec::new();
    for line in 0..600 {
        let at_ms = i64::try_from(below(200_000_000)).unwrap();
        let feature = ["mesh", "solve"][usize::try_from(below(2)).unwrap()];
        let user = ["ann", "ben", "cleo"][usize::try_from(below(3)).unwrap()];
        events.push(event(at_ms, line, denial(feature, user)));
    }
    for _ in 0..2 {
        events.reverse();
        let site = site("dsls", &events);
        let reader = site.reader();
        let all = page(&reader).denials;
        let expected = by_hand(&all);
        assert!(expected.values().collect::<BTreeSet<_>>().len() > 50, "there are many episodes");
        for limit in [7, 600] {
            let mut filter = Filter { limit, ..Filter::default() };
            loop {
                let page = reader.denials(&filter).unwrap();
                for denial in &page.denials {
                    assert_eq!(denial.episode, expected[&denial.id]);
                    let whole = page.episodes.iter().find(|e| e.id == denial.episode).unwrap();
                    let tries = expected.values().filter(|id| **id == whole.id).count();
                    assert_eq!(whole.tries, u64::try_from(tries).unwrap());
                }
                match page.next {
                    Some(next) => filter.after = Some(next.parse().unwrap()),
                    None => break,
                }
            }
        }
    }
}

/// The episode of each denial, by going through all of them in the order of time.
fn by_hand(denials: &[Denial]) -> BTreeMap<i64, i64> {
    let mut sorted: Vec<&Denial> = denials.iter().collect();
    sorted.sort_by_key(|denial| (denial.at, denial.id));
    let mut latest: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut episodes = BTreeMap::new();
    for denial in sorted {
        let key = format!("{} {} {}", denial.feature, denial.user, denial.host);
        let at_ms = denial.at.as_millisecond();
        let goes_on = latest.get(&key).filter(|(then_ms, _)| at_ms - then_ms <= 600_000);
        let episode = goes_on.map_or(denial.id, |(_, episode)| *episode);
        latest.insert(key, (at_ms, episode));
        episodes.insert(denial.id, episode);
    }
    episodes
}
