//! Reading back what license servers answered.

use rusqlite::Row;

use crate::{
    entry::Change,
    polled::{
        change::Answered,
        stock::{Counts, Stock, Terms},
    },
};

pub(super) fn entitled(row: &Row<'_>) -> rusqlite::Result<Change<'static>> {
    let is_told: bool = row.get(9)?;
    let terms = Terms {
        issued: row.get(10)?,
        is_uncounted: row.get(11)?,
        expires_ms: row.get(12)?,
        is_permanent: row.get(13)?,
    };
    Ok(Change::Answered(Answered::Terms(stock(row)?, is_told.then_some(terms))))
}

pub(super) fn sampled(row: &Row<'_>) -> rusqlite::Result<Change<'static>> {
    let counts = Counts {
        issued: row.get(9)?,
        in_use: row.get(10)?,
        reserved: row.get(11)?,
        queued: row.get(12)?,
        borrowed: row.get(13)?,
    };
    Ok(Change::Answered(Answered::Counts(stock(row)?, counts)))
}

fn stock(row: &Row<'_>) -> rusqlite::Result<Stock> {
    Ok(Stock {
        feature: row.get(4)?,
        vendor: row.get(5)?,
        version: row.get(6)?,
        pool: row.get(7)?,
        ordinal: row.get(8)?,
    })
}
