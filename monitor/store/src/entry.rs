//! Entry: what the picture of the present has to know of one record of history.

use lic_protocol::event::ServerChange;

use crate::gaps::Recorded;

/// One record of history, as the live fold sees it. It is made while the record is stored, or read back from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The record.
    pub(crate) id: i64,
    /// Its license server.
    pub(crate) server: String,
    /// When it happened.
    pub(crate) at_ms: i64,
    /// When its server was heard by it: a time in the future is when we learned of it.
    pub(crate) heard_ms: i64,
    /// What it changes.
    pub(crate) change: Change,
}

/// What a record changes in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// A session opened.
    Opened(Box<Opened>),
    /// The session of this checkout ended; `None` when its beginning is not known.
    Ended { checkout: Option<i64> },
    /// A checkout of this feature was refused.
    Denied { feature: String },
    /// Somebody began to wait.
    Waiting(Box<Waiting>),
    /// The wait of this row of `queued` ended.
    WaitEnded { queued: Option<i64> },
    /// The license server changed.
    Server(ServerChange),
    /// Bytes of a log could not be read.
    Missing(Box<Recorded>),
    /// What was missing by this row of `gap` was read.
    Mended { gap: i64 },
}

/// A session that opened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opened {
    pub(crate) feature: String,
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) learned_at_ms: i64,
    pub(crate) count: u32,
    pub(crate) handle: String,
    pub(crate) seat: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) vendor: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) display: Option<String>,
    pub(crate) process: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) source: String,
}

/// Somebody who began to wait.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) feature: String,
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) count: u32,
    pub(crate) ticket: String,
    pub(crate) credit_ms: i64,
}
