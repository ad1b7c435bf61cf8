//! Names that hold a text.

use lic_protocol::{
    name::{FeatureName, HostName, ServerName, UserName},
    view::search::{FOUND_MAX, Found, FoundFeature},
};
use rusqlite::{Connection, Row, named_params};

use crate::error::{Doing, StoreError};

const FEATURES: &str =
    "select server, feature from feature where instr(lower(feature), lower(:text)) > 0
    order by feature, server limit :limit";
const SERVERS: &str = "select name from server where instr(lower(name), lower(:text)) > 0
    order by name limit :limit";

/// Names in a column of those who took seats or were refused; spellings that differ in case alone are one.
macro_rules! people {
    ($column:literal) => {
        concat!(
            "with wanted (id, text) as materialized
                (select id, text from name where instr(lower(text), lower(:text)) > 0)
            select min(text) from wanted
            where id in (select ",
            $column,
            " from checkout where ",
            $column,
            " in (select id from wanted))
                or id in (select ",
            $column,
            " from denial where ",
            $column,
            " in (select id from wanted))
            group by text collate nocase order by text collate nocase limit :limit"
        )
    };
}

/// Names that hold `text`; letters beyond ASCII are compared as they are.
pub(super) fn search(
    live: &Connection,
    history: &Connection,
    text: &str,
) -> Result<Found, StoreError> {
    let feature = |row: &Row<'_>| {
        let server = ServerName::new(row.get::<_, String>(0)?);
        Ok(FoundFeature { server, feature: FeatureName::new(row.get::<_, String>(1)?) })
    };
    let name = |row: &Row<'_>| row.get::<_, String>(0);
    let all = |rows: Vec<String>| rows.into_iter();
    Ok(Found {
        features: found(live, FEATURES, text, feature)?,
        servers: all(found(live, SERVERS, text, name)?).map(ServerName::new).collect(),
        users: all(found(history, people!("user"), text, name)?).map(UserName::new).collect(),
        hosts: all(found(history, people!("host"), text, name)?).map(HostName::new).collect(),
    })
}

fn found<T>(
    db: &Connection,
    sql: &str,
    text: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let doing = "search for a name";
    let limit = i64::try_from(FOUND_MAX).unwrap_or(i64::MAX);
    let mut query = db.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map(named_params! { ":text": text, ":limit": limit }, read);
    rows.and_then(Iterator::collect).doing(doing)
}
