//! Interning: every text that repeats is stored once, and a record holds its number.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::{
    error::{Doing, StoreError},
    hash::HashMap,
    seal::{Rows, Table},
};

/// Names that one half of the memory keeps.
const NAMES_KEPT_MAX: usize = 32_768;

/// Numbers of names lately used.
#[derive(Default)]
pub(crate) struct Names {
    kept: Kept,
    /// Those that got a number since the last commit.
    pub(crate) rows: Rows,
}

impl Names {
    /// The number of `text`, which gets one if it has none.
    pub(crate) fn intern(&mut self, history: &Connection, text: &str) -> Result<i64, StoreError> {
        if let Some(id) = self.kept.get(text) {
            return Ok(id);
        }
        let id = match number(history, text)? {
            Some(id) => id,
            None => add(history, &mut self.rows, text)?,
        };
        self.kept.insert(text.into(), id);
        Ok(id)
    }
}

/// The memory, in two halves: when the young one is full it becomes the old one, of which stays what is used again. So what is
/// used all the time is never forgotten, however many names come by.
#[derive(Default)]
struct Kept {
    young: HashMap<Box<str>, i64>,
    old: HashMap<Box<str>, i64>,
}

impl Kept {
    fn get(&mut self, text: &str) -> Option<i64> {
        if let Some(id) = self.young.get(text) {
            return Some(*id);
        }
        let (text, id) = self.old.remove_entry(text)?;
        self.insert(text, id);
        Some(id)
    }

    fn insert(&mut self, text: Box<str>, id: i64) {
        if self.young.len() >= NAMES_KEPT_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, id);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_in_use_is_kept_while_others_come_by() {
        let mut kept = Kept::default();
        kept.insert("render".into(), -1);
        for (number, id) in (0..NAMES_KEPT_MAX * 3).zip(0..) {
            kept.insert(format!("ann{number}").into(), id);
            assert!(kept.young.len() + kept.old.len() <= 2 * NAMES_KEPT_MAX);
            assert_eq!(kept.get("render"), Some(-1));
        }
        assert_eq!(kept.get("ann0"), None);
    }
}
