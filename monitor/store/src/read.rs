//! Asking: one file per question, over connections that can change nothing.

mod denials;
pub mod episodes;
mod export;
mod features;
pub mod folds;
mod happened;
pub mod hours;
pub mod issued;
mod outcomes;
mod pages;
mod people;
mod polled;
mod refused;
mod search;
mod servers;
mod sessions;
pub mod spans;
pub mod totals;
pub mod user_days;

use std::ops::Range;

use jiff::Timestamp;
use lic_protocol::{
    exchange::Carried,
    name::{FeatureName, ServerName, UserName},
    query::{Filter, Which},
    seal::SealedUntil,
    span::Span,
    view::{
        Denials, Feature, Overview, Server, Session, Sessions, Waiter,
        denied::Denied,
        events::{Events, Happened},
        people::{FeatureUse, Hosts, UserDetail, Users},
        search::Found,
    },
};
use rusqlite::Connection;

use self::{
    episodes::DenialCount,
    hours::{Hours, Of},
    issued::Step,
    spans::SpanOf,
    totals::DeniedOf,
    user_days::UserDay,
};
use crate::{
    chain,
    error::{Doing, StoreError},
    lock,
    open::{self, DatabasePaths},
    trouble::Trouble,
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
        let has_trouble = self.trouble().is_some();
        Ok(version * 4 + i64::from(has_trouble) * 2 + i64::from(lock::is_held(&self.paths)))
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

    /// Refused checkouts summed up: what was refused most, to whom, and when.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn denied(&self, filter: &Filter) -> Result<Denied, StoreError> {
        refused::denied(&self.history, filter)
    }

    /// License servers, by name.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn servers(&self) -> Result<Vec<Server>, StoreError> {
        let written =
            servers::Written { is_written: lock::is_held(&self.paths), trouble: self.trouble() };
        servers::all(&self.live, &self.history, written)
    }

    /// Why nothing can be recorded now, if that is so.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        lock::trouble(&self.paths)
    }

    /// Where the chain of history ends; `None` while nothing is sealed.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn sealed_until(&self) -> Result<Option<SealedUntil>, StoreError> {
        chain::sealed_until(&self.history)
    }

    /// Carries every checkout, checkin and denial from one time up to another to `each`, in the order in which they were learned, for
    /// as long as it says to go on. Before a checkin comes the checkout that it ends, where that is not of the span.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn carry(
        &self,
        (from, to): (Timestamp, Timestamp),
        server: Option<&ServerName>,
        each: impl FnMut(Carried) -> bool,
    ) -> Result<(), StoreError> {
        let (from_ms, to_ms) = (from.as_millisecond(), to.as_millisecond());
        export::carry(&self.history, export::Span { from_ms, to_ms, server }, each)
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

    /// Every session that was held at `from` or later, in no order: of one feature where `of` names one, else of all.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn spans_since(
        &self,
        from: Timestamp,
        of: Option<(&ServerName, &FeatureName)>,
    ) -> Result<Vec<SpanOf>, StoreError> {
        spans::since(&self.history, &self.live, from, of)
    }

    /// What happened, newest first.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn events(&self, filter: &Filter) -> Result<Events, StoreError> {
        happened::happened(&self.history, filter)
    }

    /// What was learned after the record numbered `after`, in the order it was learned, and the number up to which that was
    /// looked for. Looks through at most `limit` records: it is called again until it gives back its own `after`.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn learned(
        &self,
        filter: &Filter,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<Happened>, i64), StoreError> {
        happened::learned(&self.history, filter, after, limit)
    }

    /// The number of the newest record; 0 where there is none.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn newest_record(&self) -> Result<i64, StoreError> {
        happened::newest(&self.history)
    }

    /// Users with a session that began, or a denial that was, in the time of `filter`: who held seats longest first.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn users(&self, filter: &Filter, now: Timestamp) -> Result<Users, StoreError> {
        people::users(&self.history, filter, now)
    }

    /// The same, host by host.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn hosts(&self, filter: &Filter, now: Timestamp) -> Result<Hosts, StoreError> {
        people::hosts(&self.history, filter, now)
    }

    /// What the user that `filter` names used, in all and feature by feature; `None` where nothing is known of that name.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn user(&self, filter: &Filter, now: Timestamp) -> Result<Option<UserDetail>, StoreError> {
        let Some(all) = people::users(&self.history, filter, now)?.users.pop() else {
            return Ok(None);
        };
        let by_feature: Vec<FeatureUse> = people::by_feature(&self.history, filter, now)?;
        Ok(Some(UserDetail { as_of: now, all, by_feature }))
    }

    /// Names that hold `text`, whatever the case.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn search(&self, text: &str) -> Result<Found, StoreError> {
        search::search(&self.live, &self.history, text)
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

    /// How often checkouts of every feature were refused, of those that ever were, by server and feature.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn denied_of_all(&self) -> Result<Vec<DeniedOf>, StoreError> {
        totals::denied(&self.live)
    }

    /// Use hour by hour, from the hour of `from` up to that of `to`, not included; at most [`hours::HOURS_MAX`] of them. What is
    /// held yet counts up to `now` where licmon runs, elsewhere up to the last record of its server.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn hours(
        &self,
        of: &Of,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Hours, StoreError> {
        let now = lock::is_held(&self.paths).then_some(now);
        hours::hours(&self.live, of, (from, to), now)
    }

    /// The same, where the caller knows better up to when the servers are observed: what is held yet counts up to `until`, and at
    /// least up to the last record of its server.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn hours_until(
        &self,
        of: &Of,
        (from, to): (Timestamp, Timestamp),
        until: Timestamp,
    ) -> Result<Hours, StoreError> {
        hours::hours(&self.live, of, (from, to), Some(until))
    }

    /// When a license server was seen at work, in order and apart: up to its last record.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn observed_spans(&self, server: &ServerName) -> Result<Vec<Range<Timestamp>>, StoreError> {
        hours::observed(&self.live, server)
    }

    /// What users did day by day of UTC, from the day of `from` up to that of `to`, not included; at most
    /// [`user_days::USER_DAYS_MAX`] rows.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn user_days(
        &self,
        of: &Of,
        user: Option<&UserName>,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<UserDay>, StoreError> {
        user_days::user_days(&self.live, of, user, (from, to))
    }

    /// Seats issued of a feature from one time up to another, as its license server told them: steps in their order, the first of
    /// them from `from` on.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn issued_over(
        &self,
        server: &ServerName,
        feature: &FeatureName,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<Step>, StoreError> {
        issued::over(&self.history, server, feature, (from, to))
    }

    /// Since when and until when license servers were observed; `None` where none ever was.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn observed(&self, of: &Of) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
        hours::span(&self.live, of)
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
