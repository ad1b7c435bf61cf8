//! The batches of one reader on their way: a few at a time, so that a small batch of the seat server never stands behind a
//! long import.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, sync_channel},
};

use lic_store::commit::{Batch, Receipt};

use crate::pipe::{Closed, EventSink, READER_BATCHES_MAX};

/// One reader's way into the pipe.
pub struct Sender {
    sink: EventSink,
    /// One for each batch on its way. The other end is in the pipe with the batch: if the writer fails, both go.
    receipts: VecDeque<Receiver<Receipt>>,
    total: Receipt,
}

impl Sender {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(sink: EventSink) -> Self {
        Self { sink, receipts: VecDeque::new(), total: Receipt::default() }
    }

    /// Sends a batch; waits while [`READER_BATCHES_MAX`] are not committed yet.
    ///
    /// # Errors
    /// [`Closed`] when one of them never will be.
    pub fn send(&mut self, batch: Batch) -> Result<(), Closed> {
        while self.receipts.len() >= READER_BATCHES_MAX {
            self.wait()?;
        }
        let (committed, receipt) = sync_channel(1);
        self.sink.send_with_receipt(batch, committed)?;
        self.receipts.push_back(receipt);
        Ok(())
    }

    /// Waits for the last ones, and tells what became of all.
    ///
    /// # Errors
    /// [`Closed`] when one of them was not committed.
    pub fn finish(mut self) -> Result<Receipt, Closed> {
        while !self.receipts.is_empty() {
            self.wait()?;
        }
        Ok(self.total)
    }

    /// The way into the pipe for what is no batch.
    #[must_use]
    pub fn sink(&self) -> &EventSink {
        &self.sink
    }

    fn wait(&mut self) -> Result<(), Closed> {
        let Some(receipt) = self.receipts.pop_front() else { return Ok(()) };
        let receipt = receipt.recv().map_err(|_| Closed)?;
        self.total.added += receipt.added;
        self.total.duplicates += receipt.duplicates;
        Ok(())
    }
}
