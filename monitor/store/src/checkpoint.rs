//! How far a file was read, and what was understood of it. Moves in the same transaction as the events before it.

use jiff::Timestamp;
use lic_protocol::{name::ServerName, view::Coverage};
use rusqlite::{Connection, Row, named_params};

use crate::error::{Doing, StoreError};

/// How far one generation of one file was read.
///
/// A generation is a file as long as it only grows; truncated or rewritten, it is a new one with a new `id`.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Chosen by the source when it first opens the generation; unique.
    pub id: i64,
    /// The license server whose file it is.
    pub server: ServerName,
    /// Where it was last seen.
    pub path: String,
    /// What tells it from other files.
    pub file: FileMark,
    /// Bytes read: always just behind a line feed.
    pub offset: u64,
    /// The newest time in it.
    pub last_at: Option<Timestamp>,
    /// Lines that showed a checkout or checkin.
    pub usage_lines: u64,
    /// What was understood; `examples` are the newest unknown lines.
    pub coverage: Coverage,
    /// Whether the file was seen to go away when all of it was read.
    pub is_gone: bool,
}

/// What tells a file from every other: a name is not enough, nor is an inode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMark {
    /// Device.
    pub dev: u64,
    /// Inode; file systems give it to the next file at once.
    pub ino: u64,
    /// How many of its first bytes `head` covers.
    pub head_len: u32,
    /// SHA-256 of its first `head_len` bytes.
    pub head: Vec<u8>,
    /// How many bytes before `offset` the `anchor` covers.
    pub anchor_len: u32,
    /// SHA-256 of the `anchor_len` bytes before `offset`.
    pub anchor: Vec<u8>,
}

/// The checkpoints of a server, the newest file first.
pub(crate) fn of_server(
    history: &Connection,
    server: &ServerName,
) -> Result<Vec<Checkpoint>, StoreError> {
    let doing = "read the checkpoints of a server";
    let sql = "select
            c.id, c.path, c.dev, c.ino, c.head_len, c.head, c.anchor_len, c.anchor, c.offset, c.last_at_ms,
            c.usage_lines, c.lines, c.events, c.noise, c.unknown, c.examples, c.is_gone
        from checkpoint c join server on server.id = c.server
        where server.name = :server order by c.last_at_ms desc, c.path desc";
    let mut checkpoints = history.prepare_cached(sql).doing(doing)?;
    let rows = checkpoints.query_map([server.as_str()], |row| checkpoint(server, row));
    rows.and_then(Iterator::collect).doing(doing)
}

/// Moves a checkpoint, or sets it for the first time.
pub(crate) fn move_to(
    history: &Connection,
    server: i64,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    let doing = "move a checkpoint";
    let sql = "insert into checkpoint (
            id, server, path, dev, ino, head_len, head, anchor_len, anchor, offset, last_at_ms, usage_lines, lines,
            events, noise, unknown, examples, is_gone)
        values (
            :id, :server, :path, :dev, :ino, :head_len, :head, :anchor_len, :anchor, :offset, :last_at_ms,
            :usage_lines, :lines, :events, :noise, :unknown, :examples, :is_gone)
        on conflict (id) do update set
            path = :path, dev = :dev, ino = :ino, head_len = :head_len, head = :head, anchor_len = :anchor_len,
            anchor = :anchor, offset = :offset, last_at_ms = :last_at_ms, usage_lines = :usage_lines, lines = :lines,
            events = :events, noise = :noise, unknown = :unknown, examples = :examples,
            is_gone = :is_gone";
    let coverage = &checkpoint.coverage;
    let examples = serde_json::to_string(&coverage.examples).expect("text and numbers are JSON");
    let values = named_params! {
        ":id": checkpoint.id,
        ":server": server,
        ":path": checkpoint.path,
        ":dev": checkpoint.file.dev.cast_signed(),
        ":ino": checkpoint.file.ino.cast_signed(),
        ":head_len": checkpoint.file.head_len,
        ":head": checkpoint.file.head,
        ":anchor_len": checkpoint.file.anchor_len,
        ":anchor": checkpoint.file.anchor,
        ":offset": checkpoint.offset.cast_signed(),
        ":last_at_ms": checkpoint.last_at.map(jiff::Timestamp::as_millisecond),
        ":usage_lines": checkpoint.usage_lines.cast_signed(),
        ":lines": coverage.lines.cast_signed(),
        ":events": coverage.events.cast_signed(),
        ":noise": coverage.noise.cast_signed(),
        ":unknown": coverage.unknown.cast_signed(),
        ":examples": examples,
        ":is_gone": checkpoint.is_gone,
    };
    history.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

fn checkpoint(server: &ServerName, row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let unsigned = |column: usize| row.get(column).map(i64::cast_unsigned);
    let last_at_ms: Option<i64> = row.get(9)?;
    let examples: String = row.get(15)?;
    Ok(Checkpoint {
        id: row.get(0)?,
        server: server.clone(),
        path: row.get(1)?,
        file: FileMark {
            dev: unsigned(2)?,
            ino: unsigned(3)?,
            head_len: row.get(4)?,
            head: row.get(5)?,
            anchor_len: row.get(6)?,
            anchor: row.get(7)?,
        },
        offset: unsigned(8)?,
        last_at: last_at_ms.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok()),
        usage_lines: unsigned(10)?,
        coverage: Coverage {
            lines: unsigned(11)?,
            events: unsigned(12)?,
            noise: unsigned(13)?,
            unknown: unsigned(14)?,
            // Examples are for people; a list that cannot be read is shown as none.
            examples: serde_json::from_str(&examples).unwrap_or_default(),
        },
        is_gone: row.get(16)?,
    })
}
