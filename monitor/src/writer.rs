//! The thread that empties the pipe into the store, in as few commits as it can.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use lic_store::{
    commit::{Batch, Receipt},
    error::StoreError,
    writer::Writer,
};
use tracing::info;

use crate::pipe::{Act, Message};

/// Events of one commit, unless a single batch has more.
const COMMIT_EVENTS_MAX: usize = 16_000;

/// How often the writer says that it lives. The end of a tool that ends while licmon is away is known to this.
const BEAT: Duration = Duration::from_secs(5);

/// How long a session of an older log may be open though its vendor daemon started since, while more is learned.
const SETTLE: SignedDuration = SignedDuration::from_mins(1);

/// Commits what comes through the pipe until its last sender is gone; then closes the databases.
///
/// What waits is committed together: the more there is to do, the less each event costs.
///
/// # Errors
/// When something cannot be stored. The databases are then as they were before that commit.
pub fn run(
    mut writer: Writer,
    pipe: &Receiver<Message>,
    clock: fn() -> Timestamp,
) -> Result<(), StoreError> {
    let mut settled_at = clock();
    let mut publisher = Publisher::default();
    loop {
        let now = clock();
        writer.beat(now)?;
        publisher.publish(&writer, now);
        if now.duration_since(settled_at) >= SETTLE {
            settled_at = now;
            writer.settle(now)?;
            writer.remake()?;
        }
        let first = match pipe.recv_timeout(BEAT) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                writer.settle(clock())?;
                writer.remake()?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                writer.settle(clock())?;
                while writer.remake()? {}
                return Ok(());
            }
        };
        let mut gathered = Gathered::default();
        let mut next = Some(first);
        while let Some(message) = next {
            next = match message {
                Message::Batch { batch, receipt } => {
                    gathered.add(batch, receipt);
                    if gathered.is_full() { None } else { pipe.try_recv().ok() }
                }
                Message::Act(act) => {
                    gathered.act = Some(act);
                    None
                }
            };
        }
        gathered.commit(&mut writer, clock())?;
    }
}

/// Tells the head of history once a day in our own log, which is kept elsewhere: whoever changes what is before it can then be shown.
#[derive(Default)]
struct Publisher {
    day: Option<Date>,
}

impl Publisher {
    fn publish(&mut self, writer: &Writer, now: Timestamp) {
        let today = now.to_zoned_datetime(TimeZone::UTC).date();
        if self.day == Some(today) {
            return;
        }
        if let Some(head) = writer.head() {
            info!("history is sealed until now: head {head}");
            self.day = Some(today);
        }
    }
}

/// Batches for one commit, and what is to be done behind it.
#[derive(Default)]
struct Gathered {
    batches: Vec<Batch>,
    receipts: Vec<Option<SyncSender<Receipt>>>,
    events: usize,
    act: Option<Act>,
}

impl Gathered {
    fn add(&mut self, batch: Batch, receipt: Option<SyncSender<Receipt>>) {
        self.events += batch.events.len();
        self.batches.push(batch);
        self.receipts.push(receipt);
    }

    fn is_full(&self) -> bool {
        self.events >= COMMIT_EVENTS_MAX
    }

    fn commit(self, writer: &mut Writer, now: Timestamp) -> Result<(), StoreError> {
        if !self.batches.is_empty() {
            let told = writer.commit(&self.batches, now)?;
            for (receipt, told) in self.receipts.into_iter().zip(told) {
                // Whoever asked may have stopped meanwhile.
                receipt.map(|receipt| receipt.try_send(told));
            }
        }
        self.act.map_or(Ok(()), |act| act(writer))
    }
}
