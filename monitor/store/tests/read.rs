//! Reading: pages are what sorting everything by hand gives, and seats are counted as they are held.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::{cmp::Reverse, time::Duration};

use jiff::Timestamp;
use lic_protocol::{
    event::{Event, Fact},
    query::{Filter, Which},
    view::{Coverage, Mode, ServerState, Source},
};
use lic_store::{
    checkpoint::{Checkpoint, FileMark},
    configured::{Configured, ConfiguredFeature, ConfiguredServer, Fault},
    read::Reader,
    writer::Writer,
};
use site::{Site, at, batch, checkin, checkout, denial, event, queue, server};

/// Numbers that look random and are the same in every run. Source: Numerical Recipes, chapter 7.1, linear congruence.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// A row of either list, as a person would write it down while reading the logs.
#[derive(Clone, Debug)]
struct Row {
    started_ms: i64,
    ended_ms: Option<i64>,
    is_denial: bool,
    server: &'static str,
    feature: &'static str,
    user: &'static str,
    /// What no other row has.
    key: String,
}

const SERVERS: [&str; 2] = ["lic1", "lic2"];
const FEATURES: [&str; 3] = ["solve", "mesh", "draw"];
const USERS: [&str; 5] = ["ann", "Ann", "ANN", "ben", "cleo"];
const DAY_MS: i64 = 86_400_000;

/// Three logs, each five blocks long or more, the newest first, the oldest last; two servers write in turn.
fn imported(site: &Site) -> Vec<Row> {
    let mut writer = site.writer();
    let mut numbers = Numbers(7);
    let mut rows = Vec::new();
    for day in [20, 30, 0] {
        let mut log: Vec<(&str, Event)> = Vec::new();
        for number in 0..2500_u64 {
            // Several in the same second, and not quite in order.
            let jitter_ms = i64::try_from(numbers.below(3)).unwrap() * 1000;
            let started_ms = day * DAY_MS + i64::try_from(number / 3).unwrap() * 30_000 + jitter_ms;
            let is_denial = numbers.below(3) == 0;
            let ends = numbers.below(4) > 0;
            let lasted_ms = i64::try_from(numbers.below(3_600_000)).unwrap();
            let row = Row {
                started_ms,
                ended_ms: (!is_denial && ends).then_some(started_ms + lasted_ms),
                is_denial,
                server: numbers.one_of(&SERVERS),
                feature: numbers.one_of(&FEATURES),
                user: numbers.one_of(&USERS),
                key: format!("{day}-{number}"),
            };
            write_down(&mut log, &row, u64::try_from(day).unwrap() * 100_000 + number * 2);
            rows.push(row);
        }
        for piece in log.chunks(700) {
            let batches: Vec<_> = piece
                .chunk_by(|one, next| one.0 == next.0)
                .map(|run| {
                    let events: Vec<_> = run.iter().map(|(_, event)| event.clone()).collect();
                    batch(run[0].0, &events)
                })
                .collect();
            writer.commit(&batches, at(0)).unwrap();
        }
    }
    rows
}

fn write_down(log: &mut Vec<(&'static str, Event)>, row: &Row, line: u64) {
    if row.is_denial {
        let Fact::Denial(mut denial) = denial(row.feature, row.user) else { unreachable!() };
        denial.reason.clone_from(&row.key);
        log.push((row.server, event(row.started_ms, line, Fact::Denial(denial))));
        return;
    }
    let taken = checkout(row.feature, row.user, &row.key, None);
    log.push((row.server, event(row.started_ms, line, taken)));
    if let Some(ended_ms) = row.ended_ms {
        let given = checkin(row.feature, row.user, &row.key);
        log.push((row.server, event(ended_ms, line + 1, given)));
    }
}

/// The keys of the rows that a filter lets through, the newest first; of equal times the one learned last.
fn expected(rows: &[Row], filter: &Filter, is_wanted: impl Fn(&Row) -> bool) -> Vec<String> {
    let host = |row: &Row| format!("pc-{}", row.user);
    let mut found: Vec<(i64, usize, &Row)> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| is_wanted(row))
        .filter(|(_, row)| filter.from.is_none_or(|from| row.started_ms >= from.as_millisecond()))
        .filter(|(_, row)| filter.to.is_none_or(|to| row.started_ms < to.as_millisecond()))
        .filter(|(_, row)| filter.server.as_ref().is_none_or(|name| name.as_str() == row.server))
        .filter(|(_, row)| filter.feature.as_ref().is_none_or(|name| name.as_str() == row.feature))
        .filter(|(_, row)| {
            filter.user.as_ref().is_none_or(|name| name.as_str().eq_ignore_ascii_case(row.user))
        })
        .filter(|(_, row)| {
            filter.host.as_ref().is_none_or(|name| name.as_str().eq_ignore_ascii_case(&host(row)))
        })
        .map(|(learned, row)| (row.started_ms, learned, row))
        .collect();
    found.sort_by_key(|(started_ms, learned, _)| Reverse((*started_ms, *learned)));
    found.into_iter().map(|(_, _, row)| row.key.clone()).collect()
}

