//! Recording what license servers answer: what is other than before becomes records, and the rest is noted in the picture alone.

use lic_protocol::{event::Identity, view::Source};

use super::{Writer, append::Append, begin};
use crate::{
    entry::Change,
    error::{Doing, StoreError},
    history::Stamp,
    polled::{
        FEATURES_MAX, Polled,
        change::{self, Answered},
        picture,
    },
};

impl Writer {
    /// Records what is other in an answer than before, and puts the answer into the picture. What it is compared with is the
    /// newest that is stored, so an answer that says the same after a start writes nothing.
    ///
    /// # Errors
    /// What SQLite meets, and [`StoreError::Refused`] for a server that was never made known. The writer must not be used after
    /// that: what it knows may be ahead of what is stored.
    pub fn set_polled(&mut self, polled: &Polled) -> Result<(), StoreError> {
        let known = picture::stocks(&self.live, &polled.server)?;
        let state = picture::state(&self.live, &polled.server)?;
        let changes = change::changes(state, known, polled, FEATURES_MAX);
        if !changes.is_empty() {
            self.together(polled.learned_at(), |append| append.answer(polled, changes))?;
        }
        let change = begin(&mut self.live)?;
        picture::set_asked(&change, polled)?;
        change.commit().doing("keep what a license server answered")
    }
}

impl Append<'_, '_> {
    fn answer(&mut self, polled: &Polled, changes: Vec<Answered>) -> Result<(), StoreError> {
        let server = self.servers.number(&polled.server)?;
        let at_ms = polled.asked_at.as_millisecond();
        for answered in changes {
            let stamp = Stamp {
                id: self.memory.next_id(),
                server,
                learned_at_ms: polled.learned_at().as_millisecond(),
                source: Source::Poll,
                at_ms,
                // No answer is ever read again: nothing is looked up by it.
                identity: Identity { hash: at_ms.cast_unsigned(), ordinal: 0 },
                raw: None,
            };
            let names = &mut self.memory.names;
            match &answered {
                Answered::State(state, why) => self.records.add_state(names, &stamp, *state, why),
                Answered::Terms(stock, terms) => {
                    self.records.add_entitlement(names, &stamp, stock, terms.as_ref())
                }
                Answered::Counts(stock, counts) => {
                    self.records.add_sample(names, &stamp, stock, counts)
                }
            }?;
            self.record(&stamp, Change::Answered(answered))?;
        }
        Ok(())
    }
}
