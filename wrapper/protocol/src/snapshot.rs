//! What a license server answers when it is asked for its state: `licmon parse --kind status`. No events: who holds what, at one
//! instant. A field that the answer does not show is `None`, never 0.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    event::words,
    name::{FeatureName, HostName, UserName, VendorName},
    time::{ms_option, rfc3339},
    view::{Coverage, ServerState},
};

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Whether it serves.
    pub state: ServerState,
    /// Why it does not, or not wholly, as a sentence.
    pub error: Option<String>,
    /// The time the answer gives itself.
    #[serde(with = "ms_option")]
    pub as_of: Option<Timestamp>,
    /// The machines of the license server: one, or the members of a redundant set.
    pub servers: Vec<Member>,
    /// The vendor daemons, or what the system has of that kind.
    pub daemons: Vec<Daemon>,
    /// In the order of the answer. Equal names of other vendors, versions or pools are rows of their own.
    pub features: Vec<FeatureStatus>,
    /// Named sets of users or hosts that reservations and limits speak of.
    pub groups: Vec<Group>,
    /// What somebody should know of the answer, as sentences: what is contradictory in it, what it leaves out.
    pub notes: Vec<String>,
    /// What was understood of it.
    pub coverage: Coverage,
}

/// A machine of a license server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub host: HostName,
    /// Whether it serves.
    pub state: ServerState,
    /// Whether it leads a redundant set.
    #[serde(default)]
    pub master: bool,
    /// Version of the server program.
    #[serde(default)]
    pub version: Option<String>,
    /// Why it does not serve.
    #[serde(default)]
    pub error: Option<String>,
}

/// A program of a vendor on a license server, which owns features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Daemon {
    /// Its name.
    pub name: String,
    /// Whether it serves.
    pub state: ServerState,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// Why it does not serve.
    #[serde(default)]
    pub error: Option<String>,
}

/// A feature as its license server shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureStatus {
    /// Its name.
    pub feature: FeatureName,
    /// Version served.
    #[serde(default)]
    pub version: Option<String>,
    /// Who owns it.
    #[serde(default)]
    pub vendor: Option<VendorName>,
    /// Which of several stocks of the same name it is.
    #[serde(default)]
    pub pool: Option<String>,
    /// Seats bought.
    #[serde(default)]
    pub issued: Option<u32>,
    /// Seats held, as the license server counts them; reserved ones are in it where the system counts so (FlexNet).
    #[serde(default)]
    pub in_use: Option<u32>,
    /// Seats set aside and held by nobody.
    #[serde(default)]
    pub reserved: Option<u32>,
    /// Requests that wait. They are not in use.
    #[serde(default)]
    pub queued: Option<u32>,
    /// True where there is no limit to count against.
    #[serde(default)]
    pub uncounted: bool,
    /// When the first of its licenses ends.
    #[serde(default)]
    pub expires: Option<Expiry>,
    /// What is wrong with it.
    #[serde(default)]
    pub error: Option<String>,
    /// Who holds seats, and who waits.
    #[serde(default)]
    pub holders: Vec<Holder>,
    /// For whom seats are set aside.
    #[serde(default)]
    pub reservations: Vec<Reservation>,
    /// How many seats somebody may hold at most.
    #[serde(default)]
    pub limits: Vec<Reservation>,
    /// The licenses that make up its seats, where the answer tells them apart.
    #[serde(default)]
    pub entitlements: Vec<Entitlement>,
}

impl FeatureStatus {
    /// A feature of which nothing but the name is known.
    #[must_use]
    pub fn named(feature: &str) -> Self {
        Self {
            feature: feature.into(),
            version: None,
            vendor: None,
            pool: None,
            issued: None,
            in_use: None,
            reserved: None,
            queued: None,
            uncounted: false,
            expires: None,
            error: None,
            holders: Vec::new(),
            reservations: Vec::new(),
            limits: Vec::new(),
            entitlements: Vec::new(),
        }
    }
}

/// Somebody who holds seats, or waits for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// Who; `None` where the server does not know its clients.
    #[serde(default)]
    pub user: Option<UserName>,
    /// Where.
    #[serde(default)]
    pub host: Option<HostName>,
    /// The display, or what the tool says in its place.
    #[serde(default)]
    pub display: Option<String>,
    /// The version asked for.
    #[serde(default)]
    pub version: Option<String>,
    /// Seats.
    #[serde(default = "one")]
    pub count: u32,
    /// Since when, as far as it is told.
    #[serde(default, with = "ms_option")]
    pub started: Option<Timestamp>,
    /// What the server calls this checkout.
    #[serde(default)]
    pub handle: Option<String>,
    /// Holders of one seat use it together.
    #[serde(default)]
    pub seat: Option<String>,
    /// Process id of the tool.
    #[serde(default)]
    pub pid: Option<u32>,
    /// The tool.
    #[serde(default)]
    pub process: Option<String>,
    /// Seconds for which the seat is borrowed or kept in all.
    #[serde(default)]
    pub linger_s: Option<u64>,
    /// When it comes back at the latest.
    #[serde(default, with = "ms_option")]
    pub linger_until: Option<Timestamp>,
    /// True for who waits and holds nothing.
    #[serde(default)]
    pub queued: bool,
}

impl Default for Holder {
    fn default() -> Self {
        Self {
            user: None,
            host: None,
            display: None,
            version: None,
            count: 1,
            started: None,
            handle: None,
            seat: None,
            pid: None,
            process: None,
            linger_s: None,
            linger_until: None,
            queued: false,
        }
    }
}

fn one() -> u32 {
    1
}

/// Seats set aside for somebody, or a limit for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Seats.
    pub count: u32,
    /// What `name` is of: `USER`, `HOST`, `GROUP`, `HOST_GROUP`, `DISPLAY`, `INTERNET`, `PROJECT`.
    pub kind: String,
    /// For whom.
    pub name: String,
}

/// A named set of users or hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// `GROUP` or `HOST_GROUP`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Who is in it.
    pub members: Vec<String>,
}

/// One license: some of the seats of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Version served.
    #[serde(default)]
    pub version: Option<String>,
    /// Seats.
    #[serde(default)]
    pub count: Option<u32>,
    /// When it ends.
    #[serde(default)]
    pub expires: Option<Expiry>,
    /// Where it may be used.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// The machine it is bound to.
    #[serde(default)]
    pub locked_to: Option<String>,
}

/// Where a license may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// On any machine, counted.
    Floating,
    /// On one machine.
    NodeLocked,
    /// As often as wanted.
    Uncounted,
}

words!(Kind { Floating = "floating", NodeLocked = "node_locked", Uncounted = "uncounted" });

/// When a license ends. In JSON a time, or the word `permanent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    /// The last second it can be used. Of a license that tells only a day, that is the last second of this day.
    At(Timestamp),
    /// Never.
    Permanent,
}

const PERMANENT: &str = "permanent";

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(at) => serializer.serialize_str(&rfc3339(*at)),
            Self::Permanent => serializer.serialize_str(PERMANENT),
        }
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text == PERMANENT {
            return Ok(Self::Permanent);
        }
        text.parse().map(Self::At).map_err(D::Error::custom)
    }
}