/// Every page of a list, one after the other; each but the last must be full.
fn pages(filter: &Filter, page: impl Fn(&Filter) -> (Vec<String>, Option<String>)) -> Vec<String> {
    let mut filter = filter.clone();
    let mut all = Vec::new();
    loop {
        let (keys, next) = page(&filter);
        all.extend(keys.clone());
        match next {
            Some(next) => {
                assert_eq!(keys.len(), filter.rows_max());
                filter.after = Some(next.parse().unwrap());
            }
            None => return all,
        }
    }
}

fn session_pages(reader: &Reader, which: Which, filter: &Filter) -> Vec<String> {
    pages(filter, |filter| {
        let page = reader.sessions(which, filter).unwrap();
        (page.sessions.into_iter().map(|session| session.handle.unwrap()).collect(), page.next)
    })
}

fn denial_pages(reader: &Reader, filter: &Filter) -> Vec<String> {
    pages(filter, |filter| {
        let page = reader.denials(filter).unwrap();
        (page.denials.into_iter().map(|denial| denial.reason).collect(), page.next)
    })
}

#[test]
fn pages_are_what_sorting_everything_gives() {
    let site = Site::new();
    let rows = imported(&site);
    let reader = site.reader();
    let mut numbers = Numbers(11);
    let some = |numbers: &mut Numbers, of: &[&'static str]| {
        (numbers.below(3) == 0).then(|| numbers.one_of(of))
    };
    let moment = |numbers: &mut Numbers| -> Option<Timestamp> {
        let second = i64::try_from(numbers.below(35 * 24 * 3600)).unwrap();
        (numbers.below(2) == 0).then(|| at(second * 1000))
    };
    for case in 0..40 {
        let filter = Filter {
            from: moment(&mut numbers),
            to: moment(&mut numbers),
            server: some(&mut numbers, &["lic1", "lic2", "never"]).map(Into::into),
            feature: some(&mut numbers, &["solve", "mesh", "never"]).map(Into::into),
            user: some(&mut numbers, &["ann", "aNN", "BEN", "never"]).map(Into::into),
            host: some(&mut numbers, &["PC-ann", "pc-cleo"]).map(Into::into),
            limit: [1000, 0, 333, 50][case % 4],
            after: None,
        };
        let held = |row: &Row| !row.is_denial && row.ended_ms.is_none();
        let ended = |row: &Row| !row.is_denial && row.ended_ms.is_some();
        let sessions = |which| session_pages(&reader, which, &filter);
        assert!(
            sessions(Which::All) == expected(&rows, &filter, |row| !row.is_denial),
            "{filter:?}"
        );
        assert!(sessions(Which::Ended) == expected(&rows, &filter, ended), "{filter:?}");
        assert!(sessions(Which::Active) == expected(&rows, &filter, held), "{filter:?}");
        let denials = denial_pages(&reader, &filter);
        assert!(denials == expected(&rows, &filter, |row| row.is_denial), "{filter:?}");
    }
}

