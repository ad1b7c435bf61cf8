//! The events of one turn of the loop, sent together; and the records that go once their end is committed.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
};

use jiff::Timestamp;
use lic_protocol::{event::Event, name::ServerName, view::Source};
use lic_store::commit::{Batch, Receipt};

use super::{record::Kind, token::SeatFolder};
use crate::pipe::{Closed, EventSink};

/// Events of one batch that are sent together; a turn with more sends several.
const EVENTS_MAX: usize = 1024;

/// Events on their way into the pipe.
pub(super) struct Outbox {
    sink: EventSink,
    events: Vec<Event>,
    ended: Vec<(Kind, u64)>,
    uncommitted: VecDeque<Uncommitted>,
}

/// Records that ended in a batch which is on its way.
struct Uncommitted {
    receipt: Receiver<Receipt>,
    ended: Vec<(Kind, u64)>,
}

impl Outbox {
    pub(super) fn new(sink: EventSink) -> Self {
        Self { sink, events: Vec::new(), ended: Vec::new(), uncommitted: VecDeque::new() }
    }

    pub(super) fn push(&mut self, events: impl IntoIterator<Item = Event>) {
        self.events.extend(events);
    }

    /// Its end is among the events: the record goes when they are committed. A monitor that dies before tells it again.
    pub(super) fn remove_when_committed(&mut self, kind: Kind, id: u64) {
        self.ended.push((kind, id));
    }

    /// Sends what has gathered. This waits while the pipe is full, and no seat is given meanwhile: a disk that does not keep
    /// up slows the seats down too, rather than let them run ahead of their record without bound.
    ///
    /// # Errors
    /// [`Closed`] when there is no writer.
    pub(super) fn send(&mut self, now: Timestamp) -> Result<(), Closed> {
        while self.events.len() > EVENTS_MAX {
            let rest = self.events.split_off(EVENTS_MAX);
            let first = std::mem::replace(&mut self.events, rest);
            self.sink.send(batch(first, now))?;
        }
        if self.events.is_empty() {
            return Ok(());
        }
        let last = batch(std::mem::take(&mut self.events), now);
        if self.ended.is_empty() {
            return self.sink.send(last);
        }
        let (sender, receipt) = sync_channel(1);
        let ended = std::mem::take(&mut self.ended);
        self.uncommitted.push_back(Uncommitted { receipt, ended });
        self.sink.send_with_receipt(last, sender)
    }

    /// Removes the records whose end has been committed since.
    pub(super) fn remove_committed(&mut self, seats: &SeatFolder) {
        while let Some(Uncommitted { receipt, ended }) = self.uncommitted.front() {
            match receipt.try_recv() {
                Ok(_) => ended.iter().for_each(|(kind, id)| seats.remove(*kind, *id)),
                Err(TryRecvError::Empty) => return,
                // It was not committed: the records stay, and the next start tells their end again.
                Err(TryRecvError::Disconnected) => {}
            }
            self.uncommitted.pop_front();
        }
    }

    pub(super) fn has_uncommitted(&self) -> bool {
        !self.uncommitted.is_empty()
    }
}

fn batch(events: Vec<Event>, learned_at: Timestamp) -> Batch {
    Batch {
        server: ServerName::local(),
        source: Source::Wrapper,
        learned_at,
        events,
        checkpoint: None,
    }
}
