//! Ends that no line tells one by one: of the sessions before a vendor daemon started, and of a wait whose seats were given.

use lic_protocol::{
    event::{Checkout, Dequeue, EndReason, Identity, WaitOutcome},
    outcome::Outcome,
    view::Source,
};

use super::{
    Writer,
    append::{Append, Memory},
};
use crate::{
    entry::Change,
    error::StoreError,
    history::{End, Stamp},
    open_keys::Open,
};

impl Writer {
    /// Ends the sessions that are still open though their vendor daemon started after them: they were learned after that, from
    /// an older log. To be called when nothing more is to be learned for now.
    ///
    /// # Errors
    /// What SQLite meets. The writer must not be used after that.
    pub fn settle(&mut self, now: jiff::Timestamp) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.memory.is_settled, true) {
            return Ok(());
        }
        let outlived = outlived(&self.memory);
        if outlived.is_empty() {
            return Ok(());
        }
        self.together(now, |append| {
            for (server, key, at_ms) in outlived {
                let stamp = Stamp {
                    id: append.memory.next_id(),
                    server,
                    learned_at_ms: now.as_millisecond(),
                    source: Source::Log,
                    at_ms,
                    identity: Identity { hash: !key.open.id.cast_unsigned(), ordinal: 0 },
                    raw: None,
                };
                append.late_end(&stamp, &key)?;
            }
            Ok(())
        })
    }
}

/// Open sessions of vendor daemons that started after them, and when: the row of the server first.
fn outlived(memory: &Memory) -> Vec<(i64, Key, i64)> {
    let mut outlived = Vec::new();
    for ((server, feature), handle, open) in memory.sessions.iter() {
        if let Some(at_ms) = memory.starts.after(server, handle, open.at_ms) {
            outlived.push((server, Key::new(feature, handle, open), at_ms));
        }
    }
    outlived.sort_unstable_by_key(|(_, key, _)| key.open.id);
    outlived
}

impl Append<'_, '_> {
    /// Ends what a vendor daemon that starts at the stamp's time knows nothing of.
    pub(super) fn end_before(&mut self, stamp: &Stamp<'_>, daemon: &str) -> Result<(), StoreError> {
        let at_ms = stamp.at_ms;
        self.memory.starts.add(stamp.server, daemon.to_owned(), at_ms);
        let ended = self.memory.sessions.of_daemon(stamp.server, daemon);
        let mut ended: Vec<Key> =
            ended.map(|(feature, handle, open)| Key::new(feature, handle, open)).collect();
        ended.retain(|key| key.open.at_ms <= at_ms);
        ended.sort_unstable_by_key(|key| key.open.id);
        for (ordinal, key) in (0..).zip(&ended) {
            // The line itself has its own identity; these are ends that it implies.
            let identity = Identity { hash: !stamp.identity.hash, ordinal };
            let stamp = Stamp { id: self.memory.next_id(), identity, raw: None, ..*stamp };
            let checkout = Some(key.open.id);
            self.records.add_checkin(&mut self.memory.names, &stamp, &key.end(checkout))?;
            self.record(&stamp, Change::Ended { feature: key.feature, checkout })?;
            self.memory.sessions.remove((stamp.server, key.feature), &key.handle, key.open.id);
        }
        Ok(())
    }

    /// The late end of a session; a nearer one that is learned still later takes its place.
    fn late_end(&mut self, stamp: &Stamp<'_>, key: &Key) -> Result<(), StoreError> {
        self.records.add_checkin(&mut self.memory.names, stamp, &key.end(None))?;
        self.memory.early.add(stamp.server, stamp.at_ms);
        self.record(stamp, Change::Ended { feature: key.feature, checkout: None })?;
        self.memory.sessions.remove((stamp.server, key.feature), &key.handle, key.open.id);
        let learned = Open { at_ms: stamp.at_ms, id: stamp.id, count: key.open.count };
        self.pairing(stamp, key.feature, key.open.id, learned)
    }

    /// A checkout whose handle is the ticket of a wait is what was waited for.
    pub(super) fn end_wait(
        &mut self,
        stamp: &Stamp<'_>,
        feature: i64,
        checkout: &Checkout,
    ) -> Result<(), StoreError> {
        if self.memory.waiters.of((stamp.server, feature), &checkout.handle).is_empty() {
            return Ok(());
        }
        let dequeue = Dequeue {
            feature: checkout.feature.clone(),
            ticket: checkout.handle.clone(),
            outcome: WaitOutcome::Granted,
        };
        let stamp = Stamp { id: self.memory.next_id(), ..*stamp };
        self.dequeue(&stamp, &dequeue)
    }

    /// Whether a checkout that was just opened may be older than a start of its daemon that is known already.
    pub(super) fn unsettle(&mut self, server: i64, handle: &str, at_ms: i64) {
        self.memory.is_settled &= self.memory.starts.after(server, handle, at_ms).is_none();
    }
}

/// An open session by its key.
struct Key {
    feature: i64,
    handle: String,
    open: Open,
}

impl Key {
    fn new(feature: i64, handle: &str, open: Open) -> Self {
        Self { feature, handle: handle.to_owned(), open }
    }

    /// Its end. Of whom it was stands with its checkout.
    fn end(&self, checkout: Option<i64>) -> End<'_> {
        End {
            checkout,
            feature: self.feature,
            handle: &self.handle,
            user: None,
            host: None,
            reason: EndReason::Shutdown,
            ended_before: None,
            outcome: Outcome::default(),
        }
    }
}
