//! Pages of a list ordered by time, newest first, without an index over time: blocks are read from the newest back, and
//! reading stops at the first block that can hold nothing newer than the page.

use std::cmp::Reverse;

use lic_protocol::query::{Cursor, Filter};
use rusqlite::{Connection, OptionalExtension};

use crate::{
    blocks::{self, Block},
    error::{Doing, StoreError},
};

/// A row that has a place in a list.
pub(super) struct Placed<T> {
    /// Its place.
    pub(super) place: Cursor,
    /// The row.
    pub(super) row: T,
}

/// What a filter's names are in history. A name that was never seen matches nothing.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) server: Option<i64>,
    pub(super) feature: Option<i64>,
    /// A JSON list of numbers: the spellings of one user.
    pub(super) users: Option<String>,
    /// A JSON list of numbers: the spellings of one host.
    pub(super) hosts: Option<String>,
}

/// The rows of one page: at most `filter.rows_max()`, and where the next page begins.
///
/// `server` is the one that the filter names, if any. `read` gives the rows of one block that come after `before` in the list, newest first, at most so many.
pub(super) fn page<T>(
    history: &Connection,
    filter: &Filter,
    server: Option<i64>,
    mut read: impl FnMut(Block, Cursor, usize) -> Result<Vec<Placed<T>>, StoreError>,
) -> Result<(Vec<T>, Option<String>), StoreError> {
    let before = before(filter);
    let from_ms = filter.from.map_or(i64::MIN, jiff::Timestamp::as_millisecond);
    let mut blocks = blocks::of_server(history, server)?;
    blocks.retain(|block| block.latest_ms >= from_ms && block.earliest_ms <= before.at_ms);
    blocks.sort_unstable_by_key(|block| Reverse((block.latest_ms, block.last_id)));
    // One row more than the page shows whether there is a next one.
    let wanted = filter.rows_max() + 1;
    let mut found: Vec<Placed<T>> = Vec::new();
    for block in blocks {
        let is_full = found.len() >= wanted;
        if is_full && found.last().is_some_and(|last| block.latest_ms < last.place.at_ms) {
            break;
        }
        found.extend(read(block, before, wanted)?);
        found.sort_by_key(|row| Reverse(row.place));
        found.truncate(wanted);
    }
    let has_more = found.len() == wanted;
    found.truncate(filter.rows_max());
    let next = found.last().filter(|_| has_more).map(|last| last.place.to_string());
    Ok((found.into_iter().map(|placed| placed.row).collect(), next))
}

/// The place that every row of the page comes after.
pub(super) fn before(filter: &Filter) -> Cursor {
    let to = Cursor { at_ms: filter.to.map_or(i64::MAX, jiff::Timestamp::as_millisecond), id: 0 };
    filter.after.map_or(to, |after| after.min(to))
}

/// Looks the filter's names up; `None` when one of them was never seen.
pub(super) fn numbers(
    history: &Connection,
    filter: &Filter,
) -> Result<Option<Numbers>, StoreError> {
    let mut numbers = Numbers::default();
    if let Some(server) = &filter.server {
        let sql = "select id from server where name = :name";
        numbers.server = one(history, sql, server.as_str())?;
        if numbers.server.is_none() {
            return Ok(None);
        }
    }
    if let Some(feature) = &filter.feature {
        let sql = "select id from name where text = :text";
        numbers.feature = one(history, sql, feature.as_str())?;
        if numbers.feature.is_none() {
            return Ok(None);
        }
    }
    numbers.users =
        spellings(history, filter.user.as_ref().map(lic_protocol::name::UserName::as_str))?;
    numbers.hosts =
        spellings(history, filter.host.as_ref().map(lic_protocol::name::HostName::as_str))?;
    Ok(Some(numbers))
}

fn one(history: &Connection, sql: &str, text: &str) -> Result<Option<i64>, StoreError> {
    let doing = "look up a name";
    history.query_row(sql, [text], |row| row.get(0)).optional().doing(doing)
}

fn spellings(history: &Connection, text: Option<&str>) -> Result<Option<String>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    let doing = "look up the spellings of a name";
    let sql = "select json_group_array(id) from name where text = :text collate nocase";
    history.query_row(sql, [text], |row| row.get(0)).doing(doing).map(Some)
}
