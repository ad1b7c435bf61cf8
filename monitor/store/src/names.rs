//! Interning: every text that repeats is stored once, and a record holds its number.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::error::{Doing, StoreError};

/// Names kept in memory; when there are more, the memory starts afresh and they are looked up again.
const NAMES_KEPT_MAX: usize = 32_768;

/// Numbers of names lately used.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, i64>);

impl Names {
    /// The number of `text`, which gets one if it has none.
    pub(crate) fn intern(&mut self, history: &Connection, text: &str) -> Result<i64, StoreError> {
        if let Some(id) = self.0.get(text) {
            return Ok(*id);
        }
        let id = match number(history, text)? {
            Some(id) => id,
            None => add(history, text)?,
        };
        if self.0.len() >= NAMES_KEPT_MAX {
            self.0.clear();
        }
        self.0.insert(text.to_owned(), id);
        Ok(id)
    }

    /// The same for a text that may not be there.
    pub(crate) fn intern_option(
        &mut self,
        history: &Connection,
        text: Option<&str>,
    ) -> Result<Option<i64>, StoreError> {
        text.map(|text| self.intern(history, text)).transpose()
    }
}

fn number(history: &Connection, text: &str) -> Result<Option<i64>, StoreError> {
    let mut find =
        history.prepare_cached("select id from name where text = :text").doing("look up a name")?;
    find.query_row([text], |row| row.get(0)).optional().doing("look up a name")
}

fn add(history: &Connection, text: &str) -> Result<i64, StoreError> {
    let mut insert =
        history.prepare_cached("insert into name (text) values (:text)").doing("store a name")?;
    insert.insert([text]).doing("store a name")
}
