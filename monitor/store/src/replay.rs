//! Reading entries back from history, in the order of their ids: for catching up after a crash, and for making live again.

mod answers;

use std::{borrow::Cow, time::Duration};

use lic_protocol::{
    event::{Checkout, HandleOf, Queue, ServerChange},
    name::{FeatureName, HostName, UserName, VendorName},
    view::{ServerState, Source},
};
use rusqlite::{Connection, Row};

use crate::{
    entry::{Change, Entry, Feature, Opened},
    error::{Doing, StoreError},
    gaps::Recorded,
    polled::change::Answered,
};

/// Ids read back at a time.
pub(crate) const WINDOW_IDS: i64 = 8192;

/// The newest id of any record.
pub(crate) fn last_id(history: &Connection) -> Result<i64, StoreError> {
    let sql = "select max(
        coalesce((select max(id) from checkout), 0), coalesce((select max(id) from checkin), 0),
        coalesce((select max(id) from pairing), 0), coalesce((select max(id) from denial), 0),
        coalesce((select max(id) from queued), 0), coalesce((select max(id) from dequeued), 0),
        coalesce((select max(id) from server_event), 0), coalesce((select max(id) from gap), 0),
        coalesce((select max(id) from sample), 0), coalesce((select max(id) from entitlement), 0))";
    history.query_row(sql, [], |row| row.get(0)).doing("find the newest record")
}

/// The entries with ids from `first` to `last`, in their order.
pub(crate) fn entries(
    history: &Connection,
    first: i64,
    last: i64,
) -> Result<Vec<Entry<'static>>, StoreError> {
    let mut entries = Vec::new();
    for (sql, change) in SOURCES {
        let doing = "read history back";
        let mut records = history.prepare_cached(sql).doing(doing)?;
        let rows = records
            .query_map([first, last], |row| {
                Ok(Entry {
                    id: row.get(0)?,
                    server: row.get(1)?,
                    at_ms: row.get(2)?,
                    learned_at_ms: row.get(3)?,
                    change: change(row)?,
                })
            })
            .doing(doing)?;
        for row in rows {
            entries.push(row.doing(doing)?);
        }
    }
    entries.sort_unstable_by_key(|entry| entry.id);
    Ok(entries)
}

