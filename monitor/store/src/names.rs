//! Interning: every text that repeats is stored once, and a record holds its number.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::{
    error::{Doing, StoreError},
    hash::HashMap,
    seal::{Rows, Table},
};

/// Names kept in memory; when there are more, the memory starts afresh and they are looked up again.
const NAMES_KEPT_MAX: usize = 32_768;

/// Numbers of names lately used.
#[derive(Default)]
pub(crate) struct Names {
    kept: HashMap<String, i64>,
    /// Those that got a number since the last commit.
    pub(crate) rows: Rows,
}

impl Names {
    /// The number of `text`, which gets one if it has none.
    pub(crate) fn intern(&mut self, history: &Connection, text: &str) -> Result<i64, StoreError> {
        if let Some(id) = self.kept.get(text) {
            return Ok(*id);
        }
        let id = match number(history, text)? {
            Some(id) => id,
            None => add(history, &mut self.rows, text)?,
        };
        if self.kept.len() >= NAMES_KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert(text.to_owned(), id);
        Ok(id)
    }
}

fn number(history: &Connection, text: &str) -> Result<Option<i64>, StoreError> {
    let mut find =
        history.prepare_cached("select id from name where text = :text").doing("look up a name")?;
    find.query_row([text], |row| row.get(0)).optional().doing("look up a name")
}

fn add(history: &Connection, rows: &mut Rows, text: &str) -> Result<i64, StoreError> {
    let sql = "insert into name (id, text, seal) values (:id, :text, :seal)";
    let id = rows.last_id() + 1;
    let cells = named_params! { ":id": id, ":text": text };
    rows.insert(history, Table::Name, sql, cells).doing("store a name")
}
