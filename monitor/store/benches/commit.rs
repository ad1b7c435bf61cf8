//! How fast events become durable, and how fast their seals are verified, by batch size: `cargo bench -p lic-store`. What is
//! measured is one writer, both databases.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lic_protocol::{
    event::{Checkin, Checkout, EndReason, Event, Fact, HandleOf, Identity},
    name::ServerName,
    outcome::Outcome,
    view::Source,
};
use lic_store::{commit::Batch, open::DatabasePaths, verify::verify, writer::Writer};

/// Time spent on each batch size.
const MEASURED: Duration = Duration::from_secs(3);
const SESSIONS_OPEN: u64 = 200;

fn main() {
    println!(
        "{:>8} {:>12} {:>12} {:>10} {:>12} {:>12}",
        "batch", "events", "events/s", "bytes/ev", "again ev/s", "verify ev/s"
    );
    for size in [1, 100, 5000] {
        measure(size);
    }
}

fn measure(size: u64) {
    let folder = tempfile::tempdir().expect("a folder for the databases");
    let paths = DatabasePaths::in_state(folder.path());
    let mut writer = Writer::open(&paths).expect("a new store opens");
    writer.know_server(&ServerName::from("lic1"), "dsls").expect("a server is made known");
    let mut committed = 0;
    let began = Instant::now();
    while began.elapsed() < MEASURED {
        let batch = batch(committed, size);
        writer.commit(&[batch], Timestamp::UNIX_EPOCH).expect("events are stored");
        committed += size;
    }
    let took = began.elapsed();
    let again = read_again(&mut writer, committed, size);
    drop(writer);
    let verified = verified(&paths, committed);
    let bytes = length(&paths.history);
    println!(
        "{size:>8} {committed:>12} {:>12} {:>10} {again:>12} {verified:>12}",
        per_second(committed, took),
        bytes / committed
    );
}

/// Every event once more, as when a file is imported that was followed: events per second that are found to be stored.
fn read_again(writer: &mut Writer, committed: u64, size: u64) -> u64 {
    let began = Instant::now();
    let mut read = 0;
    while read < committed && began.elapsed() < MEASURED {
        let batch = batch(read, size);
        let receipts = writer.commit(&[batch], Timestamp::UNIX_EPOCH).expect("nothing is stored");
        assert_eq!(receipts[0].added, 0, "an event was stored twice");
        read += size;
    }
    per_second(read, began.elapsed())
}

/// Events per second whose seals are verified, with SQLite's own check of the file.
fn verified(paths: &DatabasePaths, committed: u64) -> u64 {
    let began = Instant::now();
    let verified = verify(paths, &[], |_, _| {}).expect("history can be read");
    assert!(verified.whole, "history is as it was stored");
    per_second(committed, began.elapsed())
}

/// Checkouts and checkins in turn, as a busy server logs them: 400 users, 12 features, some seats shared.
fn batch(first: u64, size: u64) -> Batch {
    Batch {
        server: ServerName::from("lic1"),
        source: Source::Log,
        learned_at: Timestamp::UNIX_EPOCH,
        events: (first..first + size).map(event).collect(),
        checkpoint: None,
    }
}

fn event(number: u64) -> Event {
    let is_checkout = (number / SESSIONS_OPEN).is_multiple_of(2);
    let session = if is_checkout { number } else { number - SESSIONS_OPEN };
    let user = session * 7 % 400;
    let (feature, handle) = (format!("feature{}", session % 12), format!("{session:x}"));
    let (user, host) = (format!("user{user}"), format!("host{}", user / 2));
    let fact = if is_checkout {
        Fact::Checkout(Checkout {
            feature: feature.as_str().into(),
            user: user.as_str().into(),
            host: host.as_str().into(),
            count: 1,
            handle,
            handle_of: HandleOf::Session,
            seat: Some(format!("seat{}", session % 500)),
            version: Some("12.1".into()),
            vendor: Some("Acme".into()),
            unit: Some("Token".into()),
            display: None,
            process: Some("solve.exe".into()),
            project: None,
        })
    } else {
        Fact::Checkin(Checkin {
            feature: feature.as_str().into(),
            handle,
            handle_of: HandleOf::Session,
            count: None,
            user: user.as_str().into(),
            host: host.as_str().into(),
            reason: EndReason::Checkin,
            ended_before: None,
            outcome: Outcome::default(),
        })
    };
    let at = Timestamp::from_second(1_700_000_000 + i64::try_from(number / 10).unwrap_or(0));
    Event {
        at: at.expect("a time in this century"),
        fact,
        identity: Identity { hash: number.wrapping_mul(0x9e37_79b9_7f4a_7c15), ordinal: 0 },
        raw: None,
    }
}

fn length(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log].iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum()
}

fn per_second(events: u64, took: Duration) -> u64 {
    u64::try_from(u128::from(events) * 1_000_000 / took.as_micros().max(1)).unwrap_or(u64::MAX)
}
