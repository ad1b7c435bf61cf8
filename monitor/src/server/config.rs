//! What a seat server is opened with. Nothing is read here; the wiring fills it in.

use std::{os::fd::OwnedFd, path::PathBuf, sync::mpsc::Receiver, time::Duration};

use jiff::Timestamp;
use lic_admission::capacity::Tool;
use lic_analytics::wait::Runs;
use lic_protocol::{
    name::{FeatureName, HostName, UserName},
    wire::Request,
};

use crate::around::rule::ProcessMatch;

/// What a seat server is opened with.
pub struct SeatServerConfig {
    /// The runtime folder: socket, tokens and tools' files are made in it.
    pub runtime: PathBuf,
    /// The tools whose seats are given out.
    pub tools: Vec<ToolConfig>,
    /// Where licwrap tells of runs while the monitor is away; `None`: nowhere.
    pub spool: Option<SpoolConfig>,
    /// This host's name.
    pub host: HostName,
    /// A socket that listens already, such as [`manager::listener`](crate::manager::listener) gives.
    pub listener: Option<OwnedFd>,
    /// Told again and again that the loop turns, where somebody wants to know.
    pub alive: Option<Alive>,
    /// The last moment at which the monitor before this one is known to have lived.
    pub last_alive: Option<Timestamp>,
    /// What the live database believes of server `local`.
    pub believed: Believed,
    /// Does what is asked and is not about seats.
    pub on_act: OnAct,
    /// How long runs of a feature lasted.
    pub past: Past,
    /// Tools as they are configured from then on.
    pub reloads: Receiver<Vec<ToolConfig>>,
    /// Readable when there are any.
    pub reload: OwnedFd,
}

/// The folder of runs while the monitor is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The folder, in one that is there.
    pub path: PathBuf,
    /// Who may enter it: 1733 for all, to leave a file and see no other.
    pub mode: u32,
}

/// A tool, and how its seats are given out.
#[derive(Clone, Debug)]
pub struct ToolConfig {
    /// Its name, which is the feature that licwrap asks for.
    pub name: FeatureName,
    /// How its seats are given out.
    pub tool: Tool,
    /// What licwrap does while the monitor is away.
    pub on_down: OnDown,
    /// For how long licwrap waits then, where it waits.
    pub on_down_wait_s: u32,
    /// What its processes look like, where runs without licwrap are looked for.
    pub process: Option<ProcessMatch>,
}

/// What licwrap does while the monitor is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDown {
    /// Runs the tool uncounted.
    Run,
    /// Waits for the monitor.
    Wait,
    /// Does not run the tool.
    Deny,
}

impl OnDown {
    /// The word in a tool's file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Wait => "wait",
            Self::Deny => "deny",
        }
    }
}

/// What the live database shows of wrapped tools when the monitor starts. Whatever of it the runtime folder does not know
/// is over: the folder was emptied, by a restart of the host or by hand.
#[derive(Clone, Debug, Default)]
pub struct Believed {
    /// Sessions that are open.
    pub sessions: Vec<BelievedSession>,
    /// Waiters in queues.
    pub waiters: Vec<BelievedWaiter>,
}

/// A session that is open in the live database.
#[derive(Clone, Debug, PartialEq)]
pub struct BelievedSession {
    /// Its handle: a lease id.
    pub handle: String,
    /// Its feature.
    pub feature: FeatureName,
    /// Who holds it.
    pub user: UserName,
    /// Where.
    pub host: HostName,
    /// Since when.
    pub started: Timestamp,
}

/// A waiter in the live database.
#[derive(Clone, Debug, PartialEq)]
pub struct BelievedWaiter {
    /// Its ticket.
    pub ticket: String,
    /// What it waits for.
    pub feature: FeatureName,
}

/// How long runs of a feature lasted. It is asked when somebody wants to know how long he may wait, and should not take long.
pub type Past = Box<dyn FnMut(&FeatureName) -> Runs + Send>;

/// Whoever wants to hear that the loop turns.
pub struct Alive {
    /// How often.
    pub every: Duration,
    /// Hears it; must not block.
    pub tell: Box<dyn Fn() + Send>,
}

/// Does what is asked and is not about seats; must not block.
pub type OnAct = Box<dyn Fn(Act) + Send>;

/// A request that is not about seats, from root or the monitor's own user.
#[derive(Debug)]
pub struct Act {
    /// What is asked: anything but `Acquire`, `Explain` and `Release`.
    pub request: Request,
    /// Where to answer: blocking, and with a limit on how long a write may take.
    pub connection: OwnedFd,
    /// The descriptor that came with the request; there is one with every `Import`.
    pub file: Option<OwnedFd>,
    /// Who asks, by the kernel.
    pub uid: u32,
}
