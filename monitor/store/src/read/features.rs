//! Seats issued, in use and waited for, feature by feature, now.

use std::collections::HashMap;

use lic_protocol::{
    name::{FeatureName, HostName, ServerName, UserName, VendorName},
    view::{Feature, Mode, Server, Source, Waiter},
};
use rusqlite::Connection;

use super::{polled, time, word};
use crate::error::{Doing, StoreError};

/// What is held of a feature.
#[derive(Clone, Copy, Default)]
struct Held {
    seats: u32,
    sessions: u32,
    unwrapped: u32,
}

type Key = (String, String);

/// Every feature of the picture, by server and name.
pub(super) fn all(live: &Connection, servers: &[Server]) -> Result<Vec<Feature>, StoreError> {
    let doing = "read the features";
    let held = held(live)?;
    let queued = queued(live)?;
    let sql = "select server, feature, source, vendor, version, issued, uncounted, reserved, mode,
            expires_ms
        from feature order by server, feature";
    let mut features = live.prepare_cached(sql).doing(doing)?;
    let mut rows = features.query([]).doing(doing)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().doing(doing)? {
        let name: String = row.get(0).doing(doing)?;
        let Some(server) = servers.iter().find(|server| server.name.as_str() == name) else {
            continue;
        };
        let feature: String = row.get(1).doing(doing)?;
        let source: Option<String> = row.get(2).doing(doing)?;
        let mode: Option<String> = row.get(8).doing(doing)?;
        let key = (name, feature.clone());
        let is_visible = server.usage_visible == Some(true);
        let seen = held.get(&key).copied().unwrap_or_default();
        all.push(Feature {
            server: server.name.clone(),
            system: server.system.clone(),
            feature: FeatureName::new(feature),
            version: row.get(4).doing(doing)?,
            vendor: row.get::<_, Option<String>>(3).doing(doing)?.map(VendorName::new),
            issued: row.get(5).doing(doing)?,
            in_use: is_visible.then_some(seen.seats),
            unwrapped: Some(seen.unwrapped).filter(|seats| *seats > 0),
            reserved: row.get(7).doing(doing)?,
            queued: queued.get(&key).copied().or((server.system == "licwrap").then_some(0)),
            sessions: is_visible.then_some(seen.sessions),
            expires: row.get::<_, Option<i64>>(9).doing(doing)?.map(time),
            uncounted: row.get(6).doing(doing)?,
            as_of: server.last_answer,
            source: match source {
                Some(source) => word("feature.source", &source, Source::from_word)?,
                None if server.system == "licwrap" => Source::Wrapper,
                None => Source::Log,
            },
            mode: mode.map(|mode| word("feature.mode", &mode, Mode::from_word)).transpose()?,
        });
    }
    polled::tell(live, servers, &mut all)?;
    Ok(all)
}

/// Who waits, by server, feature and place: the one room that says who goes before whom, as the seat server does it.
///
/// A place is a time of arrival less what the waiter's class was worth then. At the same millisecond whoever was recorded
/// first goes first, which is the order in which they asked. Who is passed over, because its process is stopped, keeps its
/// place: it has it again when it goes on.
pub(super) fn waiters(live: &Connection) -> Result<Vec<Waiter>, StoreError> {
    let doing = "read the queue";
    let sql = "select server, feature, user, host, count, since_ms,
            row_number() over (partition by server, feature order by since_ms - credit_ms, id) as place
        from waiter order by server, feature, place";
    let mut waiters = live.prepare_cached(sql).doing(doing)?;
    let rows = waiters.query_map([], |row| {
        Ok(Waiter {
            server: ServerName::new(row.get::<_, String>(0)?),
            feature: FeatureName::new(row.get::<_, String>(1)?),
            user: UserName::new(row.get::<_, String>(2)?),
            host: HostName::new(row.get::<_, String>(3)?),
            count: row.get(4)?,
            since: time(row.get(5)?),
            place: row.get(6)?,
            expected_start: None,
        })
    });
    rows.and_then(Iterator::collect).doing(doing)
}

/// Sessions with the same seat are one seat; a session without one is as many seats as it asked for.
fn held(live: &Connection) -> Result<HashMap<Key, Held>, StoreError> {
    let doing = "count what is held";
    let sql = "select server, feature, sum(seats), sum(sessions), sum(unwrapped) from (
            select server, feature, max(count) as seats, count(*) as sessions,
                iif(min(source = 'process'), max(count), 0) as unwrapped
            from session where seat is not null group by server, feature, seat
            union all
            select server, feature, count, 1, iif(source = 'process', count, 0) from session where seat is null)
        group by server, feature";
    let mut held = live.prepare_cached(sql).doing(doing)?;
    let rows = held.query_map([], |row| {
        let (seats, sessions, unwrapped) = (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(((row.get(0)?, row.get(1)?), Held { seats, sessions, unwrapped }))
    });
    rows.and_then(Iterator::collect).doing(doing)
}

fn queued(live: &Connection) -> Result<HashMap<Key, u32>, StoreError> {
    let doing = "count who waits";
    let sql = "select server, feature, count(*) from waiter group by server, feature";
    let mut queued = live.prepare_cached(sql).doing(doing)?;
    let rows = queued.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
    rows.and_then(Iterator::collect).doing(doing)
}
