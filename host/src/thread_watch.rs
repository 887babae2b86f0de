//! Knows which threads stand still. Each thread records when it begins work and when it waits. A
//! thread that works on one thing for too long is reported. Does not know what the threads do. If a
//! thread waits for a neighbour that stands still, it stands still too, and is reported as well.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A thread stands still if it works on one thing for this long. A batch takes some milliseconds,
/// or a few seconds if checks fail.
pub(crate) const STILL_AFTER: Duration = Duration::from_secs(10);

/// The thread waits for work.
const WAITS: u64 = 0;

thread_local! {
    static HEARTBEAT: RefCell<Option<Arc<Heartbeat>>> = const { RefCell::new(None) };
}

/// What one thread records about itself.
#[derive(Debug)]
struct Heartbeat {
    thread: String,
    epoch: Instant,
    /// Milliseconds after the epoch, plus one, at which it began its current work; or `WAITS`.
    since: AtomicU64,
}

/// All threads that record their work: those of the engine, of the sources and of reloads.
#[derive(Debug)]
pub struct ThreadWatch {
    epoch: Instant,
    heartbeats: Mutex<Vec<Weak<Heartbeat>>>,
}

/// The calling thread begins work.
pub(crate) fn busy() {
    record(|heartbeat| heartbeat.millis(Instant::now()) + 1);
}

/// The calling thread waits for work.
pub(crate) fn idle() {
    record(|_| WAITS);
}

fn record(since: impl FnOnce(&Heartbeat) -> u64) {
    HEARTBEAT.with_borrow(|heartbeat| {
        if let Some(heartbeat) = heartbeat {
            heartbeat.since.store(since(heartbeat), Ordering::Relaxed);
        }
    });
}

impl Heartbeat {
    fn millis(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.epoch);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// For how long it has worked on one thing; None while it waits.
    fn busy_for(&self, now: Instant) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(
            self.millis(now).saturating_sub(since),
        ))
    }
}

impl Default for ThreadWatch {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            heartbeats: Mutex::default(),
        }
    }
}

impl ThreadWatch {
    /// Watches the calling thread from now on, until it ends.
    pub fn enroll(&self, thread: &str) {
        let heartbeat = Arc::new(Heartbeat {
            thread: thread.to_owned(),
            epoch: self.epoch,
            since: AtomicU64::new(WAITS),
        });
        let mut heartbeats = self
            .heartbeats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        heartbeats.push(Arc::downgrade(&heartbeat));
        HEARTBEAT.set(Some(heartbeat));
    }

    /// All threads that are watched now.
    pub fn threads(&self) -> Vec<String> {
        let heartbeats = self
            .heartbeats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let live = heartbeats.iter().filter_map(Weak::upgrade);
        live.map(|heartbeat| heartbeat.thread.clone()).collect()
    }

    /// The threads that stand still, and for how long.
    pub fn still(&self, now: Instant) -> Vec<(String, Duration)> {
        let mut heartbeats = self
            .heartbeats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        heartbeats.retain(|heartbeat| heartbeat.strong_count() > 0);
        let still = heartbeats.iter().filter_map(|heartbeat| {
            let heartbeat = heartbeat.upgrade()?;
            let busy_for = heartbeat
                .busy_for(now)
                .filter(|busy_for| *busy_for >= STILL_AFTER)?;
            Some((heartbeat.thread.clone(), busy_for))
        });
        still.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stands_still_when_it_has_been_at_one_thing_for_too_long_and_not_while_it_waits() {
        let thread_watch = ThreadWatch::default();
        let names = |now| {
            let still = thread_watch.still(now).into_iter();
            still.map(|(thread, _)| thread).collect::<Vec<_>>()
        };
        thread_watch.enroll("judge-0");
        let later = |duration| Instant::now() + duration;
        assert!(names(later(STILL_AFTER * 2)).is_empty(), "it waits");
        busy();
        assert!(names(later(STILL_AFTER / 2)).is_empty());
        assert_eq!(names(later(STILL_AFTER)), ["judge-0"]);
        // At another thing.
        std::thread::sleep(Duration::from_millis(20));
        busy();
        assert!(names(later(STILL_AFTER - Duration::from_millis(10))).is_empty());
        idle();
        assert!(names(later(STILL_AFTER * 2)).is_empty());
        busy();
        HEARTBEAT.set(None);
        assert!(names(later(STILL_AFTER * 2)).is_empty(), "it has ended");
    }
}
