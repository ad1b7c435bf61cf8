//! What license servers answer is history: a record for each change and none without, and from the records the same picture again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use jiff::Timestamp;
use lic_protocol::{
    snapshot::{Expiry, FeatureStatus, Holder, Snapshot},
    view::ServerState,
};
use lic_store::{
    polled::Polled,
    read::issued::{Issued, Step},
    verify::verify,
    writer::Writer,
};
use proptest::{prelude::*, sample::select};
use rusqlite::Connection;

use site::{Site, at, batch, checkout, event, rows};

const SERVER: &str = "lic1";

/// `mesh/pool:issued,in_use,reserved,queued`, where `-` is not told; behind it `p` for a license without end, `u` for one without a
/// limit, `b` for a seat that is borrowed, a number for the end in milliseconds.
fn feature(text: &str) -> FeatureStatus {
    let (name, rest) = text.split_once(':').unwrap();
    let (name, pool) = name.split_once('/').map_or((name, None), |(name, pool)| (name, Some(pool)));
    let mut words = rest.split(' ');
    let mut counts = words.next().unwrap().split(',').map(|count| count.parse().ok());
    let mut next = || counts.next().flatten();
    let mut feature = FeatureStatus::named(name);
    feature.pool = pool.map(Into::into);
    feature.vendor = Some("acme".into());
    (feature.issued, feature.in_use, feature.reserved, feature.queued) =
        (next(), next(), next(), next());
    for word in words {
        match word {
            "p" => feature.expires = Some(Expiry::Permanent),
            "u" => feature.uncounted = true,
            "b" => feature.holders.push(Holder { linger_s: Some(60), ..Holder::default() }),
            version if version.starts_with('v') => feature.version = Some(version.into()),
            ms => feature.expires = Some(Expiry::At(at(ms.parse().unwrap()))),
        }
    }
    feature
}

/// `up mesh:4,1; cad:2,0`, `degraded ...`, `down refused`, `unknown no answer`.
fn answer(asked_ms: i64, text: &str) -> Polled {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let state = ServerState::from_word(word).unwrap();
    let is_answer = matches!(state, ServerState::Up | ServerState::Degraded);
    let mut snapshot = Snapshot { state, ..Snapshot::default() };
    if is_answer {
        snapshot.features = rest.split("; ").filter(|it| !it.is_empty()).map(feature).collect();
    } else {
        snapshot.error = (!rest.is_empty()).then(|| rest.to_owned());
    }
    let response_ms = is_answer.then_some(5.0);
    Polled { server: SERVER.into(), asked_at: at(asked_ms), response_ms, snapshot }
}

/// Every record, in the order in which it was learned.
fn recorded(site: &Site) -> Vec<String> {
    let db = Connection::open(&site.paths.history).unwrap();
    let sql = "select text from (
            select e.id, printf('%d %s %s', e.at_ms, change.text, e.text) as text from server_event e
                join name change on change.id = e.change
            union all select s.id, printf('%d %s%s seats %s of %s, %s reserved, %s queued, %s borrowed', s.at_ms,
                    feature.text, ifnull('/' || pool.text, ''), ifnull(s.in_use, '-'), ifnull(s.issued, '-'),
                    ifnull(s.reserved, '-'), ifnull(s.queued, '-'), ifnull(s.borrowed, '-'))
                from sample s join name feature on feature.id = s.feature left join name pool on pool.id = s.pool
            union all select l.id, printf('%d %s%s%s %s', l.at_ms, feature.text, ifnull('/' || pool.text, ''),
                    ifnull(' ' || version.text, ''), iif(is_told, printf('license of %s to %s',
                        iif(is_uncounted, 'any', ifnull(issued, '-')),
                        iif(is_permanent, 'always', ifnull(expires_ms, '-'))), 'served no more'))
                from entitlement l join name feature on feature.id = l.feature
                left join name pool on pool.id = l.pool left join name version on version.id = l.version)
        order by id";
    let mut query = db.prepare(sql).unwrap();
    let lines = query.query_map([], |row| row.get(0)).unwrap();
    lines.map(Result::unwrap).collect()
}

/// Answers, one a second, in; what is recorded of them out.
#[track_caller]
fn check(answers: &[&str], expected: &[&str]) {
    let site = Site::new();
    let mut writer = site.writer();
    for (second, text) in (1..).zip(answers) {
        writer.set_polled(&answer(second * 1000, text)).unwrap();
    }
    assert_eq!(recorded(&site), expected);
}

#[test]
fn first_answer_is_recorded_and_the_same_again_is_not() {
    check(
        &["up mesh:4,1,0,2 5000 b", "up mesh:4,1,0,2 5000 b", "up mesh:4,1,0,2 5000 b"],
        &[
            "1000 up ",
            "1000 mesh license of 4 to 5000",
            "1000 mesh seats 1 of 4, 0 reserved, 2 queued, 1 borrowed",
        ],
    );
}

