//! Gaps: what was written to the log of a license server and could not be read. Told, so that nothing is lost in silence.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::time::ms;

/// Gaps of a license server that are told one by one.
pub const GAPS_SHOWN_MAX: u32 = 20;

/// What could not be read of the logs of a license server, in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many there are. 0 where everything was read.
    pub count: u64,
    /// Bytes that are missing for certain: of those gaps whose end is known.
    pub bytes: u64,
    /// Gaps whose end is not known: there may be nothing in them.
    pub open_ended: u64,
    /// The newest ones, at most `GAPS_SHOWN_MAX`.
    pub newest: Vec<Gap>,
}

impl Gaps {
    /// What is missing, for people; `None` where nothing is.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let newest = self.newest.first()?;
        let Gap { path, from, why, .. } = newest;
        let gaps = if self.count == 1 { "gap" } else { "gaps" };
        Some(format!(
            "{} {gaps} in what was read, the newest in {path} from byte {from}: {why}",
            self.count
        ))
    }
}

/// A run of bytes of one file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its number in the history.
    pub id: i64,
    /// Where the file was last seen.
    pub path: String,
    /// The first byte that is missing.
    pub from: u64,
    /// The first byte behind it; `None` where nobody can know how long the file was.
    pub to: Option<u64>,
    /// When it was noticed.
    #[serde(with = "ms")]
    pub at: Timestamp,
    /// Why it could not be read, as one sentence.
    pub why: String,
}
