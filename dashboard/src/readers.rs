//! A small pool of read-only connections; every question to the databases goes through it, off the runtime's thread.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    sync::{Arc, Mutex, PoisonError},
};

use lic_store::{error::StoreError, open::DatabasePaths, read::Reader};
use tokio::sync::Semaphore;

/// Connections kept, and questions answered at one time.
pub const READERS_MAX: usize = 2;

/// The pool.
pub struct Readers {
    databases: DatabasePaths,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Kept>>,
}

/// A reader, and the files it was opened on: live may be deleted and made anew while we run.
struct Kept {
    reader: Reader,
    files: Files,
}

/// Device and inode of both databases.
pub(crate) type Files = [Option<(u64, u64)>; 2];

impl Readers {
    /// An empty pool; connections are opened when first needed.
    #[must_use]
    pub fn new(databases: DatabasePaths) -> Self {
        Self { databases, free: Arc::new(Semaphore::new(READERS_MAX)), idle: Mutex::default() }
    }

    /// Which databases are asked.
    pub(crate) fn databases(&self) -> &DatabasePaths {
        &self.databases
    }

    /// Asks the databases `question` from a pool's connection.
    ///
    /// # Errors
    /// When they cannot be opened or read.
    ///
    /// # Panics
    /// When `question` does.
    pub(crate) async fn ask<T, Q>(self: &Arc<Self>, question: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    {
        let free = Arc::clone(&self.free);
        let permit = free.acquire_owned().await.expect("the semaphore is never closed");
        let pool = Arc::clone(self);
        let answer = tokio::task::spawn_blocking(move || {
            let kept = pool.take()?;
            let answer = question(&kept.reader)?;
            pool.give_back(kept);
            // Only now: an asker who has left meanwhile does not make room for the next question.
            drop(permit);
            Ok(answer)
        });
        answer.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// An idle reader of the files that are there now, or a new one.
    fn take(&self) -> Result<Kept, StoreError> {
        let files = files(&self.databases);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(kept) if kept.files == files => Ok(kept),
            _ => Ok(Kept { reader: Reader::open(&self.databases)?, files }),
        }
    }

    fn give_back(&self, kept: Kept) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }
}

/// Which files the databases are now. Their status is asked by path: opening and closing one would drop our locks on it.
pub(crate) fn files(databases: &DatabasePaths) -> Files {
    [&databases.live, &databases.history]
        .map(|path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino())))
}
