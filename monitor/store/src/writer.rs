//! The one writer of both databases: commits batches, keeps the picture, and makes it again.

mod ends;
mod gaps;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use lic_protocol::{
    event::{Checkin, Checkout, Dequeue, Event, Fact, Queue, ServerChange, ServerEvent},
    name::ServerName,
};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, named_params};

use crate::{
    blocks::Blocks,
    chain::Chain,
    checkpoint::{self, Checkpoint},
    commit::{Batch, Receipt},
    configured, copy,
    entry::{Change, Entry, Opened, Waiting},
    error::{Doing, StoreError},
    gaps::OpenGaps,
    history::{self, Stamp},
    identify::{self, Found},
    live,
    lock::Lock,
    names::Names,
    open::{self, DatabasePaths},
    open_keys::{Open, OpenKeys},
    pairing::{self, Early, Ending, Given, Handle, Taken},
    replay,
    seal::{Rows, Table},
    starts::Starts,
};

/// The one writer of both databases. While it lives, no other process can become one.
pub struct Writer {
    history: Connection,
    live: Connection,
    names: Names,
    chain: Chain,
    servers: HashMap<ServerName, Known>,
    blocks: Blocks,
    sessions: OpenKeys,
    waiters: OpenKeys,
    early: Early,
    starts: Starts,
    gaps: OpenGaps,
    /// Whether no open session can be older than a start of its vendor daemon.
    is_settled: bool,
    copy: Option<PathBuf>,
    lock: Lock,
}

/// A license server that has a row in history.
#[derive(Clone)]
struct Known {
    id: i64,
    system: String,
}

