//! Who holds or held what, page by page.

use lic_protocol::{
    event::EndReason,
    name::{FeatureName, HostName, ServerName, UserName},
    query::{Cursor, Filter},
    view::{Session, Sessions, Source},
};
use rusqlite::{Connection, OptionalExtension, Row, Rows, named_params};

use super::{
    pages::{self, Numbers, Placed},
    time, word,
};
use crate::{
    blocks::Block,
    error::{Doing, StoreError},
};

macro_rules! sessions_of_live {
    ($which:literal) => {
        concat!(
            "select
                s.id, s.server, s.feature, s.version, s.user, s.host, s.display, s.count, s.unit, s.started_ms,
                s.process, s.project, s.handle, s.source, s.seat, s.learned_at_ms, server.started_ms
            from session s left join server on server.name = s.server ",
            $which
        )
    };
}

const ACTIVE: &str = sessions_of_live!(
    "where (s.started_ms, s.id) < (:at_ms, :id)
        and s.started_ms >= :from_ms
        and (:server is null or s.server = :server)
        and (:feature is null or s.feature = :feature)
        and (:user is null or s.user = :user collate nocase)
        and (:host is null or s.host = :host collate nocase)
    order by s.started_ms desc, s.id desc limit :limit"
);

const HOLDERS: &str = sessions_of_live!(
    "where (:server is null or s.server = :server)
        and (:feature is null or s.feature = :feature)
        and (:feature is not null or server.system = 'licwrap'
            or (s.server, s.feature) in (select server, feature from waiter))
    order by s.server, s.feature, s.started_ms, s.id"
);

/// Sessions held now.
pub(super) fn active(live: &Connection, filter: &Filter) -> Result<Sessions, StoreError> {
    let doing = "read the active sessions";
    let before = pages::before(filter);
    let wanted = filter.rows_max() + 1;
    let values = named_params! {
        ":at_ms": before.at_ms,
        ":id": before.id,
        ":from_ms": filter.from.map_or(i64::MIN, jiff::Timestamp::as_millisecond),
        ":server": filter.server.as_ref().map(lic_protocol::name::ServerName::as_str),
        ":feature": filter.feature.as_ref().map(lic_protocol::name::FeatureName::as_str),
        ":user": filter.user.as_ref().map(lic_protocol::name::UserName::as_str),
        ":host": filter.host.as_ref().map(lic_protocol::name::HostName::as_str),
        ":limit": i64::try_from(wanted).unwrap_or(i64::MAX),
    };
    let mut query = live.prepare_cached(ACTIVE).doing(doing)?;
    let mut sessions = open_sessions(query.query(values).doing(doing)?)?;
    let has_more = sessions.len() == wanted;
    sessions.truncate(filter.rows_max());
    let last = sessions.last().filter(|_| has_more);
    let next = last.map(|last| place(last).to_string());
    Ok(Sessions { sessions, next })
}

/// Sessions held now of wrapped tools, of features that somebody waits for, and of the feature that `filter` names; of its
/// server alone, where it names one. The longest held of each feature first.
pub(super) fn holders(live: &Connection, filter: &Filter) -> Result<Vec<Session>, StoreError> {
    let doing = "read who holds what is waited for";
    let values = named_params! {
        ":server": filter.server.as_ref().map(ServerName::as_str),
        ":feature": filter.feature.as_ref().map(FeatureName::as_str),
    };
    let mut query = live.prepare_cached(HOLDERS).doing(doing)?;
    open_sessions(query.query(values).doing(doing)?)
}

fn open_sessions(mut rows: Rows<'_>) -> Result<Vec<Session>, StoreError> {
    let doing = "read the active sessions";
    let mut sessions = Vec::new();
    while let Some(row) = rows.next().doing(doing)? {
        let mut session = begun(row)?;
        let restarted_ms: Option<i64> = row.get(16).doing(doing)?;
        session.verified = verified(&session, restarted_ms);
        sessions.push(session);
    }
    Ok(sessions)
}

/// Sessions of history; `ended_only` leaves out those still held.
pub(super) fn recorded(
    history: &Connection,
    live: &Connection,
    filter: &Filter,
    ended_only: bool,
) -> Result<Sessions, StoreError> {
    let Some(numbers) = pages::numbers(history, filter)? else {
        return Ok(Sessions { sessions: Vec::new(), next: None });
    };
    let (mut sessions, next) =
        pages::page(history, filter, numbers.server, |block, before, limit| {
            block_rows(history, filter, &numbers, ended_only, block, before, limit)
        })?;
    for session in sessions.iter_mut().filter(|session| session.ended.is_none()) {
        let restarted_ms = restarted(live, &session.server)?;
        session.verified = verified(session, restarted_ms);
    }
    Ok(Sessions { sessions, next })
}

