//! What license servers answered last: a part of the picture that does not come from history.

use jiff::Timestamp;
use lic_protocol::{
    name::ServerName,
    snapshot::{Expiry, FeatureStatus, Snapshot},
    view::ServerState,
};
use rusqlite::{Connection, named_params};

use crate::error::{Doing, StoreError};

/// Features of one answer that are kept; no license server serves as many.
const FEATURES_MAX: usize = 50_000;

/// An answer of a license server, or that it gave none.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// The license server.
    pub server: ServerName,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// How long the answer took; `None` where there is none.
    pub response_ms: Option<f64>,
    /// What it says. Where there is no answer, its error says why.
    pub snapshot: Snapshot,
}

impl Polled {
    fn is_answer(&self) -> bool {
        matches!(self.snapshot.state, ServerState::Up | ServerState::Degraded)
    }
}

/// Puts an answer into the picture. Of a server that gave none, what is in use is not known; what it issues stays.
pub(crate) fn set(live: &Connection, polled: &Polled) -> Result<(), StoreError> {
    set_state(live, polled)?;
    if !polled.is_answer() {
        let doing = "forget what is in use";
        let sql = "update polled set in_use = null, reserved = null, queued = null
            where server = :server and (in_use is not null or reserved is not null or queued is not null)";
        return live.execute(sql, [polled.server.as_str()]).doing(doing).map(drop);
    }
    let rows: Vec<Row> = polled.snapshot.features.iter().take(FEATURES_MAX).map(Row::of).collect();
    if rows != stored(live, &polled.server)? {
        store(live, &polled.server, &rows)?;
    }
    Ok(())
}

fn set_state(live: &Connection, polled: &Polled) -> Result<(), StoreError> {
    let doing = "note what a license server answered";
    let sql = "insert into poll (server, state, since_ms, error, asked_ms, answered_ms, response_ms, coverage)
        values (:server, :state, :asked_ms, :error, :asked_ms, :answered_ms, :response_ms, :coverage)
        on conflict (server) do update set
            since_ms = iif(state = :state, since_ms, :asked_ms), state = :state, error = :error,
            asked_ms = :asked_ms, answered_ms = coalesce(:answered_ms, answered_ms),
            response_ms = :response_ms, coverage = :coverage";
    let coverage =
        serde_json::to_string(&polled.snapshot.coverage).expect("numbers and text are JSON");
    let asked_ms = polled.asked_at.as_millisecond();
    let values = named_params! {
        ":server": polled.server.as_str(),
        ":state": polled.snapshot.state.word(),
        ":error": polled.snapshot.error,
        ":asked_ms": asked_ms,
        ":answered_ms": polled.is_answer().then_some(asked_ms),
        ":response_ms": polled.response_ms,
        ":coverage": coverage,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// A feature as it is stored.
#[derive(PartialEq)]
struct Row {
    feature: String,
    vendor: Option<String>,
    version: Option<String>,
    pool: Option<String>,
    issued: Option<u32>,
    in_use: Option<u32>,
    reserved: Option<u32>,
    queued: Option<u32>,
    uncounted: bool,
    expires_ms: Option<i64>,
}

impl Row {
    fn of(feature: &FeatureStatus) -> Self {
        Self {
            feature: feature.feature.to_string(),
            vendor: feature.vendor.as_ref().map(ToString::to_string),
            version: feature.version.clone(),
            pool: feature.pool.clone(),
            issued: feature.issued,
            in_use: feature.in_use,
            reserved: feature.reserved,
            queued: feature.queued,
            uncounted: feature.uncounted,
            expires_ms: match feature.expires {
                Some(Expiry::At(at)) => Some(at.as_millisecond()),
                // What never ends has no end to show.
                Some(Expiry::Permanent) | None => None,
            },
        }
    }
}

fn stored(live: &Connection, server: &ServerName) -> Result<Vec<Row>, StoreError> {
    let doing = "read what a license server answered";
    let sql = "select feature, vendor, version, pool, issued, in_use, reserved, queued, uncounted, expires_ms
        from polled where server = :server order by id";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map([server.as_str()], |row| {
        Ok(Row {
            feature: row.get(0)?,
            vendor: row.get(1)?,
            version: row.get(2)?,
            pool: row.get(3)?,
            issued: row.get(4)?,
            in_use: row.get(5)?,
            reserved: row.get(6)?,
            queued: row.get(7)?,
            uncounted: row.get(8)?,
            expires_ms: row.get(9)?,
        })
    });
    rows.and_then(Iterator::collect).doing(doing)
}

fn store(live: &Connection, server: &ServerName, rows: &[Row]) -> Result<(), StoreError> {
    let doing = "keep what a license server answered";
    live.execute("delete from polled where server = :server", [server.as_str()]).doing(doing)?;
    let sql = "insert into polled (
            server, feature, vendor, version, pool, issued, in_use, reserved, queued, uncounted, expires_ms)
        values (
            :server, :feature, :vendor, :version, :pool, :issued, :in_use, :reserved, :queued, :uncounted, :expires_ms)";
    let mut insert = live.prepare_cached(sql).doing(doing)?;
    for row in rows {
        let values = named_params! {
            ":server": server.as_str(),
            ":feature": row.feature,
            ":vendor": row.vendor,
            ":version": row.version,
            ":pool": row.pool,
            ":issued": row.issued,
            ":in_use": row.in_use,
            ":reserved": row.reserved,
            ":queued": row.queued,
            ":uncounted": row.uncounted,
            ":expires_ms": row.expires_ms,
        };
        insert.execute(values).doing(doing)?;
    }
    Ok(())
}
