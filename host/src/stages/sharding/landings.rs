//! The latest landing of each shard, shared by all shards. When a shard gives a verdict by the
//! frontier, it reports what landed anywhere before the frontier. Another shard's own report may
//! still be on its way, and the whole pipeline must not be called stalled because of that.

use std::sync::atomic::{AtomicI64, Ordering};

/// The shard has no landing yet.
const NEVER: i64 = i64::MIN;

/// One number for each shard, written by its own thread alone.
#[derive(Debug)]
pub struct Landings {
    latest_ms: Vec<AtomicI64>,
}

impl Landings {
    /// No shard has a landing yet.
    pub fn new(shards: usize) -> Self {
        Self {
            latest_ms: (0..shards).map(|_| AtomicI64::new(NEVER)).collect(),
        }
    }

    /// Reports the latest landing of a shard, in milliseconds. Must be called before the frontier
    /// may pass the landing.
    pub fn report(&self, shard: usize, landed_ms: Option<i64>) {
        if let (Some(latest), Some(landed_ms)) = (self.latest_ms.get(shard), landed_ms) {
            latest.store(landed_ms, Ordering::Release);
        }
    }

    /// The latest landing of all shards, in milliseconds.
    pub fn latest_ms(&self) -> Option<i64> {
        let latest = self.latest_ms.iter().map(|ms| ms.load(Ordering::Acquire));
        latest.max().filter(|&ms| ms != NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_landing_is_that_of_whichever_shard() {
        let landings = Landings::new(3);
        assert_eq!(landings.latest_ms(), None);
        landings.report(1, Some(-5));
        assert_eq!(landings.latest_ms(), Some(-5));
        landings.report(2, Some(70));
        landings.report(0, Some(60));
        landings.report(1, None);
        assert_eq!(landings.latest_ms(), Some(70));
    }
}
