//! Hours and days: whatever the order in which lines are learned, they are what all sessions together make.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use lic_protocol::{
    event::{Event, Fact},
    span::Span,
};
use lic_store::{
    read::{
        folds::{Summed, by_hour_of_week},
        hours::{Hours, Of},
    },
    writer::Writer,
};
use proptest::{collection::vec, prelude::*};
use site::{Site, at, batch, checkin, checkout, denial, event, rows};

const HOUR_MS: i64 = 3_600_000;
/// Some hours before a midnight.
const FIRST_MS: i64 = 1_700_000_000_000 / HOUR_MS * HOUR_MS;
const LAST_MS: i64 = FIRST_MS + 120 * HOUR_MS;
const FEATURES: [&str; 2] = ["solve", "mesh"];

/// Feature, handle, whether it shares a seat, minutes after the line before, and how many seats.
type Drawn = (usize, u8, bool, i64, u32);

/// Handles taken and given back in turn; those held at the end are given back too where it `closes`.
fn log(drawn: &[Drawn], closes: bool) -> Vec<Event> {
    let mut drawn = drawn.to_vec();
    let mut open = BTreeMap::new();
    for (feature, handle, shares, _, _) in &drawn {
        if open.remove(&(*feature, *handle)).is_none() {
            open.insert((*feature, *handle), *shares);
        }
    }
    let ends = open.into_iter().map(|((feature, handle), shares)| (feature, handle, shares, 1, 1));
    drawn.extend(ends.filter(|_| closes));
    let mut at_ms = FIRST_MS;
    let mut is_held = BTreeMap::new();
    let lines = (1..).zip(&drawn).map(|(number, (feature, handle, shares, pause_min, count))| {
        at_ms = (at_ms + pause_min * 60_000).min(LAST_MS - 1);
        let held = is_held.entry((*feature, *handle)).or_insert(false);
        *held = !*held;
        let (name, user) = (FEATURES[*feature], ["ann", "ben"][usize::from(handle % 2)]);
        let mut fact = checkout(name, user, &format!("h{handle}"), shares.then_some(user));
        match &mut fact {
            // Sessions of one seat ask for as many.
            Fact::Checkout(checkout) if !shares => checkout.count = *count,
            _ => {}
        }
        if !*held {
            fact = checkin(name, user, &format!("h{handle}"));
        }
        event(at_ms, number, fact)
    });
    lines.collect()
}

