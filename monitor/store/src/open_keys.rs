//! What is open now, by the key its end will carry: checkouts by handle, waits by ticket.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::error::{Doing, StoreError};

/// Open checkouts or waits: server, feature and the system's own key, to the id in history.
pub(crate) struct OpenKeys(HashMap<(String, String, String), i64>);

impl OpenKeys {
    /// The sessions that are in the picture.
    pub(crate) fn of_sessions(live: &Connection) -> Result<Self, StoreError> {
        Self::load(live, "select server, feature, handle, id from session")
    }

    /// The waits that are in the picture.
    pub(crate) fn of_waiters(live: &Connection) -> Result<Self, StoreError> {
        Self::load(live, "select server, feature, ticket, id from waiter")
    }

    fn load(live: &Connection, sql: &str) -> Result<Self, StoreError> {
        let doing = "read what is open";
        let mut open = live.prepare(sql).doing(doing)?;
        let rows =
            open.query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)));
        rows.and_then(Iterator::collect).doing(doing).map(Self)
    }

    /// The open one with this key.
    pub(crate) fn get(&self, server: &str, feature: &str, key: &str) -> Option<i64> {
        self.0.get(&of(server, feature, key)).copied()
    }

    /// Opens one.
    pub(crate) fn insert(&mut self, server: &str, feature: &str, key: &str, id: i64) {
        self.0.insert(of(server, feature, key), id);
    }

    /// Closes one, and says which it was.
    pub(crate) fn remove(&mut self, server: &str, feature: &str, key: &str) -> Option<i64> {
        self.0.remove(&of(server, feature, key))
    }
}

fn of(server: &str, feature: &str, key: &str) -> (String, String, String) {
    (server.to_owned(), feature.to_owned(), key.to_owned())
}
