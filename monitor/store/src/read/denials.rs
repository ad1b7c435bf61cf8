//! Refused checkouts, page by page, each with the episode it belongs to.

use lic_protocol::{
    event::ReasonClass,
    name::{FeatureName, HostName, ServerName, UserName},
    query::{Cursor, Filter},
    view::{Denial, Denials},
};
use rusqlite::{Connection, Row, named_params};

use super::{
    episodes::{self, Episodes, Who},
    pages::{self, Numbers, Placed},
    time, word,
};
use crate::{
    blocks::Block,
    error::{Doing, StoreError},
};

/// Refused checkouts, newest first.
pub(super) fn denials(history: &Connection, filter: &Filter) -> Result<Denials, StoreError> {
    let Some(numbers) = pages::numbers(history, filter)? else {
        return Ok(Denials { denials: Vec::new(), episodes: Vec::new(), next: None });
    };
    let (found, next) = pages::page(history, filter, numbers.server, |block, before, limit| {
        block_rows(history, filter, &numbers, block, before, limit)
    })?;
    let mut episodes = Episodes::default();
    let mut denials = Vec::with_capacity(found.len());
    for Found { mut denial, who, gap_ms } in found {
        denial.episode = episodes.of(history, who, denial.at, gap_ms)?;
        denials.push(denial);
    }
    Ok(Denials { denials, episodes: episodes.into_view(history)?, next })
}

/// A denial whose episode is yet to be found.
struct Found {
    denial: Denial,
    who: Who,
    gap_ms: i64,
}

const SQL: &str = "select
        d.id, d.at_ms, d.learned_at_ms, server.name, feature.text, user.text, host.text, d.count, reason.text,
        class.text, process.text, d.tries, d.server, d.feature, d.user, d.host, server.system
    from denial d
    join server on server.id = d.server
    join name feature on feature.id = d.feature
    join name user on user.id = d.user
    join name host on host.id = d.host
    join name reason on reason.id = d.reason
    join name class on class.id = d.reason_class
    left join name process on process.id = d.process
    where d.id between :first and :last
        and (d.at_ms, d.id) < (:at_ms, :id)
        and d.at_ms >= :from_ms
        and (:server is null or d.server = :server)
        and (:feature is null or d.feature = :feature)
        and (:users is null or d.user in (select value from json_each(:users)))
        and (:hosts is null or d.host in (select value from json_each(:hosts)))
    order by d.at_ms desc, d.id desc limit :limit";

fn block_rows(
    history: &Connection,
    filter: &Filter,
    numbers: &Numbers,
    block: Block,
    before: Cursor,
    limit: usize,
) -> Result<Vec<Placed<Found>>, StoreError> {
    let doing = "read the denials";
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
    let mut query = history.prepare_cached(SQL).doing(doing)?;
    let mut rows = query.query(values).doing(doing)?;
    let mut denials = Vec::new();
    while let Some(row) = rows.next().doing(doing)? {
        let class: String = row.get(9).doing(doing)?;
        let class = word("denial.reason_class", &class, ReasonClass::from_word)?;
        let found = found(row, class).doing(doing)?;
        let place = Cursor { at_ms: found.denial.at.as_millisecond(), id: found.denial.id };
        denials.push(Placed { place, row: found });
    }
    Ok(denials)
}

fn found(row: &Row<'_>, reason_class: ReasonClass) -> rusqlite::Result<Found> {
    let who =
        Who { server: row.get(12)?, feature: row.get(13)?, user: row.get(14)?, host: row.get(15)? };
    let gap_ms = episodes::gap_ms(&row.get::<_, String>(16)?);
    Ok(Found { denial: denial(row, reason_class)?, who, gap_ms })
}

/// Its episode is itself, until the others are known.
fn denial(row: &Row<'_>, reason_class: ReasonClass) -> rusqlite::Result<Denial> {
    Ok(Denial {
        id: row.get(0)?,
        at: time(row.get(1)?),
        learned_at: time(row.get(2)?),
        server: ServerName::new(row.get::<_, String>(3)?),
        feature: FeatureName::new(row.get::<_, String>(4)?),
        user: UserName::new(row.get::<_, String>(5)?),
        host: HostName::new(row.get::<_, String>(6)?),
        count: row.get(7)?,
        reason: row.get(8)?,
        reason_class,
        process: row.get(10)?,
        tries: row.get(11)?,
        episode: row.get(0)?,
    })
}
