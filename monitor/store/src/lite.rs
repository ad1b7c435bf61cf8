//! The rows of a License-Monitor-Lite database, read a little at a time and without touching it. What they mean is not
//! decided here.

use std::path::Path;

use rusqlite::{Connection, named_params, types::ValueRef};

use crate::error::{Doing, StoreError};

use self::columns::Columns;

mod columns;
mod untouched;

/// Rows read at a time. Between two reads nothing is locked, so that program can go on writing.
const ROWS_READ: i64 = 4096;
/// What SQLite calls the row's number; a table may have a column of its own under any of these names.
const ROWID_NAMES: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// A License-Monitor-Lite database.
///
/// Every table is taken that has columns which by their names are a time, a feature and a user. That program's own versions
/// disagree about tables and columns, so neither is asked for by one name.
pub struct Lite {
    db: Connection,
    tables: Vec<Table>,
    left_out: Vec<String>,
    /// The table that is read, and the last row of it that was.
    position: (usize, i64),
}

/// Some rows of one table, in the order they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub table: String,
    /// What could be read.
    pub rows: Vec<Row>,
    /// What could not.
    pub not_text: Vec<NotText>,
}

/// A row as it stands; `None` is null or a column the table does not have. Numbers are written out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its number within its table.
    pub rowid: i64,
    /// When it happened, or began.
    pub time: Option<String>,
    /// When it ended.
    pub end: Option<String>,
    /// What happened.
    pub action: Option<String>,
    /// The feature.
    pub feature: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The host.
    pub host: Option<String>,
}

/// A row that holds bytes where a text should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotText {
    /// Its number within its table.
    pub rowid: i64,
    /// What the bytes should have been.
    pub part: &'static str,
}

struct Table {
    name: String,
    /// Reads rows after one: rowid, time, end, action, feature, user, host.
    sql: String,
    /// Tables whose rows say what happened come before those that only say what is so.
    rank: u8,
}

impl Lite {
    /// Opens the file, for reading only, and finds the tables to take.
    ///
    /// # Errors
    /// When there is no such file, when it is no database, and whatever SQLite meets.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let db = untouched::connect(path)?;
        let found =
            tables(&db).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let (mut tables, mut left_out) = (Vec::new(), Vec::new());
        for table in found {
            match table {
                Ok(table) => tables.push(table),
                Err(why) => left_out.push(why),
            }
        }
        tables.sort_by(|a, b| (a.rank, &a.name).cmp(&(b.rank, &b.name)));
        Ok(Self { db, tables, left_out, position: (0, i64::MIN) })
    }

    /// The tables whose rows are read, in that order.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// The tables that are not, each with the reason.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The next rows, or `None` when all are read. Rows of two tables never come together.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn next_rows(&mut self) -> Result<Option<Rows>, StoreError> {
        let doing = "read the rows of License-Monitor-Lite";
        while let Some(table) = self.tables.get(self.position.0) {
            let (rows, last) = read(&self.db, table, self.position.1).doing(doing)?;
            match last {
                Some(last) => {
                    self.position.1 = last;
                    return Ok(Some(rows));
                }
                None => self.position = (self.position.0 + 1, i64::MIN),
            }
        }
        Ok(None)
    }
}

/// The tables of a database: how to read each, or why it is left out.
fn tables(db: &Connection) -> rusqlite::Result<Vec<Result<Table, String>>> {
    let sql = "select name, type = 'table' and not wr from pragma_table_list
        where schema = 'main' and type in ('table', 'virtual') and name not like 'sqlite\\_%' escape '\\' order by name";
    let mut query = db.prepare(sql)?;
    let found = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(String, bool)> = found.collect::<rusqlite::Result<_>>()?;
    let found =
        found.into_iter().map(
            |(name, has_rowid)| {
                if has_rowid { table(db, name) } else { Ok(Err(unnumbered(&name))) }
            },
        );
    found.collect()
}

fn table(db: &Connection, name: String) -> rusqlite::Result<Result<Table, String>> {
    let mut query = db.prepare("select name from pragma_table_xinfo(:table)")?;
    let names = query.query_map(named_params! { ":table": name }, |row| row.get(0))?;
    let names: Vec<String> = names.collect::<rusqlite::Result<_>>()?;
    let taken = |rowid: &&&str| !names.iter().any(|name| name.eq_ignore_ascii_case(rowid));
    let Some(rowid) = ROWID_NAMES.iter().find(taken) else {
        return Ok(Err(unnumbered(&name)));
    };
    Ok(match Columns::of(&names) {
        Ok(columns) => {
            let rank = columns.rank();
            let sql = format!(
                "select {rowid}, {columns} from {table} where {rowid} > :after order by {rowid} limit :limit",
                columns = columns.sql(),
                table = columns::quoted(&name),
            );
            Ok(Table { name, sql, rank })
        }
        Err(missing) => Err(format!("table {name} has no column for {missing}")),
    })
}

fn unnumbered(table: &str) -> String {
    format!("table {table} does not number its rows")
}

