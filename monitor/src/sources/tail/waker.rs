//! What wakes a follower before its time, and stops it. What it does then is not here.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::{Receiver, SyncSender, sync_channel},
};

/// Wakes a follower, and stops it.
#[derive(Clone)]
pub struct Waker {
    hint: SyncSender<()>,
    stop: Arc<AtomicBool>,
}

impl Waker {
    /// A waker, and where its hints arrive.
    #[must_use]
    pub fn new() -> (Self, Receiver<()>) {
        let (hint, hints) = sync_channel(1);
        (Self { hint, stop: Arc::default() }, hints)
    }

    /// Something may have changed.
    pub fn hint(&self) {
        // One hint that was not taken yet says as much as two.
        let _ = self.hint.try_send(());
    }

    /// Stops the follower, at the latest after the batch it is reading.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.hint();
    }

    /// Whether it is to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
