//! Reading entries back from history, in the order of their ids: for catching up after a crash, and for making live again.

use lic_protocol::event::ServerChange;
use rusqlite::{Connection, Row};

use crate::{
    entry::{Change, Entry, Opened, Waiting},
    error::{Doing, StoreError},
    gaps::Recorded,
};

/// Ids read back at a time.
pub(crate) const WINDOW_IDS: i64 = 8192;

/// The newest id of any record.
pub(crate) fn last_id(history: &Connection) -> Result<i64, StoreError> {
    let sql = "select max(
        coalesce((select max(id) from checkout), 0), coalesce((select max(id) from checkin), 0),
        coalesce((select max(id) from pairing), 0), coalesce((select max(id) from denial), 0),
        coalesce((select max(id) from queued), 0), coalesce((select max(id) from dequeued), 0),
        coalesce((select max(id) from server_event), 0), coalesce((select max(id) from gap), 0))";
    history.query_row(sql, [], |row| row.get(0)).doing("find the newest record")
}

/// The entries with ids from `first` to `last`, in their order.
pub(crate) fn entries(
    history: &Connection,
    first: i64,
    last: i64,
) -> Result<Vec<Entry>, StoreError> {
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
                    heard_ms: row.get::<_, i64>(2)?.min(row.get("learned_at_ms")?),
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

type ReadChange = fn(&Row<'_>) -> rusqlite::Result<Change>;

/// Each record table: id, server, time, and the columns its change is read from.
const SOURCES: [(&str, ReadChange); 8] = [
    (
        "select c.id, server.name, c.at_ms, feature.text, user.text, host.text, c.learned_at_ms, c.count, c.handle,
            seat.text, version.text, vendor.text, unit.text, display.text, process.text, project.text, source.text
        from checkout c
        join server on server.id = c.server
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
        "select c.id, server.name, c.at_ms, c.checkout, c.learned_at_ms from checkin c join server on server.id = c.server
        where c.id between :first and :last",
        |row| Ok(Change::Ended { checkout: row.get(3)? }),
    ),
    (
        "select p.id, server.name, checkin.at_ms, p.checkout, c.learned_at_ms from pairing p
        join checkin on checkin.id = p.checkin join server on server.id = checkin.server
        join checkout c on c.id = p.checkout
        where p.id between :first and :last",
        |row| Ok(Change::Ended { checkout: row.get(3)? }),
    ),
    (
        "select d.id, server.name, d.at_ms, feature.text, d.learned_at_ms from denial d
        join server on server.id = d.server join name feature on feature.id = d.feature
        where d.id between :first and :last",
        |row| Ok(Change::Denied { feature: row.get(3)? }),
    ),
    (
        "select q.id, server.name, q.at_ms, feature.text, user.text, host.text, q.count, q.ticket, q.credit_ms, q.learned_at_ms from queued q
        join server on server.id = q.server join name feature on feature.id = q.feature
        join name user on user.id = q.user join name host on host.id = q.host
        where q.id between :first and :last",
        waiting,
    ),
    (
        "select d.id, server.name, d.at_ms, d.queued, d.learned_at_ms from dequeued d join server on server.id = d.server
        where d.id between :first and :last",
        |row| Ok(Change::WaitEnded { queued: row.get(3)? }),
    ),
    (
        "select e.id, server.name, e.at_ms, change.text, e.learned_at_ms from server_event e
        join server on server.id = e.server join name change on change.id = e.change
        where e.id between :first and :last",
        server_changed,
    ),
    (
        "select g.id, server.name, g.at_ms, g.mends, g.path, g.from_byte, g.to_byte, g.why, g.learned_at_ms from gap g
        join server on server.id = g.server
        where g.id between :first and :last",
        missing,
    ),
];

fn opened(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change::Opened(Box::new(Opened {
        feature: row.get(3)?,
        user: row.get(4)?,
        host: row.get(5)?,
        learned_at_ms: row.get(6)?,
        count: row.get(7)?,
        handle: row.get(8)?,
        seat: row.get(9)?,
        version: row.get(10)?,
        vendor: row.get(11)?,
        unit: row.get(12)?,
        display: row.get(13)?,
        process: row.get(14)?,
        project: row.get(15)?,
        source: row.get(16)?,
    })))
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change::Waiting(Box::new(Waiting {
        feature: row.get(3)?,
        user: row.get(4)?,
        host: row.get(5)?,
        count: row.get(6)?,
        ticket: row.get(7)?,
        credit_ms: row.get(8)?,
    })))
}

fn missing(row: &Row<'_>) -> rusqlite::Result<Change> {
    if let Some(gap) = row.get(3)? {
        return Ok(Change::Mended { gap });
    }
    Ok(Change::Missing(Box::new(Recorded {
        path: row.get(4)?,
        from: row.get(5)?,
        to: row.get(6)?,
        why: row.get(7)?,
    })))
}

fn server_changed(row: &Row<'_>) -> rusqlite::Result<Change> {
    let word: String = row.get(3)?;
    // A change this program does not know alters nothing in its picture.
    Ok(Change::Server(ServerChange::from_word(&word).unwrap_or(ServerChange::Anomaly)))
}
