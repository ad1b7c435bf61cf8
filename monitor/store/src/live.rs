//! The picture of the present, row by row: what `fold` works out is read and written here.

use std::borrow::Cow;

use lic_protocol::view::Source;
use rusqlite::{Connection, named_params};

use crate::{
    error::{Doing, StoreError},
    fold::{Session, Wait},
    hash::HashMap,
    history::credit_ms,
    servers::{Known, Servers},
};

const UP: &str = "up";
const DOWN: &str = "down";

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
        delete from poll;
        delete from polled;
        delete from feature where issued is null and uncounted = 0;
        update feature set vendor = null, version = null, source = null;
        delete from server where configured = 0;
        update server set
            state = 'unknown', since_ms = null, started_ms = null, heard_ms = null, has_sessions = 0;
        delete from meter;
        delete from seat_use;
        delete from hour;
        delete from server_hour;
        delete from user_day;
        delete from observed;
        update watermark set applied = 0;";
    live.execute_batch(sql).doing("empty the picture")
}

/// What is known of a license server by what was heard of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// `None` where it has no row yet.
    state: Option<Cow<'static, str>>,
    since_ms: Option<i64>,
    started_ms: Option<i64>,
    newest_ms: Option<i64>,
    pub(crate) has_sessions: bool,
    is_changed: bool,
}

impl Heard {
    /// Whatever a server writes after it stopped shows that it serves again.
    pub(crate) fn hear(&mut self, at_ms: i64) {
        let is_down = self.state.as_deref() == Some(DOWN);
        if !is_down || self.since_ms.is_none_or(|since_ms| at_ms > since_ms) {
            self.state = Some(Cow::Borrowed(UP));
            if is_down {
                self.since_ms = self.since_ms.map(|_| at_ms);
            }
        }
        self.newest_ms = self.newest_ms.max(Some(at_ms));
        self.is_changed = true;
    }

    /// It started; what is older than the state it is in does not change that.
    pub(crate) fn start(&mut self, at_ms: i64) {
        if self.since_ms.is_none_or(|since_ms| at_ms >= since_ms) {
            self.state = Some(Cow::Borrowed(UP));
        }
        self.since_ms = self.since_ms.max(Some(at_ms));
        self.started_ms = self.started_ms.max(Some(at_ms));
        self.is_changed = true;
    }

    /// It stopped, unless it was heard later; one that is down already went down the first time.
    pub(crate) fn stop(&mut self, at_ms: i64) {
        let newest = self.newest_ms.max(self.since_ms);
        if newest.is_none_or(|newest| at_ms >= newest) {
            if self.state.as_deref() != Some(DOWN) {
                self.since_ms = Some(at_ms);
            }
            self.state = Some(Cow::Borrowed(DOWN));
        }
        self.newest_ms = self.newest_ms.max(Some(at_ms));
        self.is_changed = true;
    }

    /// Whether anything was heard since it was read.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed
    }
}

/// What is known of every license server that has a row, by its number in history.
pub(crate) fn heard(
    live: &Connection,
    servers: &Servers,
) -> Result<HashMap<i64, Heard>, StoreError> {
    let doing = "read what was heard of the servers";
    let sql = "select name, state, since_ms, started_ms, heard_ms, has_sessions from server";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map([], |row| {
        let heard = Heard {
            state: Some(Cow::Owned(row.get(1)?)),
            since_ms: row.get(2)?,
            started_ms: row.get(3)?,
            newest_ms: row.get(4)?,
            has_sessions: row.get(5)?,
            is_changed: false,
        };
        Ok((row.get::<_, String>(0)?, heard))
    });
    let mut all = HashMap::default();
    for row in rows.doing(doing)? {
        let (name, heard) = row.doing(doing)?;
        // A server that is only configured has no record, and may have no row in history.
        if let Some(number) = servers.numbered(&name) {
            all.insert(number, heard);
        }
    }
    Ok(all)
}

