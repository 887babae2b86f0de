//! How many files are compiled at once, over all checks, and which has to wait for which.
//!
//! Each compilation may take its whole memory, so there are few slots. Long compilations may hold all slots but
//! one. The last slot is for files of which nobody knows yet how long they take. A file that holds it for longer
//! than its turn gives it back as soon as another file waits, and begins anew when a slot for long compilations
//! is free. So a file that compiles as fast as most waits for others no longer than their turns, however many of
//! them compile for as long as they may.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cancel::Cancel;

/// Files that are compiled at once. They keep more than a few cores busy, and together may take so many times
/// `CompileLimits::memory_bytes_max`.
const SLOTS: usize = 4;

/// Of these slots, those that long compilations may hold.
const LONG_SLOTS: usize = SLOTS - 1;

/// The time of one turn. Checks in Rust compile within a second or two; with a Python interpreter in it, one
/// takes half a minute and is one that compiles for long.
pub(super) const TURN: Duration = Duration::from_secs(10);

/// How often a waiting file looks whether its load was cancelled.
const LOOK: Duration = Duration::from_millis(20);

/// The slots. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counts: Mutex<SlotCounts>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct SlotCounts {
    taken: usize,
    /// Of these, by long compilations.
    long: usize,
    /// Files that wait for their first turn.
    new: usize,
}

/// A slot that is taken; free again when this is dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Slot {
    of: Arc<Inner>,
    is_long: bool,
}

impl SlotCounts {
    fn has_room(&self, is_long: bool) -> bool {
        self.taken < SLOTS && !(is_long && self.long == LONG_SLOTS)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, SlotCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Waits for a slot; None if the load is cancelled before there is one. `is_long`: the file had its turn,
    /// and has to wait for a slot of long compilations.
    pub fn take(&self, is_long: bool, cancel: &Cancel) -> Option<Slot> {
        let mut counts = self.0.lock();
        counts.new += usize::from(!is_long);
        loop {
            let taken = (counts.has_room(is_long) && !cancel.is_cancelled()).then(|| {
                counts.taken += 1;
                counts.long += usize::from(is_long);
                Slot {
                    of: Arc::clone(&self.0),
                    is_long,
                }
            });
            if taken.is_some() || cancel.is_cancelled() {
                counts.new -= usize::from(!is_long);
                return taken;
            }
            let waited = self.0.freed.wait_timeout(counts, LOOK);
            counts = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Slot {
    /// Whether a compilation may go on after its turn: it gets a slot of long compilations, or none is left but
    /// nobody waits for this one.
    pub fn may_stay(&mut self) -> bool {
        let mut counts = self.of.lock();
        if !self.is_long && counts.long < LONG_SLOTS {
            counts.long += 1;
            self.is_long = true;
        }
        self.is_long || counts.new == 0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.of.lock();
        counts.taken -= 1;
        counts.long -= usize::from(self.is_long);
        drop(counts);
        // Those that wait may need different slots, so all are woken.
        self.of.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(slots: &Slots) -> Slot {
        slots.take(false, &Cancel::default()).expect("a slot")
    }

    /// Whether a file of its kind would get a slot now.
    fn is_free(slots: &Slots, is_long: bool) -> bool {
        slots.0.lock().has_room(is_long)
    }

    #[test]
    fn no_more_than_there_are_slots_are_taken_and_who_waits_can_be_cancelled() {
        let slots = Slots::default();
        let mut taken: Vec<_> = (0..SLOTS).map(|_| take(&slots)).collect();
        assert!(!is_free(&slots, false));
        let cancelled = Cancel::default();
        let cancel = Cancel::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take(false, &cancelled).is_none());
            cancelled.cancel();
            assert!(waiting.join().expect("it ends"), "it is not waited for");
            let next = scope.spawn(|| slots.take(false, &cancel).is_some());
            taken.pop();
            assert!(next.join().expect("it ends"), "a slot was freed");
        });
        // The slot of the scope's thread is free again.
        drop(take(&slots));
    }

    #[test]
    fn all_but_one_of_the_slots_are_for_what_compiles_for_long() {
        let slots = Slots::default();
        let mut taken: Vec<_> = (0..SLOTS).map(|_| take(&slots)).collect();
        // Nobody waits: all may stay.
        assert!(taken.iter_mut().all(Slot::may_stay));
        assert_eq!(slots.0.lock().long, LONG_SLOTS);
        let cancel = Cancel::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take(false, &cancel).is_some());
            while slots.0.lock().new == 0 {
                std::thread::yield_now();
            }
            let stay: Vec<bool> = taken.iter_mut().map(Slot::may_stay).collect();
            assert_eq!(stay, [true, true, true, false]);
            // It gives way.
            taken.pop();
            assert!(waiting.join().expect("it ends"));
        });
        assert!(!is_free(&slots, true), "it waits for one of the long ones");
        assert!(is_free(&slots, false));
        taken.pop();
        assert!(is_free(&slots, true));
        let counts = |slots: &Slots| {
            let counts = slots.0.lock();
            (counts.taken, counts.long, counts.new)
        };
        assert_eq!(counts(&slots), (2, 2, 0));
        drop(taken);
        assert_eq!(counts(&slots), (0, 0, 0));
    }
}
