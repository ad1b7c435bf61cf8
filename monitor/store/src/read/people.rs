//! Who used what, in figures: users, hosts, and the features of one user. Made of the sessions that began in the time asked for.

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, HostName, ServerName, UserName},
    query::Filter,
    view::people::{FeatureUse, HostFigures, Hosts, UseFigures, UserFigures, Users},
};
use rusqlite::{Connection, Row, named_params};

use super::{
    pages::{self, Numbers},
    time,
};
use crate::{
    blocks,
    error::{Doing, StoreError},
};

/// Sessions and denials summed up by `$by`, by numbers first and by names then. First come the columns that name a row, and what
/// is counted beside.
macro_rules! used {
    ($by:literal, $columns:literal, $beside:literal) => {
        concat!(
            "with each as (
                select c.server, c.feature, c.user, c.host, c.at_ms as first_ms,
                    coalesce(e.at_ms, l.at_ms) as ended_ms, 1 as sessions, 0 as denials
                from checkout c
                left join checkin e on e.checkout = c.id
                left join pairing p on p.id = (
                    select q.id from pairing q join checkin k on k.id = q.checkin where q.checkout = c.id
                    order by k.at_ms, k.id limit 1)
                left join checkin l on l.id = p.checkin
                where c.id between :first and :last and c.at_ms >= :from_ms and c.at_ms < :to_ms
                    and (:server is null or c.server = :server)
                    and (:feature is null or c.feature = :feature)
                    and (:users is null or c.user in (select value from json_each(:users)))
                    and (:hosts is null or c.host in (select value from json_each(:hosts)))
                union all
                select d.server, d.feature, d.user, d.host, d.at_ms, d.at_ms, 0, d.tries
                from denial d
                where d.id between :first and :last and d.at_ms >= :from_ms and d.at_ms < :to_ms
                    and (:server is null or d.server = :server)
                    and (:feature is null or d.feature = :feature)
                    and (:users is null or d.user in (select value from json_each(:users)))
                    and (:hosts is null or d.host in (select value from json_each(:hosts)))),
            used as (
                select server, feature, user, host,
                    sum(sessions > 0 and ended_ms is null) as active, sum(sessions) as sessions,
                    sum(iif(sessions > 0, max(coalesce(ended_ms, :now_ms) - first_ms, 0), 0)) as held_ms,
                    sum(denials) as denials, min(first_ms) as first_ms, max(coalesce(ended_ms, :now_ms)) as last_ms
                from each group by server, feature, user, host)
            select ", $columns, ", ", $beside, ",
                sum(active), sum(sessions), sum(held_ms),
                count(distinct iif(sessions > 0, u.server || ' ' || u.feature, null)), sum(denials),
                min(first_ms), max(last_ms), count(*) over ()
            from used u
            join name user on user.id = u.user
            join name host on host.id = u.host
            join name feature on feature.id = u.feature
            join server on server.id = u.server
            group by ", $by, "
            order by 5 desc, 6 desc, 1 limit :limit"
        )
    };
}

const USERS: &str =
    used!("user.text collate nocase", "min(user.text)", "count(distinct host.text collate nocase)");
const HOSTS: &str =
    used!("host.text collate nocase", "min(host.text)", "count(distinct user.text collate nocase)");
const FEATURES: &str = used!("u.server, u.feature", "server.name", "feature.text");

/// Users, who held seats longest first.
pub(super) fn users(
    history: &Connection,
    filter: &Filter,
    now: Timestamp,
) -> Result<Users, StoreError> {
    let (users, more) = read(history, USERS, filter, now, |row| {
        let user = UserName::new(row.get::<_, String>(0)?);
        Ok(UserFigures {
            user,
            hosts: row.get::<_, i64>(1)?.cast_unsigned(),
            figures: figures(row)?,
        })
    })?;
    Ok(Users { users, more })
}

/// Hosts, where seats were held longest first.
pub(super) fn hosts(
    history: &Connection,
    filter: &Filter,
    now: Timestamp,
) -> Result<Hosts, StoreError> {
    let (hosts, more) = read(history, HOSTS, filter, now, |row| {
        let host = HostName::new(row.get::<_, String>(0)?);
        Ok(HostFigures {
            host,
            users: row.get::<_, i64>(1)?.cast_unsigned(),
            figures: figures(row)?,
        })
    })?;
    Ok(Hosts { hosts, more })
}

/// Features, the longest held first.
pub(super) fn by_feature(
    history: &Connection,
    filter: &Filter,
    now: Timestamp,
) -> Result<Vec<FeatureUse>, StoreError> {
    let (features, _) = read(history, FEATURES, filter, now, |row| {
        Ok(FeatureUse {
            server: ServerName::new(row.get::<_, String>(0)?),
            feature: FeatureName::new(row.get::<_, String>(1)?),
            figures: figures(row)?,
        })
    })?;
    Ok(features)
}

/// The rows, and how many there are beyond the limit.
fn read<T>(
    history: &Connection,
    sql: &str,
    filter: &Filter,
    now: Timestamp,
    mut of_row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<(Vec<T>, u64), StoreError> {
    let doing = "sum up who used what";
    let Some(numbers) = pages::numbers(history, filter)? else { return Ok((Vec::new(), 0)) };
    let (from_ms, to_ms) = period(filter);
    let Some((first, last)) = records(history, &numbers, from_ms, to_ms)? else {
        return Ok((Vec::new(), 0));
    };
    let values = named_params! {
        ":first": first,
        ":last": last,
        ":from_ms": from_ms,
        ":to_ms": to_ms,
        ":now_ms": now.as_millisecond(),
        ":server": numbers.server,
        ":feature": numbers.feature,
        ":users": numbers.users,
        ":hosts": numbers.hosts,
        ":limit": i64::try_from(filter.rows_max()).unwrap_or(i64::MAX),
    };
    let mut query = history.prepare_cached(sql).doing(doing)?;
    let mut rows = query.query(values).doing(doing)?;
    let (mut found, mut all) = (Vec::new(), 0);
    while let Some(row) = rows.next().doing(doing)? {
        all = row.get::<_, i64>(9).doing(doing)?.cast_unsigned();
        found.push(of_row(row).doing(doing)?);
    }
    let more = all.saturating_sub(found.len() as u64);
    Ok((found, more))
}

fn period(filter: &Filter) -> (i64, i64) {
    let ms = |at: Option<Timestamp>, otherwise| at.map_or(otherwise, Timestamp::as_millisecond);
    (ms(filter.from, i64::MIN), ms(filter.to, i64::MAX))
}

/// The numbers that records of a time are among; `None` where there are none.
fn records(
    history: &Connection,
    numbers: &Numbers,
    from_ms: i64,
    to_ms: i64,
) -> Result<Option<(i64, i64)>, StoreError> {
    let mut blocks = blocks::of_server(history, numbers.server)?;
    blocks.retain(|block| block.latest_ms >= from_ms && block.earliest_ms < to_ms);
    let first = blocks.iter().map(|block| block.first_id).min();
    Ok(first.zip(blocks.iter().map(|block| block.last_id).max()))
}

/// The columns that every query ends with.
fn figures(row: &Row<'_>) -> rusqlite::Result<UseFigures> {
    let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(UseFigures {
        active: count(2)?,
        sessions: count(3)?,
        session_hours: row.get::<_, f64>(4)? / 3_600_000.0,
        features: count(5)?,
        denials: count(6)?,
        first: Some(time(row.get(7)?)),
        last: Some(time(row.get(8)?)),
    })
}
