//! Appending events to history, one commit long: what is stored already is left out, ends are paired with what they end, and
//! what each record changes is passed on to the fold.

use std::borrow::Cow;

use lic_protocol::event::{
    Checkin, Checkout, Dequeue, Event, Fact, Queue, ServerChange, ServerEvent,
};
use rusqlite::Connection;

use crate::{
    blocks::Blocks,
    checkpoint,
    commit::{Batch, Receipt},
    entry::{Change, Entry, Feature, Opened},
    error::StoreError,
    fold::Fold,
    gaps::OpenGaps,
    history::{End, Records, Stamp},
    names::Names,
    open_keys::{Open, OpenKeys},
    pairing::{self, Early, Ending, Given, Handle, Taken},
    rollups::Rollups,
    servers::Servers,
    starts::Starts,
};

/// What the writer knows of history without asking it.
pub(super) struct Memory {
    pub(super) names: Names,
    pub(super) blocks: Blocks,
    pub(super) sessions: OpenKeys,
    pub(super) waiters: OpenKeys,
    pub(super) early: Early,
    pub(super) starts: Starts,
    pub(super) gaps: OpenGaps,
    pub(super) rollups: Rollups,
    /// Whether no open session can be older than a start of its vendor daemon.
    pub(super) is_settled: bool,
}

impl Memory {
    /// Reads what history alone tells.
    pub(super) fn of(history: &Connection, names: Names) -> Result<Self, StoreError> {
        Ok(Self {
            names,
            blocks: Blocks::load(history)?,
            sessions: OpenKeys::default(),
            waiters: OpenKeys::default(),
            early: Early::load(history)?,
            starts: Starts::load(history)?,
            gaps: OpenGaps::load(history)?,
            rollups: Rollups::default(),
            is_settled: false,
        })
    }

    /// Reads what is open in the picture, also when it was made again.
    pub(super) fn open(
        &mut self,
        history: &Connection,
        live: &Connection,
        servers: &Servers,
    ) -> Result<(), StoreError> {
        let names = &mut self.names;
        let mut number =
            |server: &str, feature: &str| servers.feature(history, names, server, feature);
        self.sessions = OpenKeys::of_sessions(live, &mut number)?;
        self.waiters = OpenKeys::of_waiters(live, &mut number)?;
        Ok(())
    }

    /// The id of the next record.
    pub(super) fn next_id(&self) -> i64 {
        self.blocks.next_id()
    }
}

/// One commit while it is filled.
pub(super) struct Append<'w, 'e> {
    pub(super) records: Records<'w>,
    pub(super) servers: &'w Servers,
    pub(super) memory: &'w mut Memory,
    pub(super) fold: Fold<'e>,
}

