//! Seats issued over time, as license servers told them: what a year's use is held against.

use std::collections::HashMap;

use jiff::Timestamp;
use lic_protocol::name::{FeatureName, ServerName};
use rusqlite::{Connection, named_params};

use super::time;
use crate::error::{Doing, StoreError};

/// The seats of a feature from one time on, until the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Since when.
    pub from: Timestamp,
    /// How many.
    pub issued: Issued,
}

/// Seats issued of all stocks of a feature together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// Nobody was told, or one of the stocks does not tell.
    Unknown,
    /// So many; 0 once every license is gone.
    Seats(u32),
    /// There is no limit.
    Uncounted,
}

/// Vendor, version, pool and ordinal, by their numbers.
type Stock = (Option<i64>, Option<i64>, Option<i64>, i64);

/// The steps of one feature from one time up to another, in their order. The first is what held already when they begin.
pub(super) fn over(
    history: &Connection,
    server: &ServerName,
    feature: &FeatureName,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Step>, StoreError> {
    let doing = "read the seats issued";
    let sql = "select e.at_ms, e.vendor, e.version, e.pool, e.ordinal, e.is_told, e.is_uncounted, e.issued
        from entitlement e join server on server.id = e.server join name on name.id = e.feature
        where server.name = :server and name.text = :feature and e.at_ms < :to_ms order by e.at_ms, e.id";
    let mut query = history.prepare_cached(sql).doing(doing)?;
    let values = named_params! {
        ":server": server.as_str(),
        ":feature": feature.as_str(),
        ":to_ms": to.as_millisecond(),
    };
    let mut rows = query.query(values).doing(doing)?;
    let mut stocks: HashMap<Stock, Issued> = HashMap::new();
    let mut steps = vec![Step { from, issued: Issued::Unknown }];
    while let Some(row) = rows.next().doing(doing)? {
        let read = |row: &rusqlite::Row<'_>| {
            let stock = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, stock, row.get(5)?, row.get(6)?, row.get(7)?))
        };
        let (at_ms, stock, is_told, is_uncounted, issued): (i64, _, bool, bool, Option<u32>) =
            read(row).doing(doing)?;
        if is_told {
            stocks.insert(stock, one(is_uncounted, issued));
        } else {
            stocks.remove(&stock);
        }
        take(&mut steps, Step { from: time(at_ms).max(from), issued: sum(&stocks) });
    }
    Ok(steps)
}

fn one(is_uncounted: bool, issued: Option<u32>) -> Issued {
    match issued {
        Some(seats) => Issued::Seats(seats),
        None if is_uncounted => Issued::Uncounted,
        None => Issued::Unknown,
    }
}

/// One stock of which nothing is known makes all unknown; else one without a limit makes all so.
fn sum(stocks: &HashMap<Stock, Issued>) -> Issued {
    let plus = |sum, issued: &Issued| match (sum, *issued) {
        (Issued::Unknown, _) | (_, Issued::Unknown) => Issued::Unknown,
        (Issued::Uncounted, _) | (_, Issued::Uncounted) => Issued::Uncounted,
        (Issued::Seats(sum), Issued::Seats(more)) => {
            sum.checked_add(more).map_or(Issued::Unknown, Issued::Seats)
        }
    };
    stocks.values().fold(Issued::Seats(0), plus)
}

/// Adds a step. What changes at one time is one step, and what changes nothing is none.
fn take(steps: &mut Vec<Step>, step: Step) {
    if steps.last().is_some_and(|last| last.from == step.from) {
        steps.pop();
    }
    if steps.last().is_none_or(|last| last.issued != step.issued) {
        steps.push(step);
    }
}
