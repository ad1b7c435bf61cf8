//! The documents that pages, API and `--json` share. A field that was not observed is `None`, never 0.

pub mod denied;
pub mod events;
pub mod expiry;
pub mod people;
pub mod search;
pub mod series;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{EndReason, ReasonClass, words},
    gaps::Gaps,
    name::{FeatureName, HostName, ServerName, UserName, VendorName},
    seal::SealedUntil,
    time::{ms, ms_option},
};

/// Unknown lines of a file or a server that are kept to be shown.
pub const EXAMPLES_MAX: usize = 20;

/// Everything at one glance: `/overview`, `licmon status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// When this was read.
    #[serde(with = "ms")]
    pub as_of: Timestamp,
    /// One row per feature, by server and name.
    pub features: Vec<Feature>,
    /// One row per license server, by name.
    pub servers: Vec<Server>,
}

/// A feature of a license server, as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// Its license server.
    pub server: ServerName,
    /// Its license system.
    pub system: String,
    /// Its name.
    pub feature: FeatureName,
    /// Version served.
    pub version: Option<String>,
    /// Who owns it.
    pub vendor: Option<VendorName>,
    /// Seats bought; `None` where the system does not say.
    pub issued: Option<u32>,
    /// Seats held; `None` where holding cannot be seen.
    pub in_use: Option<u32>,
    /// Seats of those in use that only runs without a lease take, seen as processes: they are refused to nobody. `None` where
    /// no such run was seen.
    pub unwrapped: Option<u32>,
    /// Seats set aside.
    pub reserved: Option<u32>,
    /// Waiting requests; `None` where the system does not say.
    pub queued: Option<u32>,
    /// Sessions open; several may share a seat.
    pub sessions: Option<u32>,
    /// When the license ends.
    #[serde(with = "ms_option")]
    pub expires: Option<Timestamp>,
    /// True where there is no limit to count against.
    pub uncounted: bool,
    /// The newest time the license server was heard of.
    #[serde(with = "ms_option")]
    pub as_of: Option<Timestamp>,
    /// How it was seen.
    pub source: Source,
    /// Whether a wrapped tool is held to its seats; `None` for other features, and where it is not known.
    pub mode: Option<Mode>,
}

/// Whether a wrapped tool is held to its seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Its runs are counted.
    Off,
    /// What would be refused is told, and runs.
    Observe,
    /// It is.
    Enforce,
}

words!(Mode { Off = "off", Observe = "observe", Enforce = "enforce" });

/// How something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In a log that is followed or was imported.
    Log,
    /// In the answer of a license server.
    Poll,
    /// By licwrap.
    Wrapper,
    /// As a process on a host.
    Process,
    /// In another monitor's database, whose times are when that monitor saw things.
    Import,
}

words!(Source {
    Log = "log",
    Poll = "poll",
    Wrapper = "wrapper",
    Process = "process",
    Import = "import",
});

/// The history of a feature in figures: `/features`, `licmon features`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Checkouts seen.
    pub checkouts: u64,
    /// Ends by the client.
    pub checkins: u64,
    /// Ends by the server, after the client fell silent.
    pub timeouts: u64,
    /// Ends for any other reason.
    pub other_ends: u64,
    /// Sessions that ended.
    pub ended_sessions: u64,
    /// Hours of the sessions that ended.
    pub ended_session_hours: f64,
    /// Most seats in use at one instant.
    pub peak_seats: u32,
    /// Most sessions open at one instant.
    pub peak_sessions: u32,
    /// The first checkout.
    #[serde(with = "ms_option")]
    pub first: Option<Timestamp>,
    /// The last checkout or end.
    #[serde(with = "ms_option")]
    pub last: Option<Timestamp>,
}

/// One feature, now and ever: `/features/{server}/{feature}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureHistory {
    /// As it is now.
    #[serde(flatten)]
    pub now: Feature,
    /// Refused checkouts ever, every try.
    pub denials: u64,
    /// The same with tries in a row counted once.
    pub episodes: u64,
    /// What was held; `None` where holding cannot be seen.
    pub figures: Option<Figures>,
}

/// `/features`, `licmon features`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// By server and name.
    pub features: Vec<FeatureHistory>,
}