impl<'e> Append<'_, 'e> {
    /// Appends what is new in a batch, and moves its checkpoint.
    pub(super) fn batch(&mut self, batch: &'e Batch) -> Result<Receipt, StoreError> {
        let server = self.servers.number(&batch.server)?;
        let mut receipt = Receipt::default();
        for event in &batch.events {
            if self.memory.blocks.contain(self.records.history(), server, event)? {
                receipt.duplicates += 1;
            } else {
                self.event(batch, server, event)?;
                receipt.added += 1;
            }
        }
        if let Some(checkpoint) = &batch.checkpoint {
            checkpoint::move_to(self.records.history(), server, checkpoint)?;
        }
        Ok(receipt)
    }

    fn event(&mut self, batch: &Batch, server: i64, event: &'e Event) -> Result<(), StoreError> {
        let stamp = Stamp {
            id: self.memory.next_id(),
            server,
            learned_at_ms: batch.learned_at.as_millisecond(),
            source: batch.source,
            at_ms: event.at.as_millisecond(),
            identity: event.identity,
            raw: event.raw.as_deref(),
        };
        match &event.fact {
            Fact::Checkout(checkout) => self.checkout(&stamp, checkout),
            Fact::Checkin(checkin) => self.checkin(&stamp, checkin),
            Fact::Denial(denial) => {
                let feature = self.name(denial.feature.as_str())?;
                self.records.add_denial(&mut self.memory.names, &stamp, feature, denial)?;
                let name = Cow::Borrowed(denial.feature.as_str());
                let feature = Feature { number: feature, name };
                self.record(&stamp, Change::Denied(feature, denial.tries))
            }
            Fact::Queue(queue) => self.queue(&stamp, queue),
            Fact::Dequeue(dequeue) => self.dequeue(&stamp, dequeue),
            Fact::Server(change) => {
                self.records.add_server_event(&mut self.memory.names, &stamp, change)?;
                self.record(&stamp, Change::Server(change.change))?;
                match &change.ends {
                    Some(daemon) => self.end_before(&stamp, daemon),
                    None => Ok(()),
                }
            }
        }
    }

    fn checkout(&mut self, stamp: &Stamp<'_>, checkout: &'e Checkout) -> Result<(), StoreError> {
        let feature = self.name(checkout.feature.as_str())?;
        let (of, handle) = ((stamp.server, feature), checkout.handle.as_str());
        let key = Handle { server: stamp.server, feature, text: handle, of: checkout.handle_of };
        let open = self.memory.sessions.of(of, handle);
        let taken =
            pairing::taken(self.records.history(), key, stamp.at_ms, open, &self.memory.early)?;
        if let Taken::Contradicts(held) = taken {
            let text = format!(
                "checkout of {} by {} with the handle {handle} of checkout {held}, which is still open",
                checkout.feature, checkout.user
            );
            return self.anomaly(stamp, text);
        }
        self.records.add_checkout(&mut self.memory.names, stamp, feature, checkout)?;
        let opened = Opened { feature, source: stamp.source, checkout: Cow::Borrowed(checkout) };
        self.record(stamp, Change::Opened(opened))?;
        self.end_wait(stamp, feature, checkout)?;
        if let Taken::EndedBy(checkin) = taken {
            return self.pairing(stamp, feature, stamp.id, checkin);
        }
        let opened = Open { at_ms: stamp.at_ms, id: stamp.id, count: checkout.count };
        self.memory.sessions.insert(of, handle, opened);
        self.unsettle(stamp.server, handle, stamp.at_ms);
        Ok(())
    }

    fn checkin(&mut self, stamp: &Stamp<'_>, checkin: &Checkin) -> Result<(), StoreError> {
        let feature = self.name(checkin.feature.as_str())?;
        let (of, handle) = ((stamp.server, feature), checkin.handle.as_str());
        let key = Handle { server: stamp.server, feature, text: handle, of: checkin.handle_of };
        let (open, at_ms) = (self.memory.sessions.of(of, handle), stamp.at_ms);
        let ending = Ending { at_ms, count: checkin.count, source: stamp.source };
        let given = pairing::given(self.records.history(), key, ending, open, &self.memory.early)?;
        let (checkout, paired) = match given {
            Given::Ends { checkout, older } => (Some(checkout), older),
            Given::EndsEarlier(checkout) => (None, vec![checkout]),
            Given::Nothing => (None, Vec::new()),
        };
        let (user, host) = (checkin.user.as_str(), checkin.host.as_str());
        let end = End {
            checkout,
            feature,
            handle,
            user: (!user.is_empty()).then_some(user),
            host: (!host.is_empty()).then_some(host),
            reason: checkin.reason,
            ended_before: checkin.ended_before,
            outcome: checkin.outcome,
        };
        self.records.add_checkin(&mut self.memory.names, stamp, &end)?;
        if checkout.is_none() {
            self.memory.early.add(stamp.server, at_ms);
        }
        self.record(stamp, Change::Ended { feature, checkout })?;
        for ended in checkout.iter().chain(&paired) {
            self.memory.sessions.remove(of, handle, *ended);
        }
        for checkout in paired {
            let checkin = Open { at_ms, id: stamp.id, count: 0 };
            self.pairing(stamp, feature, checkout, checkin)?;
        }
        Ok(())
    }

    pub(super) fn pairing(
        &mut self,
        stamp: &Stamp<'_>,
        feature: i64,
        checkout: i64,
        checkin: Open,
    ) -> Result<(), StoreError> {
        let id = self.memory.next_id();
        self.records.add_pairing(id, checkout, checkin.id)?;
        self.memory.blocks.add(id, stamp.server, checkin.at_ms, None);
        self.memory.blocks.close_full(self.records.history())?;
        let change = Change::Ended { feature, checkout: Some(checkout) };
        let (server, learned_at_ms) = (stamp.server, stamp.learned_at_ms);
        let entry = Entry { id, server, at_ms: checkin.at_ms, learned_at_ms, change };
        self.tell(entry)
    }

    fn anomaly(&mut self, stamp: &Stamp<'_>, text: String) -> Result<(), StoreError> {
        let anomaly = ServerEvent { change: ServerChange::Anomaly, text, ends: None };
        self.records.add_server_event(&mut self.memory.names, stamp, &anomaly)?;
        self.record(stamp, Change::Server(ServerChange::Anomaly))
    }

    fn queue(&mut self, stamp: &Stamp<'_>, queue: &'e Queue) -> Result<(), StoreError> {
        let number = self.name(queue.feature.as_str())?;
        let (of, ticket) = ((stamp.server, number), queue.ticket.as_str());
        if let Some(open) = self.memory.waiters.of(of, ticket).first() {
            let text = format!(
                "wait for {} by {} with the ticket {ticket} of wait {}, which is still open",
                queue.feature, queue.user, open.id
            );
            return self.anomaly(stamp, text);
        }
        self.records.add_queued(&mut self.memory.names, stamp, number, queue)?;
        let opened = Open { at_ms: stamp.at_ms, id: stamp.id, count: queue.count };
        self.memory.waiters.insert(of, ticket, opened);
        let feature = Feature { number, name: Cow::Borrowed(queue.feature.as_str()) };
        self.record(stamp, Change::Waiting(feature, Cow::Borrowed(queue)))
    }

    pub(super) fn dequeue(
        &mut self,
        stamp: &Stamp<'_>,
        dequeue: &Dequeue,
    ) -> Result<(), StoreError> {
        let feature = self.name(dequeue.feature.as_str())?;
        let (of, ticket) = ((stamp.server, feature), dequeue.ticket.as_str());
        let queued = self.memory.waiters.of(of, ticket).first().map(|open| open.id);
        if let Some(id) = queued {
            self.memory.waiters.remove(of, ticket, id);
        }
        self.records.add_dequeued(&mut self.memory.names, stamp, feature, dequeue, queued)?;
        self.record(stamp, Change::WaitEnded { queued })
    }

    /// Counts the record just stored under the stamp's id, and passes on what it changes.
    pub(super) fn record(
        &mut self,
        stamp: &Stamp<'_>,
        change: Change<'e>,
    ) -> Result<(), StoreError> {
        let Stamp { id, server, learned_at_ms, at_ms, identity, .. } = *stamp;
        self.memory.blocks.add(id, server, at_ms, Some(identity));
        self.memory.blocks.close_full(self.records.history())?;
        self.tell(Entry { id, server, at_ms, learned_at_ms, change })
    }

    pub(super) fn tell(&mut self, entry: Entry<'e>) -> Result<(), StoreError> {
        self.memory.rollups.add(self.servers, &entry)?;
        self.fold.add(self.servers, entry)
    }

    fn name(&mut self, text: &str) -> Result<i64, StoreError> {
        self.memory.names.intern(self.records.history(), text)
    }
}