impl Writer {
    /// Opens both databases, makes them if need be, and brings live up to history.
    ///
    /// # Errors
    /// When another process writes them, when a file is not ours or from a newer program, and whatever SQLite meets.
    pub fn open(paths: &DatabasePaths) -> Result<Self, StoreError> {
        let lock = Lock::take(paths)?;
        let copy = match identify::both(paths)? {
            Found::Ours => copy::of_older(&paths.history)?,
            Found::Nothing => None,
        };
        let history = open::history_for_writing(&paths.history)?;
        let mut live = open::live_for_writing(&paths.live)?;
        let servers = known_servers(&history)?;
        let change = begin(&mut live)?;
        catch_up(&history, &change, &servers)?;
        change.commit().doing("catch up with history")?;
        let mut names = Names::default();
        Ok(Self {
            chain: Chain::load(&history, &mut names)?,
            names,
            blocks: Blocks::load(&history)?,
            sessions: OpenKeys::of_sessions(&live)?,
            waiters: OpenKeys::of_waiters(&live)?,
            early: Early::load(&history)?,
            starts: Starts::load(&history)?,
            gaps: OpenGaps::load(&history)?,
            is_settled: false,
            history,
            live,
            servers,
            copy,
            lock,
        })
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
        let known = known_server(&self.history, &mut self.chain.servers, name, system)?;
        self.servers.insert(name.clone(), known);
        Ok(())
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
    /// What SQLite meets. The writer must not be used after that: what it knows may be ahead of what is stored.
    pub fn commit(
        &mut self,
        batches: &[Batch],
        now: Timestamp,
    ) -> Result<Vec<Receipt>, StoreError> {
        self.together(now, |writer, entries| {
            batches.iter().map(|batch| writer.append(batch, entries)).collect()
        })
    }

    /// Makes the picture again from history alone. Returns how many records were read.
    ///
    /// # Errors
    /// What SQLite meets.
    pub fn rebuild(&mut self) -> Result<i64, StoreError> {
        // Readers see the picture as it was until it is whole again.
        let change = begin(&mut self.live)?;
        live::clear(&change)?;
        catch_up(&self.history, &change, &self.servers)?;
        change.commit().doing("make the picture again")?;
        self.sessions = OpenKeys::of_sessions(&self.live)?;
        self.waiters = OpenKeys::of_waiters(&self.live)?;
        replay::last_id(&self.history)
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

    fn append(&mut self, batch: &Batch, entries: &mut Vec<Entry>) -> Result<Receipt, StoreError> {
        let known = self.known(&batch.server)?;
        let mut receipt = Receipt::default();
        for event in &batch.events {
            if self.blocks.contain(&self.history, known.id, event)? {
                receipt.duplicates += 1;
            } else {
                self.append_event(batch, known.id, event, entries)?;
                receipt.added += 1;
            }
        }
        if let Some(checkpoint) = &batch.checkpoint {
            history::move_checkpoint(&self.history, known.id, checkpoint)?;
        }
        Ok(receipt)
    }

    /// The row of a license server; one that nobody made known is of system `dsls`.
    fn known(&mut self, name: &ServerName) -> Result<Known, StoreError> {
        if !self.servers.contains_key(name) {
            self.know_server(name, "dsls")?;
        }
        Ok(self.servers[name].clone())
    }

    fn append_event(
        &mut self,
        batch: &Batch,
        server: i64,
        event: &Event,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let stamp = Stamp {
            id: self.blocks.next_id(),
            server,
            learned_at_ms: batch.learned_at.as_millisecond(),
            source: batch.source,
            event,
        };
        let name = batch.server.as_str();
        match &event.fact {
            Fact::Checkout(checkout) => self.append_checkout(name, &stamp, checkout, entries),
            Fact::Checkin(checkin) => self.append_checkin(name, &stamp, checkin, entries),
            Fact::Denial(denial) => {
                history::add_denial(
                    &self.history,
                    &mut self.names,
                    &mut self.chain.records,
                    &stamp,
                    denial,
                )?;
                let change = Change::Denied { feature: denial.feature.to_string() };
                self.record(name, &stamp, change, entries)
            }
            Fact::Queue(queue) => self.append_queue(name, &stamp, queue, entries),
            Fact::Dequeue(dequeue) => self.append_dequeue(name, &stamp, dequeue, entries),
            Fact::Server(change) => {
                history::add_server_event(
                    &self.history,
                    &mut self.names,
                    &mut self.chain.records,
                    &stamp,
                    change,
                )?;
                self.record(name, &stamp, Change::Server(change.change), entries)?;
                match &change.ends {
                    Some(daemon) => self.end_before(name, &stamp, daemon, entries),
                    None => Ok(()),
                }
            }
        }
    }

    fn append_checkout(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        checkout: &Checkout,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let (feature, handle) = (checkout.feature.as_str(), checkout.handle.as_str());
        let key = Handle { server: stamp.server, feature, text: handle, of: checkout.handle_of };
        let open = self.sessions.of(server, feature, handle);
        let taken =
            pairing::taken(&self.history, &mut self.names, key, stamp.at_ms(), open, &self.early)?;
        if let Taken::Contradicts(held) = taken {
            let text = format!(
                "checkout of {feature} by {} with the handle {handle} of checkout {held}, which is still open",
                checkout.user
            );
            return self.append_anomaly(server, stamp, text, entries);
        }
        history::add_checkout(
            &self.history,
            &mut self.names,
            &mut self.chain.records,
            stamp,
            checkout,
        )?;
        let opened = Change::Opened(Box::new(opened(stamp, checkout)));
        self.record(server, stamp, opened, entries)?;
        self.end_wait(server, stamp, (feature, handle), entries)?;
        if let Taken::EndedBy(checkin) = taken {
            return self.append_pairing(server, stamp, stamp.id, checkin, entries);
        }
        let opened = Open { at_ms: stamp.at_ms(), id: stamp.id, count: checkout.count };
        self.sessions.insert(server, feature, handle, opened);
        self.unsettle(stamp.server, handle, stamp.at_ms());
        Ok(())
    }

    fn append_checkin(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        checkin: &Checkin,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let (feature, handle) = (checkin.feature.as_str(), checkin.handle.as_str());
        let key = Handle { server: stamp.server, feature, text: handle, of: checkin.handle_of };
        let (open, at_ms) = (self.sessions.of(server, feature, handle), stamp.at_ms());
        let ending = Ending { at_ms, count: checkin.count, source: stamp.source };
        let given = pairing::given(&self.history, &mut self.names, key, ending, open, &self.early)?;
        let (checkout, paired) = match given {
            Given::Ends { checkout, older } => (Some(checkout), older),
            Given::EndsEarlier(checkout) => (None, vec![checkout]),
            Given::Nothing => (None, Vec::new()),
        };
        history::add_checkin(
            &self.history,
            &mut self.names,
            &mut self.chain.records,
            stamp,
            checkin,
            checkout,
        )?;
        if checkout.is_none() {
            self.early.add(stamp.server, at_ms);
        }
        self.record(server, stamp, Change::Ended { checkout }, entries)?;
        for ended in checkout.iter().chain(&paired) {
            self.sessions.remove(server, feature, handle, *ended);
        }
        for checkout in paired {
            let checkin = Open { at_ms, id: stamp.id, count: 0 };
            self.append_pairing(server, stamp, checkout, checkin, entries)?;
        }
        Ok(())
    }

    fn append_pairing(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        checkout: i64,
        checkin: Open,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let id = self.blocks.next_id();
        history::add_pairing(&self.history, &mut self.chain.records, id, checkout, checkin.id)?;
        self.blocks.add(id, stamp.server, checkin.at_ms, None);
        self.blocks.close_full(&self.history)?;
        let change = Change::Ended { checkout: Some(checkout) };
        let at_ms = checkin.at_ms;
        let heard_ms = at_ms.min(stamp.learned_at_ms);
        entries.push(Entry { id, server: server.to_owned(), at_ms, heard_ms, change });
        Ok(())
    }

    fn append_anomaly(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        text: String,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let anomaly = ServerEvent { change: ServerChange::Anomaly, text, ends: None };
        history::add_server_event(
            &self.history,
            &mut self.names,
            &mut self.chain.records,
            stamp,
            &anomaly,
        )?;
        self.record(server, stamp, Change::Server(ServerChange::Anomaly), entries)
    }

    fn append_queue(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        queue: &Queue,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let (feature, ticket) = (queue.feature.as_str(), queue.ticket.as_str());
        if let Some(open) = self.waiters.of(server, feature, ticket).first() {
            let text = format!(
                "wait for {feature} by {} with the ticket {ticket} of wait {}, which is still open",
                queue.user, open.id
            );
            return self.append_anomaly(server, stamp, text, entries);
        }
        history::add_queued(&self.history, &mut self.names, &mut self.chain.records, stamp, queue)?;
        let opened = Open { at_ms: stamp.at_ms(), id: stamp.id, count: queue.count };
        self.waiters.insert(server, feature, ticket, opened);
        let waiting = Waiting {
            feature: queue.feature.to_string(),
            user: queue.user.to_string(),
            host: queue.host.to_string(),
            count: queue.count,
            ticket: queue.ticket.clone(),
            credit_ms: history::credit_ms(queue),
        };
        self.record(server, stamp, Change::Waiting(Box::new(waiting)), entries)
    }

    fn append_dequeue(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        dequeue: &Dequeue,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let (feature, ticket) = (dequeue.feature.as_str(), dequeue.ticket.as_str());
        let queued = self.waiters.of(server, feature, ticket).first().map(|open| open.id);
        if let Some(id) = queued {
            self.waiters.remove(server, feature, ticket, id);
        }
        history::add_dequeued(
            &self.history,
            &mut self.names,
            &mut self.chain.records,
            stamp,
            dequeue,
            queued,
        )?;
        self.record(server, stamp, Change::WaitEnded { queued }, entries)
    }

    /// Counts the record just stored under the stamp's id, and passes on what it changes.
    fn record(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        change: Change,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let at_ms = stamp.at_ms();
        self.blocks.add(stamp.id, stamp.server, at_ms, Some(stamp.event.identity));
        self.blocks.close_full(&self.history)?;
        let heard_ms = at_ms.min(stamp.learned_at_ms);
        entries.push(Entry { id: stamp.id, server: server.to_owned(), at_ms, heard_ms, change });
        Ok(())
    }

    fn fold(&mut self, entries: &[Entry], last_id: i64) -> Result<(), StoreError> {
        let change = begin(&mut self.live)?;
        apply_all(&change, &self.servers, entries)?;
        live::set_watermark(&change, last_id)?;
        change.commit().doing("commit to live")
    }
}

fn opened(stamp: &Stamp<'_>, checkout: &Checkout) -> Opened {
    Opened {
        feature: checkout.feature.to_string(),
        user: checkout.user.to_string(),
        host: checkout.host.to_string(),
        learned_at_ms: stamp.learned_at_ms,
        count: checkout.count,
        handle: checkout.handle.clone(),
        seat: checkout.seat.clone(),
        version: checkout.version.clone(),
        vendor: checkout.vendor.as_ref().map(ToString::to_string),
        unit: checkout.unit.clone(),
        display: checkout.display.clone(),
        process: checkout.process.clone(),
        project: checkout.project.clone(),
        source: stamp.source.word().to_owned(),
    }
}

/// Folds into live whatever history has and live has not. The caller commits.
fn catch_up(
    history: &Connection,
    live: &Connection,
    servers: &HashMap<ServerName, Known>,
) -> Result<(), StoreError> {
    let last_id = replay::last_id(history)?;
    if live::watermark(live)? > last_id {
        // This live belongs to another history, or to a later state of this one.
        live::clear(live)?;
    }
    let mut applied = live::watermark(live)?;
    while applied < last_id {
        let until = last_id.min(applied + replay::WINDOW_IDS);
        let entries = replay::entries(history, applied + 1, until)?;
        apply_all(live, servers, &entries)?;
        applied = until;
    }
    live::set_watermark(live, applied)
}

fn apply_all(
    live: &Connection,
    servers: &HashMap<ServerName, Known>,
    entries: &[Entry],
) -> Result<(), StoreError> {
    for entry in entries {
        let known = servers.get(&ServerName::from(entry.server.as_str()));
        live::apply(live, known.map_or("dsls", |known| &known.system), entry)?;
    }
    Ok(())
}

fn begin(db: &mut Connection) -> Result<rusqlite::Transaction<'_>, StoreError> {
    db.transaction_with_behavior(TransactionBehavior::Immediate).doing("begin a transaction")
}

fn known_servers(history: &Connection) -> Result<HashMap<ServerName, Known>, StoreError> {
    let doing = "read the known servers";
    let mut servers = history.prepare("select name, id, system from server").doing(doing)?;
    let rows = servers.query_map([], |row| {
        let name: String = row.get(0)?;
        Ok((ServerName::new(name), Known { id: row.get(1)?, system: row.get(2)? }))
    });
    rows.and_then(Iterator::collect).doing(doing)
}

/// The row of a license server, made if there is none. The system of a server that is known already stays as it is.
fn known_server(
    history: &Connection,
    rows: &mut Rows,
    name: &ServerName,
    system: &str,
) -> Result<Known, StoreError> {
    let doing = "make a server known";
    let find = "select id, system from server where name = :name";
    let found = history
        .query_row(find, [name.as_str()], |row| Ok(Known { id: row.get(0)?, system: row.get(1)? }));
    if let Some(known) = found.optional().doing(doing)? {
        return Ok(known);
    }
    let add = "insert into server (id, name, system, seal) values (:id, :name, :system, :seal)";
    let id = rows.last_id() + 1;
    let cells = named_params! { ":id": id, ":name": name.as_str(), ":system": system };
    let id = rows.insert(history, Table::Server, add, cells).doing(doing)?;
    Ok(Known { id, system: system.to_owned() })
}
