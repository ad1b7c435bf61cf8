//! The walk along the chain, commit by commit: what each holds is hashed again, and what does not fit is named.

use lic_protocol::seal::{Head, Verified};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    blocks::Blocks,
    window::{Found, Seen, Window},
};
use crate::{
    error::{Doing, StoreError},
    replay,
    seal::{self, Commit, Digests, Hash, Rows, Table, UNSEALED},
};

/// Commits read at a time.
const COMMITS_READ: u32 = 512;

/// The walk, as far as it has come.
pub(super) struct Walk<'a> {
    history: &'a Connection,
    published: &'a [Head],
    verified: &'a mut Verified,
    records: Window,
    names: Window,
    servers: Window,
    blocks: Blocks,
    newest: Newest,
    /// The commit before, and its chain where it has one.
    before: (Commit, Option<Hash>),
    is_first: bool,
}

/// The newest rows that are there: what a changed batch claims beyond them is not looked for.
struct Newest {
    record: i64,
    name: i64,
    server: i64,
}

/// A commit as it stands in its row.
struct Stored {
    commit: Commit,
    chain: Option<Hash>,
}

impl<'a> Walk<'a> {
    /// Walks from the first sealed commit to the last one that is there now.
    pub(super) fn over(
        history: &'a Connection,
        published: &'a [Head],
        verified: &'a mut Verified,
        progress: &mut impl FnMut(i64, i64),
    ) -> Result<(), StoreError> {
        let end = number(history, "select max(number) from batch")?;
        let sql = "select number from batch where chain is not null order by number limit 1";
        let first: Option<i64> =
            history.query_row(sql, [], |row| row.get(0)).optional().doing("find the chain")?;
        verified.sealed_from = first;
        let first = first.unwrap_or(end.saturating_add(1));
        let sql = format!("select max(last_id) from batch where number < {first}");
        let unsealed = number(history, &sql)?;
        verified.unsealed_records = unsealed;
        let newest = Newest {
            record: replay::last_id(history)?,
            name: number(history, "select max(id) from name")?,
            server: number(history, "select max(id) from server")?,
        };
        let total = newest.record - unsealed;
        let mut walk = Walk {
            history,
            published,
            verified,
            records: Window::over(&Table::RECORDS),
            names: Window::over(&[Table::Name]),
            servers: Window::over(&[Table::Server]),
            blocks: Blocks::after(unsealed),
            newest,
            before: (Commit { number: first - 1, last_id: unsealed, ..Commit::default() }, None),
            is_first: true,
        };
        walk.before.1 = Some(UNSEALED);
        let mut after = first - 1;
        while after < end {
            let read = commits(history, after, end)?;
            let Some(last) = read.last() else { break };
            after = last.commit.number;
            for stored in read {
                walk.commit(&stored)?;
                progress(walk.verified.records, total);
            }
        }
        walk.behind(end)?;
        walk.before_the_start()?;
        walk.heads_that_were_not_met(end);
        Ok(())
    }

    fn commit(&mut self, stored: &Stored) -> Result<(), StoreError> {
        let commit = &stored.commit;
        let faults = self.fault_count();
        self.place(commit);
        let with = self.digests(commit)?;
        let computed = self.before.1.map(|before| seal::chain(&before, commit, &with));
        match (stored.chain, computed) {
            (None, _) => self.verified.fault("batch", Some(commit.number), "has no chain"),
            // A row that does not fit is told once, by its own name.
            (Some(stored), Some(computed))
                if stored != computed && self.fault_count() == faults =>
            {
                self.verified.fault("batch", Some(commit.number), misfit(commit));
            }
            _ => {}
        }
        let chain = computed.or(stored.chain);
        for head in self.published.iter().filter(|head| head.commit == commit.number) {
            if Some(head.chain) != chain {
                let what = "is not on this chain: this is another history, or it was made anew";
                self.verified.fault("head", Some(head.commit), what);
            }
        }
        self.verified.commits += 1;
        if let Some(chain) = stored.chain {
            self.verified.head = Some(Head { commit: commit.number, chain });
        }
        // The next is held against what is stored: one fault is not told again for all that follow.
        self.before = (*commit, stored.chain);
        self.is_first = false;
        Ok(())
    }

    fn fault_count(&self) -> u64 {
        self.verified.faults.len() as u64 + self.verified.more_faults
    }

    /// Whether a commit is the next one, and begins where the one before it ends.
    fn place(&mut self, commit: &Commit) {
        let (last, _) = self.before;
        if commit.number != last.number.saturating_add(1) {
            self.verified.fault("batch", Some(last.number.saturating_add(1)), "is missing");
            // What it held is not known, so the chain cannot be followed through it.
            self.before.1 = None;
            self.before.0.last_id = last.last_id.max(commit.first_id.saturating_sub(1));
        } else if commit.first_id != last.last_id.saturating_add(1) {
            let what = format!(
                "begins with record {}, though the one before it ends with {}",
                commit.first_id, last.last_id
            );
            self.verified.fault("batch", Some(commit.number), what);
        }
        if commit.last_id > self.newest.record {
            let what = format!(
                "ends with record {}, though the newest there is is {}: its end was cut off",
                commit.last_id, self.newest.record
            );
            self.verified.fault("batch", Some(commit.number), what);
        }
    }

    /// What came with a commit, each row held against its seal.
    fn digests(&mut self, commit: &Commit) -> Result<Digests, StoreError> {
        let last = self.before.0;
        let record = commit.last_id.min(self.newest.record);
        let name = commit.last_name.min(self.newest.name);
        let server = commit.last_server.min(self.newest.server);
        let Self { history, verified, is_first, .. } = self;
        let names = (last.last_name, name);
        let servers = (last.last_server, server);
        Ok(Digests {
            names: named(history, verified, &mut self.names, *is_first, names)?,
            servers: named(history, verified, &mut self.servers, *is_first, servers)?,
            blocks: self.blocks.digest(history, verified, last.last_id, record)?,
            records: self.records(last.last_id.saturating_add(1), record)?,
        })
    }

