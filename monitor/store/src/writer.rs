//! The one writer of both databases: commits batches, keeps the picture, and makes it again.

mod append;
mod ends;
mod gaps;
mod opening;
mod polled;
mod recover;
mod remake;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lic_protocol::{name::ServerName, seal::Head};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use self::{
    append::{Append, Memory},
    opening::Databases,
};
use crate::{
    chain::Chain,
    checkpoint::{self, Checkpoint},
    commit::{Batch, Receipt},
    configured, damage,
    error::{Doing, StoreError},
    fold::Fold,
    history::Records,
    live,
    lock::Lock,
    open::DatabasePaths,
    replay,
    rollups::Rollups,
    servers::Servers,
};

/// The one writer of both databases. While it lives, no other process can become one.
pub struct Writer {
    history: Connection,
    live: Connection,
    servers: Servers,
    chain: Chain,
    memory: Memory,
    copy: Option<PathBuf>,
    aside: Vec<PathBuf>,
    paths: DatabasePaths,
    lock: Lock,
}

impl Writer {
    /// Opens both databases, makes them if need be, and brings live up to history. One that is damaged is set aside first.
    ///
    /// # Errors
    /// When another process writes them, when a file is not ours or from a newer program, and whatever SQLite meets.
    pub fn open(paths: &DatabasePaths) -> Result<Self, StoreError> {
        let lock = Lock::take(paths)?;
        let Databases { history, live, aside } = opening::open(paths)?;
        Ok(Self {
            live,
            servers: history.servers,
            chain: history.chain,
            memory: history.memory,
            copy: history.copy,
            history: history.db,
            paths: paths.clone(),
            aside,
            lock,
        })
    }

    /// The databases that were found damaged when this was opened, where they are now.
    #[must_use]
    pub fn aside(&self) -> &[PathBuf] {
        &self.aside
    }

    /// Where the history of before an upgrade was copied to when it was opened; `None` where it had the newest schema.
    #[must_use]
    pub fn copy(&self) -> Option<&Path> {
        self.copy.as_deref()
    }

    /// Tells other processes where this one can be asked to write for them.
    ///
    /// # Errors
    /// When it cannot be written beside the databases.
    pub fn say_where(&mut self, socket: &Path) -> Result<(), StoreError> {
        self.lock.say_where(socket)
    }

    /// Says that this process lives, for the one that comes after it.
    ///
    /// # Errors
    /// When it cannot be written beside the databases.
    pub fn beat(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.lock.beat(now)
    }