/// Lines up to ten minutes late, so that the times of neighbouring blocks overlap, and pages that end anywhere in that.
#[test]
fn page_reaches_into_every_block_that_overlaps_it() {
    let site = Site::new();
    let mut writer = site.writer();
    let mut numbers = Numbers(3);
    let rows: Vec<_> = (0..4000_u64)
        .map(|number| Row {
            started_ms: i64::try_from(number + numbers.below(600)).unwrap() * 1000,
            ended_ms: None,
            is_denial: true,
            server: "lic1",
            feature: "mesh",
            user: "ann",
            key: number.to_string(),
        })
        .collect();
    let mut log = Vec::new();
    for (row, line) in rows.iter().zip(0..) {
        write_down(&mut log, row, line);
    }
    let events: Vec<_> = log.into_iter().map(|(_, event)| event).collect();
    writer.commit(&[batch("lic1", &events)], at(0)).unwrap();
    let reader = site.reader();
    for limit in [3, 100, 1000] {
        let filter = Filter { limit, ..Filter::default() };
        assert!(denial_pages(&reader, &filter) == expected(&rows, &filter, |_| true), "{limit}");
    }
}

#[test]
fn page_that_ends_at_the_last_row_has_no_next() {
    let site = Site::new();
    let mut writer = site.writer();
    let events: Vec<_> = (0..5).map(|line| event(1000, line, denial("mesh", "ann"))).collect();
    writer.commit(&[batch("lic1", &events)], at(0)).unwrap();
    let reader = site.reader();
    let next =
        |limit| reader.denials(&Filter { limit, ..Filter::default() }).unwrap().next.is_some();
    assert_eq!((next(4), next(5), next(6)), (true, false, false));
}

/// Logs read side by side, each from its own past, and every line of them read again.
#[test]
fn every_line_read_again_is_known() {
    let site = Site::new();
    let rows = imported(&site);
    let events = |rows: &[Row]| {
        let mut log = Vec::new();
        for row in rows {
            let (day, number) = row.key.split_once('-').unwrap();
            let line = day.parse::<u64>().unwrap() * 100_000 + number.parse::<u64>().unwrap() * 2;
            write_down(&mut log, row, line);
        }
        log
    };
    let mut writer = site.writer();
    let mut again = |rows: &[Row]| {
        let batches: Vec<_> = events(rows)
            .iter()
            .map(|(server, event)| batch(server, std::slice::from_ref(event)))
            .collect();
        let receipts = writer.commit(&batches, at(0)).unwrap();
        let added: u64 = receipts.iter().map(|receipt| receipt.added).sum();
        let duplicates: u64 = receipts.iter().map(|receipt| receipt.duplicates).sum();
        (added, duplicates)
    };
    let lines = events(&rows).len() as u64;
    assert_eq!(again(&rows), (0, lines));
    drop(writer);
    let mut writer = site.writer();
    let backwards: Vec<_> = rows.into_iter().rev().collect();
    let batches: Vec<_> = events(&backwards)
        .iter()
        .map(|(server, event)| batch(server, std::slice::from_ref(event)))
        .collect();
    let receipts = writer.commit(&batches, at(0)).unwrap();
    assert_eq!(receipts.iter().map(|receipt| receipt.added).sum::<u64>(), 0);
}

/// A line of a repeated hour may be read an hour off; it is the same line.
#[test]
fn line_of_an_ambiguous_hour_is_known_an_hour_off() {
    let site = Site::new();
    let mut writer = site.writer();
    let hour_ms = 3_600_000;
    let mut line = event(100 * hour_ms, 1, denial("mesh", "ann"));
    line.raw = Some("2:30:00 ...".to_owned());
    let mut add =
        |events: &[Event]| writer.commit(&[batch("lic1", events)], at(0)).unwrap()[0].added;
    assert_eq!(add(std::slice::from_ref(&line)), 1);
    let others: Vec<_> =
        (2..3000).map(|number| event(101 * hour_ms, number, denial("mesh", "ben"))).collect();
    assert_eq!(add(&others), 2998);
    line.at = at(101 * hour_ms);
    assert_eq!(add(std::slice::from_ref(&line)), 0);
    line.at = at(99 * hour_ms);
    assert_eq!(add(std::slice::from_ref(&line)), 0);
}

#[test]
fn the_end_of_a_license_is_what_the_configuration_says() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let features = site.reader().overview(at(0)).unwrap().features;
    let ends: Vec<_> =
        features.iter().map(|feature| (feature.feature.as_str(), feature.expires)).collect();
    assert_eq!(ends, [("free", None), ("run", Some(at(3600)))]);
    writer.configure(&Configured::default()).unwrap();
    let features = site.reader().overview(at(0)).unwrap().features;
    assert!(features.iter().all(|feature| feature.expires.is_none()));
}

