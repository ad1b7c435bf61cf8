//! Recording what could not be read, and that it was read after all: each once, whoever tells it how often.

use jiff::Timestamp;
use lic_protocol::name::ServerName;

use super::Writer;
use crate::{
    entry::{Change, Entry},
    error::StoreError,
    gaps::{self, Missing, Recorded},
};

impl Writer {
    /// Records that bytes of a log could not be read, unless that is recorded already.
    ///
    /// # Errors
    /// What SQLite meets. The writer must not be used after that.
    pub fn add_gap(&mut self, missing: &Missing, now: Timestamp) -> Result<(), StoreError> {
        if self.gaps.contains(missing) {
            return Ok(());
        }
        self.together(now, |writer, entries| {
            let server = writer.known(&missing.server)?.id;
            let id = writer.blocks.next_id();
            gaps::add(&writer.history, &mut writer.chain.records, id, server, missing, now)?;
            writer.gaps.add(missing, id);
            let recorded = Recorded {
                path: missing.path.clone(),
                from: missing.from.cast_signed(),
                to: missing.to.map(u64::cast_signed),
                why: missing.why.clone(),
            };
            let change = Change::Missing(Box::new(recorded));
            writer.record_gap((id, server), missing.server.as_str(), now, change, entries)
        })
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
        let open = self.gaps.take(generation);
        if open.is_empty() {
            return Ok(());
        }
        self.together(now, |writer, entries| {
            let known = writer.known(server)?.id;
            for gap in open {
                let id = writer.blocks.next_id();
                gaps::mend(&writer.history, &mut writer.chain.records, id, gap, now)?;
                let change = Change::Mended { gap };
                writer.record_gap((id, known), server.as_str(), now, change, entries)?;
            }
            Ok(())
        })
    }

    /// The generations of which something is missing.
    pub fn generations_with_gaps(&self) -> impl Iterator<Item = i64> {
        self.gaps.generations()
    }

    fn record_gap(
        &mut self,
        (id, server): (i64, i64),
        name: &str,
        now: Timestamp,
        change: Change,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let at_ms = now.as_millisecond();
        self.blocks.add(id, server, at_ms, None);
        self.blocks.close_full(&self.history)?;
        entries.push(Entry { id, server: name.to_owned(), at_ms, heard_ms: at_ms, change });
        Ok(())
    }
}
