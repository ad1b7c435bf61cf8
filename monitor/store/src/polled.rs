//! What license servers answer: each change of it is a record of history, and the newest of every stock is in the picture.

pub(crate) mod change;
pub(crate) mod fold;
pub(crate) mod picture;
pub(crate) mod stock;

use std::time::Duration;

use jiff::Timestamp;
use lic_protocol::{name::ServerName, snapshot::Snapshot, view::ServerState};

/// Features of one answer that are kept; no license server serves as many.
pub(crate) const FEATURES_MAX: usize = 50_000;

/// An answer of a license server, or that it gave none.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// The license server.
    pub server: ServerName,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// How long the answer took; `None` where there is none.
    pub response_ms: Option<f64>,
    /// What it says. Where there is no answer, its error says why.
    pub snapshot: Snapshot,
}

impl Polled {
    fn is_answer(&self) -> bool {
        is_answer(self.snapshot.state)
    }

    /// When the answer was there.
    pub(crate) fn learned_at(&self) -> Timestamp {
        let took = Duration::try_from_secs_f64(self.response_ms.unwrap_or_default() / 1000.0);
        self.asked_at.saturating_add(took.unwrap_or_default()).unwrap_or(self.asked_at)
    }
}

/// Whether a license server in this state tells of its seats.
pub(crate) fn is_answer(state: ServerState) -> bool {
    matches!(state, ServerState::Up | ServerState::Degraded)
}
