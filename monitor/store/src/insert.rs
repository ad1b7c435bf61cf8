//! Insert: the statement that stores records of one table. A record has most of its cells in common with the one before it, so only
//! what differs is bound again.

use rusqlite::{
    CachedStatement, Connection,
    types::{Null, ValueRef},
};

use crate::{
    error::{Doing, StoreError},
    seal::Table,
};

/// What is said when a record cannot be stored, and its insert: the cells of a record are in the order of these names, which is
/// that of the columns of its table, and then comes its seal. In the order of [`Table::RECORDS`].
const INSERTS: [(&str, &str); Table::RECORDS.len()] = [
    (
        "store a checkout",
        "insert into checkout (
            id, server, feature, at_ms, learned_at_ms, user, host, count, handle, seat, version, vendor, unit,
            display, process, project, source, identity_hash, identity_ordinal, raw, seal)
        values (
            :id, :server, :feature, :at_ms, :learned_at_ms, :user, :host, :count, :handle, :seat, :version, :vendor,
            :unit, :display, :process, :project, :source, :identity_hash, :identity_ordinal, :raw, :seal)",
    ),
    (
        "store a checkin",
        "insert into checkin (
            id, checkout, server, feature, at_ms, learned_at_ms, handle, user, host, reason, ended_before_ms,
            exit_status, exit_signal, cpu_ms, memory_peak_bytes, identity_hash, identity_ordinal, raw, seal)
        values (
            :id, :checkout, :server, :feature, :at_ms, :learned_at_ms, :handle, :user, :host, :reason,
            :ended_before_ms, :exit_status, :exit_signal, :cpu_ms, :memory_peak_bytes, :identity_hash,
            :identity_ordinal, :raw, :seal)",
    ),
    (
        "store a pairing",
        "insert into pairing (id, checkout, checkin, seal) values (:id, :checkout, :checkin, :seal)",
    ),
    (
        "store a denial",
        "insert into denial (
            id, server, feature, at_ms, learned_at_ms, user, host, count, reason, reason_class, process,
            identity_hash, identity_ordinal, raw, tries, seal)
        values (
            :id, :server, :feature, :at_ms, :learned_at_ms, :user, :host, :count, :reason, :reason_class, :process,
            :identity_hash, :identity_ordinal, :raw, :tries, :seal)",
    ),
    (
        "store a queue event",
        "insert into queued (
            id, server, feature, at_ms, learned_at_ms, user, host, count, ticket, identity_hash,
            identity_ordinal, raw, credit_ms, seal)
        values (
            :id, :server, :feature, :at_ms, :learned_at_ms, :user, :host, :count, :ticket, :identity_hash,
            :identity_ordinal, :raw, :credit_ms, :seal)",
    ),
    (
        "store a dequeue event",
        "insert into dequeued (
            id, queued, server, feature, at_ms, learned_at_ms, ticket, outcome, identity_hash, identity_ordinal, raw,
            seal)
        values (
            :id, :queued, :server, :feature, :at_ms, :learned_at_ms, :ticket, :outcome, :identity_hash,
            :identity_ordinal, :raw, :seal)",
    ),
    (
        "store a server event",
        "insert into server_event (
            id, server, at_ms, learned_at_ms, change, text, identity_hash, identity_ordinal, raw, ends, seal)
        values (
            :id, :server, :at_ms, :learned_at_ms, :change, :text, :identity_hash, :identity_ordinal, :raw, :ends,
            :seal)",
    ),
    (
        "store a gap",
        "insert into gap (
            id, mends, server, generation, path, from_byte, to_byte, at_ms, learned_at_ms, why, seal)
        values (
            :id, :mends, :server, :generation, :path, :from, :to, :at_ms, :learned_at_ms, :why, :seal)",
    ),
    (
        "store a sample",
        "insert into sample (
            id, server, feature, vendor, version, pool, ordinal, at_ms, learned_at_ms, issued, in_use, reserved, queued,
            borrowed, seal)
        values (
            :id, :server, :feature, :vendor, :version, :pool, :ordinal, :at_ms, :learned_at_ms, :issued, :in_use,
            :reserved, :queued, :borrowed, :seal)",
    ),
    (
        "store an entitlement",
        "insert into entitlement (
            id, server, feature, vendor, version, pool, ordinal, at_ms, learned_at_ms, is_told, issued, is_uncounted,
            expires_ms, is_permanent, seal)
        values (
            :id, :server, :feature, :vendor, :version, :pool, :ordinal, :at_ms, :learned_at_ms, :is_told, :issued,
            :is_uncounted, :expires_ms, :is_permanent, :seal)",
    ),
];