/// A checkout paired with its checkin, or still open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its number in the history.
    pub id: i64,
    /// Its license server.
    pub server: ServerName,
    /// The feature held.
    pub feature: FeatureName,
    /// Version asked for.
    pub version: Option<String>,
    /// Who holds or held it.
    pub user: UserName,
    /// From where.
    pub host: HostName,
    /// Display the tool draws on.
    pub display: Option<String>,
    /// Seats asked for.
    pub count: u32,
    /// How the system counts.
    pub unit: Option<String>,
    /// When it began.
    #[serde(with = "ms")]
    pub started: Timestamp,
    /// When it ended; `None` while it is held.
    #[serde(with = "ms_option")]
    pub ended: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// How long it was held; `None` while it is held, and where only bounds of its end are known.
    pub duration_s: Option<f64>,
    /// The executable.
    pub process: Option<String>,
    /// The project the user named.
    pub project: Option<String>,
    /// The system's own key for it.
    pub handle: Option<String>,
    /// How it was seen.
    pub source: Source,
    /// Sessions with the same seat share one.
    pub seat: Option<String>,
    /// The earliest it can have begun, where only bounds are known.
    #[serde(with = "ms_option")]
    pub started_after: Option<Timestamp>,
    /// The latest it can have ended, where only bounds are known.
    #[serde(with = "ms_option")]
    pub ended_before: Option<Timestamp>,
    /// When we learned of its beginning.
    #[serde(with = "ms")]
    pub learned_at: Timestamp,
    /// Exit status of a wrapped tool.
    pub exit_status: Option<i32>,
    /// Signal that ended a wrapped tool.
    pub exit_signal: Option<i32>,
    /// Processor time of a wrapped tool.
    pub cpu_s: Option<f64>,
    /// Peak memory of a wrapped tool.
    pub memory_peak_bytes: Option<u64>,
    /// For an open session: true where the kernel says that it is held; false once its license server has restarted since,
    /// because no line tells whether it survived.
    pub verified: Option<bool>,
}

/// `/sessions`, `licmon sessions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// Newest first.
    pub sessions: Vec<Session>,
    /// Pass as `after` for the next page; `None` on the last.
    pub next: Option<String>,
}

/// A refused checkout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Denial {
    /// Its number in the history.
    pub id: i64,
    /// When.
    #[serde(with = "ms")]
    pub at: Timestamp,
    /// When we learned of it.
    #[serde(with = "ms")]
    pub learned_at: Timestamp,
    /// By which license server.
    pub server: ServerName,
    /// The feature refused.
    pub feature: FeatureName,
    /// Who asked.
    pub user: UserName,
    /// From where.
    pub host: HostName,
    /// Seats asked for.
    pub count: u32,
    /// The reason in the system's own words.
    pub reason: String,
    /// The reason in ours.
    pub reason_class: ReasonClass,
    /// The executable.
    pub process: Option<String>,
    /// How many tries in a row it stands for.
    pub tries: u32,
    /// The episode of tries it belongs to: the number of the first of them.
    pub episode: i64,
}

/// Refusals of one user at one host for one feature, each soon after the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The number of its first denial.
    pub id: i64,
    /// When it began.
    #[serde(with = "ms")]
    pub first: Timestamp,
    /// When it was last tried.
    #[serde(with = "ms")]
    pub last: Timestamp,
    /// How many tries it had.
    pub tries: u64,
    /// How it ended; `None` while it may go on, and where checkouts cannot be seen.
    pub outcome: Option<EpisodeOutcome>,
    /// When a seat was granted after all.
    #[serde(with = "ms_option")]
    pub granted_at: Option<Timestamp>,
}

/// How tries in a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeOutcome {
    /// With a seat, during them or soon after the last.
    Granted,
    /// Without one: whoever asked asked no more.
    GaveUp,
}

/// `/denials`, `licmon denials`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Denials {
    /// Newest first.
    pub denials: Vec<Denial>,
    /// The episodes they belong to, whole, whatever the page shows of them.
    pub episodes: Vec<Episode>,
    /// Pass as `after` for the next page; `None` on the last.
    pub next: Option<String>,
}

impl Denials {
    /// Each episode once: with its newest denial of this page, in the order of those.
    #[must_use]
    pub fn by_episode(&self) -> Vec<(&Denial, &Episode)> {
        let newest = |episode| {
            let at = self.denials.iter().position(|denial| denial.episode == episode)?;
            Some((at, self.denials.get(at)?))
        };
        let mut rows: Vec<_> = self
            .episodes
            .iter()
            .filter_map(|episode| newest(episode.id).map(|(at, denial)| (at, denial, episode)))
            .collect();
        rows.sort_unstable_by_key(|(at, ..)| *at);
        rows.into_iter().map(|(_, denial, episode)| (denial, episode)).collect()
    }
}