    fn records(&mut self, first: i64, last: i64) -> Result<Hash, StoreError> {
        let mut rows = Rows::default();
        for id in first..=last {
            match self.records.at(self.history, id)? {
                Seen::Row(found) => {
                    compare(self.verified, &found, id);
                    rows.add(id, &found.hash);
                }
                Seen::Nothing => self.verified.fault("record", Some(id), "is missing"),
                Seen::Several(one, other) => {
                    let what = format!("is there twice, in {} and in {}", one.name(), other.name());
                    self.verified.fault("record", Some(id), what);
                }
            }
            self.verified.records += 1;
        }
        Ok(rows.digest())
    }

    /// Records that are in no commit, and commits without a seal, among those that came while we walked or never came.
    fn behind(&mut self, end: i64) -> Result<(), StoreError> {
        let doing = "look behind the end of history";
        let now = self.history.unchecked_transaction().doing(doing)?;
        let last_id = number(&now, "select max(last_id) from batch")?;
        for table in Table::RECORDS {
            let sql = format!("select min(id) from {} where id > {last_id}", table.name());
            let added: Option<i64> = now.query_row(&sql, [], |row| row.get(0)).doing(doing)?;
            if let Some(id) = added {
                self.verified.fault(table.name(), Some(id), "is in no commit: it was added");
            }
        }
        let sql = format!("select min(number) from batch where number > {end} and chain is null");
        let bare: Option<i64> = now.query_row(&sql, [], |row| row.get(0)).doing(doing)?;
        if let Some(number) = bare {
            self.verified.fault("batch", Some(number), "has no chain");
        }
        Ok(())
    }

    /// Ids begin with 1.
    fn before_the_start(&mut self) -> Result<(), StoreError> {
        for table in Table::RECORDS.into_iter().chain([Table::Name, Table::Server]) {
            let sql = format!("select min(id) from {} where id < 1", table.name());
            let added: Option<i64> = self
                .history
                .query_row(&sql, [], |row| row.get(0))
                .doing("look before the first record")?;
            if let Some(id) = added {
                self.verified.fault(table.name(), Some(id), "is in no commit: it was added");
            }
        }
        Ok(())
    }

    fn heads_that_were_not_met(&mut self, end: i64) {
        for head in self.published {
            let what = if head.commit > end {
                format!(
                    "is newer than history, which ends with commit {end}: its end was cut off, or this is another history"
                )
            } else if self.verified.sealed_from.is_none_or(|first| head.commit < first) {
                "is of a commit without a seal here: this is another history, or it was made anew"
                    .to_owned()
            } else {
                continue;
            };
            self.verified.fault("head", Some(head.commit), what);
        }
    }
}

fn misfit(commit: &Commit) -> String {
    format!(
        "does not fit its chain: the batch itself was changed, or something that came with it (records {} to {}) was changed, \
         added or removed together with its seal",
        commit.first_id, commit.last_id
    )
}

/// Names a row that does not fit its seal.
pub(super) fn compare(verified: &mut Verified, found: &Found, id: i64) {
    let what = match found.seal {
        None => "has no seal: it was added or changed",
        Some(seal) if seal != seal::seal(&found.hash) => "does not fit its seal: it was changed",
        Some(_) => return,
    };
    verified.fault(found.table.name(), Some(id), what);
}

/// Names or servers after one id until another. Those that the first sealed commit found there came with it as they stood, without
/// seals of their own.
fn named(
    history: &Connection,
    verified: &mut Verified,
    window: &mut Window,
    is_first: bool,
    (after, until): (i64, i64),
) -> Result<Hash, StoreError> {
    let mut rows = Rows::default();
    for id in after.saturating_add(1)..=until {
        match window.at(history, id)? {
            Seen::Row(found) => {
                if found.seal.is_some() || !is_first {
                    compare(verified, &found, id);
                }
                rows.add(id, &found.hash);
            }
            Seen::Nothing | Seen::Several(..) if is_first => {}
            Seen::Nothing | Seen::Several(..) => {
                verified.fault(window.table().name(), Some(id), "is missing");
            }
        }
    }
    Ok(rows.digest())
}

fn commits(history: &Connection, after: i64, end: i64) -> Result<Vec<Stored>, StoreError> {
    let doing = "read the commits";
    let sql = format!(
        "select number, first_id, last_id, committed_at_ms, last_name, last_server, chain from batch
        where number > :after and number <= :end order by number limit {COMMITS_READ}"
    );
    let mut query = history.prepare_cached(&sql).doing(doing)?;
    let rows = query.query_map([after, end], stored);
    rows.and_then(Iterator::collect).doing(doing)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let chain: Option<Vec<u8>> = row.get(6)?;
    Ok(Stored {
        commit: Commit {
            number: row.get(0)?,
            first_id: row.get(1)?,
            last_id: row.get(2)?,
            committed_at_ms: row.get(3)?,
            last_name: row.get::<_, Option<i64>>(4)?.unwrap_or(0),
            last_server: row.get::<_, Option<i64>>(5)?.unwrap_or(0),
        },
        chain: chain.and_then(|chain| chain.try_into().ok()),
    })
}

/// A number that a statement finds; 0 where there is none.
fn number(history: &Connection, sql: &str) -> Result<i64, StoreError> {
    let found: Option<i64> =
        history.query_row(sql, [], |row| row.get(0)).doing("count what is in history")?;
    Ok(found.unwrap_or(0))
}