/// Writes what was heard of a server.
pub(crate) fn set_heard(live: &Connection, known: &Known, heard: &Heard) -> Result<(), StoreError> {
    let doing = "note that a server was heard";
    let sql =
        "insert into server (name, system, state, since_ms, started_ms, heard_ms, has_sessions)
        values (:name, :system, :state, :since_ms, :started_ms, :heard_ms, :has_sessions)
        on conflict (name) do update set
            state = :state, since_ms = :since_ms, started_ms = :started_ms, heard_ms = :heard_ms,
            has_sessions = :has_sessions";
    let values = named_params! {
        ":name": known.name.as_str(),
        ":system": known.system,
        ":state": heard.state,
        ":since_ms": heard.since_ms,
        ":started_ms": heard.started_ms,
        ":heard_ms": heard.newest_ms,
        ":has_sessions": heard.has_sessions,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// What entries say of a feature: a feature that was heard of has a source; one without is only configured.
pub(crate) struct FeatureTold<'e> {
    name: Cow<'e, str>,
    /// The source that its row has afterwards, whatever it had.
    source: Option<Source>,
    /// The source that it has if it had none.
    source_if_none: Option<Source>,
    vendor: Option<Cow<'e, str>>,
    version: Option<Cow<'e, str>>,
}

impl<'e> FeatureTold<'e> {
    /// Nothing said yet of the feature of this name.
    pub(crate) fn new(name: Cow<'e, str>) -> Self {
        Self { name, source: None, source_if_none: None, vendor: None, version: None }
    }

    /// Somebody asked for it, and did not get it at once.
    pub(crate) fn hear(&mut self, source: Source) {
        self.source_if_none = self.source_if_none.or(Some(source));
    }

    /// A session of it opened.
    pub(crate) fn open(
        &mut self,
        source: Source,
        vendor: Option<Cow<'e, str>>,
        version: Option<Cow<'e, str>>,
    ) {
        if source == Source::Process {
            self.hear(source);
        } else {
            self.source = Some(source);
        }
        self.vendor = vendor.or(self.vendor.take());
        self.version = version.or(self.version.take());
    }
}

/// Writes what was said of a feature.
pub(crate) fn tell_feature(
    live: &Connection,
    known: &Known,
    told: &FeatureTold<'_>,
) -> Result<(), StoreError> {
    let doing = "note a feature";
    let sql = "insert into feature (server, feature, source, vendor, version)
        values (:server, :feature, coalesce(:source, :source_if_none), :vendor, :version)
        on conflict (server, feature) do update set
            source = coalesce(:source, source, :source_if_none),
            vendor = coalesce(:vendor, vendor), version = coalesce(:version, version)";
    let values = named_params! {
        ":server": known.name.as_str(),
        ":feature": told.name,
        ":source": told.source.map(Source::word),
        ":source_if_none": told.source_if_none.map(Source::word),
        ":vendor": told.vendor,
        ":version": told.version,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// Writes a session that is held.
pub(crate) fn open_session(
    live: &Connection,
    id: i64,
    known: &Known,
    session: &Session<'_>,
) -> Result<(), StoreError> {
    let doing = "open a session";
    let sql = "insert into session (
            id, server, feature, user, host, started_ms, learned_at_ms, count, handle, seat, version, unit, display,
            process, project, source)
        values (
            :id, :server, :feature, :user, :host, :started_ms, :learned_at_ms, :count, :handle, :seat, :version,
            :unit, :display, :process, :project, :source)";
    let checkout = &session.checkout;
    let values = named_params! {
        ":id": id,
        ":server": known.name.as_str(),
        ":feature": checkout.feature.as_str(),
        ":user": checkout.user.as_str(),
        ":host": checkout.host.as_str(),
        ":started_ms": session.at_ms,
        ":learned_at_ms": session.learned_at_ms,
        ":count": checkout.count,
        ":handle": checkout.handle,
        ":seat": checkout.seat,
        ":version": checkout.version,
        ":unit": checkout.unit,
        ":display": checkout.display,
        ":process": checkout.process,
        ":project": checkout.project,
        ":source": session.source.word(),
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// Removes a session that ended.
pub(crate) fn end_session(live: &Connection, id: i64) -> Result<(), StoreError> {
    let doing = "remove a session that ended";
    let sql = "delete from session where id = :id";
    live.prepare_cached(sql).doing(doing)?.execute([id]).doing(doing).map(drop)
}

/// Writes a wait that goes on.
pub(crate) fn begin_wait(
    live: &Connection,
    id: i64,
    known: &Known,
    wait: &Wait<'_>,
) -> Result<(), StoreError> {
    let doing = "note a waiter";
    let sql =
        "insert into waiter (id, server, feature, user, host, count, since_ms, ticket, credit_ms)
        values (:id, :server, :feature, :user, :host, :count, :since_ms, :ticket, :credit_ms)";
    let queue = &wait.queue;
    let values = named_params! {
        ":id": id,
        ":server": known.name.as_str(),
        ":feature": queue.feature.as_str(),
        ":user": queue.user.as_str(),
        ":host": queue.host.as_str(),
        ":count": queue.count,
        ":since_ms": wait.at_ms,
        ":ticket": queue.ticket,
        ":credit_ms": credit_ms(queue),
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// Removes a wait that ended.
pub(crate) fn end_wait(live: &Connection, id: i64) -> Result<(), StoreError> {
    let doing = "remove a wait that ended";
    let sql = "delete from waiter where id = :id";
    live.prepare_cached(sql).doing(doing)?.execute([id]).doing(doing).map(drop)
}
