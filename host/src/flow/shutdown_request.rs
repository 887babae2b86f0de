//! The request to shut down, shared by all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once, and seen by all clones.
#[derive(Clone, Debug, Default)]
pub struct ShutdownRequest {
    set: Arc<AtomicBool>,
}

impl ShutdownRequest {
    /// Asks all threads to end. Sources first hand on what they have read.
    pub fn set(&self) {
        self.set.store(true, Ordering::Release);
    }

    /// Whether the shutdown was requested.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }
}
