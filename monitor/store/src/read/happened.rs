//! Everything that happened, whatever it was: page by page, and in the order it was learned.

use lic_protocol::{
    name::{FeatureName, HostName, ServerName, UserName},
    query::{Cursor, Filter},
    view::{
        Source,
        events::{Events, Happened, Kind},
    },
};
use rusqlite::{Connection, Params, Row, named_params};

use super::{
    pages::{self, Placed},
    time, word,
};
use crate::error::{Doing, StoreError};

/// Every record that says that something happened, with the conditions `$which` on each kind.
macro_rules! happened {
    ($which:literal, $order:literal) => {
        concat!(
            "select h.id, h.at_ms, h.learned_at_ms, h.kind, server.name, feature.text, user.text, host.text, h.count,
                reason.text, h.detail, h.session, h.length_ms, source.text
            from (
                select id, at_ms, learned_at_ms, 'checkout' as kind, server, feature, user, host, count,
                    null as reason, null as detail, id as session, null as length_ms, source
                from checkout h where ", $which, "
                union all select h.id, h.at_ms, h.learned_at_ms, 'checkin', h.server, h.feature,
                    coalesce(h.user, c.user), coalesce(h.host, c.host), c.count, h.reason, null, c.id,
                    max(h.at_ms - c.at_ms, 0), null
                from checkin h left join checkout c on c.id = coalesce(h.checkout,
                    (select p.checkout from pairing p where p.checkin = h.id order by p.id limit 1))
                where ", $which, "
                union all select id, at_ms, learned_at_ms, 'denial', server, feature, user, host, count,
                    reason, null, null, null, null
                from denial h where ", $which, "
                union all select id, at_ms, learned_at_ms, 'queue', server, feature, user, host, count,
                    null, null, null, null, null
                from queued h where ", $which, "
                union all select h.id, h.at_ms, h.learned_at_ms, 'dequeue', h.server, h.feature, q.user, q.host,
                    q.count, h.outcome, null, null, null, null
                from dequeued h left join queued q on q.id = h.queued where ", $which, "
                union all select id, at_ms, learned_at_ms, 'server', server, null, null, null, null,
                    change, text, null, null, null
                from server_event h where ", $which, "
            ) h
            join server on server.id = h.server
            left join name feature on feature.id = h.feature
            left join name user on user.id = h.user
            left join name host on host.id = h.host
            left join name reason on reason.id = h.reason
            left join name source on source.id = h.source ", $order)
    };
}

const OF_BLOCK: &str = happened!(
    "h.id between :first and :last and h.at_ms >= :from_ms and (h.at_ms, h.id) < (:at_ms, :id)",
    "where (:server is null or h.server = :server)
        and (:feature is null or h.feature = :feature)
        and (:users is null or h.user in (select value from json_each(:users)))
        and (:hosts is null or h.host in (select value from json_each(:hosts)))
    order by h.at_ms desc, h.id desc limit :limit"
);

const LEARNED: &str = happened!(
    "h.id > :after and h.id <= :after + :limit",
    "where (:server is null or h.server = :server)
        and (:feature is null or h.feature = :feature)
        and (:users is null or h.user in (select value from json_each(:users)))
        and (:hosts is null or h.host in (select value from json_each(:hosts)))
    order by h.id"
);

/// What happened, newest first.
pub(super) fn happened(history: &Connection, filter: &Filter) -> Result<Events, StoreError> {
    let Some(numbers) = pages::numbers(history, filter)? else {
        return Ok(Events { events: Vec::new(), next: None });
    };
    let (events, next) = pages::page(history, filter, numbers.server, |block, before, limit| {
        let values = named_params! {
            ":first": block.first_id,
            ":last": block.last_id,
            ":at_ms": before.at_ms,
            ":id": before.id,
            ":from_ms": filter.from.map_or(i64::MIN, jiff::Timestamp::as_millisecond),
            ":server": numbers.server,
            ":feature": numbers.feature,
            ":users": numbers.users,
            ":hosts": numbers.hosts,
            ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        };
        let rows = rows(history, OF_BLOCK, values)?.into_iter();
        Ok(rows.map(|row| Placed { place: place(&row), row }).collect())
    })?;
    Ok(Events { events, next })
}

/// What was learned after the record `after`, in the order it was learned, and the record up to which that was looked for.
/// Looks through at most `limit` records: it is called again until it is given its own `after` back.
pub(super) fn learned(
    history: &Connection,
    filter: &Filter,
    after: i64,
    limit: u32,
) -> Result<(Vec<Happened>, i64), StoreError> {
    let newest = newest(history)?;
    let Some(numbers) = pages::numbers(history, filter)? else {
        return Ok((Vec::new(), newest.max(after)));
    };
    let values = named_params! {
        ":after": after,
        ":limit": limit,
        ":server": numbers.server,
        ":feature": numbers.feature,
        ":users": numbers.users,
        ":hosts": numbers.hosts,
    };
    let events = rows(history, LEARNED, values)?;
    Ok((events, newest.min(after.saturating_add(limit.into())).max(after)))
}

/// The number of the newest record; 0 where there is none.
pub(super) fn newest(history: &Connection) -> Result<i64, StoreError> {
    let sql = "select coalesce(max(last_id), 0) from batch where number = (select max(number) from batch)";
    history.query_row(sql, [], |row| row.get(0)).doing("look for the newest record")
}

fn place(row: &Happened) -> Cursor {
    Cursor { at_ms: row.at.as_millisecond(), id: row.id }
}

fn rows(history: &Connection, sql: &str, values: impl Params) -> Result<Vec<Happened>, StoreError> {
    let doing = "read what happened";
    let mut query = history.prepare_cached(sql).doing(doing)?;
    let mut rows = query.query(values).doing(doing)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next().doing(doing)? {
        let kind: String = row.get(3).doing(doing)?;
        let kind = word("kind of a record", &kind, Kind::from_word)?;
        let source: Option<String> = row.get(13).doing(doing)?;
        let source =
            source.map(|source| word("checkout.source", &source, Source::from_word)).transpose()?;
        events.push(event(row, kind, source).doing(doing)?);
    }
    Ok(events)
}

fn event(row: &Row<'_>, kind: Kind, source: Option<Source>) -> rusqlite::Result<Happened> {
    let reason: Option<String> = row.get(9)?;
    let detail: Option<String> = row.get(10)?;
    let reason = match (reason, detail.filter(|detail| !detail.is_empty())) {
        (Some(reason), Some(detail)) => Some(format!("{reason}: {detail}")),
        (reason, detail) => reason.or(detail),
    };
    let length_ms: Option<f64> = row.get(12)?;
    Ok(Happened {
        id: row.get(0)?,
        at: time(row.get(1)?),
        learned_at: time(row.get(2)?),
        kind,
        server: ServerName::new(row.get::<_, String>(4)?),
        feature: row.get::<_, Option<String>>(5)?.map(FeatureName::new),
        user: row.get::<_, Option<String>>(6)?.map(UserName::new),
        host: row.get::<_, Option<String>>(7)?.map(HostName::new),
        count: row.get(8)?,
        reason,
        session: row.get(11)?,
        duration_s: length_ms.map(|ms| ms / 1000.0),
        source,
    })
}
