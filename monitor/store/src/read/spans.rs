//! Sessions of one feature, bare: what figures are made of.

use lic_protocol::{
    event::EndReason,
    name::{FeatureName, ServerName},
    span::Span,
};
use rusqlite::{Connection, named_params};

use super::{time, word};
use crate::error::{Doing, StoreError};

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
        let ended_ms: Option<i64> = row.get(1).doing(doing)?;
        let ended = match ended_ms {
            Some(ended_ms) => {
                let reason: String = row.get(2).doing(doing)?;
                Some((time(ended_ms), word("checkin.reason", &reason, EndReason::from_word)?))
            }
            None => None,
        };
        spans.push(Span {
            started: time(row.get(0).doing(doing)?),
            ended,
            seat: row.get(3).doing(doing)?,
            count: row.get(4).doing(doing)?,
        });
    }
    Ok(spans)
}
