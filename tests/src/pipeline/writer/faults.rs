//! The faults of the writer for whole intervals of time. Its faults with single events are their fate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// From which end of its memory the writer takes a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    OldestFirst,
    /// As the writer of late 2014: under load a few events wait long, although the writer is healthy.
    NewestFirst,
}

/// The switches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Loses this many of a hundred rows, at random.
    pub loss_percent: u8,
    /// Loses all rows of this schema.
    pub skipped: Option<&'static str>,
    /// One duplicate uuid makes the insert of the whole batch fail, as in the original. Otherwise a
    /// row that already exists is skipped.
    pub strict_keys: bool,
    pub order: Order,
    /// The database refuses connections. Each batch is lost, and the writer goes on with the next.
    pub refused: bool,
}

/// The switches as the worker sees them.
#[derive(Clone, Default)]
pub struct Switches {
    faults: Arc<Mutex<Faults>>,
    batches_lost: Arc<AtomicU64>,
}

impl Switches {
    pub fn get(&self) -> Faults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn change(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn batch_lost(&self) {
        self.batches_lost.fetch_add(1, Ordering::Relaxed);
    }

    pub fn batches_lost(&self) -> u64 {
        self.batches_lost.load(Ordering::Relaxed)
    }
}
