//! Counts the events that wait in the ledger, over all shards. Beyond a bound no further raw events
//! are taken, so that memory stays bounded however long the writer is dead. Landings are always
//! taken, because they settle what waits, and so do deadlines.
//!
//! Landings whose raw event has not come are counted apart. They wait for raw frames, so raw frames
//! must not wait for them in turn. With as many early landings as the bound allows, raw events are
//! taken again. So at most twice the bound waits.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The number of entries of each shard, reported by the shards now and then.
pub struct Backlog {
    shards: Vec<Waiting>,
    entries_max: usize,
    /// How often a judge found no room in the spool.
    pressed: AtomicU64,
}

impl Backlog {
    /// An empty backlog for so many shards, with its bound in entries.
    pub fn new(shards: usize, entries_max: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Waiting::default()).collect(),
            entries_max,
            pressed: AtomicU64::new(0),
        }
    }

    /// There is no room in the spool. Asks the shards to decide rows that wait only for another
    /// copy of their event, because what they hold may be all that is in the way.
    pub fn press(&self) {
        self.pressed.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether [`Backlog::press`] was called since the last call. `last` is the state of the
    /// caller.
    pub fn is_pressed_since(&self, last: &mut u64) -> bool {
        let pressed = self.pressed.load(Ordering::Relaxed);
        std::mem::replace(last, pressed) != pressed
    }

    /// Reports how many entries a shard has now, and how many of them are early landings.
    pub fn report(&self, shard: usize, entries: usize, early: usize) {
        if let Some(known) = self.shards.get(shard) {
            known.raw.store(entries - early, Ordering::Relaxed);
            known.early.store(early, Ordering::Relaxed);
        }
    }

    /// Whether raw events wait.
    pub fn is_full(&self) -> bool {
        self.sum(|shard| &shard.raw) >= self.entries_max
            && self.sum(|shard| &shard.early) < self.entries_max
    }

    /// Whether landings wait as well. So many of them wait for raw events that raw events cannot be
    /// coming in, although they are let in. Raw events that wait are never the reason, because only
    /// landings, and the time that passes with them, settle those.
    pub fn is_full_of_landings(&self) -> bool {
        self.sum(|shard| &shard.early) / 2 >= self.entries_max
    }

    /// Whether as many landings wait for their raw events as may.
    pub fn has_landings_enough(&self) -> bool {
        self.sum(|shard| &shard.early) >= self.entries_max
    }

    /// Whether raw events wait for landings, and landings for raw events, as many as may: they do not fit each other.
    pub fn is_full_of_both(&self) -> bool {
        self.sum(|shard| &shard.raw) >= self.entries_max && self.has_landings_enough()
    }

    /// The bound, in entries.
    pub fn entries_max(&self) -> usize {
        self.entries_max
    }

    fn sum(&self, of: fn(&Waiting) -> &AtomicUsize) -> usize {
        let counts = self
            .shards
            .iter()
            .map(|shard| of(shard).load(Ordering::Relaxed));
        counts.sum()
    }
}

/// The entries that wait in one shard.
#[derive(Default)]
struct Waiting {
    raw: AtomicUsize,
    early: AtomicUsize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_on_all_shards_together() {
        let backlog = Backlog::new(2, 10);
        backlog.report(0, 4, 0);
        backlog.report(1, 5, 0);
        assert!(!backlog.is_full());
        backlog.report(1, 6, 0);
        assert!(backlog.is_full());
        backlog.report(0, 0, 0);
        assert!(!backlog.is_full());
    }

    #[test]
    fn landings_that_wait_for_raw_events_do_not_keep_them_waiting() {
        let backlog = Backlog::new(1, 10);
        backlog.report(0, 14, 5);
        assert!(!backlog.is_full(), "9 raw events");
        backlog.report(0, 19, 9);
        assert!(backlog.is_full());
        backlog.report(0, 20, 10);
        assert!(
            !backlog.is_full(),
            "only raw events can settle what waits now"
        );
        assert!(!backlog.is_full_of_landings());
        assert!(backlog.is_full_of_both());
        backlog.report(0, 19, 10);
        assert!(!backlog.is_full_of_both() && backlog.has_landings_enough());
        backlog.report(0, 19, 9);
        assert!(!backlog.is_full_of_both() && !backlog.has_landings_enough());
        backlog.report(0, 100, 19);
        assert!(
            !backlog.is_full_of_landings(),
            "raw events are not landings"
        );
        backlog.report(0, 20, 20);
        assert!(backlog.is_full_of_landings() && !backlog.is_full());
    }
}
