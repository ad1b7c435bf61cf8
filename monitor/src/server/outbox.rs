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
    pieces: Vec<Piece>,
    uncommitted: VecDeque<Uncommitted>,
}

/// What is sent, in its order.
#[expect(clippy::large_enum_variant, reason = "nearly all of it is events")]
enum Piece {
    Event(Event),
    /// The end of this record is told before this: it goes when that is committed.
    Ended(Kind, u64),
    /// Here goes the end of this lease, once it is known how its tool ended. What comes after waits for it: a seat is given
    /// back in history before somebody else takes it.
    Held(u64),
}

/// Records that ended in a batch which is on its way.
struct Uncommitted {
    receipt: Receiver<Receipt>,
    ended: Vec<(Kind, u64)>,
}

impl Outbox {
    pub(super) fn new(sink: EventSink) -> Self {
        Self { sink, pieces: Vec::new(), uncommitted: VecDeque::new() }
    }

    pub(super) fn push(&mut self, events: impl IntoIterator<Item = Event>) {
        self.pieces.extend(events.into_iter().map(Piece::Event));
    }

    /// Adds events that nothing depends on, and that no record keeps: they wait for no lease's end.
    pub(super) fn push_at_once(&mut self, events: impl IntoIterator<Item = Event>) {
        let at = self.pieces.iter().position(Piece::is_held).unwrap_or(self.pieces.len());
        self.pieces.splice(at..at, events.into_iter().map(Piece::Event));
    }

    /// Its end is among the events: the record goes when they are committed. A monitor that dies before tells it again.
    pub(super) fn remove_when_committed(&mut self, kind: Kind, id: u64) {
        self.pieces.push(Piece::Ended(kind, id));
    }

    /// Keeps the place of a lease's end.
    pub(super) fn hold(&mut self, lease: u64) {
        self.pieces.push(Piece::Held(lease));
    }

    /// Adds the end of a lease, in the place that was kept for it if there is one. Its record goes when it is committed.
    pub(super) fn push_end(&mut self, lease: u64, events: impl IntoIterator<Item = Event>) {
        let is_kept = |piece: &Piece| matches!(piece, Piece::Held(id) if *id == lease);
        let end = self.pieces.len();
        // Looked for from the end: most are told at once.
        let place = self.pieces.iter().rposition(is_kept).map_or(end..end, |at| at..at + 1);
        let ended = Piece::Ended(Kind::Lease, lease);
        self.pieces.splice(place, events.into_iter().map(Piece::Event).chain([ended]));
    }

    /// Sends what has gathered, up to an end that is not known yet. This waits while the pipe is full, and no seat is given
    /// meanwhile: a disk that does not keep up slows the seats down too, rather than let them run ahead of their record
    /// without bound.
    ///
    /// # Errors
    /// [`Closed`] when there is no writer.
    pub(super) fn send(&mut self, now: Timestamp) -> Result<(), Closed> {
        let until = self.pieces.iter().position(Piece::is_held).unwrap_or(self.pieces.len());
        let rest = self.pieces.split_off(until);
        let (mut events, mut ended) = (Vec::new(), Vec::new());
        for piece in std::mem::replace(&mut self.pieces, rest) {
            match piece {
                Piece::Event(event) if events.len() == EVENTS_MAX => {
                    self.send_batch(std::mem::replace(&mut events, vec![event]), &mut ended, now)?;
                }
                Piece::Event(event) => events.push(event),
                Piece::Ended(kind, id) => ended.push((kind, id)),
                Piece::Held(_) => {}
            }
        }
        if events.is_empty() && ended.is_empty() {
            return Ok(());
        }
        self.send_batch(events, &mut ended, now)
    }

    fn send_batch(
        &mut self,
        events: Vec<Event>,
        ended: &mut Vec<(Kind, u64)>,
        now: Timestamp,
    ) -> Result<(), Closed> {
        let batch = batch(events, now);
        if ended.is_empty() {
            return self.sink.send(batch);
        }
        let (sender, receipt) = sync_channel(1);
        let ended = std::mem::take(ended);
        self.uncommitted.push_back(Uncommitted { receipt, ended });
        self.sink.send_with_receipt(batch, sender)
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

impl Piece {
    fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
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
