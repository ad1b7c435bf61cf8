//! The chain while it grows: the last commit, and what came since.

use jiff::Timestamp;
use lic_protocol::seal::{Head, SealedUntil};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::{
    blocks::Blocks,
    error::{Doing, StoreError},
    names::Names,
    seal::{self, Commit, Digests, Hash, Rows, Table, UNSEALED},
};

/// The end of the chain, and the rows that the next commit seals.
pub(crate) struct Chain {
    number: i64,
    end: Hash,
    /// Servers that were made known.
    pub(crate) servers: Rows,
    /// Records that were stored.
    pub(crate) records: Rows,
}

impl Chain {
    /// Reads where it ends. Names and servers that no sealed commit has, as all those of before the first, come with the next:
    /// its records refer to them.
    pub(crate) fn load(history: &Connection, names: &mut Names) -> Result<Self, StoreError> {
        let last = last(history)?;
        let (number, last) = last.map_or((0, None), |(number, sealed)| (number, sealed));
        let (end, [last_name, last_server]) = last.unwrap_or((UNSEALED, [0, 0]));
        names.rows = Rows::after(last_name);
        let mut servers = Rows::after(last_server);
        for (table, rows, sql) in [
            (Table::Name, &mut names.rows, "select * from name where id between :from and :to"),
            (Table::Server, &mut servers, "select * from server where id between :from and :to"),
        ] {
            let range = [rows.last_id() + 1, i64::MAX];
            seal::rows(history, table, sql, range, |row, hash, _| {
                rows.add(row.get(0)?, &hash);
                Ok(())
            })?;
        }
        Ok(Self { number, end, servers, records: Rows::default() })
    }

    /// Where it ends; `None` while nothing is sealed.
    pub(crate) fn head(&self) -> Option<Head> {
        (self.end != UNSEALED).then_some(Head { commit: self.number, chain: self.end })
    }

    /// Stores that the ids from `first_id` to `last_id` were committed together, and seals them.
    pub(crate) fn add_batch(
        &mut self,
        history: &Connection,
        (first_id, last_id): (i64, i64),
        at_ms: i64,
        names: &mut Names,
        blocks: &mut Blocks,
    ) -> Result<(), StoreError> {
        let commit = Commit {
            number: self.number + 1,
            first_id,
            last_id,
            committed_at_ms: at_ms,
            last_name: names.rows.last_id(),
            last_server: self.servers.last_id(),
        };
        let with = Digests {
            names: names.rows.digest(),
            servers: self.servers.digest(),
            blocks: blocks.rows.digest(),
            records: self.records.digest(),
        };
        self.end = seal::chain(&self.end, &commit, &with);
        self.number = commit.number;
        store(history, &commit, &self.end)
    }
}

fn store(history: &Connection, commit: &Commit, chain: &Hash) -> Result<(), StoreError> {
    let doing = "store a batch";
    let sql = "insert into batch (number, first_id, last_id, committed_at_ms, chain, last_name, last_server)
        values (:number, :first_id, :last_id, :committed_at_ms, :chain, :last_name, :last_server)";
    let values = named_params! {
        ":number": commit.number,
        ":first_id": commit.first_id,
        ":last_id": commit.last_id,
        ":committed_at_ms": commit.committed_at_ms,
        ":chain": chain,
        ":last_name": commit.last_name,
        ":last_server": commit.last_server,
    };
    history.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

type Sealed = (Hash, [i64; 2]);

/// The number of the last commit, and its chain with the newest name and server, where it has one.
fn last(history: &Connection) -> Result<Option<(i64, Option<Sealed>)>, StoreError> {
    let sql =
        "select number, chain, last_name, last_server from batch order by number desc limit 1";
    let read = |row: &Row<'_>| {
        let chain: Option<Hash> = row.get(1)?;
        let sealed = match chain {
            Some(chain) => Some((chain, [row.get(2)?, row.get(3)?])),
            None => None,
        };
        Ok((row.get(0)?, sealed))
    };
    history.query_row(sql, [], read).optional().doing("read the end of the chain")
}

/// The last sealed commit.
pub(crate) fn sealed_until(history: &Connection) -> Result<Option<SealedUntil>, StoreError> {
    let sql = "select number, chain, committed_at_ms from batch order by number desc limit 1";
    let read = |row: &Row<'_>| {
        let (commit, chain): (i64, Option<Hash>) = (row.get(0)?, row.get(1)?);
        let committed_at = Timestamp::from_millisecond(row.get(2)?).unwrap_or(Timestamp::MIN);
        Ok(chain.map(|chain| SealedUntil { head: Head { commit, chain }, committed_at }))
    };
    let found = history.query_row(sql, [], read).optional().doing("read the end of the chain")?;
    Ok(found.flatten())
}
