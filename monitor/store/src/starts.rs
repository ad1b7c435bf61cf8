//! When vendor daemons started: no session of a daemon outlives its start.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::error::{Doing, StoreError};

/// The times of starts, by a server's row and the daemon, in their order.
pub(crate) struct Starts(HashMap<(i64, String), Vec<i64>>);

impl Starts {
    /// Reads them from history.
    pub(crate) fn load(history: &Connection) -> Result<Self, StoreError> {
        let doing = "read when vendor daemons started";
        let sql = "select server, ends, at_ms from server_event where ends is not null";
        let mut query = history.prepare(sql).doing(doing)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let mut starts = Self(HashMap::new());
        for row in rows.doing(doing)? {
            let (server, daemon, at_ms) = row.doing(doing)?;
            starts.add(server, daemon, at_ms);
        }
        Ok(starts)
    }

    /// Counts one.
    pub(crate) fn add(&mut self, server: i64, daemon: String, at_ms: i64) {
        let times = self.0.entry((server, daemon)).or_default();
        let place = times.partition_point(|time| *time <= at_ms);
        times.insert(place, at_ms);
    }

    /// The first one after `at_ms` of the daemon that `handle` is of.
    pub(crate) fn after(&self, server: i64, handle: &str, at_ms: i64) -> Option<i64> {
        if self.0.is_empty() {
            return None;
        }
        // A daemon's name may hold blanks, and so may what follows it.
        let names = handle.match_indices(' ').map(|(end, _)| &handle[..end]);
        let firsts = names.filter_map(|name| {
            let times = self.0.get(&(server, name.to_owned()))?;
            times.get(times.partition_point(|time| *time <= at_ms)).copied()
        });
        firsts.min()
    }
}

/// Whether `handle` is of `daemon`.
pub(crate) fn is_of(handle: &str, daemon: &str) -> bool {
    handle.strip_prefix(daemon).is_some_and(|rest| rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first start after 10 of the daemon of `handle`, of `cadd` at 5, 10, 30 and 20 and of `app name` at 40.
    #[track_caller]
    fn check(handle: &str, expected: Option<i64>) {
        let mut starts = Starts(HashMap::new());
        for at_ms in [5, 10, 30, 20] {
            starts.add(1, "cadd".to_owned(), at_ms);
        }
        starts.add(1, "app name".to_owned(), 40);
        starts.add(2, "meshd".to_owned(), 50);
        assert_eq!(starts.after(1, handle, 10), expected);
    }

    #[test]
    fn session_ends_at_the_next_start_of_its_daemon() {
        check("cadd ann@pine", Some(20));
        check("app name Bo Ek@birch", Some(40));
    }

    #[test]
    fn others_do_not_end_it() {
        check("cad ann@pine", None);
        check("cadd2 ann@pine", None);
        check("meshd ann@pine", None);
        check("8C0000", None);
        assert!(is_of("cadd ann@pine", "cadd") && !is_of("cadd2 ann@pine", "cadd"));
    }
}
