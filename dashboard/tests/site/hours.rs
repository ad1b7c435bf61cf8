//! Points and heat maps are made of hours; they are what the sessions themselves make.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lic_analytics::series::{Reach, series};
use lic_protocol::{
    event::{Event, Fact, Identity},
    view::{
        Source,
        series::{HeatMap, Point, Series},
    },
};
use lic_store::{
    commit::Batch, configured::Configured, configured::ConfiguredServer, open::DatabasePaths,
    read::Reader,
};

use crate::stage::{Site, at, checkin, checkout};

const HANDLES: usize = 6;
/// Lines of a log: some days of them.
const LINES: usize = 400;
const DAYS: SignedDuration = SignedDuration::from_hours(24);

/// Handles taken and given back in turn, up to two hours apart, over a change of clocks; the seats of some are shared.
fn log(mut dice: u64) -> Vec<Event> {
    let mut throw = |sides: u64| {
        // Source: Marsaglia, Xorshift RNGs, 2003.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    let mut is_held = [false; HANDLES];
    let mut now: Timestamp = "2025-10-20T00:17:00Z".parse().expect("a time");
    let lines = (0..LINES as u64).map(|line| {
        now += SignedDuration::from_secs(i64::try_from(throw(7200)).expect("two hours"));
        let handle = usize::try_from(throw(HANDLES as u64)).expect("a handle");
        is_held[handle] = !is_held[handle];
        let user = ["ann", "ann", "ben", "ben", "carl", "dora"][handle];
        let name = handle.to_string();
        let fact =
            if is_held[handle] { take(user, &name, handle) } else { checkin("CAC", user, &name) };
        Event { at: now, fact, identity: Identity { hash: line, ordinal: 0 }, raw: None }
    });
    lines.collect()
}

/// Those of ann and of ben share a seat; the others take several.
fn take(user: &str, name: &str, handle: usize) -> Fact {
    match checkout("CAC", user, name) {
        Fact::Checkout(mut checkout) if handle > 3 => {
            checkout.seat = None;
            checkout.count = 3;
            Fact::Checkout(checkout)
        }
        fact => fact,
    }
}

/// A site whose license server `catia` writes in `zone`, with the pieces of a log in the order they are read.
fn site(zone: &str, pieces: &[&[Event]]) -> Site {
    let site = Site::empty();
    let mut writer = site.writer();
    let server =
        ConfiguredServer { name: "catia".into(), system: "dsls".to_owned(), zone: zone.to_owned() };
    writer
        .configure(&Configured { servers: vec![server], features: Vec::new() })
        .expect("a picture");
    for piece in pieces {
        let batch = Batch {
            server: "catia".into(),
            source: Source::Log,
            learned_at: at(1_000_000),
            events: piece.to_vec(),
            checkpoint: None,
        };
        writer.commit(&[batch], at(1_000_000)).expect("a commit");
    }
    while writer.remake().expect("counted again") {}
    site
}

/// The points of all sessions between two times each.
fn of_sessions(site: &Site, edges: &[Timestamp], log: &[Event]) -> Vec<Point> {
    let reader = Reader::open(&DatabasePaths::in_state(site.folder.path())).expect("databases");
    let spans = reader.spans(&"catia".into(), &"CAC".into()).expect("sessions");
    series(&spans, edges, &[log[0].at..log[LINES - 1].at])
}

fn told(points: impl IntoIterator<Item = (Option<f64>, Option<u32>)>) -> Vec<String> {
    let told = |(mean, peak): (Option<f64>, _)| {
        format!("{:?} {peak:?}", mean.map(|mean| format!("{mean:.6}")))
    };
    points.into_iter().map(told).collect()
}

/// Every series, and the heat map, of the log that these dice make, where its second half is read first.
async fn check(dice: u64, zone: &str) {
    let log = log(dice);
    let (early, late) = log.split_at(LINES / 2);
    let site = site(zone, &[late, early]);
    let clock = TimeZone::get(zone).expect("a zone");
    for reach in Reach::ALL {
        let found: Series =
            site.api(&format!("/features/catia/CAC/series?range={}", reach.word())).await;
        assert_eq!(found.recount, None);
        let edges = reach.edges(log[LINES - 1].at, &clock);
        let expected = of_sessions(&site, &edges, &log);
        assert!(expected.iter().any(|point| point.peak > Some(1)), "{zone} {reach:?}");
        let times = |points: &[Point]| points.iter().map(|point| point.at).collect::<Vec<_>>();
        assert_eq!(times(&found.points), times(&expected));
        let figures = |points: Vec<Point>| told(points.into_iter().map(|at| (at.mean, at.peak)));
        assert_eq!(figures(found.points), figures(expected), "{dice} {zone} {reach:?}");
    }
    if clock.to_datetime(log[0].at).minute() == 17 {
        check_heat(&site, &log, &clock).await;
    }
}

/// The heat map against the hours of all sessions, each put where it belongs.
async fn check_heat(site: &Site, log: &[Event], clock: &TimeZone) {
    let first: Timestamp = "2025-10-20T00:00:00Z".parse().expect("a time");
    let edges: Vec<Timestamp> =
        (0..24 * 40).map(|hour| first + SignedDuration::from_hours(hour)).collect();
    let mut expected = vec![(0.0, 0.0, None); 7 * 24];
    for point in of_sessions(site, &edges, log) {
        let local = clock.to_datetime(point.at);
        let cell = local.date().weekday().to_monday_zero_offset() * 24 + local.hour();
        let cell = &mut expected[usize::try_from(cell).expect("an hour")];
        let end = point.at + SignedDuration::from_hours(1);
        let seen = log[LINES - 1].at.min(end).duration_since(log[0].at.max(point.at));
        if let Some(mean) = point.mean {
            cell.0 += seen.as_secs_f64();
            cell.1 += seen.as_secs_f64() * mean;
            cell.2 = cell.2.max(point.peak);
        }
    }
    let map: HeatMap = site.api("/heatmap?server=catia&feature=CAC").await;
    assert_eq!(map.to, log[LINES - 1].at);
    let found = map.cells.iter().map(|cell| (cell.mean, cell.peak));
    let expected = expected.iter().map(|(seen_s, seat_s, peak)| {
        let mean = peak.is_some().then(|| seat_s / seen_s);
        (mean, *peak)
    });
    assert_eq!(told(found), told(expected));
}

#[tokio::test]
async fn hours_tell_what_sessions_tell() {
    for dice in 1..4 {
        for zone in ["UTC", "Europe/Stockholm", "Asia/Kolkata"] {
            check(0x9e37_79b9_7f4a_7c15 >> dice, zone).await;
        }
    }
}

/// A seat is held over two weeks in which the server wrote nothing.
#[tokio::test]
async fn a_long_silence_is_a_gap() {
    let day = |day: i64, fact| Event {
        at: at(0) + DAYS * i32::try_from(day).expect("a day"),
        fact,
        identity: Identity { hash: day.unsigned_abs(), ordinal: 0 },
        raw: None,
    };
    let log = [
        day(0, checkout("CAC", "ben", "1")),
        day(1, checkin("CAC", "ben", "1")),
        day(2, checkout("CAC", "ann", "2")),
        day(16, checkout("CAC", "carl", "3")),
        day(18, checkin("CAC", "ann", "2")),
    ];
    let site = site("UTC", &[&log]);
    let days: Series = site.api("/features/catia/CAC/series?range=quarter").await;
    let seen: Vec<_> = days.points.iter().map(|day| (day.mean, day.peak)).collect();
    let (unseen, one, two) = ((None, None), (Some(1.0), Some(1)), (Some(2.0), Some(2)));
    let last = &seen[seen.len() - 19..];
    assert_eq!(last[0], one);
    assert_eq!(last[2], (Some(0.0), Some(0)), "up to the last line before the silence");
    assert_eq!(last[3..16], [unseen; 13]);
    assert_eq!(last[16..], [two, two, (Some(2.0), Some(2))]);
    assert_eq!(seen[..seen.len() - 19], vec![unseen; seen.len() - 19]);
    let map: HeatMap = site.api("/heatmap?server=catia&feature=CAC").await;
    let observed_s: f64 = map.cells.iter().map(|cell| cell.observed_s).sum();
    assert!((observed_s - 4.0 * 86_400.0).abs() < 1e-6, "{observed_s}");
    assert!(map.cells.iter().all(|cell| cell.mean.is_none_or(|mean| mean <= 2.0)));
}

/// What is learned late and not counted yet is said on the page and in the documents.
#[tokio::test]
async fn what_is_counted_again_is_said() {
    let log = log(5);
    let (early, late) = log.split_at(LINES / 2);
    let site = Site::full();
    let batch = |piece: &[Event]| Batch {
        server: "catia".into(),
        source: Source::Log,
        learned_at: at(1_000_000),
        events: piece.to_vec(),
        checkpoint: None,
    };
    let page = "/features/catia/CAC?range=quarter";
    assert!(!site.get(page).await.body.contains("being counted again"));
    let mut writer = site.writer();
    writer.commit(&[batch(late), batch(early)], at(1_000_000)).expect("a commit");
    drop(writer);
    let body = site.get(&format!("{page}&to=2025-12-01")).await.body;
    assert_eq!(body.matches("being counted again").count(), 2, "{body}");
    let map: HeatMap = site.api("/heatmap?server=catia&feature=CAC").await;
    let recount = map.recount.expect("something is late");
    assert!(recount.from <= late[0].at && recount.to >= late[0].at, "{recount:?}");
    let before: HeatMap =
        site.api("/heatmap?server=catia&feature=CAC&from=2025-08-01&to=2025-08-30").await;
    assert_eq!(before.recount, None, "before that nothing is late");
}
