//! Episodes: the denials of one user at one host for one feature, each soon after the one before. They are found when they are
//! asked for, so it does not matter in which order the denials were learned.

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, ServerName},
    view::Episode,
};
use rusqlite::{Connection, named_params};

use super::{outcomes, time};
use crate::error::{Doing, StoreError};

/// The longest time between two tries of one episode of a wrapped tool: a script that asks once a minute asks in a row.
const WRAPPER_GAP_MS: i64 = 120_000;
/// The same where a license system's own client asks. Source: DSLS clients ask again after up to three minutes, in logs of
/// sites, and FlexNet clients that queue on their own do for minutes.
const CLIENT_GAP_MS: i64 = 600_000;

/// Who was refused what, by the numbers of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) server: i64,
    pub(super) feature: i64,
    pub(super) user: i64,
    pub(super) host: i64,
}

/// The episodes of some denials.
#[derive(Debug, Default)]
pub(super) struct Episodes(Vec<Found>);

/// An episode, of whom, and the longest time between two of its tries.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) who: Who,
    pub(super) gap_ms: i64,
    pub(super) episode: Episode,
}

/// How often somebody was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DenialCount {
    /// Every try.
    pub tries: u64,
    /// Tries in a row counted once.
    pub episodes: u64,
}

impl Episodes {
    /// The number of the episode that a denial belongs to.
    pub(super) fn of(
        &mut self,
        history: &Connection,
        who: Who,
        at: Timestamp,
        gap_ms: i64,
    ) -> Result<i64, StoreError> {
        let is_it = |found: &&Found| {
            found.who == who && (found.episode.first..=found.episode.last).contains(&at)
        };
        if let Some(found) = self.0.iter().find(is_it) {
            return Ok(found.episode.id);
        }
        let episode = around(history, who, at, gap_ms)?;
        let id = episode.id;
        self.0.push(Found { who, gap_ms, episode });
        Ok(id)
    }

    /// All of them, newest first, with how they ended.
    pub(super) fn into_view(mut self, history: &Connection) -> Result<Vec<Episode>, StoreError> {
        outcomes::tell(history, &mut self.0)?;
        let mut episodes: Vec<Episode> = self.0.into_iter().map(|found| found.episode).collect();
        episodes.sort_by_key(|episode| std::cmp::Reverse((episode.last, episode.id)));
        Ok(episodes)
    }
}

/// The longest time between two tries of one episode.
pub(super) fn gap_ms(system: &str) -> i64 {
    if system == "licwrap" { WRAPPER_GAP_MS } else { CLIENT_GAP_MS }
}

const UNTIL: &str = "select id, at_ms, tries from denial
    where server = :server and feature = :feature and user = :user and host = :host and at_ms <= :at_ms
    order by at_ms desc";
const AFTER: &str = "select id, at_ms, tries from denial
    where server = :server and feature = :feature and user = :user and host = :host and at_ms > :at_ms
    order by at_ms";

/// The episode that a denial at this time is in.
fn around(
    history: &Connection,
    who: Who,
    at: Timestamp,
    gap_ms: i64,
) -> Result<Episode, StoreError> {
    let at_ms = at.as_millisecond();
    let (mut id, mut tries) = (i64::MAX, 0);
    let first_ms = walk(history, UNTIL, who, at_ms, gap_ms, |(row, is_further, of_row)| {
        id = if is_further { row } else { id.min(row) };
        tries += of_row;
    })?;
    let last_ms = walk(history, AFTER, who, at_ms, gap_ms, |(_, _, of_row)| tries += of_row)?;
    let (first, last) = (time(first_ms), time(last_ms));
    Ok(Episode { id, first, last, tries, outcome: None, granted_at: None })
}

/// Goes from one try to the next as long as none is too far from the one before. Shows each: its number, whether it is at
/// another time than the one before, and its tries. Returns the time of the last.
fn walk(
    history: &Connection,
    sql: &str,
    who: Who,
    from_ms: i64,
    gap_ms: i64,
    mut seen: impl FnMut((i64, bool, u64)),
) -> Result<i64, StoreError> {
    let doing = "follow the tries of a denial";
    let values = named_params! {
        ":server": who.server,
        ":feature": who.feature,
        ":user": who.user,
        ":host": who.host,
        ":at_ms": from_ms,
    };
    let mut query = history.prepare_cached(sql).doing(doing)?;
    let mut rows = query.query(values).doing(doing)?;
    let mut last_ms = from_ms;
    while let Some(row) = rows.next().doing(doing)? {
        let at_ms: i64 = row.get(1).doing(doing)?;
        if at_ms.abs_diff(last_ms) > gap_ms.unsigned_abs() {
            break;
        }
        let tries: i64 = row.get(2).doing(doing)?;
        seen((row.get(0).doing(doing)?, at_ms != last_ms, tries.cast_unsigned()));
        last_ms = at_ms;
    }
    Ok(last_ms)
}

const OF_FEATURE: &str = "select d.user, d.host, d.at_ms, d.tries from denial d
    where d.server = (select id from server where name = :server)
        and d.feature = (select id from name where text = :feature)
    order by d.user, d.host, d.at_ms";

/// How often a feature was refused.
pub(super) fn count(
    history: &Connection,
    server: &ServerName,
    feature: &FeatureName,
) -> Result<DenialCount, StoreError> {
    let doing = "count the denials of a feature";
    let gap_ms = gap_ms(&system(history, server)?);
    let mut query = history.prepare_cached(OF_FEATURE).doing(doing)?;
    let values = named_params! { ":server": server.as_str(), ":feature": feature.as_str() };
    let mut rows = query.query(values).doing(doing)?;
    let mut count = DenialCount::default();
    let mut before: Option<(i64, i64, i64)> = None;
    while let Some(row) = rows.next().doing(doing)? {
        let now = (row.get(0), row.get(1), row.get(2));
        let (user, host, at_ms): (i64, i64, i64) =
            (now.0.doing(doing)?, now.1.doing(doing)?, now.2.doing(doing)?);
        let goes_on = before
            .is_some_and(|(of, on, then_ms)| (of, on) == (user, host) && at_ms - then_ms <= gap_ms);
        count.episodes += u64::from(!goes_on);
        count.tries += row.get::<_, i64>(3).doing(doing)?.cast_unsigned();
        before = Some((user, host, at_ms));
    }
    Ok(count)
}

fn system(history: &Connection, server: &ServerName) -> Result<String, StoreError> {
    let sql = "select coalesce((select system from server where name = :name), '')";
    let mut query = history.prepare_cached(sql).doing("read the system of a server")?;
    query.query_row([server.as_str()], |row| row.get(0)).doing("read the system of a server")
}