fn import(writer: &mut Writer, file: &[Event], pieces: &[usize]) {
    let mut rest = file;
    for size in pieces.iter().copied().chain([usize::MAX]) {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        writer.commit(&[batch("lic1", piece)], at(0)).unwrap();
        rest = after;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a test is of days, not of ages")]
fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

fn of(feature: Option<&str>) -> Of {
    Of { server: Some("lic1".into()), feature: feature.map(Into::into) }
}

/// Seat milliseconds and the peak of an hour, by looking at every instant at which anything changes.
fn naive(spans: &[Span], from_ms: i64, to_ms: i64) -> (i64, u32) {
    let end = |span: &Span| span.ended.map_or(i64::MAX, |(ended, _)| ended.as_millisecond());
    let mut instants = vec![from_ms, to_ms];
    for span in spans {
        instants.extend([span.started.as_millisecond(), end(span)]);
    }
    instants.retain(|instant| (from_ms..=to_ms).contains(instant));
    instants.sort_unstable();
    let (mut sum, mut peak) = (0, 0);
    for pair in instants.windows(2).filter(|pair| pair[0] < pair[1]) {
        let mut seats = BTreeMap::new();
        let mut own = 0;
        for span in spans {
            if span.started.as_millisecond() <= pair[0] && pair[0] < end(span) {
                match span.seat {
                    Some(seat) => *seats.entry(seat).or_insert(0) = span.count,
                    None => own += span.count,
                }
            }
        }
        let used = own + seats.values().sum::<u32>();
        sum += i64::from(used) * (pair[1] - pair[0]);
        peak = peak.max(used);
    }
    (sum, peak)
}

/// The hours of each feature, and of all, against its sessions. What is held counts up to the last line.
#[track_caller]
fn check_hours(site: &Site, log: &[Event]) {
    let reader = site.reader();
    let range = (at(FIRST_MS), at(LAST_MS));
    let mut all: BTreeMap<i64, (i64, u64)> = BTreeMap::new();
    for feature in FEATURES {
        let spans = reader.spans(&"lic1".into(), &feature.into()).unwrap();
        let newest_ms = log.iter().map(|event| event.at.as_millisecond()).max().unwrap_or(0);
        let Hours { hours, stale } = reader.hours(&of(Some(feature)), range, at(0)).unwrap();
        assert_eq!((hours.len(), stale), (120, None));
        for hour in hours {
            let from_ms = hour.begins.as_millisecond();
            let to_ms = newest_ms.clamp(from_ms, from_ms + HOUR_MS);
            let (seat_ms, peak) = naive(&spans, from_ms, to_ms);
            let began = |span: &&Span| {
                (from_ms..from_ms + HOUR_MS).contains(&span.started.as_millisecond())
            };
            let checkouts = spans.iter().filter(began).count() as u64;
            let found = (ms(hour.seat_s), hour.peak, hour.checkouts);
            assert_eq!(found, (seat_ms, Some(peak), checkouts), "{feature} {}", hour.begins);
            let sum = all.entry(from_ms).or_default();
            *sum = (sum.0 + seat_ms, sum.1 + checkouts);
        }
    }
    for hour in reader.hours(&of(None), range, at(0)).unwrap().hours {
        let found = (ms(hour.seat_s), hour.checkouts);
        assert_eq!(found, all[&hour.begins.as_millisecond()], "all {}", hour.begins);
    }
}

/// Feature and user, seat, how many seats, start and end.
type Used = ((String, String), Option<String>, i64, i64, Option<i64>);

/// The days of users against the seats that were given back, whichever way they were counted.
#[track_caller]
fn check_days(site: &Site) {
    let reader = site.reader();
    let days = reader.user_days(&of(None), None, (at(0), at(LAST_MS + 24 * HOUR_MS))).unwrap();
    let days: Vec<_> = days
        .iter()
        .map(|day| {
            let of = format!("{} {} {}", day.day, day.feature, day.user);
            (of, day.checkouts, ms(day.seat_s))
        })
        .collect();
    let mut expected: BTreeMap<String, (u64, i64)> = BTreeMap::new();
    let history = rusqlite::Connection::open(&site.paths.history).unwrap();
    let sql =
        "select feature, user, seat, count, started_ms, ended_ms from session order by started_ms";
    let mut query = history.prepare(sql).unwrap();
    let sessions = query.query_map([], |row| {
        let seat: Option<String> = row.get(2)?;
        let who: (String, String) = (row.get(0)?, row.get(1)?);
        let count: i64 = row.get(3)?;
        Ok((who, seat, count, row.get::<_, i64>(4)?, row.get::<_, Option<i64>>(5)?))
    });
    let mut uses: Vec<Used> = Vec::new();
    for session in sessions.unwrap().map(Result::unwrap) {
        let key = day_of(session.3, &session.0);
        expected.entry(key).or_default().0 += 1;
        let end = |ended: Option<i64>| ended.unwrap_or(i64::MAX);
        let shared = uses.iter_mut().find(|used| {
            used.1.is_some()
                && (&used.0, &used.1) == (&session.0, &session.1)
                && end(used.4) >= session.3
        });
        match shared {
            Some(earlier) if end(earlier.4) < end(session.4) => earlier.4 = session.4,
            Some(_) => {}
            None => uses.push(session),
        }
    }
    for (who, _, count, started_ms, ended_ms) in uses {
        let mut from_ms = started_ms;
        while let Some(ended_ms) = ended_ms.filter(|ended_ms| from_ms < *ended_ms) {
            let day_ms = 24 * HOUR_MS;
            let to_ms = ended_ms.min((from_ms.div_euclid(day_ms) + 1) * day_ms);
            expected.entry(day_of(from_ms, &who)).or_default().1 += count * (to_ms - from_ms);
            from_ms = to_ms;
        }
    }
    let expected: Vec<_> =
        expected.into_iter().map(|(of, (checkouts, ms))| (of, checkouts, ms)).collect();
    assert_eq!(days, expected);
}

fn day_of(at_ms: i64, (feature, user): &(String, String)) -> String {
    format!("{} {feature} {user}", TimeZone::UTC.to_datetime(at(at_ms)).date())
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let pause = prop::sample::select(vec![0, 1, 20, 60, 300]);
    vec((0..2_usize, 0..4_u8, any::<bool>(), pause, 1..4_u32), 1..80)
}

/// Everything that is counted, as it stands in live.
fn counted(site: &Site) -> Vec<String> {
    let live = rusqlite::Connection::open(&site.paths.live).unwrap();
    let queries = [
        "select 'meter', server, feature, seats, until_ms, stale_from_ms from meter order by server, feature",
        "select 'use', feature, seat, sessions, seat_use.seats, since_ms from seat_use join meter on meter.id = meter
            order by feature, seat",
        "select 'hour', feature, hour, seat_ms, peak, checkouts, denials from hour join meter on meter.id = meter
            where seat_ms or peak or checkouts or denials order by feature, hour",
        "select * from server_hour where seat_ms or checkouts or denials order by server, hour",
        "select 'day', feature, day, user, checkouts, d.seat_ms from user_day d join meter on meter.id = meter
            where checkouts or d.seat_ms order by feature, day, user",
        "select * from observed order by server, from_ms",
    ];
    queries.iter().flat_map(|sql| rows(&live, sql)).collect()
}

fn remake(writer: &mut Writer) {
    while writer.remake().unwrap() {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A log in its own order: nothing has to be made again.
    #[test]
    fn log_in_order_is_counted_at_once(
        drawn in drawn(),
        pieces in vec(1..20_usize, 0..10),
        restarts in any::<bool>(),
        closes in any::<bool>(),
    ) {
        let log = log(&drawn, closes);
        let site = Site::new();
        let mut writer = site.writer();
        let half = log.len() / 2;
        import(&mut writer, &log[..half], &pieces);
        if restarts {
            writer = site.writer_after(writer);
        }
        import(&mut writer, &log[half..], &pieces);
        prop_assert!(!writer.remake().unwrap());
        drop(writer);
        check_hours(&site, &log);
        if closes {
            check_days(&site);
        }
    }

    /// Two files of one log, the later one first, cut anywhere; and made again from history alone.
    #[test]
    fn log_out_of_order_is_counted_again(
        drawn in drawn(),
        cut in any::<prop::sample::Index>(),
        pieces in vec(1..20_usize, 0..10),
        restarts in any::<bool>(),
        closes in any::<bool>(),
    ) {
        let log = log(&drawn, closes);
        let cut = cut.index(log.len());
        let site = Site::new();
        let mut writer = site.writer();
        import(&mut writer, &log[cut..], &pieces);
        if restarts {
            writer = site.writer_after(writer);
        }
        import(&mut writer, &log[..cut], &pieces);
        remake(&mut writer);
        let expected = counted(&site);
        writer.rebuild().unwrap();
        remake(&mut writer);
        prop_assert_eq!(&counted(&site), &expected);
        drop(writer);
        check_hours(&site, &log);
        if closes {
            check_days(&site);
        }
    }
}

#[test]
fn largest_session_of_a_seat_counts_for_all_of_its_use() {
    let site = Site::new();
    let mut writer = site.writer();
    let take = |minute: i64, line: u64, handle: &str, count: u32| {
        let Fact::Checkout(mut fact) = checkout("solve", "ann", handle, Some("s")) else {
            unreachable!()
        };
        fact.count = count;
        event(FIRST_MS + minute * 60_000, line, Fact::Checkout(fact))
    };
    let give = |minute: i64, line: u64, handle: &str| {
        event(FIRST_MS + minute * 60_000, line, checkin("solve", "ann", handle))
    };
    let log = [take(0, 1, "a", 1), take(70, 2, "b", 3), give(80, 3, "b"), give(90, 4, "a")];
    import(&mut writer, &log, &[]);
    remake(&mut writer);
    drop(writer);
    let hours =
        site.reader().hours(&of(Some("solve")), (at(FIRST_MS), at(LAST_MS)), at(0)).unwrap();
    let told: Vec<_> = hours.hours[..3].iter().map(|hour| (hour.seat_s, hour.peak)).collect();
    assert_eq!(told, [(3.0 * 3600.0, Some(3)), (3.0 * 1800.0, Some(3)), (0.0, Some(0))]);
}

/// The plan of the sum over all hours: what was never denied is not read.
#[test]
fn denials_are_summed_of_the_hours_that_have_some() {
    let site = Site::new();
    drop(site.writer());
    let live = rusqlite::Connection::open(&site.paths.live).unwrap();
    let plan = rows(
        &live,
        "explain query plan select meter.server, meter.feature, sum(hour.denials)
            from meter join hour on hour.meter = meter.id
            where hour.denials > 0 group by meter.id",
    );
    assert!(plan.iter().any(|step| step.contains("COVERING INDEX denied_hour")), "{plan:#?}");
}

#[test]
fn silence_is_no_zero() {
    let site = Site::new();
    let mut writer = site.writer();
    let day =
        |day: i64, line: u64| event(FIRST_MS + day * 24 * HOUR_MS, line, denial("solve", "ann"));
    import(&mut writer, &[day(0, 1), day(4, 2), day(11, 3)], &[]);
    drop(writer);
    let range = (at(FIRST_MS), at(FIRST_MS + 12 * 24 * HOUR_MS));
    let hours = site.reader().hours(&of(None), range, at(0)).unwrap();
    let observed_ms: i64 = hours.hours.iter().map(|hour| ms(hour.observed_s)).sum();
    assert_eq!(observed_ms, 4 * 24 * HOUR_MS);
    let denials: u64 = hours.hours.iter().map(|hour| hour.denials).sum();
    assert_eq!(denials, 3);
    let all = site.reader().denied_of_all().unwrap();
    let all: Vec<_> = all.iter().map(|of| (of.feature.as_str(), of.denials)).collect();
    assert_eq!(all, [("solve", 3)]);
    let week = by_hour_of_week(&hours, &TimeZone::UTC);
    assert!(week.iter().flatten().any(|hour| hour.seats() == Some(0.0)));
    assert_eq!(Summed::default().seats(), None);
}

#[test]
fn what_is_held_counts_up_to_now_while_licmon_runs_and_to_the_last_record_where_not() {
    let site = Site::new();
    let mut writer = site.writer();
    let held = event(FIRST_MS, 1, checkout("solve", "ann", "h", None));
    let other = event(FIRST_MS + HOUR_MS / 2, 2, denial("mesh", "ben"));
    import(&mut writer, &[held, other], &[]);
    let range = (at(FIRST_MS), at(FIRST_MS + 3 * HOUR_MS));
    let now = at(FIRST_MS + HOUR_MS * 3 / 2);
    let told = |site: &Site| {
        let hours = site.reader().hours(&of(Some("solve")), range, now).unwrap().hours;
        hours.iter().map(|hour| (hour.seat_s, hour.peak, hour.observed_s)).collect::<Vec<_>>()
    };
    let full = (3600.0, Some(1), 3600.0);
    assert_eq!(told(&site), [full, (1800.0, Some(1), 1800.0), (0.0, Some(0), 0.0)]);
    drop(writer);
    let nothing = (0.0, Some(0), 0.0);
    assert_eq!(told(&site), [(1800.0, Some(1), 1800.0), nothing, nothing]);
}