#[test]
fn what_is_not_told_is_null_and_never_zero() {
    check(
        &["up mesh:-,2; cad:-,- u", "up mesh:-,-; cad:-,0 u"],
        &[
            "1000 up ",
            "1000 mesh license of - to -",
            "1000 mesh seats 2 of -, - reserved, - queued, - borrowed",
            "1000 cad license of any to -",
            "2000 mesh seats - of -, - reserved, - queued, - borrowed",
            "2000 cad seats 0 of -, - reserved, - queued, - borrowed",
        ],
    );
}

#[test]
fn only_the_stock_that_changed_is_recorded() {
    check(
        &["up mesh/1:4,1; mesh/2:3,0", "up mesh/1:4,1; mesh/2:3,2", "up mesh/2:3,2; mesh/1:4,1"],
        &[
            "1000 up ",
            "1000 mesh/1 license of 4 to -",
            "1000 mesh/1 seats 1 of 4, - reserved, - queued, - borrowed",
            "1000 mesh/2 license of 3 to -",
            "1000 mesh/2 seats 0 of 3, - reserved, - queued, - borrowed",
            "2000 mesh/2 seats 2 of 3, - reserved, - queued, - borrowed",
        ],
    );
}

#[test]
fn stocks_that_are_equal_in_all_are_told_apart_by_their_order() {
    check(
        &["up mesh:4,1; mesh:4,2", "up mesh:4,1; mesh:4,3"],
        &[
            "1000 up ",
            "1000 mesh license of 4 to -",
            "1000 mesh seats 1 of 4, - reserved, - queued, - borrowed",
            "1000 mesh license of 4 to -",
            "1000 mesh seats 2 of 4, - reserved, - queued, - borrowed",
            "2000 mesh seats 3 of 4, - reserved, - queued, - borrowed",
        ],
    );
}

#[test]
fn silence_is_an_event_once_and_no_sample_of_nothing() {
    check(
        &[
            "up mesh:4,1",
            "down refused",
            "down refused again",
            "unknown no answer within 20 s",
            "up mesh:4,1",
        ],
        &[
            "1000 up ",
            "1000 mesh license of 4 to -",
            "1000 mesh seats 1 of 4, - reserved, - queued, - borrowed",
            "2000 down refused",
            "4000 unknown no answer within 20 s",
            "5000 up ",
        ],
    );
}

#[test]
fn seats_end_and_version_of_a_license_are_records_with_their_own_time() {
    check(
        &[
            "up mesh:4,1 5000 v1",
            "up mesh:6,1 5000 v1",
            "up mesh:6,1 9000 v1",
            "up mesh:6,1 p v1",
            "up mesh:6,1 p v2",
        ],
        &[
            "1000 up ",
            "1000 mesh v1 license of 4 to 5000",
            "1000 mesh seats 1 of 4, - reserved, - queued, - borrowed",
            "2000 mesh v1 license of 6 to 5000",
            "2000 mesh seats 1 of 6, - reserved, - queued, - borrowed",
            "3000 mesh v1 license of 6 to 9000",
            "4000 mesh v1 license of 6 to always",
            "5000 mesh v2 license of 6 to always",
            "5000 mesh seats 1 of 6, - reserved, - queued, - borrowed",
            "5000 mesh seats - of -, - reserved, - queued, - borrowed",
            "5000 mesh v1 served no more",
        ],
    );
}

#[test]
fn server_that_serves_in_part_may_leave_licenses_out_that_are_there_still() {
    check(
        &["up mesh:4,1; cad:2,1", "degraded cad:2,1", "up mesh:4,1; cad:2,1"],
        &[
            "1000 up ",
            "1000 mesh license of 4 to -",
            "1000 mesh seats 1 of 4, - reserved, - queued, - borrowed",
            "1000 cad license of 2 to -",
            "1000 cad seats 1 of 2, - reserved, - queued, - borrowed",
            "2000 degraded ",
            "2000 mesh seats - of 4, - reserved, - queued, - borrowed",
            "3000 up ",
            "3000 mesh seats 1 of 4, - reserved, - queued, - borrowed",
        ],
    );
}

#[test]
fn start_writes_nothing_that_is_known_already() {
    let site = Site::new();
    let mut writer = site.writer();
    for (asked_ms, text) in [(1000, "up mesh:4,1; cad:-,-"), (2000, "down refused")] {
        writer.set_polled(&answer(asked_ms, text)).unwrap();
        let before = recorded(&site);
        writer = site.writer_after(writer);
        writer.configure(&lic_store::configured::Configured::default()).unwrap();
        writer.set_polled(&answer(asked_ms + 500, text)).unwrap();
        assert_eq!(recorded(&site), before);
    }
}

#[test]
fn answers_are_no_time_at_which_a_log_was_seen() {
    let site = Site::new();
    let mut writer = site.writer();
    writer.set_polled(&answer(1000, "up mesh:4,1")).unwrap();
    let seen = || site.reader().observed_spans(&SERVER.into()).unwrap();
    assert_eq!(seen(), []);
    let events = [event(5000, 1, checkout("mesh", "ann", "1", None))];
    writer.commit(&[batch(SERVER, &events)], at(6000)).unwrap();
    assert_eq!(seen().first().map(|seen| seen.start), Some(at(5000)));
}

