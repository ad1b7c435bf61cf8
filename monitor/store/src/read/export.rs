//! A span of history as events, to be carried elsewhere: checkouts, checkins and denials, in the order in which they were learned.
//! A checkin brings the checkout that it ends, where that is of before: without it the checkin would say nothing.

use std::collections::BTreeSet;

use lic_protocol::{
    event::{Checkin, Checkout, Denial, EndReason, Event, Fact, HandleOf, Identity, ReasonClass},
    exchange::Carried,
    name::{FeatureName, ServerName},
    outcome::Outcome,
    view::Source,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{time, word};
use crate::{
    blocks::{self, Block},
    error::{Doing, StoreError},
};

const DOING: &str = "read what is to be exported";

/// From one time up to, not including, another, of one server or all.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) server: Option<&'a ServerName>,
}

/// A record as it is carried, by its id.
type Found = (i64, Carried);

/// Gives every event of a span to `each`.
pub(super) fn carry(
    history: &Connection,
    span: Span<'_>,
    mut each: impl FnMut(Carried) -> bool,
) -> Result<(), StoreError> {
    let server = match span.server.map(|name| number(history, name)).transpose()? {
        None => None,
        Some(Some(number)) => Some(number),
        Some(None) => return Ok(()),
    };
    for block in blocks::of_server(history, server)? {
        if block.latest_ms < span.from_ms || block.earliest_ms >= span.to_ms {
            continue;
        }
        let mut found = in_block(history, span, server, block)?;
        found.sort_by_key(|(id, _)| *id);
        for (id, carried) in found {
            if matches!(carried.event.fact, Fact::Checkin(_)) {
                for begun in begun_before(history, span, id)? {
                    if !each(begun) {
                        return Ok(());
                    }
                }
            }
            if !each(carried) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn number(history: &Connection, name: &ServerName) -> Result<Option<i64>, StoreError> {
    let sql = "select id from server where name = :name";
    history.query_row(sql, [name.as_str()], |row| row.get(0)).optional().doing(DOING)
}

fn in_block(
    history: &Connection,
    span: Span<'_>,
    server: Option<i64>,
    block: Block,
) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for (sql, fact) in KINDS {
        let sql = format!(
            "{sql} where r.id between :first and :last and r.at_ms >= :from and r.at_ms < :to
                and (:server is null or r.server = :server)"
        );
        let values = named_params! {
            ":first": block.first_id,
            ":last": block.last_id,
            ":from": span.from_ms,
            ":to": span.to_ms,
            ":server": server,
        };
        let mut query = history.prepare_cached(&sql).doing(DOING)?;
        let mut rows = query.query(values).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            found.push(carried(row, fact)?);
        }
    }
    Ok(found)
}

/// The checkouts that a checkin ends, and that are not of the span themselves.
fn begun_before(
    history: &Connection,
    span: Span<'_>,
    checkin: i64,
) -> Result<Vec<Carried>, StoreError> {
    let sql = "select checkout from checkin where id = :checkin and checkout is not null
        union select checkout from pairing where checkin = :checkin";
    let mut query = history.prepare_cached(sql).doing(DOING)?;
    let rows = query.query_map([checkin], |row| row.get(0));
    let ids: BTreeSet<i64> = rows.and_then(Iterator::collect).doing(DOING)?;
    let (sql, fact) = KINDS[0];
    let sql = format!("{sql} where r.id = :id and not (r.at_ms >= :from and r.at_ms < :to)");
    let mut query = history.prepare_cached(&sql).doing(DOING)?;
    let mut begun = Vec::new();
    for id in ids {
        let values = named_params! { ":id": id, ":from": span.from_ms, ":to": span.to_ms };
        let mut rows = query.query(values).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            begun.push(carried(row, fact)?.1);
        }
    }
    Ok(begun)
}