const RECORDED: &str = "select
        c.id, server.name, feature.text, version.text, user.text, host.text, display.text, c.count, unit.text,
        c.at_ms, process.text, project.text, c.handle, source.text, seat.text, c.learned_at_ms,
        coalesce(e.at_ms, l.at_ms), reason.text, coalesce(e.ended_before_ms, l.ended_before_ms),
        coalesce(e.exit_status, l.exit_status), coalesce(e.exit_signal, l.exit_signal),
        coalesce(e.cpu_ms, l.cpu_ms), coalesce(e.memory_peak_bytes, l.memory_peak_bytes)
    from checkout c
    join server on server.id = c.server
    join name feature on feature.id = c.feature
    join name user on user.id = c.user
    join name host on host.id = c.host
    join name source on source.id = c.source
    left join name version on version.id = c.version
    left join name display on display.id = c.display
    left join name unit on unit.id = c.unit
    left join name process on process.id = c.process
    left join name project on project.id = c.project
    left join name seat on seat.id = c.seat
    left join checkin e on e.checkout = c.id
    left join pairing p on p.id = (
        select q.id from pairing q join checkin k on k.id = q.checkin where q.checkout = c.id
        order by k.at_ms, k.id limit 1)
    left join checkin l on l.id = p.checkin
    left join name reason on reason.id = coalesce(e.reason, l.reason)
    where c.id between :first and :last
        and (c.at_ms, c.id) < (:at_ms, :id)
        and c.at_ms >= :from_ms
        and (:server is null or c.server = :server)
        and (:feature is null or c.feature = :feature)
        and (:users is null or c.user in (select value from json_each(:users)))
        and (:hosts is null or c.host in (select value from json_each(:hosts)))
        and (:ended_only = 0 or e.id is not null or l.id is not null)
    order by c.at_ms desc, c.id desc limit :limit";

fn block_rows(
    history: &Connection,
    filter: &Filter,
    numbers: &Numbers,
    ended_only: bool,
    block: Block,
    before: Cursor,
    limit: usize,
) -> Result<Vec<Placed<Session>>, StoreError> {
    let doing = "read the sessions";
    let values = named_params! {
        ":first": block.first_id,
        ":last": block.last_id,
        ":at_ms": before.at_ms,
        ":id": before.id,
        ":from_ms": filter.from.map_or(i64::MIN, jiff::Timestamp::as_millisecond),
        ":server": numbers.server,
        ":feature": numbers.feature,
        ":users": numbers.users,
        ":hosts": numbers.hosts,
        ":ended_only": ended_only,
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let mut query = history.prepare_cached(RECORDED).doing(doing)?;
    let mut rows = query.query(values).doing(doing)?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next().doing(doing)? {
        let mut session = begun(row)?;
        end(&mut session, row)?;
        sessions.push(Placed { place: place(&session), row: session });
    }
    Ok(sessions)
}

fn place(session: &Session) -> Cursor {
    Cursor { at_ms: session.started.as_millisecond(), id: session.id }
}

/// The columns that both queries begin with.
fn begun(row: &Row<'_>) -> Result<Session, StoreError> {
    let source: String = row.get(13).doing("read a session")?;
    let source = word("session.source", &source, Source::from_word)?;
    open_session(row, source).doing("read a session")
}

fn open_session(row: &Row<'_>, source: Source) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get(0)?,
        server: ServerName::new(row.get::<_, String>(1)?),
        feature: FeatureName::new(row.get::<_, String>(2)?),
        version: row.get(3)?,
        user: UserName::new(row.get::<_, String>(4)?),
        host: HostName::new(row.get::<_, String>(5)?),
        display: row.get(6)?,
        count: row.get(7)?,
        unit: row.get(8)?,
        started: time(row.get(9)?),
        ended: None,
        end_reason: None,
        duration_s: None,
        process: row.get(10)?,
        project: row.get(11)?,
        handle: row.get(12)?,
        source,
        seat: row.get(14)?,
        started_after: None,
        ended_before: None,
        learned_at: time(row.get(15)?),
        exit_status: None,
        exit_signal: None,
        cpu_s: None,
        memory_peak_bytes: None,
        verified: None,
    })
}

/// How a session ended, if it did.
fn end(session: &mut Session, row: &Row<'_>) -> Result<(), StoreError> {
    let doing = "read the end of a session";
    let Some(ended_ms) = row.get::<_, Option<i64>>(16).doing(doing)? else { return Ok(()) };
    let reason: String = row.get(17).doing(doing)?;
    let ended_before_ms: Option<i64> = row.get(18).doing(doing)?;
    let cpu_ms: Option<f64> = row.get(21).doing(doing)?;
    session.ended = Some(time(ended_ms));
    session.end_reason = Some(word("checkin.reason", &reason, EndReason::from_word)?);
    session.ended_before = ended_before_ms.map(time);
    session.duration_s = match ended_before_ms {
        // Between two bounds there is no one duration.
        Some(before_ms) if before_ms > ended_ms => None,
        // A clock that was set back in between can make the end come first.
        _ => Some(seconds((ended_ms - session.started.as_millisecond()).max(0))),
    };
    session.exit_status = row.get(19).doing(doing)?;
    session.exit_signal = row.get(20).doing(doing)?;
    session.cpu_s = cpu_ms.map(|ms| ms / 1000.0);
    session.memory_peak_bytes = row.get::<_, Option<i64>>(22).doing(doing)?.map(i64::cast_unsigned);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a session of 2^52 ms is 140,000 years")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// The kernel vouches for a wrapped tool; nothing vouches for a session that began before its license server did.
fn verified(session: &Session, restarted_ms: Option<i64>) -> Option<bool> {
    let is_older = restarted_ms.is_some_and(|at_ms| session.started.as_millisecond() < at_ms);
    match session.source {
        Source::Wrapper | Source::Process => Some(true),
        _ => is_older.then_some(false),
    }
}

/// When the license server last started, if that was seen.
fn restarted(live: &Connection, server: &ServerName) -> Result<Option<i64>, StoreError> {
    let doing = "read when a server started";
    let sql = "select started_ms from server where name = :name";
    let mut find = live.prepare_cached(sql).doing(doing)?;
    let found = find.query_row([server.as_str()], |row| row.get(0)).optional().doing(doing)?;
    Ok(found.flatten())
}
