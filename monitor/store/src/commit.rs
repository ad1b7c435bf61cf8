//! One commit: events and their checkpoint into history, then into live.

use jiff::Timestamp;
use lic_protocol::{event::Event, name::ServerName, view::Source};

use crate::checkpoint::Checkpoint;

/// Events of one license server that were learned together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Their license server, which was made known to the writer with its license system.
    pub server: ServerName,
    /// How they were seen.
    pub source: Source,
    /// When we learned of them.
    pub learned_at: Timestamp,
    /// In the order of their source.
    pub events: Vec<Event>,
    /// Where their source is read to once they are stored.
    pub checkpoint: Option<Checkpoint>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events stored.
    pub added: u64,
    /// Events that were stored already.
    pub duplicates: u64,
}