fn is_configured(writer: &mut Writer) {
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
    writer
        .configure(&Configured {
            servers: vec![server("lic1", "dsls"), server("local", "licwrap")],
            features: vec![seats("run", Some(3)), seats("free", None)],
        })
        .unwrap();
}

/// One row per feature: what is held, what waits.
fn overview(site: &Site) -> Vec<String> {
    let overview = site.reader().overview(at(0)).unwrap();
    let number = |number: Option<u32>| number.map_or("?".to_owned(), |number| number.to_string());
    let features = overview.features.iter().map(|feature| {
        format!(
            "{} {}: {} of {} in use, {} sessions, {} wait, uncounted {}, {}",
            feature.server,
            feature.feature,
            number(feature.in_use),
            number(feature.issued),
            number(feature.sessions),
            number(feature.queued),
            feature.uncounted,
            feature.source,
        )
    });
    features.collect()
}

#[test]
fn sessions_that_share_a_seat_are_one_seat() {
    let site = Site::new();
    let mut writer = site.writer();
    let Fact::Checkout(mut three) = checkout("mesh", "cleo", "h5", None) else { unreachable!() };
    three.count = 3;
    let events = [
        event(1, 1, checkout("solve", "ann", "h1", Some("s1"))),
        event(2, 2, checkout("solve", "ann", "h2", Some("s1"))),
        event(3, 3, checkout("solve", "ben", "h3", Some("s2"))),
        event(4, 4, checkout("solve", "cleo", "h4", None)),
        event(5, 5, Fact::Checkout(three)),
    ];
    writer.commit(&[batch("lic1", &events)], at(0)).unwrap();
    assert_eq!(
        overview(&site),
        [
            "lic1 mesh: 3 of ? in use, 1 sessions, ? wait, uncounted false, log",
            "lic1 solve: 3 of ? in use, 4 sessions, ? wait, uncounted false, log",
        ]
    );
    let ended = [event(6, 6, checkin("solve", "ann", "h1"))];
    writer.commit(&[batch("lic1", &ended)], at(0)).unwrap();
    assert_eq!(
        overview(&site)[1],
        "lic1 solve: 3 of ? in use, 3 sessions, ? wait, uncounted false, log"
    );
    let ended = [event(7, 7, checkin("solve", "ann", "h2"))];
    writer.commit(&[batch("lic1", &ended)], at(0)).unwrap();
    assert_eq!(
        overview(&site)[1],
        "lic1 solve: 2 of ? in use, 2 sessions, ? wait, uncounted false, log"
    );
}

/// Who holds what the filter names, in order.
fn holders(site: &Site, filter: &Filter) -> Vec<String> {
    let held = site.reader().holders(filter).unwrap();
    held.iter().map(|session| format!("{} {}", session.feature, session.user)).collect()
}

#[test]
fn holders_are_those_of_tools_and_of_what_is_waited_for() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let held = |at_ms, feature, user| {
        event(at_ms, at_ms.unsigned_abs(), checkout(feature, user, user, None))
    };
    let logged = [
        held(5, "mesh", "ann"),
        held(3, "mesh", "ben"),
        held(1, "solve", "cleo"),
        event(6, 6, queue("mesh", "dora", "1")),
    ];
    let wrapped = [held(12, "run", "eve"), held(11, "run", "fay")];
    writer.commit(&[batch("lic1", &logged), batch("local", &wrapped)], at(0)).unwrap();
    assert_eq!(holders(&site, &Filter::default()), ["mesh ben", "mesh ann", "run fay", "run eve"]);
    let of_server = Filter { server: Some("local".into()), ..Filter::default() };
    assert_eq!(holders(&site, &of_server), ["run fay", "run eve"]);
    let by_name = Filter { feature: Some("solve".into()), ..Filter::default() };
    assert_eq!(holders(&site, &by_name), ["solve cleo"]);
    assert_eq!(
        overview(&site),
        [
            "lic1 mesh: 2 of ? in use, 2 sessions, 1 wait, uncounted false, log",
            "lic1 solve: 1 of ? in use, 1 sessions, ? wait, uncounted false, log",
            "local free: 0 of ? in use, 0 sessions, 0 wait, uncounted true, wrapper",
            "local run: 2 of 3 in use, 2 sessions, 0 wait, uncounted false, log",
        ]
    );
}

