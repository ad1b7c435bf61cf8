//! What is open now, by the key its end will carry: checkouts by handle, waits by ticket.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::{
    error::{Doing, StoreError},
    starts,
};

/// Something that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// Since when.
    pub(crate) at_ms: i64,
    /// Its id in history.
    pub(crate) id: i64,
    /// Of how many seats.
    pub(crate) count: u32,
}

/// Open checkouts or waits, by server, feature and the system's own key.
///
/// A key has more than one where a handle is of a holder, or where files were imported out of order.
pub(crate) struct OpenKeys(HashMap<(String, String, String), Vec<Open>>);

impl OpenKeys {
    /// The sessions that are in the picture.
    pub(crate) fn of_sessions(live: &Connection) -> Result<Self, StoreError> {
        Self::load(live, "select server, feature, handle, started_ms, id, count from session")
    }

    /// The waits that are in the picture.
    pub(crate) fn of_waiters(live: &Connection) -> Result<Self, StoreError> {
        Self::load(live, "select server, feature, ticket, since_ms, id, count from waiter")
    }

    fn load(live: &Connection, sql: &str) -> Result<Self, StoreError> {
        let doing = "read what is open";
        let mut open = Self(HashMap::new());
        let mut query = live.prepare(sql).doing(doing)?;
        let rows = query.query_map([], |row| {
            let key: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((key, Open { at_ms: row.get(3)?, id: row.get(4)?, count: row.get(5)? }))
        });
        for row in rows.doing(doing)? {
            let (key, opened) = row.doing(doing)?;
            open.0.entry(key).or_default().push(opened);
        }
        Ok(open)
    }

    /// What is open with this key, in no order.
    pub(crate) fn of(&self, server: &str, feature: &str, key: &str) -> &[Open] {
        self.0.get(&owned(server, feature, key)).map_or(&[], Vec::as_slice)
    }

    /// All that is open: server, feature, key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &str, Open)> {
        self.0.iter().flat_map(|((server, feature, key), open)| {
            open.iter().map(|open| (server.as_str(), feature.as_str(), key.as_str(), *open))
        })
    }

    /// What is open of a vendor daemon: feature and key.
    pub(crate) fn of_daemon<'a>(
        &'a self,
        server: &'a str,
        daemon: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, Open)> {
        let of = move |of: &str, key: &str| of == server && starts::is_of(key, daemon);
        self.iter()
            .filter(move |(server, _, key, _)| of(server, key))
            .map(|(_, feature, key, open)| (feature, key, open))
    }

    /// Opens one.
    pub(crate) fn insert(&mut self, server: &str, feature: &str, key: &str, opened: Open) {
        self.0.entry(owned(server, feature, key)).or_default().push(opened);
    }

    /// Closes one.
    pub(crate) fn remove(&mut self, server: &str, feature: &str, key: &str, id: i64) {
        let key = owned(server, feature, key);
        if let Some(open) = self.0.get_mut(&key) {
            open.retain(|opened| opened.id != id);
            if open.is_empty() {
                self.0.remove(&key);
            }
        }
    }
}

fn owned(server: &str, feature: &str, key: &str) -> (String, String, String) {
    (server.to_owned(), feature.to_owned(), key.to_owned())
}
