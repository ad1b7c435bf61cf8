//! What license servers answered, as it stands in live: the newest of every stock. The next answer is compared with it.

use lic_protocol::{name::ServerName, view::ServerState};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{
    Polled,
    stock::{self, Counts, Stock, Terms},
};
use crate::{
    error::{Doing, StoreError},
    servers::Known,
};

/// The state that was last recorded of a server.
pub(crate) fn state(
    live: &Connection,
    server: &ServerName,
) -> Result<Option<ServerState>, StoreError> {
    let doing = "read the state of a license server";
    let mut query =
        live.prepare_cached("select state from poll where server = :server").doing(doing)?;
    let word: Option<String> =
        query.query_row([server.as_str()], |row| row.get(0)).optional().doing(doing)?;
    Ok(word.and_then(|word| ServerState::from_word(&word)))
}

/// Every stock of a server.
pub(crate) fn stocks(
    live: &Connection,
    server: &ServerName,
) -> Result<Vec<stock::Known>, StoreError> {
    let doing = "read what a license server answered";
    let sql = "select feature, vendor, version, pool, ordinal, issued, in_use, reserved, queued, borrowed,
            is_uncounted, expires_ms, is_permanent
        from polled where server = :server";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map([server.as_str()], known);
    rows.and_then(Iterator::collect).doing(doing)
}

fn known(row: &Row<'_>) -> rusqlite::Result<stock::Known> {
    let issued = row.get(5)?;
    Ok(stock::Known {
        stock: Stock {
            feature: row.get(0)?,
            vendor: row.get(1)?,
            version: row.get(2)?,
            pool: row.get(3)?,
            ordinal: row.get(4)?,
        },
        terms: Terms {
            issued,
            is_uncounted: row.get(10)?,
            expires_ms: row.get(11)?,
            is_permanent: row.get(12)?,
        },
        counts: Counts {
            issued,
            in_use: row.get(6)?,
            reserved: row.get(7)?,
            queued: row.get(8)?,
            borrowed: row.get(9)?,
        },
    })
}

/// Gives a server a row, if it has none: one that nobody configured and no log tells of is there by its answers.
pub(super) fn know(live: &Connection, server: &Known) -> Result<(), StoreError> {
    let doing = "note a license server";
    let sql = "insert into server (name, system, state) values (:name, :system, 'unknown')
        on conflict (name) do nothing";
    let values = [server.name.as_str(), &server.system];
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// A server is in another state. Whatever was asked before says nothing of it any more.
pub(super) fn set_state(
    live: &Connection,
    server: &str,
    state: ServerState,
    why: &str,
    at_ms: i64,
) -> Result<(), StoreError> {
    let doing = "note the state of a license server";
    let sql = "insert into poll (server, state, since_ms, error, asked_ms, coverage)
        values (:server, :state, :at_ms, :error, :at_ms, '{}')
        on conflict (server) do update set
            state = :state, since_ms = :at_ms, error = :error, asked_ms = :at_ms, response_ms = null,
            coverage = '{}'";
    let values = named_params! {
        ":server": server,
        ":state": state.word(),
        ":at_ms": at_ms,
        ":error": (!why.is_empty()).then_some(why),
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// A server answered.
pub(super) fn set_told(live: &Connection, server: &str, at_ms: i64) -> Result<(), StoreError> {
    let doing = "note when a license server answered";
    let sql = "update poll set asked_ms = :at_ms, answered_ms = :at_ms where server = :server";
    let values = named_params! { ":server": server, ":at_ms": at_ms };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// What is of the answer itself, and in no record: when it was asked for, how long it took, and what of it was understood.
pub(crate) fn set_asked(live: &Connection, polled: &Polled) -> Result<(), StoreError> {
    let doing = "note that a license server was asked";
    let sql = "update poll set error = :error, asked_ms = :asked_ms,
            answered_ms = coalesce(:answered_ms, answered_ms), response_ms = :response_ms, coverage = :coverage
        where server = :server";
    let coverage =
        serde_json::to_string(&polled.snapshot.coverage).expect("numbers and text are JSON");
    let asked_ms = polled.asked_at.as_millisecond();
    let values = named_params! {
        ":server": polled.server.as_str(),
        ":error": polled.snapshot.error,
        ":asked_ms": asked_ms,
        ":answered_ms": polled.is_answer().then_some(asked_ms),
        ":response_ms": polled.response_ms,
        ":coverage": coverage,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// Sets the license of a stock, which may be a new one.
pub(super) fn set_terms(
    live: &Connection,
    server: &str,
    stock: &Stock,
    terms: &Terms,
) -> Result<(), StoreError> {
    let doing = "note a license";
    let values = named_params! {
        ":server": server,
        ":feature": stock.feature,
        ":vendor": stock.vendor,
        ":version": stock.version,
        ":pool": stock.pool,
        ":ordinal": stock.ordinal,
        ":issued": terms.issued,
        ":is_uncounted": terms.is_uncounted,
        ":expires_ms": terms.expires_ms,
        ":is_permanent": terms.is_permanent,
    };
    let sql = "update polled set issued = :issued, is_uncounted = :is_uncounted, expires_ms = :expires_ms,
            is_permanent = :is_permanent
        where server = :server and feature = :feature and vendor is :vendor and version is :version
            and pool is :pool and ordinal = :ordinal";
    if live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing)? > 0 {
        return Ok(());
    }
    let sql = "insert into polled (
            server, feature, vendor, version, pool, ordinal, issued, is_uncounted, expires_ms, is_permanent)
        values (
            :server, :feature, :vendor, :version, :pool, :ordinal, :issued, :is_uncounted, :expires_ms, :is_permanent)";
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// Sets the seats of a stock. Those that are issued are of its license.
pub(super) fn set_counts(
    live: &Connection,
    server: &str,
    stock: &Stock,
    counts: &Counts,
) -> Result<(), StoreError> {
    let doing = "note the seats of a stock";
    let sql = "update polled set in_use = :in_use, reserved = :reserved, queued = :queued, borrowed = :borrowed
        where server = :server and feature = :feature and vendor is :vendor and version is :version
            and pool is :pool and ordinal = :ordinal";
    let values = named_params! {
        ":server": server,
        ":feature": stock.feature,
        ":vendor": stock.vendor,
        ":version": stock.version,
        ":pool": stock.pool,
        ":ordinal": stock.ordinal,
        ":in_use": counts.in_use,
        ":reserved": counts.reserved,
        ":queued": counts.queued,
        ":borrowed": counts.borrowed,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// Removes a stock.
pub(super) fn remove(live: &Connection, server: &str, stock: &Stock) -> Result<(), StoreError> {
    let doing = "remove a stock";
    let sql = "delete from polled
        where server = :server and feature = :feature and vendor is :vendor and version is :version
            and pool is :pool and ordinal = :ordinal";
    let values = named_params! {
        ":server": server,
        ":feature": stock.feature,
        ":vendor": stock.vendor,
        ":version": stock.version,
        ":pool": stock.pool,
        ":ordinal": stock.ordinal,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}