/// The insert of one table, for one commit.
pub(crate) struct Insert<'c> {
    doing: &'static str,
    statement: CachedStatement<'c>,
    /// What is bound, cell by cell; `None` where it is a text.
    bound: Vec<Option<Cell<'static>>>,
}

impl<'c> Insert<'c> {
    /// The place of a table of records among the others.
    pub(crate) fn place(table: Table) -> usize {
        table as usize - Table::RECORDS[0] as usize
    }

    /// Makes ready to store records of a table.
    pub(crate) fn of(history: &'c Connection, table: Table) -> Result<Self, StoreError> {
        let (doing, sql) = INSERTS[Self::place(table)];
        let statement = history.prepare_cached(sql).doing(doing)?;
        // A statement is kept without what was bound to it.
        let bound = vec![Some(Cell::Null); statement.parameter_count()];
        Ok(Self { doing, statement, bound })
    }

    /// Stores a record with its seal.
    pub(crate) fn execute(&mut self, cells: &[Cell<'_>], seal: i64) -> Result<(), StoreError> {
        for (place, cell) in cells.iter().enumerate() {
            self.bind(place, *cell)?;
        }
        self.bind(cells.len(), Cell::Number(seal))?;
        self.statement.raw_execute().doing(self.doing).map(drop)
    }

    fn bind(&mut self, place: usize, cell: Cell<'_>) -> Result<(), StoreError> {
        let (statement, bound) = (&mut self.statement, &mut self.bound[place]);
        match cell {
            Cell::Text(text) => {
                *bound = None;
                statement.raw_bind_parameter(place + 1, text).doing(self.doing)
            }
            Cell::Null | Cell::Number(_) if *bound == Some(cell) => Ok(()),
            Cell::Null => {
                *bound = Some(Cell::Null);
                statement.raw_bind_parameter(place + 1, Null).doing(self.doing)
            }
            Cell::Number(number) => {
                *bound = Some(Cell::Number(number));
                statement.raw_bind_parameter(place + 1, number).doing(self.doing)
            }
        }
    }
}

/// What stands in one column of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Number(i64),
    Text(&'a str),
}

impl<'a> Cell<'a> {
    /// As SQLite knows it.
    pub(crate) fn value(self) -> ValueRef<'a> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }
    }
}

/// A number.
pub(crate) fn number(value: impl Into<i64>) -> Cell<'static> {
    Cell::Number(value.into())
}

/// A number, if there is one.
pub(crate) fn number_of(value: Option<impl Into<i64>>) -> Cell<'static> {
    value.map_or(Cell::Null, number)
}

/// A text, if there is one.
pub(crate) fn text(value: Option<&str>) -> Cell<'_> {
    value.map_or(Cell::Null, Cell::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::history_for_writing;

    /// What the server events of the rows come back as: `text`, `raw` and `ends`.
    #[track_caller]
    fn check(rows: &[[Cell<'_>; 2]]) {
        let folder = tempfile::tempdir().unwrap();
        let history = history_for_writing(&folder.path().join("history.db")).unwrap();
        let mut insert = Insert::of(&history, Table::ServerEvent).unwrap();
        for (id, [raw, ends]) in (1..).zip(rows) {
            let [id, other] = [id, 7].map(Cell::Number);
            let cells =
                [id, other, other, other, other, Cell::Text("t"), other, other, *raw, *ends];
            insert.execute(&cells, 7).unwrap();
        }
        let mut query = history.prepare("select raw, ends from server_event order by id").unwrap();
        let mut found = query.query([]).unwrap();
        for row in rows {
            let read = found.next().unwrap().unwrap();
            let cells = [0, 1].map(|column| read.get_ref(column).unwrap());
            assert_eq!(cells, row.map(Cell::value));
        }
    }

    #[test]
    fn cell_of_the_record_before_does_not_stay() {
        let (one, other) = (Cell::Text("one"), Cell::Text("other"));
        check(&[
            [one, Cell::Null],
            [Cell::Null, one],
            [Cell::Null, other],
            [other, other],
            [Cell::Null, Cell::Null],
            [Cell::Null, one],
        ]);
    }
}