    /// When the writer before this one was last known to live.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn last_alive(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.last_commit()?.max(self.lock.last_alive()))
    }

    /// Makes a license server known by its system, before anything of it is committed.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn know_server(&mut self, name: &ServerName, system: &str) -> Result<(), StoreError> {
        self.servers.know(&self.history, &mut self.chain.servers, name, system)
    }

    /// Tells the picture what the configuration says: which servers and features there are.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn configure(&mut self, configured: &configured::Configured) -> Result<(), StoreError> {
        for server in &configured.servers {
            self.know_server(&server.name, &server.system)?;
        }
        let change = begin(&mut self.live)?;
        configured::apply(&change, configured)?;
        change.commit().doing("store the configuration")
    }

    /// Puts what is configured while we run into the picture: other servers, and their faults, stay as they are.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn configure_again(
        &mut self,
        configured: &configured::Configured,
    ) -> Result<(), StoreError> {
        for server in &configured.servers {
            self.know_server(&server.name, &server.system)?;
        }
        let change = begin(&mut self.live)?;
        configured::add(&change, configured)?;
        change.commit().doing("store the configuration")
    }

    /// Notes what keeps us from reading a server or one of its files; `None` when nothing does any more.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn set_fault(&mut self, fault: &configured::Fault) -> Result<(), StoreError> {
        configured::set_fault(&self.live, fault)
    }

    /// Commits batches together: history first, then live. Tells what became of each.
    ///
    /// # Errors
    /// What SQLite meets, and [`StoreError::Refused`] for a server that was never made known. The writer must not be used after
    /// that: what it knows may be ahead of what is stored.
    pub fn commit(
        &mut self,
        batches: &[Batch],
        now: Timestamp,
    ) -> Result<Vec<Receipt>, StoreError> {
        self.together(now, |append| batches.iter().map(|batch| append.batch(batch)).collect())
    }

    /// Makes the picture again from history alone. Returns how many records were read.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn rebuild(&mut self) -> Result<i64, StoreError> {
        // Readers see the picture as it was until it is whole again.
        let change = begin(&mut self.live)?;
        live::clear(&change)?;
        self.memory.rollups = Rollups::default();
        catch_up(&self.history, &change, &self.servers, &mut self.memory.rollups)?;
        change.commit().doing("make the picture again")?;
        self.memory.open(&self.history, &self.live, &self.servers)?;
        replay::last_id(&self.history)
    }

    /// Makes again the hours of one feature of which something was learned late. Returns whether there was one; to be called
    /// when nothing more is to be learned for now.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn remake(&mut self) -> Result<bool, StoreError> {
        let Self { history, live, servers, memory, .. } = self;
        let Some(stale) = memory.rollups.stalest() else { return Ok(false) };
        let change = begin(live)?;
        remake::of_feature(history, &change, servers, &mut memory.rollups, stale)?;
        change.commit().doing("make hours again")?;
        Ok(true)
    }

    /// Where the chain of history ends; `None` while nothing is sealed.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.chain.head()
    }

    /// How far each file of a server was read.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn checkpoints(&self, server: &ServerName) -> Result<Vec<Checkpoint>, StoreError> {
        checkpoint::of_server(&self.history, server)
    }

    /// When anything was last committed.
    fn last_commit(&self) -> Result<Option<Timestamp>, StoreError> {
        let doing = "read the last batch";
        let sql = "select committed_at_ms from batch order by number desc limit 1";
        let found: Option<i64> =
            self.history.query_row(sql, [], |row| row.get(0)).optional().doing(doing)?;
        Ok(found.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok()))
    }

    /// The waits that are open on a server: feature and ticket. Whoever keeps the queue ends those it does not know.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn open_waits(&self, server: &ServerName) -> Result<Vec<(String, String)>, StoreError> {
        configured::open_keys(
            &self.live,
            server,
            "select feature, ticket from waiter where server = :server",
        )
    }

    /// The sessions that are open on a server: feature and handle.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn open_sessions(&self, server: &ServerName) -> Result<Vec<(String, String)>, StoreError> {
        configured::open_keys(
            &self.live,
            server,
            "select feature, handle from session where server = :server",
        )
    }

    /// Stores what `work` appends in one commit: history first, then live. A database that is damaged is noted for the next start.
    fn together<'e, T>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&mut Append<'_, 'e>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fold = marked(Fold::of(&self.live, &self.servers), &self.paths.live)?;
        let stored = self.store(now, fold, work);
        let (told, fold) = marked(stored, &self.paths.history)?;
        let folded = self.fold(&fold);
        marked(folded, &self.paths.live)?;
        Ok(told)
    }

    fn store<'e, T>(
        &mut self,
        now: Timestamp,
        fold: Fold<'e>,
        work: impl FnOnce(&mut Append<'_, 'e>) -> Result<T, StoreError>,
    ) -> Result<(T, Fold<'e>), StoreError> {
        let Self { history, servers, chain, memory, .. } = self;
        let first_id = memory.next_id();
        let doing = "commit to history";
        history.execute_batch("begin immediate").doing(doing)?;
        let (told, fold) = {
            let records = Records::of(history, &mut chain.records)?;
            let mut append = Append { records, servers, memory: &mut *memory, fold };
            (work(&mut append)?, append.fold)
        };
        let last_id = memory.next_id() - 1;
        if last_id >= first_id {
            let at_ms = now.as_millisecond();
            let Memory { names, blocks, .. } = memory;
            chain.add_batch(history, (first_id, last_id), at_ms, names, blocks)?;
        }
        history.execute_batch("commit").doing(doing)?;
        Ok((told, fold))
    }

    fn fold(&mut self, fold: &Fold<'_>) -> Result<(), StoreError> {
        let Self { live, servers, memory, .. } = self;
        let change = begin(live)?;
        fold.store(&change, servers)?;
        memory.rollups.store(&change, servers)?;
        live::set_watermark(&change, memory.next_id() - 1)?;
        change.commit().doing("commit to live")
    }
}

fn marked<T>(done: Result<T, StoreError>, path: &Path) -> Result<T, StoreError> {
    if done.as_ref().is_err_and(StoreError::is_damage) {
        damage::mark(path);
    }
    done
}

/// Folds into live whatever history has and live has not. The caller commits.
fn catch_up(
    history: &Connection,
    live: &Connection,
    servers: &Servers,
    rollups: &mut Rollups,
) -> Result<(), StoreError> {
    let last_id = replay::last_id(history)?;
    let mut applied = live::watermark(live)?;
    while applied < last_id {
        let until = last_id.min(applied + replay::WINDOW_IDS);
        let mut fold = Fold::of(live, servers)?;
        for entry in replay::entries(history, applied + 1, until)? {
            rollups.add(servers, &entry)?;
            fold.add(servers, entry)?;
        }
        fold.store(live, servers)?;
        rollups.store(live, servers)?;
        applied = until;
    }
    live::set_watermark(live, applied)
}

fn begin(db: &mut Connection) -> Result<rusqlite::Transaction<'_>, StoreError> {
    db.transaction_with_behavior(TransactionBehavior::Immediate).doing("begin a transaction")
}
