//! Some thousand rows in a row of ids, each hashed, whichever of the tables they are in.

use rusqlite::Connection;

use crate::{
    error::StoreError,
    seal::{self, Hash, Table},
};

/// Ids read at a time.
const WINDOW_IDS: i64 = 8192;

/// A row, as far as it is compared.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) table: Table,
    pub(super) hash: Hash,
    pub(super) seal: Option<i64>,
}

/// What is under an id.
#[derive(Clone, Copy)]
pub(super) enum Seen {
    Nothing,
    Row(Found),
    Several(Table, Table),
}

/// A run of ids.
pub(super) struct Window {
    tables: &'static [Table],
    first_id: i64,
    rows: Vec<Seen>,
}

impl Window {
    /// Over tables that share one sequence of ids. Nothing is read yet.
    pub(super) fn over(tables: &'static [Table]) -> Self {
        Self { tables, first_id: 0, rows: Vec::new() }
    }

    /// The table, or the first of them.
    pub(super) fn table(&self) -> Table {
        self.tables[0]
    }

    /// What is under an id; reads on from there where it was not read yet.
    pub(super) fn at(&mut self, history: &Connection, id: i64) -> Result<Seen, StoreError> {
        let place = |first_id: i64| usize::try_from(id.checked_sub(first_id)?).ok();
        if let Some(seen) = place(self.first_id).and_then(|place| self.rows.get(place)) {
            return Ok(*seen);
        }
        self.read(history, id)?;
        Ok(self.rows[0])
    }

    fn read(&mut self, history: &Connection, first_id: i64) -> Result<(), StoreError> {
        self.rows.clear();
        self.rows.resize(usize::try_from(WINDOW_IDS).expect("some thousand"), Seen::Nothing);
        self.first_id = first_id;
        let range = [first_id, first_id.saturating_add(WINDOW_IDS - 1)];
        for table in self.tables {
            let sql = format!("select * from {} where id between :from and :to", table.name());
            seal::rows(history, *table, &sql, range, |row, hash, seal| {
                let place = row.get::<_, i64>(0)?.checked_sub(first_id);
                let place = place.and_then(|place| usize::try_from(place).ok());
                if let Some(seen) = place.and_then(|place| self.rows.get_mut(place)) {
                    *seen = match seen {
                        Seen::Nothing => Seen::Row(Found { table: *table, hash, seal }),
                        Seen::Row(Found { table: other, .. }) | Seen::Several(other, _) => {
                            Seen::Several(*other, *table)
                        }
                    };
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
