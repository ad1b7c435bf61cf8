//! Denials summed up: of which features, of whom, and at which hours.

use lic_protocol::{
    name::{FeatureName, ServerName, UserName},
    query::Filter,
    view::denied::{Denied, DeniedFeature, DeniedHour, DeniedUser},
};
use rusqlite::{Connection, Row, named_params};

use super::pages;
use crate::error::{Doing, StoreError};

/// Features, and users, that are told.
const ROWS_MAX: i64 = 20;

/// Denials that a filter names, summed up by `$by`.
macro_rules! denied {
    ($columns:literal, $by:literal) => {
        concat!(
            "select ",
            $columns,
            ", sum(d.tries), count(distinct d.user), count(distinct d.feature)
            from denial d
            join server on server.id = d.server
            join name feature on feature.id = d.feature
            join name user on user.id = d.user
            where (:from_ms is null or d.at_ms >= :from_ms)
                and (:to_ms is null or d.at_ms < :to_ms)
                and (:server is null or d.server = :server)
                and (:feature is null or d.feature = :feature)
                and (:users is null or d.user in (select value from json_each(:users)))
                and (:hosts is null or d.host in (select value from json_each(:hosts)))
            group by ",
            $by
        )
    };
}

const FEATURES: &str = concat!(
    denied!("server.name, feature.text", "d.server, d.feature"),
    " order by 3 desc, 1, 2 limit :limit"
);
const USERS: &str = concat!(
    denied!("min(user.text), null", "user.text collate nocase"),
    " order by 3 desc, 1 limit :limit"
);
const HOURS: &str = concat!(
    denied!("d.at_ms / 3600000 % 24, null", "d.at_ms / 3600000 % 24"),
    " order by 1 limit :limit + 24"
);

/// What of the denials that `filter` names was refused most, to whom, and at which hours of the day in UTC.
pub(super) fn denied(history: &Connection, filter: &Filter) -> Result<Denied, StoreError> {
    let features = rows(history, FEATURES, filter, |row| {
        Ok(DeniedFeature {
            server: ServerName::new(row.get::<_, String>(0)?),
            feature: FeatureName::new(row.get::<_, String>(1)?),
            denials: count(row, 2)?,
            users: count(row, 3)?,
        })
    })?;
    let users = rows(history, USERS, filter, |row| {
        let user = UserName::new(row.get::<_, String>(0)?);
        Ok(DeniedUser { user, denials: count(row, 2)?, features: count(row, 4)? })
    })?;
    let told = rows(history, HOURS, filter, |row| {
        Ok(DeniedHour { hour: row.get(0)?, denials: count(row, 2)? })
    })?;
    let of_hour = |hour| told.iter().find(|row| row.hour == hour).map_or(0, |row| row.denials);
    let hours = (0..24).map(|hour| DeniedHour { hour, denials: of_hour(hour) }).collect();
    Ok(Denied { features, users, hours })
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn rows<T>(
    history: &Connection,
    sql: &str,
    filter: &Filter,
    of_row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let doing = "sum up the denials";
    let Some(numbers) = pages::numbers(history, filter)? else { return Ok(Vec::new()) };
    let values = named_params! {
        ":from_ms": filter.from.map(jiff::Timestamp::as_millisecond),
        ":to_ms": filter.to.map(jiff::Timestamp::as_millisecond),
        ":server": numbers.server,
        ":feature": numbers.feature,
        ":users": numbers.users,
        ":hosts": numbers.hosts,
        ":limit": ROWS_MAX,
    };
    let mut query = history.prepare_cached(sql).doing(doing)?;
    query.query_map(values, of_row).and_then(Iterator::collect).doing(doing)
}