/// Somebody who waits for seats now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiter {
    /// Of which license server.
    pub server: ServerName,
    /// The feature waited for.
    pub feature: FeatureName,
    /// Who waits.
    pub user: UserName,
    /// Where.
    pub host: HostName,
    /// Seats asked for.
    pub count: u32,
    /// Since when.
    #[serde(with = "ms")]
    pub since: Timestamp,
    /// 1 is next.
    pub place: u32,
    /// When it may start, if runs last as long as those before; `None` where that is not known.
    #[serde(with = "ms_option")]
    pub expected_start: Option<Timestamp>,
}

/// `/queue`, `licmon queue`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiters {
    /// By server, feature and place.
    pub queue: Vec<Waiter>,
    /// The wrapped tools, and every other feature that somebody waits for or that is asked for by name; by server and name.
    pub features: Vec<QueuedFeature>,
}

/// A feature with those who hold it and those who wait for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuedFeature {
    /// As it is now.
    #[serde(flatten)]
    pub now: Feature,
    /// Seats that nobody holds; `None` where it is not known how many there are, and where there is no limit.
    pub free: Option<u32>,
    /// Past runs that the expected starts are made of; `None` where nobody waits.
    pub runs: Option<u32>,
    /// Its sessions, the longest held first.
    pub holders: Vec<Session>,
    /// Sessions beyond the limit of rows.
    pub holders_more: u32,
    /// Who waits, the next one first.
    pub waiting: Vec<Waiter>,
    /// Waiters beyond the limit of rows.
    pub waiting_more: u32,
}

/// A license server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Its name.
    pub name: ServerName,
    /// Its license system.
    pub system: String,
    /// The zone of the times it writes.
    pub zone: Option<String>,
    /// What is known of its health.
    pub state: ServerState,
    /// Since when it is in that state.
    #[serde(with = "ms_option")]
    pub since: Option<Timestamp>,
    /// The newest time in anything it wrote or answered.
    #[serde(with = "ms_option")]
    pub last_answer: Option<Timestamp>,
    /// How long the last answer took.
    pub response_ms: Option<f64>,
    /// What is wrong with reading it, as one sentence.
    pub error: Option<String>,
    /// False where its log shows no checkouts because tracing is off; `None` while nothing was read.
    pub usage_visible: Option<bool>,
    /// Whether denials can be seen.
    pub denials_visible: Option<bool>,
    /// What was understood of what was read.
    pub coverage: Coverage,
    /// What could not be read.
    pub gaps: Gaps,
    /// The files that were read, newest first.
    pub sources: Vec<SourceFile>,
}

/// What is known of a license server's health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// It serves.
    Up,
    /// A part of it does not.
    Degraded,
    /// It stopped.
    Down,
    /// Nothing tells.
    #[default]
    Unknown,
}

words!(ServerState { Up = "up", Degraded = "degraded", Down = "down", Unknown = "unknown" });

/// `/servers`, `licmon servers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Servers {
    /// By name.
    pub servers: Vec<Server>,
    /// Where the chain of history ends: what is written down elsewhere shows later whether anything before it was changed. Null
    /// while nothing is sealed.
    pub sealed_until: Option<SealedUntil>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Where it was last seen.
    pub path: String,
    /// Bytes read.
    pub offset: u64,
    /// Lines read.
    pub lines: u64,
    /// The newest time in it.
    #[serde(with = "ms_option")]
    pub last_at: Option<Timestamp>,
    /// What keeps us from reading it, as one sentence.
    pub error: Option<String>,
}

/// How much of a text was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Lines read.
    pub lines: u64,
    /// Lines that were events.
    pub events: u64,
    /// Lines known to mean nothing to us.
    pub noise: u64,
    /// Lines we did not understand.
    pub unknown: u64,
    /// Some of those, at most `EXAMPLES_MAX`.
    pub examples: Vec<Example>,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Its number in its file, from 1.
    pub line: u64,
    /// Why it was not understood.
    pub why: String,
    /// The line, cut to a readable length.
    pub text: String,
}
