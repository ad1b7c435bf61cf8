//! What a list is asked for: the same filters on a page, in the API and on the command line.

use jiff::Timestamp;

use crate::name::{FeatureName, HostName, ServerName, UserName};

/// Rows of one page of a list, unless asked otherwise.
pub const LIMIT_DEFAULT: u32 = 100;
/// Most rows of one page of a list.
pub const LIMIT_MAX: u32 = 1000;

/// Which sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Held now.
    Active,
    /// Ended.
    Ended,
    /// Both.
    #[default]
    All,
}

/// A filter over a list, newest first. An empty filter is everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Of one license server.
    pub server: Option<ServerName>,
    /// Of one feature.
    pub feature: Option<FeatureName>,
    /// Of one user, compared without regard to case.
    pub user: Option<UserName>,
    /// Of one host, compared without regard to case.
    pub host: Option<HostName>,
    /// At most so many rows; 0 means `LIMIT_DEFAULT`, and more than `LIMIT_MAX` means that.
    pub limit: u32,
    /// Only what comes after this row in the list.
    pub after: Option<Cursor>,
}

impl Filter {
    /// Rows this filter returns at most.
    #[must_use]
    pub fn rows_max(&self) -> usize {
        let limit = if self.limit == 0 { LIMIT_DEFAULT } else { self.limit.min(LIMIT_MAX) };
        limit as usize
    }

    /// Whether a feature is among those that this filter names.
    #[must_use]
    pub fn is_of(&self, server: &ServerName, feature: &FeatureName) -> bool {
        self.server.as_ref().is_none_or(|name| name == server)
            && self.feature.as_ref().is_none_or(|name| name == feature)
    }
}

/// The place of a row in a list ordered by time and id, newest first. Written `1755505626989-42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The time of the row, in milliseconds since 1970.
    pub at_ms: i64,
    /// Its id.
    pub id: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at_ms, self.id)
    }
}

impl std::str::FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (at_ms, id) = text.rsplit_once('-').ok_or(BadCursor)?;
        match (at_ms.parse(), id.parse()) {
            (Ok(at_ms), Ok(id)) => Ok(Self { at_ms, id }),
            _ => Err(BadCursor),
        }
    }
}

/// The text is not a cursor.
#[derive(Debug, thiserror::Error)]
#[error("not a place in a list: take the value of `next` from the page before")]
pub struct BadCursor;
