//! Sessions of features, bare: what figures, series and heat maps are made of.

use jiff::Timestamp;
use lic_protocol::{
    event::EndReason,
    name::{FeatureName, ServerName},
    span::Span,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{time, word};
use crate::{
    blocks,
    error::{Doing, StoreError},
};

const SPANS: &str = "select c.at_ms, coalesce(e.at_ms, l.at_ms), reason.text, c.seat, c.count
    from checkout c
    join server on server.id = c.server
    join name feature on feature.id = c.feature
    left join checkin e on e.checkout = c.id
    left join pairing p on p.id = (
        select q.id from pairing q join checkin k on k.id = q.checkin where q.checkout = c.id
        order by k.at_ms, k.id limit 1)
    left join checkin l on l.id = p.checkin
    left join name reason on reason.id = coalesce(e.reason, l.reason)
    where server.name = :server and feature.text = :feature";

/// Every session of a feature.
pub(super) fn of_feature(
    history: &Connection,
    server: &ServerName,
    feature: &FeatureName,
) -> Result<Vec<Span>, StoreError> {
    let doing = "read the sessions of a feature";
    let values = named_params! { ":server": server.as_str(), ":feature": feature.as_str() };
    let mut query = history.prepare_cached(SPANS).doing(doing)?;
    let mut rows = query.query(values).doing(doing)?;
    let mut spans = Vec::new();
    while let Some(row) = rows.next().doing(doing)? {
        spans.push(span(row)?);
    }
    Ok(spans)
}

/// A session, and what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanOf {
    /// Its license server.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// The session.
    pub span: Span,
}

/// What anything learned since `:first` tells of sessions: they began since, ended since, or are held yet.
const SINCE: &str = "with touched (id) as (
        select id from checkout where id >= :first
        union select checkout from checkin where id >= :first and checkout < :first
        union select checkout from pairing where id >= :first and checkout < :first
        union select value from json_each(:open))
    select c.at_ms, coalesce(e.at_ms, l.at_ms), reason.text, c.seat, c.count, server.name, feature.text
    from touched
    join checkout c on c.id = touched.id
    join server on server.id = c.server
    join name feature on feature.id = c.feature
    left join checkin e on e.checkout = c.id
    left join pairing p on p.id = (
        select q.id from pairing q join checkin k on k.id = q.checkin where q.checkout = c.id
        order by k.at_ms, k.id limit 1)
    left join checkin l on l.id = p.checkin
    left join name reason on reason.id = coalesce(e.reason, l.reason)
    where (:server is null or c.server = :server) and (:feature is null or c.feature = :feature)
        and coalesce(e.at_ms, l.at_ms, :from_ms) >= :from_ms";

/// Every session that was held at `from` or later: of one feature where one is named, else of all. Reads no more of history
/// than was learned of that time and of what came after it.
pub(super) fn since(
    history: &Connection,
    live: &Connection,
    from: Timestamp,
    of: Option<(&ServerName, &FeatureName)>,
) -> Result<Vec<SpanOf>, StoreError> {
    let doing = "read the sessions since a time";
    let (mut server, mut feature) = (None, None);
    if let Some((server_name, feature_name)) = of {
        server = id(history, "select id from server where name = :name", server_name.as_str())?;
        feature = id(history, "select id from name where text = :text", feature_name.as_str())?;
        if server.is_none() || feature.is_none() {
            return Ok(Vec::new());
        }
    }
    let from_ms = from.as_millisecond();
    let blocks = blocks::of_server(history, server)?.into_iter();
    let first = blocks.filter(|block| block.latest_ms >= from_ms).map(|block| block.first_id).min();
    let values = named_params! {
        ":first": first.unwrap_or(i64::MAX),
        ":open": open(live)?,
        ":server": server,
        ":feature": feature,
        ":from_ms": from_ms,
    };
    let mut query = history.prepare_cached(SINCE).doing(doing)?;
    let mut rows = query.query(values).doing(doing)?;
    let mut spans = Vec::new();
    while let Some(row) = rows.next().doing(doing)? {
        spans.push(SpanOf {
            server: ServerName::new(row.get::<_, String>(5).doing(doing)?),
            feature: FeatureName::new(row.get::<_, String>(6).doing(doing)?),
            span: span(row)?,
        });
    }
    Ok(spans)
}

fn id(history: &Connection, sql: &str, name: &str) -> Result<Option<i64>, StoreError> {
    history.query_row(sql, [name], |row| row.get(0)).optional().doing("look up a name")
}

/// The numbers of the sessions held now, as a JSON list.
fn open(live: &Connection) -> Result<String, StoreError> {
    let sql = "select json_group_array(id) from session";
    live.query_row(sql, [], |row| row.get(0)).doing("read the active sessions")
}

fn span(row: &Row<'_>) -> Result<Span, StoreError> {
    let doing = "read the sessions of a feature";
    let ended_ms: Option<i64> = row.get(1).doing(doing)?;
    let ended = match ended_ms {
        Some(ended_ms) => {
            let reason: String = row.get(2).doing(doing)?;
            Some((time(ended_ms), word("checkin.reason", &reason, EndReason::from_word)?))
        }
        None => None,
    };
    Ok(Span {
        started: time(row.get(0).doing(doing)?),
        ended,
        seat: row.get(3).doing(doing)?,
        count: row.get(4).doing(doing)?,
    })
}
