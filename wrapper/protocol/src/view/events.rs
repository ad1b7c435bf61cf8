//! Everything that happened, one after the other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::{
    event::words,
    name::{FeatureName, HostName, ServerName, UserName},
    time::ms,
};

/// `/events`, `licmon events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Newest first.
    pub events: Vec<Happened>,
    /// Pass as `after` for the next page; `None` on the last.
    pub next: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    /// Its number in the history.
    pub id: i64,
    /// When.
    #[serde(with = "ms")]
    pub at: Timestamp,
    /// When we learned of it.
    #[serde(with = "ms")]
    pub learned_at: Timestamp,
    /// What.
    pub kind: Kind,
    /// At which license server.
    pub server: ServerName,
    /// Of which feature; `None` where it is of the server itself.
    pub feature: Option<FeatureName>,
    /// Whose.
    pub user: Option<UserName>,
    /// Where.
    pub host: Option<HostName>,
    /// Seats.
    pub count: Option<u32>,
    /// Why it ended, was refused or left the queue, or how the server changed.
    pub reason: Option<String>,
    /// The session it began or ended.
    pub session: Option<i64>,
    /// How long that had lasted, for an end.
    pub duration_s: Option<f64>,
    /// How it was seen; `None` where that is not kept.
    pub source: Option<Source>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Seats were taken.
    Checkout,
    /// Seats were given back.
    Checkin,
    /// A checkout was refused.
    Denial,
    /// Somebody began to wait.
    Queue,
    /// Somebody no longer waits.
    Dequeue,
    /// The license server changed.
    Server,
}

words!(Kind {
    Checkout = "checkout",
    Checkin = "checkin",
    Denial = "denial",
    Queue = "queue",
    Dequeue = "dequeue",
    Server = "server",
});