#[test]
fn server_without_usage_lines_does_not_say_zero() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let mut batch = batch("lic1", &[event(1, 1, denial("solve", "ann"))]);
    batch.checkpoint = Some(Checkpoint {
        id: 1,
        server: "lic1".into(),
        path: "/logs/lic1.log".to_owned(),
        file: FileMark::default(),
        offset: 120,
        last_at: Some(at(1)),
        usage_lines: 0,
        is_gone: false,
        coverage: Coverage { lines: 2, events: 1, noise: 1, ..Coverage::default() },
    });
    let checkpoint = batch.checkpoint.clone();
    writer.commit(&[batch], at(0)).unwrap();
    assert_eq!(
        overview(&site),
        [
            "lic1 solve: ? of ? in use, ? sessions, ? wait, uncounted false, log",
            "local free: 0 of ? in use, 0 sessions, 0 wait, uncounted true, wrapper",
            "local run: 0 of 3 in use, 0 sessions, 0 wait, uncounted false, wrapper",
        ]
    );
    let servers = site.reader().servers().unwrap();
    assert_eq!(servers[0].usage_visible, Some(false));
    assert_eq!(servers[1].usage_visible, Some(true));
    assert_eq!(
        writer.checkpoints(&"lic1".into()).unwrap(),
        checkpoint.into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn nothing_read_says_nothing() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let servers = site.reader().servers().unwrap();
    assert_eq!((servers[0].usage_visible, servers[0].denials_visible), (None, None));
}

#[test]
fn runs_around_the_wrapper_take_seats_and_are_told_apart() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let wrapped = [
        event(1, 1, checkout("run", "ann", "1", None)),
        event(2, 2, checkout("free", "ann", "2", Some("user:1"))),
    ];
    let around = [
        event(3, 3, checkout("run", "ben", "7.1.b", None)),
        event(4, 4, checkout("free", "ann", "8.1.b", Some("user:1"))),
        event(5, 5, checkout("free", "cleo", "9.1.b", Some("user:2"))),
        event(6, 6, checkout("free", "cleo", "10.1.b", Some("user:2"))),
    ];
    for (source, events) in [(Source::Wrapper, &wrapped[..]), (Source::Process, &around[..])] {
        let mut batch = batch("local", events);
        batch.source = source;
        writer.commit(&[batch], at(0)).unwrap();
    }
    assert_eq!(
        overview(&site),
        [
            "local free: 2 of ? in use, 4 sessions, 0 wait, uncounted true, wrapper",
            "local run: 2 of 3 in use, 2 sessions, 0 wait, uncounted false, wrapper",
        ]
    );
    let unwrapped = site.reader().features().unwrap();
    let unwrapped: Vec<_> = unwrapped.iter().map(|feature| feature.unwrapped).collect();
    assert_eq!(unwrapped, [Some(1), Some(1)], "cleo's two runs are one seat, ann's is her lease's");
    // The clock was set back while it ran.
    let end = event(-9000, 7, checkin("run", "ben", "7.1.b"));
    let mut ends = batch("local", &[end]);
    ends.source = Source::Process;
    writer.commit(&[ends], at(0)).unwrap();
    let features = site.reader().features().unwrap();
    assert_eq!((features[1].in_use, features[1].unwrapped), (Some(1), None));
}

#[test]
fn waiters_stand_in_the_order_they_came() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let waits = ["ann", "ben", "cleo"]
        .iter()
        .zip(1..)
        .map(|(user, line)| event(i64::try_from(line).unwrap(), line, queue("run", user, user)));
    let mut waits = batch("local", &waits.collect::<Vec<_>>());
    waits.source = Source::Wrapper;
    writer.commit(&[waits], at(0)).unwrap();
    let left = [event(9, 9, site::dequeue("run", "ann"))];
    writer.commit(&[batch("local", &left)], at(0)).unwrap();
    let waiters = site.reader().waiters().unwrap();
    let places: Vec<_> =
        waiters.iter().map(|waiter| format!("{} {}", waiter.place, waiter.user)).collect();
    assert_eq!(places, ["1 ben", "2 cleo"]);
    assert_eq!(
        overview(&site)[1],
        "local run: 0 of 3 in use, 0 sessions, 2 wait, uncounted false, wrapper"
    );
}

