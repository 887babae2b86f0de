//! How many files are compiled at once, over all checks, and who has to wait for whom.
//!
//! Each may take its whole memory, so there are few places. What compiles for long may hold all but one of
//! them. The last is for files of which nobody knows yet how long they take: one that is at it for longer than
//! its turn gives the place back as soon as another file waits for one, and begins anew when a place for long
//! ones is free. So a file that compiles as fast as most waits for others no longer than their turns, however
//! many of them compile for as long as they may.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cancel::Cancel;

/// Files that are compiled at once. More than a few cores are busy with; and the most memory is so many times
/// `CompileLimits::memory_bytes_max`.
const SLOTS: usize = 4;

/// Of these, those that compile for long.
const LONG_SLOTS: usize = SLOTS - 1;

/// The time of one turn. Checks in Rust compile within a second or two; with a Python interpreter in it, one
/// takes half a minute and is one that compiles for long.
pub(super) const TURN: Duration = Duration::from_secs(10);

/// How often one that waits looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// The places. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    places: Mutex<Places>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Places {
    taken: usize,
    /// Of these, by what compiles for long.
    long: usize,
    /// Files that wait for their first turn.
    new: usize,
}

/// A place; free again when this is dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Slot {
    of: Arc<Inner>,
    is_long: bool,
}

impl Places {
    fn has_room(&self, is_long: bool) -> bool {
        self.taken < SLOTS && !(is_long && self.long == LONG_SLOTS)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Waits for a place; None if it is cancelled before there is one. `is_long`: it had its turn, and has to
    /// wait for a place of those that compile for long.
    pub fn take(&self, is_long: bool, cancel: &Cancel) -> Option<Slot> {
        let mut places = self.0.lock();
        places.new += usize::from(!is_long);
        loop {
            let taken = (places.has_room(is_long) && !cancel.is_cancelled()).then(|| {
                places.taken += 1;
                places.long += usize::from(is_long);
                Slot {
                    of: Arc::clone(&self.0),
                    is_long,
                }
            });
            if taken.is_some() || cancel.is_cancelled() {
                places.new -= usize::from(!is_long);
                return taken;
            }
            let waited = self.0.freed.wait_timeout(places, LOOK);
            places = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Slot {
    /// Whether it may stay, after its turn: it is told apart as one that compiles for long, or others are as
    /// yet, and nobody waits for the place.
    pub fn may_stay(&mut self) -> bool {
        let mut places = self.of.lock();
        if !self.is_long && places.long < LONG_SLOTS {
            places.long += 1;
            self.is_long = true;
        }
        self.is_long || places.new == 0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut places = self.of.lock();
        places.taken -= 1;
        places.long -= usize::from(self.is_long);
        drop(places);
        // Those that wait may need different slots, so all are woken.
        self.of.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(slots: &Slots) -> Slot {
        slots.take(false, &Cancel::default()).expect("a place")
    }

    /// Whether a file of its kind would get a place now.
    fn is_free(slots: &Slots, is_long: bool) -> bool {
        slots.0.lock().has_room(is_long)
    }

    #[test]
    fn no_more_than_there_are_places_are_taken_and_who_waits_can_be_cancelled() {
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
            assert!(next.join().expect("it ends"), "a place was freed");
        });
        // The place of the scope's thread is free again.
        drop(take(&slots));
    }

    #[test]
    fn all_but_one_of_the_places_are_for_what_compiles_for_long() {
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
            let places = slots.0.lock();
            (places.taken, places.long, places.new)
        };
        assert_eq!(counts(&slots), (2, 2, 0));
        drop(taken);
        assert_eq!(counts(&slots), (0, 0, 0));
    }
}