#[test]
fn states_are_among_what_happened() {
    let site = Site::new();
    let mut writer = site.writer();
    for (second, text) in (1..).zip(["up mesh:4,1", "down refused", "up mesh:4,0"]) {
        writer.set_polled(&answer(second * 1000, text)).unwrap();
    }
    let filter = lic_protocol::query::Filter { limit: 10, ..Default::default() };
    let happened = site.reader().events(&filter).unwrap().events.into_iter();
    let told: Vec<_> = happened.map(|it| (it.at, it.reason.unwrap_or_default())).collect();
    let expected = [(at(3000), "up"), (at(2000), "down: refused"), (at(1000), "up")];
    assert_eq!(told, expected.map(|(at, reason)| (at, reason.to_owned())));
}

/// Answers, one a second, and a span of seconds in; the second and the seats of every step out.
#[track_caller]
fn check_steps(answers: &[&str], (from_s, to_s): (i64, i64), expected: &[(i64, Issued)]) {
    let site = Site::new();
    let mut writer = site.writer();
    for (second, text) in (1..).zip(answers) {
        writer.set_polled(&answer(second * 1000, text)).unwrap();
    }
    let span = (at(from_s * 1000), at(to_s * 1000));
    let steps = site.reader().issued_over(&SERVER.into(), &"mesh".into(), span).unwrap();
    let second = |step: &Step| (Timestamp::as_second(step.from), step.issued);
    assert_eq!(steps.iter().map(second).collect::<Vec<_>>(), expected);
}

use Issued::{Seats, Uncounted, Unknown};

const YEARS: [&str; 6] = [
    "up mesh/1:4,1; mesh/2:3,0",
    "up mesh/1:6,1; mesh/2:3,0",
    "down refused",
    "up mesh/1:6,2",
    "up",
    "up mesh/1:-,2",
];

#[test]
fn seats_issued_are_steps_over_all_stocks() {
    check_steps(
        &YEARS,
        (0, 9),
        &[(0, Unknown), (1, Seats(7)), (2, Seats(9)), (4, Seats(6)), (5, Seats(0)), (6, Unknown)],
    );
}

#[test]
fn first_step_is_what_held_already_and_the_last_is_before_the_end() {
    check_steps(&YEARS, (3, 5), &[(3, Seats(9)), (4, Seats(6))]);
    check_steps(&YEARS, (2, 4), &[(2, Seats(9))]);
}

#[test]
fn stock_without_a_limit_makes_all_so() {
    check_steps(&["up mesh/1:4,1; mesh/2:-,0 u"], (1, 2), &[(1, Uncounted)]);
    check_steps(&["up cad:4,1"], (1, 2), &[(1, Unknown)]);
}

/// What a server may answer: few names, so that they meet again.
fn answers() -> impl Strategy<Value = Vec<String>> {
    let count = select(vec!["-", "0", "1", "2"]);
    let stock = (select(vec!["mesh", "mesh/1", "cad"]), count.clone(), count);
    let end = select(vec!["", " p", " u", " 7000", " b"]);
    let stock = (stock, end)
        .prop_map(|((name, issued, in_use), end)| format!("{name}:{issued},{in_use}{end}"));
    let state = select(vec!["up", "up", "up", "degraded", "down", "unknown"]);
    let one = (state, prop::collection::vec(stock, 0..4)).prop_map(|(state, stocks)| match state {
        "down" => "down refused".to_owned(),
        "unknown" => "unknown no answer".to_owned(),
        serves => format!("{serves} {}", stocks.join("; ")),
    });
    prop::collection::vec(one, 1..12)
}

fn count(site: &Site) -> usize {
    recorded(site).len()
}

fn restart(site: &Site, writer: Writer, is_due: impl Fn() -> bool) -> Writer {
    if is_due() { site.writer_after(writer) } else { writer }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is answered, and wherever licmon is started again: the same answer twice is recorded once, the picture comes out
    /// of the records as it was, and the chain holds.
    #[test]
    fn records_tell_the_whole_picture(answers in answers(), restarts in any::<u16>()) {
        let site = Site::new();
        let mut writer = site.writer();
        for (number, text) in answers.iter().enumerate() {
            let asked_ms = 1000 * (i64::try_from(number).unwrap() + 1);
            writer.set_polled(&answer(asked_ms, text)).unwrap();
            let (picture, records) = (site.picture(), count(&site));
            writer = restart(&site, writer, || restarts >> number & 1 == 1);
            writer.set_polled(&answer(asked_ms + 500, text)).unwrap();
            prop_assert_eq!(count(&site), records, "{} was recorded twice", text);
            prop_assert_eq!(&site.picture(), &picture);
            writer.rebuild().unwrap();
            prop_assert_eq!(&site.picture(), &picture);
        }
        drop(writer);
        let verified = verify(&site.paths, &[], |_, _| {}).unwrap();
        prop_assert!(verified.whole, "{verified:#?}");
        let live = Connection::open(&site.paths.live).unwrap();
        let dead = "select * from polled where server not in (select server from poll)";
        prop_assert!(rows(&live, dead).is_empty());
    }
}
