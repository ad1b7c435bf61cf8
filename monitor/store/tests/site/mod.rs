//! What the tests of the store share: a state folder, events in one line, and live as text.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use lic_protocol::{
    event::{
        Checkin, Checkout, Denial, Dequeue, EndReason, Event, Fact, HandleOf, Identity, Queue,
        ReasonClass, ServerChange, ServerEvent, WaitOutcome,
    },
    name::ServerName,
    outcome::Outcome,
    query::{Filter, Which},
    view::{Session, Source},
};
use lic_store::{commit::Batch, open::DatabasePaths, read::Reader, writer::Writer};
use rusqlite::{Connection, types::Value};

/// A state folder with both databases.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    /// Where they are.
    pub(crate) paths: DatabasePaths,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { paths: DatabasePaths::in_state(folder.path()), folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A writer that knows the servers of the tests.
    pub(crate) fn writer(&self) -> Writer {
        let mut writer = Writer::open(&self.paths).unwrap();
        for (server, system) in [("lic1", "dsls"), ("lic2", "dsls"), ("local", "licwrap")] {
            writer.know_server(&server.into(), system).unwrap();
        }
        writer
    }

    /// Another writer after this one.
    pub(crate) fn writer_after(&self, writer: Writer) -> Writer {
        drop(writer);
        self.writer()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.paths).unwrap()
    }

    /// Every session of history, page by page.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        let reader = self.reader();
        let mut filter = Filter { limit: 1000, ..Filter::default() };
        let mut all = Vec::new();
        loop {
            let page = reader.sessions(Which::All, &filter).unwrap();
            all.extend(page.sessions);
            match page.next {
                Some(next) => filter.after = Some(next.parse().unwrap()),
                None => return all,
            }
        }
    }

    /// The fold as it stands in live, row by row, as text.
    pub(crate) fn picture(&self) -> Vec<String> {
        let live = Connection::open(&self.paths.live).unwrap();
        let queries = [
            "select 'session', * from session order by id",
            "select 'waiter', * from waiter order by id",
            "select 'feature', * from feature order by server, feature",
            "select 'server', * from server order by name",
            "select 'gap', * from gap order by id",
            "select 'poll', server, state, since_ms, error from poll order by server",
            "select 'polled', server, feature, vendor, version, pool, ordinal, issued, in_use, reserved, queued, borrowed,
                is_uncounted, expires_ms, is_permanent
            from polled order by 2, 3, 4, 5, 6, 7",
            "select 'watermark', * from watermark",
        ];
        queries.iter().flat_map(|sql| rows(&live, sql)).collect()
    }
}

/// Every row that a query gives, as text.
pub(crate) fn rows(db: &Connection, sql: &str) -> Vec<String> {
    let mut query = db.prepare(sql).unwrap();
    let columns = query.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let cells: rusqlite::Result<Vec<Value>> = (0..columns).map(|cell| row.get(cell)).collect();
        cells.map(|cells| format!("{cells:?}"))
    };
    query.query_map([], row).unwrap().map(Result::unwrap).collect()
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

pub(crate) fn batch(server: &str, events: &[Event]) -> Batch {
    Batch {
        server: ServerName::from(server),
        source: Source::Log,
        learned_at: at(9_000_000_000_000),
        events: events.to_vec(),
        checkpoint: None,
    }
}

/// An event; `line` is what tells it from all others.
pub(crate) fn event(at_ms: i64, line: u64, fact: Fact) -> Event {
    Event { at: at(at_ms), fact, identity: Identity { hash: line, ordinal: 0 }, raw: None }
}

pub(crate) fn checkout(feature: &str, user: &str, handle: &str, seat: Option<&str>) -> Fact {
    Fact::Checkout(Checkout {
        feature: feature.into(),
        user: user.into(),
        host: format!("pc-{user}").as_str().into(),
        count: 1,
        handle: handle.into(),
        handle_of: HandleOf::Session,
        seat: seat.map(Into::into),
        version: Some("12".into()),
        vendor: Some("Acme".into()),
        unit: None,
        display: None,
        process: Some("solve.exe".into()),
        project: None,
    })
}

pub(crate) fn checkin(feature: &str, user: &str, handle: &str) -> Fact {
    Fact::Checkin(Checkin {
        feature: feature.into(),
        handle: handle.into(),
        handle_of: HandleOf::Session,
        count: None,
        user: user.into(),
        host: format!("pc-{user}").as_str().into(),
        reason: EndReason::Checkin,
        ended_before: None,
        outcome: Outcome::default(),
    })
}

pub(crate) fn denial(feature: &str, user: &str) -> Fact {
    Fact::Denial(Denial {
        feature: feature.into(),
        user: user.into(),
        host: format!("pc-{user}").as_str().into(),
        count: 1,
        reason: "no more seats".into(),
        class: ReasonClass::Exhausted,
        process: None,
        tries: 1,
    })
}

pub(crate) fn queue(feature: &str, user: &str, ticket: &str) -> Fact {
    Fact::Queue(Queue {
        feature: feature.into(),
        user: user.into(),
        host: format!("pc-{user}").as_str().into(),
        count: 1,
        ticket: ticket.into(),
        credit: Duration::ZERO,
    })
}

pub(crate) fn dequeue(feature: &str, ticket: &str) -> Fact {
    Fact::Dequeue(Dequeue {
        feature: feature.into(),
        ticket: ticket.into(),
        outcome: WaitOutcome::Granted,
    })
}

pub(crate) fn server(change: ServerChange) -> Fact {
    Fact::Server(ServerEvent { change, text: change.to_string(), ends: None })
}