type ReadFact = fn(&Row<'_>) -> Result<Fact, StoreError>;

/// Each kind: the columns that all have, those of its own, and how they are read.
const KINDS: [(&str, ReadFact); 3] = [
    (
        "select r.id, r.at_ms, r.learned_at_ms, server.name, server.system, source.text as source, r.identity_hash,
            r.identity_ordinal, r.raw, feature.text as feature, user.text as user, host.text as host, r.count, r.handle,
            seat.text as seat, version.text as version, vendor.text as vendor, unit.text as unit,
            display.text as display, process.text as process, project.text as project
        from checkout r
        join server on server.id = r.server
        join name feature on feature.id = r.feature
        join name user on user.id = r.user
        join name host on host.id = r.host
        join name source on source.id = r.source
        left join name seat on seat.id = r.seat
        left join name version on version.id = r.version
        left join name vendor on vendor.id = r.vendor
        left join name unit on unit.id = r.unit
        left join name display on display.id = r.display
        left join name process on process.id = r.process
        left join name project on project.id = r.project",
        checkout,
    ),
    (
        "select r.id, r.at_ms, r.learned_at_ms, server.name, server.system,
            coalesce(source.text, iif(server.system = 'licwrap', 'wrapper', 'log')) as source, r.identity_hash,
            r.identity_ordinal, r.raw, feature.text as feature, coalesce(user.text, held_user.text, '') as user,
            coalesce(host.text, held_host.text, '') as host, c.count, c.at_ms as began_ms, coalesce(r.handle, c.handle, '') as handle,
            reason.text as reason, r.ended_before_ms, r.exit_status, r.exit_signal, r.cpu_ms, r.memory_peak_bytes
        from checkin r
        join server on server.id = r.server
        join name feature on feature.id = r.feature
        join name reason on reason.id = r.reason
        left join name user on user.id = r.user
        left join name host on host.id = r.host
        left join checkout c on c.id = coalesce(
            r.checkout, (select min(p.checkout) from pairing p where p.checkin = r.id))
        left join name held_user on held_user.id = c.user
        left join name held_host on held_host.id = c.host
        left join name source on source.id = c.source",
        checkin,
    ),
    (
        "select r.id, r.at_ms, r.learned_at_ms, server.name, server.system,
            iif(server.system = 'licwrap', 'wrapper', 'log') as source, r.identity_hash, r.identity_ordinal, r.raw,
            feature.text as feature, user.text as user, host.text as host, r.count, reason.text as reason,
            class.text as class, process.text as process, r.tries
        from denial r
        join server on server.id = r.server
        join name feature on feature.id = r.feature
        join name user on user.id = r.user
        join name host on host.id = r.host
        join name reason on reason.id = r.reason
        join name class on class.id = r.reason_class
        left join name process on process.id = r.process",
        denial,
    ),
];

fn carried(row: &Row<'_>, fact: ReadFact) -> Result<Found, StoreError> {
    let text = |column: &str| row.get::<_, String>(column).doing(DOING);
    let instant = |column: &str| row.get(column).map(time).doing(DOING);
    let identity = Identity {
        hash: row.get::<_, i64>("identity_hash").doing(DOING)?.cast_unsigned(),
        ordinal: row.get("identity_ordinal").doing(DOING)?,
    };
    let event = Event {
        at: instant("at_ms")?,
        fact: fact(row)?,
        identity,
        raw: row.get("raw").doing(DOING)?,
    };
    let carried = Carried {
        server: ServerName::new(text("name")?),
        system: text("system")?,
        source: word("source", &text("source")?, Source::from_word)?,
        learned_at: instant("learned_at_ms")?,
        event,
    };
    Ok((row.get("id").doing(DOING)?, carried))
}

fn text(row: &Row<'_>, column: &str) -> Result<String, StoreError> {
    row.get(column).doing(DOING)
}

fn option<T: rusqlite::types::FromSql>(
    row: &Row<'_>,
    column: &str,
) -> Result<Option<T>, StoreError> {
    row.get(column).doing(DOING)
}

fn feature(row: &Row<'_>) -> Result<FeatureName, StoreError> {
    text(row, "feature").map(FeatureName::new)
}

fn checkout(row: &Row<'_>) -> Result<Fact, StoreError> {
    Ok(Fact::Checkout(Checkout {
        feature: feature(row)?,
        user: text(row, "user")?.as_str().into(),
        host: text(row, "host")?.as_str().into(),
        count: row.get("count").doing(DOING)?,
        handle: text(row, "handle")?,
        handle_of: HandleOf::Holder,
        seat: option(row, "seat")?,
        version: option(row, "version")?,
        vendor: option::<String>(row, "vendor")?.as_deref().map(Into::into),
        unit: option(row, "unit")?,
        display: option(row, "display")?,
        process: option(row, "process")?,
        project: option(row, "project")?,
    }))
}

fn checkin(row: &Row<'_>) -> Result<Fact, StoreError> {
    let unsigned = |column: &str| Ok(option::<i64>(row, column)?.map(i64::cast_unsigned));
    Ok(Fact::Checkin(Checkin {
        feature: feature(row)?,
        handle: text(row, "handle")?,
        handle_of: option(row, "began_ms")?
            .map_or(HandleOf::Holder, |began_ms| HandleOf::SessionSince(time(began_ms))),
        count: option(row, "count")?,
        user: text(row, "user")?.as_str().into(),
        host: text(row, "host")?.as_str().into(),
        reason: word("checkin.reason", &text(row, "reason")?, EndReason::from_word)?,
        ended_before: option(row, "ended_before_ms")?.map(time),
        outcome: Outcome {
            exit_status: option(row, "exit_status")?,
            exit_signal: option(row, "exit_signal")?,
            cpu_ms: unsigned("cpu_ms")?,
            memory_peak_bytes: unsigned("memory_peak_bytes")?,
        },
    }))
}

fn denial(row: &Row<'_>) -> Result<Fact, StoreError> {
    Ok(Fact::Denial(Denial {
        feature: feature(row)?,
        user: text(row, "user")?.as_str().into(),
        host: text(row, "host")?.as_str().into(),
        count: row.get("count").doing(DOING)?,
        reason: text(row, "reason")?,
        class: word("denial.reason_class", &text(row, "class")?, ReasonClass::from_word)?,
        process: option(row, "process")?,
        tries: row.get("tries").doing(DOING)?,
    }))
}
