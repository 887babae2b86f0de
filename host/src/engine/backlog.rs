//! How many events wait in the ledger, over all shards; beyond a bound no further raw events are
//! taken, so that memory stays bounded however long the writer is dead. Landings are always taken:
//! they settle what waits, and so do deadlines.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The entries of each shard, told by the shards now and then.
pub struct Backlog {
    shards: Vec<AtomicUsize>,
    entries_max: usize,
}

impl Backlog {
    pub fn new(shards: usize, entries_max: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            entries_max,
        }
    }

    /// A shard has this many entries now.
    pub fn tell(&self, shard: usize, entries: usize) {
        if let Some(known) = self.shards.get(shard) {
            known.store(entries, Ordering::Relaxed);
        }
    }

    /// Whether raw events are to wait.
    pub fn is_full(&self) -> bool {
        self.entries() >= self.entries_max
    }

    /// Whether landings alone have gone far beyond the bound. Where time moves it does not happen:
    /// a landing waits for its raw event no longer than the grace.
    pub fn is_overrun(&self) -> bool {
        self.entries() / 2 >= self.entries_max
    }

    pub fn entries_max(&self) -> usize {
        self.entries_max
    }

    fn entries(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.load(Ordering::Relaxed))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_on_all_shards_together() {
        let backlog = Backlog::new(2, 10);
        backlog.tell(0, 4);
        backlog.tell(1, 5);
        assert!(!backlog.is_full());
        backlog.tell(1, 6);
        assert!(backlog.is_full());
        backlog.tell(0, 0);
        assert!(!backlog.is_full());
    }
}
