//! The one way to record a fact: into this pipe, out of it by the writer. Bounded, so a slow disk slows the sources.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use lic_store::{
    commit::{Batch, Receipt},
    configured::Fault,
    error::StoreError,
    writer::Writer,
};

/// Messages that may wait for the writer. Whoever fills the pipe waits. Readers of logs, whose batches are large, hold themselves
/// to [`READER_BATCHES_MAX`] each, so that a small batch of the seat server never stands behind a long import.
pub const PIPE_MESSAGES_MAX: usize = 4096;
/// Batches that one reader of a log may have on their way: in the commit that is made, and waiting for the next.
pub const READER_BATCHES_MAX: usize = 3;

/// Something only the writer may do. It is done again where the disk was full; any other error stops the writer.
pub type Act = Box<dyn FnMut(&mut Writer) -> Result<(), StoreError> + Send>;

/// What goes through the pipe.
#[expect(clippy::large_enum_variant, reason = "nearly all of it is batches")]
pub enum Message {
    /// Events, and the checkpoint that moves with them.
    Batch {
        /// What to commit.
        batch: Batch,
        /// Told when it is committed, if anybody waits for that.
        receipt: Option<SyncSender<Receipt>>,
    },
    /// Something only the writer may do, between two commits.
    Act(Act),
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
    let (sender, receiver) = sync_channel(PIPE_MESSAGES_MAX);
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
    pub fn send_with_receipt(
        &self,
        batch: Batch,
        receipt: SyncSender<Receipt>,
    ) -> Result<(), Closed> {
        self.0.send(Message::Batch { batch, receipt: Some(receipt) }).map_err(|_| Closed)
    }

    /// Has the writer note what keeps us from reading.
    ///
    /// # Errors
    /// [`Closed`] when there is no writer.
    pub fn set_fault(&self, fault: Fault) -> Result<(), Closed> {
        self.act(move |writer| writer.set_fault(&fault))
    }

    /// Has the writer do something between two commits.
    ///
    /// # Errors
    /// [`Closed`] when there is no writer.
    pub fn act(
        &self,
        act: impl FnMut(&mut Writer) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), Closed> {
        self.0.send(Message::Act(Box::new(act))).map_err(|_| Closed)
    }
}
