//! The thread that empties the pipe into the store, in as few commits as it can.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use lic_store::{
    commit::{Batch, Receipt},
    error::StoreError,
    writer::Writer,
};
use tracing::{error, info};

use crate::pipe::{Act, Message};

/// Events of one commit, unless a single batch has more.
const COMMIT_EVENTS_MAX: usize = 16_000;

/// How often the writer says that it lives. The end of a tool that ends while licmon is away is known to this.
const BEAT: Duration = Duration::from_secs(5);

/// How long a session of an older log may be open though its vendor daemon started since, while more is learned.
const SETTLE: SignedDuration = SignedDuration::from_mins(1);

/// How soon it is tried again to store what there was no room for.
const AGAIN: Duration = Duration::from_secs(1);

/// Commits what comes through the pipe until its last sender is gone; then closes the databases.
///
/// What waits is committed together: the more there is to do, the less each event costs.
///
/// # Errors
/// When something cannot be stored. The databases are then as they were before that commit.
pub fn run(
    writer: Writer,
    pipe: &Receiver<Message>,
    clock: fn() -> Timestamp,
) -> Result<(), StoreError> {
    run_patiently(writer, pipe, clock, &AtomicBool::new(true))
}

/// The same, but where the disk is full, or may only be read, what comes waits until it can be stored, or until `stop`.
///
/// # Errors
/// When something cannot be stored and waiting does not help.
pub fn run_patiently(
    writer: Writer,
    pipe: &Receiver<Message>,
    clock: fn() -> Timestamp,
    stop: &AtomicBool,
) -> Result<(), StoreError> {
    let mut writer = Patient { writer, stop };
    let mut settled_at = clock();
    let mut publisher = Publisher::default();
    loop {
        let now = clock();
        writer.patiently(|writer| writer.beat(now))?;
        publisher.publish(&writer.writer, now);
        if now.duration_since(settled_at) >= SETTLE {
            settled_at = now;
            writer.patiently(|writer| writer.settle(now))?;
            writer.patiently(Writer::remake)?;
        }
        let first = match pipe.recv_timeout(BEAT) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                writer.patiently(|writer| writer.settle(clock()))?;
                writer.patiently(Writer::remake)?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                writer.patiently(|writer| writer.settle(clock()))?;
                while writer.patiently(Writer::remake)? {}
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

/// A writer that waits for room.
struct Patient<'a> {
    writer: Writer,
    stop: &'a AtomicBool,
}

impl Patient<'_> {
    /// Does it, however often it takes; each time from what is stored.
    fn patiently<T>(
        &mut self,
        mut act: impl FnMut(&mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut has_waited = false;
        let mut done = act(&mut self.writer);
        while let Err(error) = &done {
            let Some(trouble) = error.trouble().filter(|_| !self.stop.load(Ordering::Relaxed))
            else {
                return done;
            };
            if !std::mem::replace(&mut has_waited, true) {
                error!("{trouble}");
            }
            self.writer.say_trouble(Some(trouble));
            thread::park_timeout(AGAIN);
            done = self.writer.recover().and_then(|()| act(&mut self.writer));
        }
        if has_waited {
            self.writer.say_trouble(None);
            info!("there is room again: everything that waited is recorded");
        }
        done
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

    fn commit(self, writer: &mut Patient<'_>, now: Timestamp) -> Result<(), StoreError> {
        if !self.batches.is_empty() {
            let told = writer.patiently(|writer| writer.commit(&self.batches, now))?;
            for (receipt, told) in self.receipts.into_iter().zip(told) {
                // Whoever asked may have stopped meanwhile.
                receipt.map(|receipt| receipt.try_send(told));
            }
        }
        self.act.map_or(Ok(()), |mut act| writer.patiently(|writer| act(writer)))
    }
}
