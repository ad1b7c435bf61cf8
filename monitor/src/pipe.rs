//! The one way to record a fact: into this pipe, out of it by the writer. Bounded, so a slow disk slows the sources.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use lic_store::{commit::{Batch, Receipt}, writer::Writer};

/// Batches that may wait for the writer. A source that fills it waits; that is all our back-pressure.
pub const PIPE_BATCHES_MAX: usize = 256;

/// What goes through the pipe.
pub enum Message {
    /// Events, and the checkpoint that moves with them.
    Batch {
        /// What to commit.
        batch: Batch,
        /// Told when it is committed, if anybody waits for that.
        receipt: Option<SyncSender<Receipt>>,
    },
    /// Something only the writer may do, between two commits.
    Act(Box<dyn FnOnce(&mut Writer) + Send>),
}

/// The end into which sources and the seat server send.
#[derive(Clone)]
pub struct EventSink(SyncSender<Message>);

/// The writer is gone: the program is stopping or has failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed;

/// A pipe: the end for sources, and the end for the writer.
#[must_use]
pub fn pipe() -> (EventSink, Receiver<Message>) {
    let (sender, receiver) = sync_channel(PIPE_BATCHES_MAX);
    (EventSink(sender), receiver)
}

impl EventSink {
    /// Sends a batch; waits while the pipe is full.
    ///
    /// # Errors
    /// [`Closed`] when nobody will commit it.
    pub fn send(&self, batch: Batch) -> Result<(), Closed> {
        self.0.send(Message::Batch { batch, receipt: None }).map_err(|_| Closed)
    }

    /// Sends a batch whose commit is told to `receipt`.
    ///
    /// # Errors
    /// [`Closed`] when nobody will commit it.
    pub fn send_with_receipt(&self, batch: Batch, receipt: SyncSender<Receipt>) -> Result<(), Closed> {
        self.0.send(Message::Batch { batch, receipt: Some(receipt) }).map_err(|_| Closed)
    }

    /// Has the writer do something between two commits.
    ///
    /// # Errors
    /// [`Closed`] when there is no writer.
    pub fn act(&self, act: impl FnOnce(&mut Writer) + Send + 'static) -> Result<(), Closed> {
        self.0.send(Message::Act(Box::new(act))).map_err(|_| Closed)
    }
}
