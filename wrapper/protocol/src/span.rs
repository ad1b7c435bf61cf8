//! Span: a session without its names, what figures are made of.

use jiff::Timestamp;

use crate::event::EndReason;

/// A session without its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub started: Timestamp,
    /// When and why it ended; `None` while it is held.
    pub ended: Option<(Timestamp, EndReason)>,
    /// Sessions with the same number share a seat; `None` when it is a seat of its own.
    pub seat: Option<i64>,
    /// Seats asked for.
    pub count: u32,
}
