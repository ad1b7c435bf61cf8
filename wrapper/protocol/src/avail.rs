//! The document of `licmon avail --json`: whether seats of a feature can be had now.

use serde::{Deserialize, Serialize};

use crate::name::{FeatureName, ServerName};

/// Whether so many seats of a feature can be had from one license server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Available {
    /// Whether they can.
    pub available: bool,
    /// Seats asked for: those that were named, or as many as a run takes.
    pub count: u32,
    /// What the running licmon says to the one who asks, if it is a tool of this machine; `None` where it is none, or no licmon
    /// answers: then the databases decide, which know nothing of rules, hours and classes.
    pub said: Option<String>,
    /// The feature, once for each license server that has it, by server; empty where the databases cannot be read.
    pub features: Vec<FreeSeats>,
}

/// The seats of a feature of one license server, as the databases show them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeSeats {
    /// The license server; `local` for tools of this machine.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// Seats that anybody may have: none where somebody waits. `None` where it cannot be seen, and where there is no limit.
    pub free: Option<u32>,
    /// Seats bought; `None` where it is not known.
    pub issued: Option<u32>,
    /// Seats set aside; `None` where it is not known.
    pub reserved: Option<u32>,
    /// Who waits; `None` where it is not known.
    pub queued: Option<u32>,
    /// Whether there is no limit.
    pub uncounted: bool,
}