/// Rows after one, and the number of the last.
fn read(db: &Connection, table: &Table, after: i64) -> rusqlite::Result<(Rows, Option<i64>)> {
    let mut read = Rows { table: table.name.clone(), rows: Vec::new(), not_text: Vec::new() };
    let mut last = None;
    let mut query = db.prepare_cached(&table.sql)?;
    let mut rows = query.query(named_params! { ":after": after, ":limit": ROWS_READ })?;
    while let Some(cells) = rows.next()? {
        let rowid = cells.get(0)?;
        last = Some(rowid);
        match row(rowid, cells)? {
            Ok(row) => read.rows.push(row),
            Err(part) => read.not_text.push(NotText { rowid, part }),
        }
    }
    Ok((read, last))
}

/// A row, or the part of it that is no text.
fn row(rowid: i64, cells: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Row, &'static str>> {
    let mut row = Row { rowid, ..Row::default() };
    let parts = [
        ("time", &mut row.time),
        ("end", &mut row.end),
        ("action", &mut row.action),
        ("feature", &mut row.feature),
        ("user", &mut row.user),
        ("host", &mut row.host),
    ];
    for (index, (part, text)) in parts.into_iter().enumerate() {
        *text = match cells.get_ref(index + 1)? {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Some(text.to_owned()),
                Err(_) => return Ok(Err(part)),
            },
            ValueRef::Blob(_) => return Ok(Err(part)),
        };
    }
    Ok(Ok(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(sql: &str) -> (tempfile::TempDir, Lite) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let lite = Lite::open(&path).unwrap();
        (folder, lite)
    }

    /// Every row as `table rowid time..end action feature user@host`, and what was left out.
    fn told(lite: &mut Lite) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(rows) = lite.next_rows().unwrap() {
            for row in rows.rows {
                let [time, end, action, feature, user, host] =
                    [row.time, row.end, row.action, row.feature, row.user, row.host]
                        .map(|text| text.unwrap_or_else(|| "-".to_owned()));
                let (table, rowid) = (&rows.table, row.rowid);
                told.push(format!(
                    "{table} {rowid} {time}..{end} {action} {feature} {user}@{host}"
                ));
            }
            told.extend(
                rows.not_text
                    .iter()
                    .map(|row| format!("{} {} {} ?", rows.table, row.rowid, row.part)),
            );
        }
        told.extend(lite.left_out().iter().cloned());
        told
    }

    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        let (_folder, mut lite) = database(sql);
        assert_eq!(told(&mut lite), expected);
    }

    #[test]
    fn events_are_read_as_they_stand() {
        check(
            "create table history (id integer primary key autoincrement, timestamp text default (datetime('now')),
                action text, feature text, user text, host text);
            insert into history values (1, '2025-08-18 06:28:06', 'GRANT', 'CAD', ' Ann ', 'ws-1');
            insert into history values (7, '2025-08-18 07:00:00', 'TIMEOUT', 'CAD', ' Ann ', null);",
            &[
                "history 1 2025-08-18 06:28:06..- GRANT CAD  Ann @ws-1",
                "history 7 2025-08-18 07:00:00..- TIMEOUT CAD  Ann @-",
            ],
        );
    }

    #[test]
    fn sessions_under_other_names_are_read() {
        check(
            "create table \"session history\" (Product, UserName, \"select\", Computer, Start_Time, Ended_At);
            insert into \"session history\" values ('CAD', 'ann', 1, 'ws-1', 1755498486, 1755498487.5);",
            &["session history 1 1755498486..1755498487.5 - CAD ann@ws-1"],
        );
    }

    #[test]
    fn what_happened_comes_before_what_is_so() {
        check(
            "create table active (start_time, feature, user); create table history (time, event, feature, user);
            insert into active values ('b', 'CAD', 'ann'); insert into history values ('a', 'GRANT', 'CAD', 'ann');",
            &["history 1 a..- GRANT CAD ann@-", "active 1 b..- - CAD ann@-"],
        );
    }

    #[test]
    fn what_is_not_taken_is_named() {
        check(
            "create table setting (name, value); create table log (time, user, text);
            create table keyed (time, feature, user, primary key (time)) without rowid;
            create view history as select 1 as time, 2 as feature, 3 as user;
            create table grants (time, feature, user);
            insert into grants values ('a', x'00ff', 'ann'), ('a', 'CAD', cast(x'ff' as text));",
            &[
                "grants 1 feature ?",
                "grants 2 user ?",
                "table keyed does not number its rows",
                "table log has no column for the feature",
                "table setting has no column for the time",
            ],
        );
    }

    #[test]
    fn a_column_called_rowid_is_not_the_number_of_the_row() {
        check(
            "create table history (rowid text, time, feature, user);
            insert into history values ('same', 'a', 'CAD', 'ann'), ('same', 'b', 'CAD', 'bob');",
            &["history 1 a..- - CAD ann@-", "history 2 b..- - CAD bob@-"],
        );
    }

    #[test]
    fn many_rows_come_in_several_reads_and_each_once() {
        let (_folder, mut lite) = database(
            "create table history (time, feature, user);
            with recursive n (n) as (select 1 union all select n + 1 from n where n < 10000)
            insert into history select n, 'CAD', 'ann' from n;",
        );
        let mut reads = Vec::new();
        while let Some(rows) = lite.next_rows().unwrap() {
            reads.push(rows.rows.iter().map(|row| row.rowid).collect::<Vec<_>>());
        }
        assert_eq!(reads.iter().map(Vec::len).collect::<Vec<_>>(), [4096, 4096, 1808]);
        assert_eq!(reads.concat(), (1..=10_000).collect::<Vec<_>>());
    }
}
