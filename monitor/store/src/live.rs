//! The picture of the present: a fold over the entries of history, in the order of their ids.

use lic_protocol::event::ServerChange;
use rusqlite::{Connection, named_params};

use crate::{
    entry::{Change, Entry, Opened, Waiting},
    error::{Doing, StoreError},
};

/// The newest record that is in the picture.
pub(crate) fn watermark(live: &Connection) -> Result<i64, StoreError> {
    live.query_row("select applied from watermark", [], |row| row.get(0))
        .doing("read the watermark")
}

/// Moves the watermark.
pub(crate) fn set_watermark(live: &Connection, id: i64) -> Result<(), StoreError> {
    let sql = "update watermark set applied = :id";
    let doing = "move the watermark";
    live.prepare_cached(sql).doing(doing)?.execute([id]).doing(doing).map(drop)
}

/// Empties the picture; the configuration's rows stay, without what was learned.
pub(crate) fn clear(live: &Connection) -> Result<(), StoreError> {
    let sql = "delete from session;
        delete from waiter;
        delete from feature where issued is null and uncounted = 0;
        update feature set vendor = null, version = null, source = null;
        delete from server where configured = 0;
        update server set
            state = 'unknown', since_ms = null, started_ms = null, heard_ms = null, has_sessions = 0;
        update watermark set applied = 0;";
    live.execute_batch(sql).doing("empty the picture")
}

/// Puts one entry into the picture.
pub(crate) fn apply(live: &Connection, system: &str, entry: &Entry) -> Result<(), StoreError> {
    hear(live, system, entry)?;
    match &entry.change {
        Change::Opened(opened) => open(live, entry, opened),
        Change::Ended { checkout: Some(id) } => {
            remove(live, "delete from session where id = :id", *id)
        }
        Change::Denied { feature } => know_feature(live, &entry.server, feature),
        Change::Waiting(waiting) => wait(live, entry, waiting),
        Change::WaitEnded { queued: Some(id) } => {
            remove(live, "delete from waiter where id = :id", *id)
        }
        Change::Server(change) => change_server(live, entry, *change),
        Change::Ended { checkout: None } | Change::WaitEnded { queued: None } => Ok(()),
    }
}

/// Whatever a server writes after it stopped shows that it serves again.
fn hear(live: &Connection, system: &str, entry: &Entry) -> Result<(), StoreError> {
    let doing = "note that a server was heard";
    let sql =
        "insert into server (name, system, heard_ms, state) values (:name, :system, :at_ms, 'up')
        on conflict (name) do update set
            state = case when :at_ms > coalesce(since_ms, heard_ms, -1) then 'up' else state end,
            since_ms = case when state = 'down' and :at_ms > since_ms then :at_ms else since_ms end,
            heard_ms = max(coalesce(heard_ms, :at_ms), :at_ms)";
    let values = named_params! { ":name": entry.server, ":system": system, ":at_ms": entry.at_ms };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

fn open(live: &Connection, entry: &Entry, opened: &Opened) -> Result<(), StoreError> {
    let doing = "open a session";
    let sql = "insert into session (
            id, server, feature, user, host, started_ms, learned_at_ms, count, handle, seat, version, unit, display,
            process, project, source)
        values (
            :id, :server, :feature, :user, :host, :started_ms, :learned_at_ms, :count, :handle, :seat, :version,
            :unit, :display, :process, :project, :source)";
    let values = named_params! {
        ":id": entry.id,
        ":server": entry.server,
        ":feature": opened.feature,
        ":user": opened.user,
        ":host": opened.host,
        ":started_ms": entry.at_ms,
        ":learned_at_ms": opened.learned_at_ms,
        ":count": opened.count,
        ":handle": opened.handle,
        ":seat": opened.seat,
        ":version": opened.version,
        ":unit": opened.unit,
        ":display": opened.display,
        ":process": opened.process,
        ":project": opened.project,
        ":source": opened.source,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing)?;
    let sql = "insert into feature (server, feature, source, vendor, version)
        values (:server, :feature, :source, :vendor, :version)
        on conflict (server, feature) do update set
            source = :source, vendor = coalesce(:vendor, vendor), version = coalesce(:version, version)";
    let values = named_params! {
        ":server": entry.server,
        ":feature": opened.feature,
        ":source": opened.source,
        ":vendor": opened.vendor,
        ":version": opened.version,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing)?;
    let sql = "update server set has_sessions = 1 where name = :name and has_sessions = 0";
    live.prepare_cached(sql).doing(doing)?.execute([&entry.server]).doing(doing).map(drop)
}

fn wait(live: &Connection, entry: &Entry, waiting: &Waiting) -> Result<(), StoreError> {
    let doing = "note a waiter";
    let sql = "insert into waiter (id, server, feature, user, host, count, since_ms, ticket)
        values (:id, :server, :feature, :user, :host, :count, :since_ms, :ticket)";
    let values = named_params! {
        ":id": entry.id,
        ":server": entry.server,
        ":feature": waiting.feature,
        ":user": waiting.user,
        ":host": waiting.host,
        ":count": waiting.count,
        ":since_ms": entry.at_ms,
        ":ticket": waiting.ticket,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing)?;
    know_feature(live, &entry.server, &waiting.feature)
}

fn know_feature(live: &Connection, server: &str, feature: &str) -> Result<(), StoreError> {
    let doing = "note a feature";
    let sql =
        "insert into feature (server, feature) values (:server, :feature) on conflict do nothing";
    live.prepare_cached(sql).doing(doing)?.execute([server, feature]).doing(doing).map(drop)
}

fn remove(live: &Connection, sql: &str, id: i64) -> Result<(), StoreError> {
    let doing = "remove what ended";
    live.prepare_cached(sql).doing(doing)?.execute([id]).doing(doing).map(drop)
}

fn change_server(live: &Connection, entry: &Entry, change: ServerChange) -> Result<(), StoreError> {
    let sql = match change {
        ServerChange::Started => {
            "update server set
                state = case when :at_ms >= coalesce(since_ms, -1) then 'up' else state end,
                since_ms = max(coalesce(since_ms, :at_ms), :at_ms),
                started_ms = max(coalesce(started_ms, :at_ms), :at_ms)
            where name = :name"
        }
        ServerChange::Stopped => {
            "update server set
                state = case when :at_ms >= max(coalesce(since_ms, -1), heard_ms) then 'down' else state end,
                since_ms = case when :at_ms >= max(coalesce(since_ms, -1), heard_ms) then :at_ms else since_ms end
            where name = :name"
        }
        ServerChange::Anomaly => return Ok(()),
    };
    let doing = "change the state of a server";
    let values = named_params! { ":name": entry.server, ":at_ms": entry.at_ms };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}
