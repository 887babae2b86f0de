//! How many files are compiled at once, over all checks: each may take its whole memory.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Cancel;

/// Files that are compiled at once. More than a few cores are busy with, so that one that takes long
/// does not hold up the others; and the most memory is so many times `CompileLimits::memory_bytes_max`.
const SLOTS: usize = 4;

/// How often one that waits looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// The places. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    taken: Mutex<usize>,
    freed: Condvar,
}

/// A place; free again when this is dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Slot(Arc<Inner>);

impl Slots {
    /// Waits for a place; None if it is cancelled before there is one.
    pub fn take(&self, cancel: &Cancel) -> Option<Slot> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if cancel.is_cancelled() {
                return None;
            }
            if *taken < SLOTS {
                *taken += 1;
                return Some(Slot(Arc::clone(&self.0)));
            }
            let waited = self.0.freed.wait_timeout(taken, LOOK);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_there_are_places_are_taken_and_who_waits_can_be_cancelled() {
        let slots = Slots::default();
        let cancel = Cancel::default();
        let mut taken: Vec<_> = (0..SLOTS)
            .map(|_| slots.take(&cancel).expect("a place"))
            .collect();
        let cancelled = Cancel::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take(&cancelled).is_none());
            cancelled.cancel();
            assert!(waiting.join().expect("it ends"), "it is not waited for");
            let next = scope.spawn(|| slots.take(&cancel).is_some());
            taken.pop();
            assert!(next.join().expect("it ends"), "a place was freed");
        });
        // The place of the scope's thread is free again.
        assert!(slots.take(&cancel).is_some());
    }
}
