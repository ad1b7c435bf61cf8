//! Event: what happened, when, and what makes it the same event when it is read again.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    name::{FeatureName, HostName, UserName, VendorName},
    outcome::Outcome,
};

/// One thing that happened on a license server.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened, by the log's own stamp, to the millisecond.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
    /// What makes it the same event when the line is read again from another file.
    pub identity: Identity,
    /// The line itself, kept only where its time is ambiguous, or where it says more than the fact: who released a lease.
    pub raw: Option<String>,
}

/// The same line of the same server has the same identity, wherever and whenever it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// 64-bit hash of server and line.
    pub hash: u64,
    /// How many equal lines stood before this one in its file.
    pub ordinal: u32,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A seat was taken.
    Checkout(Checkout),
    /// A seat was given back, or taken back.
    Checkin(Checkin),
    /// A checkout was refused.
    Denial(Denial),
    /// Somebody began to wait for a seat.
    Queue(Queue),
    /// Somebody stopped waiting for a seat.
    Dequeue(Dequeue),
    /// The license server itself started, stopped, or reported a contradiction.
    Server(ServerEvent),
}

/// A seat taken. `None` is what the license system does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkout {
    /// The feature taken.
    pub feature: FeatureName,
    /// Who took it.
    pub user: UserName,
    /// From where.
    pub host: HostName,
    /// How many seats; 1 in nearly every system.
    pub count: u32,
    /// The pairing key: a checkin with the same handle and feature ends this checkout. A DSLS session id, or a lease.
    pub handle: String,
    /// Whose that handle is.
    pub handle_of: HandleOf,
    /// Checkouts with the same seat share one seat; `None` when each is a seat of its own.
    pub seat: Option<String>,
    /// Version the client asked for.
    pub version: Option<String>,
    /// Who owns the feature.
    pub vendor: Option<VendorName>,
    /// How seats are counted, in the system's own word: `ConcurrentUser`, `Token`.
    pub unit: Option<String>,
    /// Display the tool draws on.
    pub display: Option<String>,
    /// The executable.
    pub process: Option<String>,
    /// The project the user named.
    pub project: Option<String>,
}

/// Whose a handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandleOf {
    /// It is of one session at a time.
    Session,
    /// It is of a user on a host, who may have several sessions: the log numbers none of them. A checkin ends the oldest session
    /// of as many seats, or else the oldest.
    Holder,
    /// As of a holder, and a checkin ends the session that began then: an export tells which.
    SessionSince(Timestamp),
}

/// A seat given back.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkin {
    /// The feature given back.
    pub feature: FeatureName,
    /// The handle of the checkout that ends.
    pub handle: String,
    /// Whose that handle is.
    pub handle_of: HandleOf,
    /// How many seats were given back; `None` for all that the handle has.
    pub count: Option<u32>,
    /// Who held it.
    pub user: UserName,
    /// From where.
    pub host: HostName,
    /// Why it ended.
    pub reason: EndReason,
    /// The latest moment it can have ended, where only bounds are known; `at` is then the earliest.
    pub ended_before: Option<Timestamp>,
    /// How the wrapped tool ended.
    pub outcome: Outcome,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The client gave the seat back (a DSLS Detachment).
    Checkin,
    /// The server took it back after the client fell silent.
    Timeout,
    /// The license server shut down.
    Shutdown,
    /// Taken back from an idle client.
    Inactive,
    /// The wrapped tool ended.
    ToolExited,
    /// An administrator released it.
    Released,
    /// The host went down with it.
    HostRebooted,
    /// The end was not seen.
    Lost,
    /// Another session took its place.
    Superseded,
    /// The system did not say.
    Unknown,
}

/// A refused checkout.
#[derive(Clone, Debug, PartialEq)]
pub struct Denial {
    /// The feature refused.
    pub feature: FeatureName,
    /// Who asked.
    pub user: UserName,
    /// From where.
    pub host: HostName,
    /// How many seats were asked for.
    pub count: u32,
    /// The reason in the system's own words.
    pub reason: String,
    /// The reason in ours.
    pub class: ReasonClass,
    /// The executable.
    pub process: Option<String>,
    /// How many tries in a row it stands for: 1, but where somebody asks without end.
    pub tries: u32,
}

/// Why a checkout was refused, in the same words for every license system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonClass {
    /// Every seat was in use.
    Exhausted,
    /// The user may not have it.
    NotAuthorised,
    /// The server does not serve it (DSLS: not enrolled).
    NotLicensed,
    /// The license ran out.
    Expired,
    /// The version asked for is newer than the license.
    Version,
    /// Something else; see the reason.
    Other,
}

/// Somebody waits for seats.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// The feature waited for.
    pub feature: FeatureName,
    /// Who waits.
    pub user: UserName,
    /// Where.
    pub host: HostName,
    /// How many seats.
    pub count: u32,
    /// Pairs with the dequeue.
    pub ticket: String,
    /// By how much it goes before those who came when it did; none where the license system does not say it.
    pub credit: Duration,
}

/// Somebody no longer waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Dequeue {
    /// The feature waited for.
    pub feature: FeatureName,
    /// Pairs with the queue event.
    pub ticket: String,
    /// How the wait ended.
    pub outcome: WaitOutcome,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitOutcome {
    /// With the seats.
    Granted,
    /// The waiter went away: interrupted, timed out, or killed.
    Left,
    /// The feature is no longer there to wait for.
    Refused,
}

/// A change of the license server itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerEvent {
    /// What changed.
    pub change: ServerChange,
    /// The server's own words.
    pub text: String,
    /// Whose sessions it ended: all that are open and whose handle begins with this and a blank. A vendor daemon that starts
    /// knows nothing of those before.
    pub ends: Option<String>,
}

/// What changed about a license server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerChange {
    /// It started.
    Started,
    /// It stopped, or was suspended.
    Stopped,
    /// Its log contradicts itself; the text says how.
    Anomaly,
}

/// Implements the `snake_case` word of an enum, for SQL and for people, and the way back.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word used in JSON, SQL and tables.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant that `word` names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words!(EndReason {
    Checkin = "checkin",
    Timeout = "timeout",
    Shutdown = "shutdown",
    Inactive = "inactive",
    ToolExited = "tool_exited",
    Released = "released",
    HostRebooted = "host_rebooted",
    Lost = "lost",
    Superseded = "superseded",
    Unknown = "unknown",
});

words!(ReasonClass {
    Exhausted = "exhausted",
    NotAuthorised = "not_authorised",
    NotLicensed = "not_licensed",
    Expired = "expired",
    Version = "version",
    Other = "other",
});

words!(WaitOutcome { Granted = "granted", Left = "left", Refused = "refused" });

words!(ServerChange { Started = "started", Stopped = "stopped", Anomaly = "anomaly" });
