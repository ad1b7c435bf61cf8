//! Recording what could not be read, and that it was read after all: each once, whoever tells it how often.

use jiff::Timestamp;
use lic_protocol::name::ServerName;

use super::{Writer, append::Append};
use crate::{
    entry::{Change, Entry},
    error::StoreError,
    gaps::{self, Missing, Recorded, Stored},
};

impl Writer {
    /// Records that bytes of a log could not be read, unless that is recorded already.
    ///
    /// # Errors
    /// What SQLite meets. The writer must not be used after that.
    pub fn add_gap(&mut self, missing: &Missing, now: Timestamp) -> Result<(), StoreError> {
        if self.memory.gaps.contains(missing) {
            return Ok(());
        }
        self.together(now, |append| append.missing(missing, now))
    }

    /// Records that all of a generation was read, where something of it was missing.
    ///
    /// # Errors
    /// What SQLite meets. The writer must not be used after that.
    pub fn mend_gaps(
        &mut self,
        server: &ServerName,
        generation: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let open = self.memory.gaps.take(generation);
        if open.is_empty() {
            return Ok(());
        }
        self.together(now, |append| {
            let server = append.servers.number(server)?;
            for gap in open {
                let id = append.memory.next_id();
                gaps::mend(&mut append.records, id, gap, now)?;
                append.gap((id, server), now, Change::Mended { gap })?;
            }
            Ok(())
        })
    }

    /// The generations of which something is missing.
    pub fn generations_with_gaps(&self) -> impl Iterator<Item = i64> {
        self.memory.gaps.generations()
    }
}

impl<'e> Append<'_, 'e> {
    fn missing(&mut self, missing: &Missing, now: Timestamp) -> Result<(), StoreError> {
        let (id, server) = (self.memory.next_id(), self.servers.number(&missing.server)?);
        let recorded = Recorded {
            path: missing.path.clone(),
            from: missing.from.cast_signed(),
            to: missing.to.map(u64::cast_signed),
            why: missing.why.clone(),
        };
        self.records.add_gap(&Stored {
            id,
            mends: None,
            server,
            generation: missing.generation,
            path: &recorded.path,
            from: recorded.from,
            to: recorded.to,
            at_ms: now.as_millisecond(),
            why: &recorded.why,
        })?;
        self.memory.gaps.add(missing, id);
        self.gap((id, server), now, Change::Missing(recorded))
    }

    /// Counts the gap just stored, and passes on what it changes.
    fn gap(
        &mut self,
        (id, server): (i64, i64),
        now: Timestamp,
        change: Change<'e>,
    ) -> Result<(), StoreError> {
        let at_ms = now.as_millisecond();
        self.memory.blocks.add(id, server, at_ms, None);
        self.memory.blocks.close_full(self.records.history())?;
        self.tell(Entry { id, server, at_ms, learned_at_ms: at_ms, change })
    }
}
