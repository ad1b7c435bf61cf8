//! Asking: one file per question, over connections that can change nothing.

mod denials;
pub mod episodes;
mod features;
mod pages;
mod servers;
mod sessions;
mod spans;

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::{Filter, Which},
    seal::SealedUntil,
    span::Span,
    view::{Denials, Feature, Overview, Server, Session, Sessions, Waiter},
};
use rusqlite::Connection;

use self::episodes::DenialCount;
use crate::{
    chain,
    error::{Doing, StoreError},
    lock,
    open::{self, DatabasePaths},
};

/// Reads both databases while they are written.
pub struct Reader {
    live: Connection,
    history: Connection,
    paths: DatabasePaths,
}

impl Reader {
    /// Opens both databases for reading.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when nothing was ever stored there; others when a file is not ours or cannot be read.
    pub fn open(paths: &DatabasePaths) -> Result<Self, StoreError> {
        Ok(Self {
            live: open::live_for_reading(&paths.live)?,
            history: open::history_for_reading(&paths.history)?,
            paths: paths.clone(),
        })
    }

    /// A number that changes whenever something was committed to live by somebody else, and when licmon starts or stops.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn change_number(&self) -> Result<i64, StoreError> {
        let version: i64 = self
            .live
            .query_row("pragma data_version", [], |row| row.get(0))
            .doing("look for a commit")?;
        Ok(version * 2 + i64::from(lock::is_held(&self.paths)))
    }

    /// Everything at one glance.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn overview(&self, now: Timestamp) -> Result<Overview, StoreError> {
        let servers = self.servers()?;
        let features = features::all(&self.live, &servers)?;
        Ok(Overview { as_of: now, features, servers })
    }

    /// Every feature as it is now, by server and name.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn features(&self) -> Result<Vec<Feature>, StoreError> {
        features::all(&self.live, &self.servers()?)
    }

    /// One feature as it is now.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn feature(
        &self,
        server: &ServerName,
        feature: &FeatureName,
    ) -> Result<Option<Feature>, StoreError> {
        let mut features = self.features()?.into_iter();
        Ok(features.find(|found| found.server == *server && found.feature == *feature))
    }

    /// Sessions, newest first.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn sessions(&self, which: Which, filter: &Filter) -> Result<Sessions, StoreError> {
        match which {
            Which::Active => sessions::active(&self.live, filter),
            Which::Ended => sessions::recorded(&self.history, &self.live, filter, true),
            Which::All => sessions::recorded(&self.history, &self.live, filter, false),
        }
    }

    /// Refused checkouts, newest first.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn denials(&self, filter: &Filter) -> Result<Denials, StoreError> {
        denials::denials(&self.history, filter)
    }

    /// License servers, by name.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn servers(&self) -> Result<Vec<Server>, StoreError> {
        servers::all(&self.live, &self.history, lock::is_held(&self.paths))
    }

    /// Where the chain of history ends; `None` while nothing is sealed.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn sealed_until(&self) -> Result<Option<SealedUntil>, StoreError> {
        chain::sealed_until(&self.history)
    }

    /// Sessions held now of wrapped tools, of features that somebody waits for, and of the feature that `filter` names; of its
    /// server alone, where it names one, and nothing else of it counts. By server and feature, the longest held first.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn holders(&self, filter: &Filter) -> Result<Vec<Session>, StoreError> {
        sessions::holders(&self.live, filter)
    }

    /// Who waits now, by server, feature and place; when each may start is not said.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn waiters(&self) -> Result<Vec<Waiter>, StoreError> {
        features::waiters(&self.live)
    }

    /// Every session of a feature, in no order: what its figures are made of.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn spans(
        &self,
        server: &ServerName,
        feature: &FeatureName,
    ) -> Result<Vec<Span>, StoreError> {
        spans::of_feature(&self.history, server, feature)
    }

    /// How often checkouts of a feature were refused.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn denial_count(
        &self,
        server: &ServerName,
        feature: &FeatureName,
    ) -> Result<DenialCount, StoreError> {
        episodes::count(&self.history, server, feature)
    }
}

/// A time column; what cannot be a time is the oldest one there is.
fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::MIN)
}

/// A word column read as one of our enums.
fn word<T>(
    what: &'static str,
    word: &str,
    from_word: fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    from_word(word).ok_or_else(|| StoreError::Strange { what, value: word.to_owned() })
}
