//! The seal of history: what a row hashes to, and the chain that runs through all commits. Nothing here reads a clock or decides.
//!
//! A row hashes to SHA-256 of the tag of its table and of every cell that is not null, in the order of the table's columns, the
//! column `seal` left out. A cell is its column's place times four plus its type, as a varint, and then its value: integers as
//! zigzag varints, texts and blobs behind their length. Names are rows of their own: a record holds their numbers.
//!
//! A commit's chain is SHA-256 of the chain before it, the commit's own numbers, and one digest each of the names, servers, blocks
//! and records that came with it: SHA-256 of their hashes, one behind the other, by id.
//! Source of varint and zigzag: protobuf.dev/programming-guides/encoding.

use rusqlite::{
    Connection, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use sha2::{Digest, Sha256};

use crate::error::{Doing, StoreError};

/// What every chain starts with, so that no other hash is ever taken for one.
const DOMAIN: &[u8] = b"licmon history 1\n";

/// Bytes of the longest varint: seven bits each.
const VARINT_BYTES_MAX: usize = 10;

/// SHA-256 of something.
pub(crate) type Hash = [u8; 32];

/// The chain before the first sealed commit.
pub(crate) const UNSEALED: Hash = [0; 32];

/// A table whose rows are sealed. The number is its tag, and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Name = 1,
    Server = 2,
    Block = 3,
    Checkout = 4,
    Checkin = 5,
    Pairing = 6,
    Denial = 7,
    Queued = 8,
    Dequeued = 9,
    ServerEvent = 10,
    Gap = 11,
    Sample = 12,
    Entitlement = 13,
}

impl Table {
    /// The tables of records: one sequence of ids runs over them.
    pub(crate) const RECORDS: [Self; 10] = [
        Self::Checkout,
        Self::Checkin,
        Self::Pairing,
        Self::Denial,
        Self::Queued,
        Self::Dequeued,
        Self::ServerEvent,
        Self::Gap,
        Self::Sample,
        Self::Entitlement,
    ];

    /// Its name in SQL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Server => "server",
            Self::Block => "block",
            Self::Checkout => "checkout",
            Self::Checkin => "checkin",
            Self::Pairing => "pairing",
            Self::Denial => "denial",
            Self::Queued => "queued",
            Self::Dequeued => "dequeued",
            Self::ServerEvent => "server_event",
            Self::Gap => "gap",
            Self::Sample => "sample",
            Self::Entitlement => "entitlement",
        }
    }
}

/// The bytes of one row, as they are hashed.
pub(crate) struct Row(Vec<u8>);

impl Row {
    /// A row without a cell; `bytes` are written over.
    pub(crate) fn new(table: Table, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.push(table as u8);
        Self(bytes)
    }

    /// Adds the cell of a column, told by its place among all but `seal`.
    pub(crate) fn cell(&mut self, column: usize, value: ValueRef<'_>) {
        let head = (column as u64) << 2;
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(value) => {
                self.varint(head);
                self.varint(((value << 1) ^ (value >> 63)).cast_unsigned());
            }
            ValueRef::Real(value) => {
                self.varint(head | 1);
                self.0.extend(value.to_bits().to_be_bytes());
            }
            ValueRef::Text(bytes) => self.bytes(head | 2, bytes),
            ValueRef::Blob(bytes) => self.bytes(head | 3, bytes),
        }
    }

    fn bytes(&mut self, head: u64, bytes: &[u8]) {
        self.varint(head);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
    fn varint(&mut self, mut value: u64) {
        let (mut bytes, mut length) = ([0; VARINT_BYTES_MAX], 0);
        while value >= 0x80 {
            bytes[length] = value as u8 | 0x80;
            length += 1;
            value >>= 7;
        }
        bytes[length] = value as u8;
        self.0.extend_from_slice(&bytes[..=length]);
    }

    /// What it hashes to.
    pub(crate) fn hash(&self) -> Hash {
        Sha256::digest(&self.0).into()
    }
}

/// The seal of a row that hashes to this: its first 63 bits.
pub(crate) fn seal(hash: &Hash) -> i64 {
    let first = hash.first_chunk::<8>().expect("a hash has 32 bytes");
    (u64::from_be_bytes(*first) >> 1).cast_signed()
}

/// The rows that came with one commit, as far as they were added.
#[derive(Default)]
pub(crate) struct Rows {
    hashes: Sha256,
    last_id: i64,
    scratch: Vec<u8>,
}

