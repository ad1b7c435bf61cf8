//! How far a file was read, and what was understood of it. Moves in the same transaction as the events before it.

use jiff::Timestamp;
use lic_protocol::{name::ServerName, view::Coverage};

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
