//! What carries a day of history elsewhere: the lines of `licmon export`, one JSON object each. The first is the header, the last
//! says how many stand between.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    event::{Checkin, Checkout, Denial, EndReason, Event, Fact, HandleOf, Identity, ReasonClass},
    name::{FeatureName, HostName, ServerName, UserName, VendorName},
    outcome::Outcome,
    seal::Head,
    time::{ms, ms_option},
    view::Source,
};

/// The form that this program writes and reads.
pub const FORM: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Export(Header),
    /// A seat was taken.
    Checkout(Told<Taken>),
    /// A seat was given back.
    Checkin(Told<Given>),
    /// A checkout was refused.
    Denial(Told<Refused>),
    /// The last: without it, something is missing.
    End {
        /// Lines between the first and this.
        lines: u64,
    },
}

/// What the lines are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// How the lines are written: [`FORM`].
    pub form: u32,
    /// The day, in UTC.
    pub day: Date,
    /// The license server; null for all.
    pub server: Option<ServerName>,
    /// The head of the history that they were read from.
    pub head: Option<Head>,
}

/// An event: what all have, and what its kind has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told<T> {
    /// When it happened.
    #[serde(with = "ms")]
    pub at: Timestamp,
    /// When the licmon that exports it learned of it.
    #[serde(with = "ms")]
    pub learned_at: Timestamp,
    /// Its license server.
    pub server: ServerName,
    /// The license system of that.
    pub system: String,
    /// How it was seen.
    pub source: Source,
    /// The feature.
    pub feature: FeatureName,
    /// What its kind has.
    #[serde(flatten)]
    pub fact: T,
    /// What makes it the same event wherever it comes from: the hash in 16 hexadecimal digits.
    pub identity: String,
    /// How many equal lines stood before its line.
    pub ordinal: u32,
    /// Its line, where that was kept.
    pub raw: Option<String>,
}

/// A seat taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    user: UserName,
    host: HostName,
    count: u32,
    handle: String,
    seat: Option<String>,
    version: Option<String>,
    vendor: Option<VendorName>,
    unit: Option<String>,
    display: Option<String>,
    process: Option<String>,
    project: Option<String>,
}

/// A seat given back. `count` and `began` are those of its checkout, and null where that is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    user: UserName,
    host: HostName,
    count: Option<u32>,
    #[serde(default, with = "ms_option")]
    began: Option<Timestamp>,
    handle: String,
    reason: EndReason,
    #[serde(with = "ms_option")]
    ended_before: Option<Timestamp>,
    exit_status: Option<u32>,
    exit_signal: Option<u32>,
    cpu_ms: Option<u64>,
    memory_peak_bytes: Option<u64>,
}

/// A refused checkout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    user: UserName,
    host: HostName,
    count: u32,
    reason: String,
    reason_class: ReasonClass,
    process: Option<String>,
    tries: u32,
}

/// An event with whose it is and how it was learned: what a line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// Its license server.
    pub server: ServerName,
    /// The license system of that.
    pub system: String,
    /// How it was seen.
    pub source: Source,
    /// When it was learned.
    pub learned_at: Timestamp,
    /// The event. A handle is of a holder: several of its sessions may be open, and an end is told with its seats and with when
    /// its session began.
    pub event: Event,
}

impl Line {
    /// The line of an event; `None` for kinds that are not carried.
    #[must_use]
    pub fn of(carried: Carried) -> Option<Self> {
        match carried.event.fact.clone() {
            Fact::Checkout(of) => {
                let fact = Taken {
                    user: of.user,
                    host: of.host,
                    count: of.count,
                    handle: of.handle,
                    seat: of.seat,
                    version: of.version,
                    vendor: of.vendor,
                    unit: of.unit,
                    display: of.display,
                    process: of.process,
                    project: of.project,
                };
                Some(Self::Checkout(Told::of(carried, of.feature, fact)))
            }
            Fact::Checkin(of) => {
                let fact = Given {
                    user: of.user,
                    host: of.host,
                    count: of.count,
                    began: match of.handle_of {
                        HandleOf::SessionSince(began) => Some(began),
                        HandleOf::Session | HandleOf::Holder => None,
                    },
                    handle: of.handle,
                    reason: of.reason,
                    ended_before: of.ended_before,
                    exit_status: of.outcome.exit_status,
                    exit_signal: of.outcome.exit_signal,
                    cpu_ms: of.outcome.cpu_ms,
                    memory_peak_bytes: of.outcome.memory_peak_bytes,
                };
                Some(Self::Checkin(Told::of(carried, of.feature, fact)))
            }
            Fact::Denial(of) => {
                let fact = Refused {
                    user: of.user,
                    host: of.host,
                    count: of.count,
                    reason: of.reason,
                    reason_class: of.class,
                    process: of.process,
                    tries: of.tries,
                };
                Some(Self::Denial(Told::of(carried, of.feature, fact)))
            }
            Fact::Queue(_) | Fact::Dequeue(_) | Fact::Server(_) => None,
        }
    }

    /// The event of a line; `None` for the first and the last, and where its identity is none.
    #[must_use]
    pub fn carried(self) -> Option<Carried> {
        match self {
            Self::Export(_) | Self::End { .. } => None,
            Self::Checkout(told) => told.carried(|feature, of| {
                Fact::Checkout(Checkout {
                    feature,
                    user: of.user,
                    host: of.host,
                    count: of.count,
                    handle: of.handle,
                    handle_of: HandleOf::Holder,
                    seat: of.seat,
                    version: of.version,
                    vendor: of.vendor,
                    unit: of.unit,
                    display: of.display,
                    process: of.process,
                    project: of.project,
                })
            }),
            Self::Checkin(told) => told.carried(|feature, of| {
                Fact::Checkin(Checkin {
                    feature,
                    handle: of.handle,
                    handle_of: of.began.map_or(HandleOf::Holder, HandleOf::SessionSince),
                    count: of.count,
                    user: of.user,
                    host: of.host,
                    reason: of.reason,
                    ended_before: of.ended_before,
                    outcome: Outcome {
                        exit_status: of.exit_status,
                        exit_signal: of.exit_signal,
                        cpu_ms: of.cpu_ms,
                        memory_peak_bytes: of.memory_peak_bytes,
                    },
                })
            }),
            Self::Denial(told) => told.carried(|feature, of| {
                Fact::Denial(Denial {
                    feature,
                    user: of.user,
                    host: of.host,
                    count: of.count,
                    reason: of.reason,
                    class: of.reason_class,
                    process: of.process,
                    tries: of.tries,
                })
            }),
        }
    }
}

impl<T> Told<T> {
    fn of(carried: Carried, feature: FeatureName, fact: T) -> Self {
        let Carried { server, system, source, learned_at, event } = carried;
        Self {
            at: event.at,
            learned_at,
            server,
            system,
            source,
            feature,
            fact,
            identity: format!("{:016x}", event.identity.hash),
            ordinal: event.identity.ordinal,
            raw: event.raw,
        }
    }

    fn carried(self, fact: impl FnOnce(FeatureName, T) -> Fact) -> Option<Carried> {
        let hash = u64::from_str_radix(&self.identity, 16).ok()?;
        Some(Carried {
            server: self.server,
            system: self.system,
            source: self.source,
            learned_at: self.learned_at,
            event: Event {
                at: self.at,
                fact: fact(self.feature, self.fact),
                identity: Identity { hash, ordinal: self.ordinal },
                raw: self.raw,
            },
        })
    }
}