type ReadChange = fn(&Row<'_>) -> rusqlite::Result<Change<'static>>;

/// Each record table: id, server, time, when it was learned, and the columns its change is read from.
const SOURCES: [(&str, ReadChange); 10] = [
    (
        "select c.id, c.server, c.at_ms, c.learned_at_ms, c.feature, feature.text, user.text, host.text, c.count,
            c.handle, seat.text, version.text, vendor.text, unit.text, display.text, process.text, project.text,
            source.text
        from checkout c
        join name feature on feature.id = c.feature
        join name user on user.id = c.user
        join name host on host.id = c.host
        join name source on source.id = c.source
        left join name seat on seat.id = c.seat
        left join name version on version.id = c.version
        left join name vendor on vendor.id = c.vendor
        left join name unit on unit.id = c.unit
        left join name display on display.id = c.display
        left join name process on process.id = c.process
        left join name project on project.id = c.project
        where c.id between :first and :last",
        opened,
    ),
    (
        "select id, server, at_ms, learned_at_ms, feature, checkout from checkin
        where id between :first and :last",
        |row| Ok(Change::Ended { feature: row.get(4)?, checkout: row.get(5)? }),
    ),
    (
        "select p.id, checkin.server, checkin.at_ms, c.learned_at_ms, c.feature, p.checkout from pairing p
        join checkin on checkin.id = p.checkin join checkout c on c.id = p.checkout
        where p.id between :first and :last",
        |row| Ok(Change::Ended { feature: row.get(4)?, checkout: row.get(5)? }),
    ),
    (
        "select d.id, d.server, d.at_ms, d.learned_at_ms, d.feature, feature.text, d.tries from denial d
        join name feature on feature.id = d.feature
        where d.id between :first and :last",
        |row| Ok(Change::Denied(feature(row)?, row.get(6)?)),
    ),
    (
        "select q.id, q.server, q.at_ms, q.learned_at_ms, q.feature, feature.text, user.text, host.text, q.count,
            q.ticket, q.credit_ms
        from queued q
        join name feature on feature.id = q.feature
        join name user on user.id = q.user join name host on host.id = q.host
        where q.id between :first and :last",
        waiting,
    ),
    (
        "select id, server, at_ms, learned_at_ms, queued from dequeued
        where id between :first and :last",
        |row| Ok(Change::WaitEnded { queued: row.get(4)? }),
    ),
    (
        "select e.id, e.server, e.at_ms, e.learned_at_ms, change.text, e.text from server_event e
        join name change on change.id = e.change
        where e.id between :first and :last",
        server_changed,
    ),
    (
        "select g.id, g.server, g.at_ms, g.learned_at_ms, g.mends, g.path, g.from_byte, g.to_byte, g.why from gap g
        where g.id between :first and :last",
        missing,
    ),
    (
        "select e.id, e.server, e.at_ms, e.learned_at_ms, feature.text, vendor.text, version.text, pool.text, e.ordinal,
            e.is_told, e.issued, e.is_uncounted, e.expires_ms, e.is_permanent
        from entitlement e
        join name feature on feature.id = e.feature
        left join name vendor on vendor.id = e.vendor
        left join name version on version.id = e.version
        left join name pool on pool.id = e.pool
        where e.id between :first and :last",
        answers::entitled,
    ),
    (
        "select s.id, s.server, s.at_ms, s.learned_at_ms, feature.text, vendor.text, version.text, pool.text, s.ordinal,
            s.issued, s.in_use, s.reserved, s.queued, s.borrowed
        from sample s
        join name feature on feature.id = s.feature
        left join name vendor on vendor.id = s.vendor
        left join name version on version.id = s.version
        left join name pool on pool.id = s.pool
        where s.id between :first and :last",
        answers::sampled,
    ),
];

fn feature(row: &Row<'_>) -> rusqlite::Result<Feature<'static>> {
    Ok(Feature { number: row.get(4)?, name: Cow::Owned(row.get(5)?) })
}

fn opened(row: &Row<'_>) -> rusqlite::Result<Change<'static>> {
    let text = |column: usize| row.get::<_, String>(column);
    let vendor: Option<String> = row.get(12)?;
    let source = text(17)?;
    let checkout = Checkout {
        feature: FeatureName::new(text(5)?),
        user: UserName::new(text(6)?),
        host: HostName::new(text(7)?),
        count: row.get(8)?,
        handle: row.get(9)?,
        // What is open is known by its checkout here.
        handle_of: HandleOf::Session,
        seat: row.get(10)?,
        version: row.get(11)?,
        vendor: vendor.map(VendorName::new),
        unit: row.get(13)?,
        display: row.get(14)?,
        process: row.get(15)?,
        project: row.get(16)?,
    };
    Ok(Change::Opened(Opened {
        feature: row.get(4)?,
        // A source this program does not know is shown as the one that promises least.
        source: Source::from_word(&source).unwrap_or(Source::Import),
        checkout: Cow::Owned(checkout),
    }))
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Change<'static>> {
    let text = |column: usize| row.get::<_, String>(column);
    let credit_ms: i64 = row.get(10)?;
    let queue = Queue {
        feature: FeatureName::new(text(5)?),
        user: UserName::new(text(6)?),
        host: HostName::new(text(7)?),
        count: row.get(8)?,
        ticket: row.get(9)?,
        credit: Duration::from_millis(credit_ms.max(0).cast_unsigned()),
    };
    Ok(Change::Waiting(feature(row)?, Cow::Owned(queue)))
}

fn missing(row: &Row<'_>) -> rusqlite::Result<Change<'static>> {
    if let Some(gap) = row.get(4)? {
        return Ok(Change::Mended { gap });
    }
    Ok(Change::Missing(Recorded {
        path: row.get(5)?,
        from: row.get(6)?,
        to: row.get(7)?,
        why: row.get(8)?,
    }))
}

fn server_changed(row: &Row<'_>) -> rusqlite::Result<Change<'static>> {
    let word: String = row.get(4)?;
    if let Some(state) = ServerState::from_word(&word) {
        return Ok(Change::Answered(Answered::State(state, row.get(5)?)));
    }
    // A change this program does not know alters nothing in its picture.
    Ok(Change::Server(ServerChange::from_word(&word).unwrap_or(ServerChange::Anomaly)))
}
