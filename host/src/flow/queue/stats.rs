//! Statistics of a lane: what it holds, and how long its senders waited.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What a lane holds and how long its senders waited; shown in metrics.
#[derive(Debug, Default)]
pub struct LaneStats {
    pub(super) bytes: AtomicUsize,
    pub(super) items: AtomicUsize,
    pub(super) sent_items: AtomicU64,
    pub(super) waits: AtomicU64,
    pub(super) wait_ns: AtomicU64,
}

impl LaneStats {
    /// Bytes that wait now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Items that wait now.
    pub fn items(&self) -> usize {
        self.items.load(Ordering::Relaxed)
    }

    /// Items that the lane has accepted since the start.
    pub fn sent_items(&self) -> u64 {
        self.sent_items.load(Ordering::Relaxed)
    }

    /// Sends that found the lane full.
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// Real time that senders spent waiting for room.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.wait_ns.load(Ordering::Relaxed))
    }
}
