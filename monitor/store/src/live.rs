//! The picture of the present: a fold over the entries of history, in the order of their ids.

use lic_protocol::{event::ServerChange, view::Source};
use rusqlite::{Connection, named_params};

use crate::{
    entry::{Change, Entry, Opened, Waiting},
    error::{Doing, StoreError},
    gaps,
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

/// Empties the picture; the configuration's rows stay, without what was learned. The caller commits.
pub(crate) fn clear(live: &Connection) -> Result<(), StoreError> {
    let sql = "delete from session;
        delete from waiter;
        delete from gap;
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
    match &entry.change {
        Change::Server(ServerChange::Stopped) => return stop(live, system, entry),
        // What we could not read says nothing of the server.
        Change::Missing(gap) => {
            return gaps::show(live, (entry.id, &entry.server, entry.at_ms), gap);
        }
        Change::Mended { gap } => return remove(live, "delete from gap where id = :id", *gap),
        _ => {}
    }
    hear(live, system, entry)?;
    match &entry.change {
        Change::Opened(opened) => open(live, entry, opened),
        Change::Ended { checkout: Some(id) } => {
            remove(live, "delete from session where id = :id", *id)
        }
        // Anybody may ask licwrap for a tool of any name; that makes it no feature.
        Change::Denied { .. } if system == "licwrap" => Ok(()),
        Change::Denied { feature } => know_feature(live, system, &entry.server, feature),
        Change::Waiting(waiting) => wait(live, system, entry, waiting),
        Change::WaitEnded { queued: Some(id) } => {
            remove(live, "delete from waiter where id = :id", *id)
        }
        Change::Server(ServerChange::Started) => start(live, entry),
        Change::Ended { checkout: None }
        | Change::WaitEnded { queued: None }
        | Change::Server(ServerChange::Stopped | ServerChange::Anomaly)
        | Change::Missing(_)
        | Change::Mended { .. } => Ok(()),
    }
}

/// Whatever a server writes after it stopped shows that it serves again.
fn hear(live: &Connection, system: &str, entry: &Entry) -> Result<(), StoreError> {
    let doing = "note that a server was heard";
    let sql =
        "insert into server (name, system, heard_ms, state) values (:name, :system, :at_ms, 'up')
        on conflict (name) do update set
            state = iif(state = 'down' and :at_ms <= since_ms, 'down', 'up'),
            since_ms = iif(state = 'down' and :at_ms > since_ms, :at_ms, since_ms),
            heard_ms = max(coalesce(heard_ms, :at_ms), :at_ms)";
    let values =
        named_params! { ":name": entry.server, ":system": system, ":at_ms": entry.heard_ms };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// A server started; what is older than the state it is in does not change that.
fn start(live: &Connection, entry: &Entry) -> Result<(), StoreError> {
    let doing = "note that a server started";
    let sql = "update server set
            state = iif(:at_ms >= coalesce(since_ms, :at_ms), 'up', state),
            since_ms = max(coalesce(since_ms, :at_ms), :at_ms),
            started_ms = max(coalesce(started_ms, :at_ms), :at_ms)
        where name = :name";
    let values = named_params! { ":name": entry.server, ":at_ms": entry.at_ms };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// A server stopped, unless it was heard later; one that is down already went down the first time.
fn stop(live: &Connection, system: &str, entry: &Entry) -> Result<(), StoreError> {
    let doing = "note that a server stopped";
    let sql = "insert into server (name, system, heard_ms, state, since_ms)
        values (:name, :system, :at_ms, 'down', :at_ms)
        on conflict (name) do update set
            state = iif(:at_ms >= max(coalesce(heard_ms, :at_ms), coalesce(since_ms, :at_ms)), 'down', state),
            since_ms = iif(
                state <> 'down' and :at_ms >= max(coalesce(heard_ms, :at_ms), coalesce(since_ms, :at_ms)),
                :at_ms, since_ms),
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
            source = iif(:source = 'process', coalesce(source, :source), :source), vendor = coalesce(:vendor, vendor), version = coalesce(:version, version)";
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

fn wait(
    live: &Connection,
    system: &str,
    entry: &Entry,
    waiting: &Waiting,
) -> Result<(), StoreError> {
    let doing = "note a waiter";
    let sql =
        "insert into waiter (id, server, feature, user, host, count, since_ms, ticket, credit_ms)
        values (:id, :server, :feature, :user, :host, :count, :since_ms, :ticket, :credit_ms)";
    let values = named_params! {
        ":id": entry.id,
        ":server": entry.server,
        ":feature": waiting.feature,
        ":user": waiting.user,
        ":host": waiting.host,
        ":count": waiting.count,
        ":since_ms": entry.at_ms,
        ":ticket": waiting.ticket,
        ":credit_ms": waiting.credit_ms,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing)?;
    know_feature(live, system, &entry.server, &waiting.feature)
}

/// A feature that was heard of has a source; one without is only configured.
fn know_feature(
    live: &Connection,
    system: &str,
    server: &str,
    feature: &str,
) -> Result<(), StoreError> {
    let doing = "note a feature";
    let source = if system == "licwrap" { Source::Wrapper } else { Source::Log };
    let sql = "insert into feature (server, feature, source) values (:server, :feature, :source)
        on conflict (server, feature) do update set source = :source where source is null";
    let values = named_params! { ":server": server, ":feature": feature, ":source": source.word() };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

fn remove(live: &Connection, sql: &str, id: i64) -> Result<(), StoreError> {
    let doing = "remove what ended";
    live.prepare_cached(sql).doing(doing)?.execute([id]).doing(doing).map(drop)
}
