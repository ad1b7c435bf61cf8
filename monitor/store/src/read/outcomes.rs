//! How episodes of denials ended: with a checkout of the same user, host and feature, or without one.

use std::collections::hash_map::{Entry, HashMap};

use lic_protocol::view::EpisodeOutcome;
use rusqlite::{Connection, named_params};

use super::{episodes::Found, time};
use crate::{
    blocks::{self, Block},
    error::{Doing, StoreError},
};

/// What is known of a license server.
struct Known {
    blocks: Vec<Block>,
    /// Its newest record.
    until_ms: i64,
    /// Whether checkouts can be seen in what it writes.
    is_visible: bool,
}

/// Tells of each episode how it ended. A seat that is granted no later after the last try than a further try would have come was
/// what was asked for; an episode after which nothing came in that time was given up.
pub(super) fn tell(history: &Connection, episodes: &mut [Found]) -> Result<(), StoreError> {
    let mut servers: HashMap<i64, Known> = HashMap::new();
    for found in episodes {
        let server = found.who.server;
        let known = match servers.entry(server) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Known::of(history, server)?),
        };
        let last_ms = found.episode.last.as_millisecond().saturating_add(found.gap_ms);
        let granted_ms = known.granted(history, found, last_ms)?;
        found.episode.granted_at = granted_ms.map(time);
        found.episode.outcome = match granted_ms {
            Some(_) => Some(EpisodeOutcome::Granted),
            None => {
                (known.is_visible && known.until_ms > last_ms).then_some(EpisodeOutcome::GaveUp)
            }
        };
    }
    Ok(())
}

impl Known {
    fn of(history: &Connection, server: i64) -> Result<Self, StoreError> {
        let doing = "read whether checkouts are visible";
        let sql = "select exists (select 1 from server where id = :server and system = 'licwrap')
            or exists (select 1 from checkpoint where server = :server and usage_lines > 0)";
        let mut query = history.prepare_cached(sql).doing(doing)?;
        let is_visible = query.query_row([server], |row| row.get(0)).doing(doing)?;
        let blocks = blocks::of_server(history, Some(server))?;
        let until_ms = blocks.iter().map(|block| block.latest_ms).max().unwrap_or(i64::MIN);
        Ok(Self { blocks, until_ms, is_visible })
    }

    /// When a seat was granted to whom an episode is of, from its first try up to `last_ms`.
    fn granted(
        &self,
        history: &Connection,
        found: &Found,
        last_ms: i64,
    ) -> Result<Option<i64>, StoreError> {
        let doing = "look for what was granted after a denial";
        let sql = "select min(at_ms) from checkout
            where id between :first and :last and at_ms between :from_ms and :to_ms
                and server = :server and feature = :feature and user = :user and host = :host";
        let mut query = history.prepare_cached(sql).doing(doing)?;
        let first_ms = found.episode.first.as_millisecond();
        let mut granted: Option<i64> = None;
        let is_near = |block: &&Block| block.latest_ms >= first_ms && block.earliest_ms <= last_ms;
        for block in self.blocks.iter().filter(is_near) {
            let values = named_params! {
                ":first": block.first_id,
                ":last": block.last_id,
                ":from_ms": first_ms,
                ":to_ms": granted.unwrap_or(last_ms),
                ":server": found.who.server,
                ":feature": found.who.feature,
                ":user": found.who.user,
                ":host": found.who.host,
            };
            let at_ms: Option<i64> = query.query_row(values, |row| row.get(0)).doing(doing)?;
            granted = at_ms.or(granted);
        }
        Ok(granted)
    }
}
