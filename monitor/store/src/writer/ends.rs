//! Ends that no line tells one by one: of the sessions before a vendor daemon started, and of a wait whose seats were given.

use lic_protocol::{
    event::{Checkin, Dequeue, EndReason, Event, Fact, HandleOf, Identity, WaitOutcome},
    name::ServerName,
    outcome::Outcome,
    view::Source,
};

use super::Writer;
use crate::{
    entry::{Change, Entry},
    error::{Doing, StoreError},
    history::{self, Stamp},
    open_keys::Open,
};

impl Writer {
    /// Ends the sessions that are still open though their vendor daemon started after them: they were learned after that, from
    /// an older log. To be called when nothing more is to be learned for now.
    ///
    /// # Errors
    /// What SQLite meets. The writer must not be used after that.
    pub fn settle(&mut self, now: jiff::Timestamp) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.is_settled, true) {
            return Ok(());
        }
        let outlived = self.outlived();
        if outlived.is_empty() {
            return Ok(());
        }
        self.together(now, |writer, entries| {
            for (name, server, key, at_ms) in outlived {
                let event =
                    end(&key, at_ms, Identity { hash: !key.open.id.cast_unsigned(), ordinal: 0 });
                let learned_at_ms = now.as_millisecond();
                let id = writer.blocks.next_id();
                let stamp = Stamp { id, server, learned_at_ms, source: Source::Log, event: &event };
                writer.append_late_end(&name, &stamp, &key, entries)?;
            }
            Ok(())
        })
    }

    /// Open sessions of vendor daemons that started after them, and when.
    fn outlived(&self) -> Vec<(String, i64, Key, i64)> {
        let mut outlived = Vec::new();
        for (name, feature, handle, open) in self.sessions.iter() {
            let Some(known) = self.servers.get(&ServerName::from(name)) else { continue };
            let start = self.starts.after(known.id, handle, open.at_ms);
            if let Some(at_ms) = start {
                outlived.push((name.to_owned(), known.id, Key::new(feature, handle, open), at_ms));
            }
        }
        outlived.sort_unstable_by_key(|(_, _, key, _)| key.open.id);
        outlived
    }

    /// Ends what a vendor daemon that starts at the stamp's time knows nothing of.
    pub(super) fn end_before(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        daemon: &str,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let at_ms = stamp.at_ms();
        self.starts.add(stamp.server, daemon.to_owned(), at_ms);
        let ended = self.sessions.of_daemon(server, daemon);
        let mut ended: Vec<Key> =
            ended.map(|(feature, handle, open)| Key::new(feature, handle, open)).collect();
        ended.retain(|key| key.open.at_ms <= at_ms);
        ended.sort_unstable_by_key(|key| key.open.id);
        for (ordinal, key) in (0..).zip(&ended) {
            // The line itself has its own identity; these are ends that it implies.
            let event = end(key, at_ms, Identity { hash: !stamp.event.identity.hash, ordinal });
            let stamp = Stamp { id: self.blocks.next_id(), event: &event, ..*stamp };
            let Fact::Checkin(checkin) = &event.fact else { continue };
            let (id, names) = (key.open.id, &mut self.names);
            let rows = &mut self.chain.records;
            history::add_checkin(&self.history, names, rows, &stamp, checkin, Some(id))?;
            self.record(server, &stamp, Change::Ended { checkout: Some(id) }, entries)?;
            self.sessions.remove(server, &key.feature, &key.handle, id);
        }
        Ok(())
    }

    /// The late end of a session; a nearer one that is learned still later takes its place.
    fn append_late_end(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        key: &Key,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let Fact::Checkin(checkin) = &stamp.event.fact else { return Ok(()) };
        history::add_checkin(
            &self.history,
            &mut self.names,
            &mut self.chain.records,
            stamp,
            checkin,
            None,
        )?;
        self.early.add(stamp.server, stamp.at_ms());
        self.record(server, stamp, Change::Ended { checkout: None }, entries)?;
        self.sessions.remove(server, &key.feature, &key.handle, key.open.id);
        let learned = Open { at_ms: stamp.at_ms(), id: stamp.id, count: key.open.count };
        self.append_pairing(server, stamp, key.open.id, learned, entries)
    }

    /// A checkout whose handle is the ticket of a wait is what was waited for.
    pub(super) fn end_wait(
        &mut self,
        server: &str,
        stamp: &Stamp<'_>,
        (feature, ticket): (&str, &str),
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        if self.waiters.of(server, feature, ticket).is_empty() {
            return Ok(());
        }
        let dequeue = Dequeue {
            feature: feature.into(),
            ticket: ticket.to_owned(),
            outcome: WaitOutcome::Granted,
        };
        let stamp = Stamp { id: self.blocks.next_id(), ..*stamp };
        self.append_dequeue(server, &stamp, &dequeue, entries)
    }

    /// Whether a checkout that was just opened may be older than a start of its daemon that is known already.
    pub(super) fn unsettle(&mut self, server: i64, handle: &str, at_ms: i64) {
        self.is_settled &= self.starts.after(server, handle, at_ms).is_none();
    }

    /// Stores what `append` appends in one commit: history first, then live.
    pub(super) fn together<T>(
        &mut self,
        now: jiff::Timestamp,
        append: impl FnOnce(&mut Self, &mut Vec<Entry>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let first_id = self.blocks.next_id();
        let doing = "commit to history";
        self.history.execute_batch("begin immediate").doing(doing)?;
        let mut entries = Vec::new();
        let told = append(self, &mut entries)?;
        let last_id = self.blocks.next_id() - 1;
        if last_id >= first_id {
            let (names, blocks) = (&mut self.names, &mut self.blocks);
            let at_ms = now.as_millisecond();
            self.chain.add_batch(&self.history, (first_id, last_id), at_ms, names, blocks)?;
        }
        self.history.execute_batch("commit").doing(doing)?;
        self.fold(&entries, last_id)?;
        Ok(told)
    }
}

/// An open session by its key.
struct Key {
    feature: String,
    handle: String,
    open: Open,
}

impl Key {
    fn new(feature: &str, handle: &str, open: Open) -> Self {
        Self { feature: feature.to_owned(), handle: handle.to_owned(), open }
    }
}

/// Of whom it was stands with its checkout.
fn end(key: &Key, at_ms: i64, identity: Identity) -> Event {
    let fact = Fact::Checkin(Checkin {
        feature: key.feature.as_str().into(),
        handle: key.handle.clone(),
        handle_of: HandleOf::Session,
        count: Some(key.open.count),
        user: "".into(),
        host: "".into(),
        reason: EndReason::Shutdown,
        ended_before: None,
        outcome: Outcome::default(),
    });
    let at = jiff::Timestamp::from_millisecond(at_ms).expect("it was the time of an event");
    Event { at, fact, identity, raw: None }
}