#[test]
fn waiters_stand_in_the_order_in_which_they_are_served() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let came = [("ann", 1_000, 0), ("ben", 2_000, 0), ("cleo", 61_000, 60), ("dan", 62_000, 30)];
    let waits = came.iter().zip(1..).map(|((user, at_ms, credit_s), line)| {
        let mut wait = queue("run", user, user);
        if let Fact::Queue(wait) = &mut wait {
            wait.credit = Duration::from_secs(*credit_s);
        }
        event(*at_ms, line, wait)
    });
    let mut waits = batch("local", &waits.collect::<Vec<_>>());
    waits.source = Source::Wrapper;
    writer.commit(&[waits], at(0)).unwrap();
    let places = || {
        let waiters = site.reader().waiters().unwrap();
        waiters.iter().map(|w| format!("{} {}", w.place, w.user)).collect::<Vec<_>>()
    };
    assert_eq!(places(), ["1 ann", "2 cleo", "3 ben", "4 dan"], "of a tie the first to come");
    writer.rebuild().unwrap();
    assert_eq!(places(), ["1 ann", "2 cleo", "3 ben", "4 dan"], "made again from history");
}

#[test]
fn session_open_over_a_restart_is_not_verified() {
    let site = Site::new();
    let mut writer = site.writer();
    let events = [
        event(1000, 1, checkout("solve", "ann", "h1", None)),
        event(2000, 2, server(lic_protocol::event::ServerChange::Started)),
        event(3000, 3, checkout("solve", "ben", "h2", None)),
    ];
    writer.commit(&[batch("lic1", &events)], at(0)).unwrap();
    let reader = site.reader();
    for which in [Which::Active, Which::All] {
        let sessions = reader.sessions(which, &Filter::default()).unwrap().sessions;
        let verified: Vec<_> = sessions.iter().map(|session| session.verified).collect();
        assert_eq!(verified, [None, Some(false)]);
    }
}

#[test]
fn fault_is_shown_until_it_is_mended() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let mut fault = |path: Option<&str>, error: Option<&str>| {
        let fault = Fault {
            server: "lic1".into(),
            path: path.map(Into::into),
            error: error.map(Into::into),
        };
        writer.set_fault(&fault).unwrap();
        let servers = site.reader().servers().unwrap();
        let of_file = servers[0].sources.first().and_then(|source| source.error.clone());
        (servers[0].error.clone(), of_file)
    };
    assert_eq!(fault(None, Some("no folder")), (Some("no folder".into()), None));
    let both = (Some("no folder".into()), Some("not readable".into()));
    assert_eq!(fault(Some("/logs/a"), Some("not readable")), both);
    assert_eq!(fault(None, None), (None, Some("not readable".into())));
    assert_eq!(fault(Some("/logs/a"), None), (None, None));
}

#[test]
fn servers_say_when_nobody_writes() {
    let site = Site::new();
    let mut writer = site.writer();
    is_configured(&mut writer);
    let told = || {
        let servers = site.reader().servers().unwrap().into_iter();
        servers.map(|server| (server.state, server.error.is_some())).collect::<Vec<_>>()
    };
    assert!(told().iter().all(|(_, has_error)| !has_error));
    drop(writer);
    assert_eq!(told(), [(ServerState::Unknown, true), (ServerState::Down, true)]);
}

#[test]
fn time_ahead_of_the_clock_is_heard_when_it_was_learned() {
    let site = Site::new();
    let mut writer = site.writer();
    let mut ahead = batch("lic1", &[event(9_000_000, 1, checkout("solve", "ann", "h1", None))]);
    ahead.learned_at = at(5000);
    writer.commit(&[ahead], at(5000)).unwrap();
    let heard = || site.reader().servers().unwrap()[0].last_answer;
    assert_eq!(heard(), Some(at(5000)));
    writer.rebuild().unwrap();
    assert_eq!(heard(), Some(at(5000)));
}
