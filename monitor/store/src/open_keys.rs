//! What is open now, by the key its end will carry: checkouts by handle, waits by ticket.

use rusqlite::Connection;

use crate::{
    error::{Doing, StoreError},
    hash::HashMap,
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

/// Open checkouts or waits, by server, feature and the system's own key. Server and feature are the numbers of their rows.
///
/// A key has more than one where a handle is of a holder, or where files were imported out of order.
#[derive(Default)]
pub(crate) struct OpenKeys(HashMap<(i64, i64), HashMap<Box<str>, Vec<Open>>>);

impl OpenKeys {
    /// The sessions that are in the picture.
    pub(crate) fn of_sessions(
        live: &Connection,
        number: impl FnMut(&str, &str) -> Result<Option<(i64, i64)>, StoreError>,
    ) -> Result<Self, StoreError> {
        let sql = "select server, feature, handle, started_ms, id, count from session";
        Self::load(live, sql, number)
    }

    /// The waits that are in the picture.
    pub(crate) fn of_waiters(
        live: &Connection,
        number: impl FnMut(&str, &str) -> Result<Option<(i64, i64)>, StoreError>,
    ) -> Result<Self, StoreError> {
        let sql = "select server, feature, ticket, since_ms, id, count from waiter";
        Self::load(live, sql, number)
    }

    /// `number` gives the numbers of a server and a feature.
    fn load(
        live: &Connection,
        sql: &str,
        mut number: impl FnMut(&str, &str) -> Result<Option<(i64, i64)>, StoreError>,
    ) -> Result<Self, StoreError> {
        let doing = "read what is open";
        let mut open = Self::default();
        let mut query = live.prepare(sql).doing(doing)?;
        let rows = query.query_map([], |row| {
            let key: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((key, Open { at_ms: row.get(3)?, id: row.get(4)?, count: row.get(5)? }))
        });
        for row in rows.doing(doing)? {
            let ((server, feature, key), opened) = row.doing(doing)?;
            if let Some(of) = number(&server, &feature)? {
                open.insert(of, &key, opened);
            }
        }
        Ok(open)
    }

    /// What is open with this key, in no order.
    pub(crate) fn of(&self, of: (i64, i64), key: &str) -> &[Open] {
        self.0.get(&of).and_then(|keys| keys.get(key)).map_or(&[], Vec::as_slice)
    }

    /// All that is open: server and feature, key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ((i64, i64), &str, Open)> {
        self.0.iter().flat_map(|(of, keys)| {
            let keys = keys.iter().map(|(key, open)| (key.as_ref(), open));
            keys.flat_map(move |(key, open)| open.iter().map(move |open| (*of, key, *open)))
        })
    }

    /// What is open of a vendor daemon: feature and key.
    pub(crate) fn of_daemon(
        &self,
        server: i64,
        daemon: &str,
    ) -> impl Iterator<Item = (i64, &str, Open)> {
        let of_daemon = self
            .iter()
            .filter(move |((of, _), key, _)| *of == server && starts::is_of(key, daemon));
        of_daemon.map(|((_, feature), key, open)| (feature, key, open))
    }

    /// Opens one.
    pub(crate) fn insert(&mut self, of: (i64, i64), key: &str, opened: Open) {
        let keys = self.0.entry(of).or_default();
        match keys.get_mut(key) {
            Some(open) => open.push(opened),
            None => drop(keys.insert(key.into(), vec![opened])),
        }
    }

    /// Closes one.
    pub(crate) fn remove(&mut self, of: (i64, i64), key: &str, id: i64) {
        let Some(keys) = self.0.get_mut(&of) else { return };
        if let Some(open) = keys.get_mut(key) {
            open.retain(|opened| opened.id != id);
            if open.is_empty() {
                keys.remove(key);
            }
        }
    }
}
