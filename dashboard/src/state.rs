//! What a handler may reach: the readers, the clock, the number of the last change, the names we answer to.

use std::sync::Arc;

use jiff::Timestamp;
use lic_store::{
    damage::histories_aside, error::StoreError, lock, open::DatabasePaths, read::Reader,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::{cache::Cache, error::Error, host::Hosts, readers::Readers, serve::CONNECTIONS_MAX};

/// Streams open at one time: half of all connections, so that pages can be asked for however many are left open.
pub const STREAMS_MAX: usize = CONNECTIONS_MAX as usize / 2;

/// What a handler may reach; cheap to clone.
#[derive(Clone)]
pub struct App {
    readers: Arc<Readers>,
    hosts: Arc<Hosts>,
    change: watch::Receiver<u64>,
    streams: Arc<Semaphore>,
    cache: Arc<Cache>,
}

impl App {
    /// An application over `databases`, whose changes are counted in `change`, answering to `hosts`.
    #[must_use]
    pub fn new(databases: &DatabasePaths, change: watch::Receiver<u64>, hosts: Hosts) -> Self {
        let readers = Arc::new(Readers::new(databases.clone()));
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Self { readers, hosts: Arc::new(hosts), change, streams, cache: Arc::default() }
    }

    /// Asks the databases.
    pub(crate) async fn ask<T, Q>(&self, question: Q) -> Result<T, Error>
    where
        T: Send + 'static,
        Q: FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    {
        Ok(self.readers.ask(question).await?)
    }

    /// The time of this request.
    #[expect(clippy::disallowed_methods, reason = "this room reads the clock for all handlers")]
    #[expect(clippy::unused_self, reason = "the clock is reached through the state")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Whether a licmon runs that keeps the databases up to date.
    pub(crate) fn is_watched(&self) -> bool {
        lock::is_held(self.readers.databases())
    }

    /// Histories that were damaged and set aside, whose records no page shows.
    pub(crate) fn histories_aside(&self) -> Vec<String> {
        let aside = histories_aside(self.readers.databases());
        let mut aside: Vec<String> = aside.iter().map(|path| path.display().to_string()).collect();
        aside.sort_unstable();
        aside
    }

    /// The number of the last change. Ask for it before asking the databases: a page must never claim to be newer than it is.
    pub(crate) fn change_number(&self) -> u64 {
        *self.change.borrow()
    }

    /// Every further change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.change.clone()
    }

    /// The right to hold one more stream open, until it is dropped.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| Error::Crowded)
    }

    /// The answers kept since the last change.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The names we answer to.
    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }
}
