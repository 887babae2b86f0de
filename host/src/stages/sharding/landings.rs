//! The latest landing of each shard, shared by all. A shard that gives a verdict by the frontier tells
//! what landed anywhere before it: another shard's own news may still be on its way, and the whole
//! pipeline must not be called stalled for that.

use std::sync::atomic::{AtomicI64, Ordering};

/// Nothing has landed.
const NEVER: i64 = i64::MIN;

/// One number for each shard, written by its own thread alone.
#[derive(Debug)]
pub struct Landings {
    latest_ms: Vec<AtomicI64>,
}

impl Landings {
    pub fn new(shards: usize) -> Self {
        Self {
            latest_ms: (0..shards).map(|_| AtomicI64::new(NEVER)).collect(),
        }
    }

    /// Must be called before the frontier may pass the landing.
    pub fn tell(&self, shard: usize, landed_ms: Option<i64>) {
        if let (Some(latest), Some(landed_ms)) = (self.latest_ms.get(shard), landed_ms) {
            latest.store(landed_ms, Ordering::Release);
        }
    }

    /// The latest of all.
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
        landings.tell(1, Some(-5));
        assert_eq!(landings.latest_ms(), Some(-5));
        landings.tell(2, Some(70));
        landings.tell(0, Some(60));
        landings.tell(1, None);
        assert_eq!(landings.latest_ms(), Some(70));
    }
}