impl Rows {
    /// No rows, behind `last_id`.
    pub(crate) fn after(last_id: i64) -> Self {
        Self { last_id, ..Self::default() }
    }

    /// Adds the next row; blocks have no id.
    pub(crate) fn add(&mut self, id: i64, hash: &Hash) {
        self.hashes.update(hash);
        self.last_id = id;
    }

    /// The newest row there is.
    pub(crate) fn last_id(&self) -> i64 {
        self.last_id
    }

    /// The next row, empty; it is given back with [`Self::take_back`].
    pub(crate) fn row(&mut self, table: Table) -> Row {
        Row::new(table, std::mem::take(&mut self.scratch))
    }

    /// Adds a row that was stored.
    pub(crate) fn take_back(&mut self, row: Row, id: i64, hash: &Hash) {
        self.scratch = row.0;
        self.add(id, hash);
    }

    /// The digest of them; the next commit begins without any.
    pub(crate) fn digest(&mut self) -> Hash {
        self.hashes.finalize_reset().into()
    }

    /// Stores a row together with its seal. `cells` are its columns in the order of the table, null or not, without `seal`, which
    /// the statement has as `:seal`. Returns the row's id.
    pub(crate) fn insert(
        &mut self,
        history: &Connection,
        table: Table,
        sql: &str,
        cells: &[(&str, &dyn ToSql)],
    ) -> rusqlite::Result<i64> {
        let mut statement = history.prepare_cached(sql)?;
        let mut bind = |name: &str, value: &dyn ToSql| match statement.parameter_index(name)? {
            Some(index) => statement.raw_bind_parameter(index, value),
            None => Err(rusqlite::Error::InvalidParameterName(name.to_owned())),
        };
        let mut row = self.row(table);
        for (column, (name, value)) in cells.iter().enumerate() {
            let value = value.to_sql()?;
            row.cell(column, borrowed(&value)?);
            bind(name, &value)?;
        }
        let hash = row.hash();
        bind(":seal", &seal(&hash))?;
        statement.raw_execute()?;
        let id = history.last_insert_rowid();
        self.take_back(row, id, &hash);
        Ok(id)
    }
}

fn borrowed<'a>(value: &'a ToSqlOutput<'_>) -> rusqlite::Result<ValueRef<'a>> {
    match value {
        ToSqlOutput::Borrowed(value) => Ok(*value),
        ToSqlOutput::Owned(value) => Ok(ValueRef::from(value)),
        _ => Err(rusqlite::Error::ToSqlConversionFailure("no value of a column".into())),
    }
}

/// A commit as its chain knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) number: i64,
    pub(crate) first_id: i64,
    pub(crate) last_id: i64,
    pub(crate) committed_at_ms: i64,
    pub(crate) last_name: i64,
    pub(crate) last_server: i64,
}

/// What came with a commit.
pub(crate) struct Digests {
    pub(crate) names: Hash,
    pub(crate) servers: Hash,
    pub(crate) blocks: Hash,
    pub(crate) records: Hash,
}

/// The chain of a commit.
pub(crate) fn chain(before: &Hash, commit: &Commit, with: &Digests) -> Hash {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(before);
    for number in [
        commit.number,
        commit.first_id,
        commit.last_id,
        commit.committed_at_ms,
        commit.last_name,
        commit.last_server,
    ] {
        hash.update(number.to_be_bytes());
    }
    for digest in [&with.names, &with.servers, &with.blocks, &with.records] {
        hash.update(digest);
    }
    hash.finalize().into()
}

/// Reads rows back and gives each with its hash and its seal to `each`. The statement selects every column of the table.
pub(crate) fn rows(
    history: &Connection,
    table: Table,
    sql: &str,
    range: [i64; 2],
    mut each: impl FnMut(&rusqlite::Row<'_>, Hash, Option<i64>) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let doing = "read sealed rows";
    let mut query = history.prepare_cached(sql).doing(doing)?;
    let sealed = query.column_index("seal").doing(doing)?;
    let columns = query.column_count();
    let mut found = query.query(range).doing(doing)?;
    let mut scratch = Vec::new();
    while let Some(read) = found.next().doing(doing)? {
        let mut row = Row::new(table, scratch);
        for column in (0..columns).filter(|column| *column != sealed) {
            row.cell(column - usize::from(column > sealed), read.get_ref(column).doing(doing)?);
        }
        let seal = read.get(sealed).doing(doing)?;
        each(read, row.hash(), seal).doing(doing)?;
        scratch = row.0;
    }
    Ok(())
}
