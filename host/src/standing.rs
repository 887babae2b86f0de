//! Which threads stand still: each says when it takes something up and when it waits for more, and who
//! has been at one thing for too long is told. Knows no thread's work. A thread that waits for a neighbour
//! that stands still does too, and is told with it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// At one piece of work for so long: a batch takes some milliseconds, with checks that fail a few seconds.
pub(crate) const STILL_AFTER: Duration = Duration::from_secs(10);

/// The thread waits for work.
const WAITS: u64 = 0;

thread_local! {
    static BEAT: RefCell<Option<Arc<Beat>>> = const { RefCell::new(None) };
}

/// What one thread says of itself.
#[derive(Debug)]
struct Beat {
    thread: String,
    epoch: Instant,
    /// Milliseconds after the epoch, plus one, at which it took up what it is at; or `WAITS`.
    since: AtomicU64,
}

/// All threads that say so: those of the engine, of the sources and of reloads.
#[derive(Debug)]
pub struct Standing {
    epoch: Instant,
    beats: Mutex<Vec<Weak<Beat>>>,
}

/// The thread takes something up.
pub(crate) fn works() {
    tell(|beat| beat.millis(Instant::now()) + 1);
}

/// The thread waits for more.
pub(crate) fn waits() {
    tell(|_| WAITS);
}

fn tell(since: impl FnOnce(&Beat) -> u64) {
    BEAT.with_borrow(|beat| {
        if let Some(beat) = beat {
            beat.since.store(since(beat), Ordering::Relaxed);
        }
    });
}

impl Beat {
    fn millis(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.epoch);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// For how long it has been at one thing.
    fn at_it(&self, now: Instant) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(
            self.millis(now).saturating_sub(since),
        ))
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            beats: Mutex::default(),
        }
    }
}

impl Standing {
    /// The thread that calls it is watched from now on, until it ends.
    pub fn enroll(&self, thread: &str) {
        let beat = Arc::new(Beat {
            thread: thread.to_owned(),
            epoch: self.epoch,
            since: AtomicU64::new(WAITS),
        });
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.push(Arc::downgrade(&beat));
        BEAT.set(Some(beat));
    }

    /// All threads that are watched now.
    pub fn threads(&self) -> Vec<String> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let live = beats.iter().filter_map(Weak::upgrade);
        live.map(|beat| beat.thread.clone()).collect()
    }

    /// The threads that stand still, and for how long.
    pub fn still(&self, now: Instant) -> Vec<(String, Duration)> {
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.retain(|beat| beat.strong_count() > 0);
        let still = beats.iter().filter_map(|beat| {
            let beat = beat.upgrade()?;
            let at_it = beat.at_it(now).filter(|at_it| *at_it >= STILL_AFTER)?;
            Some((beat.thread.clone(), at_it))
        });
        still.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stands_still_when_it_has_been_at_one_thing_for_too_long_and_not_while_it_waits() {
        let standing = Standing::default();
        let names = |now| {
            let still = standing.still(now).into_iter();
            still.map(|(thread, _)| thread).collect::<Vec<_>>()
        };
        standing.enroll("judge-0");
        let later = |duration| Instant::now() + duration;
        assert!(names(later(STILL_AFTER * 2)).is_empty(), "it waits");
        works();
        assert!(names(later(STILL_AFTER / 2)).is_empty());
        assert_eq!(names(later(STILL_AFTER)), ["judge-0"]);
        // At another thing.
        std::thread::sleep(Duration::from_millis(20));
        works();
        assert!(names(later(STILL_AFTER - Duration::from_millis(10))).is_empty());
        waits();
        assert!(names(later(STILL_AFTER * 2)).is_empty());
        works();
        BEAT.set(None);
        assert!(names(later(STILL_AFTER * 2)).is_empty(), "it has ended");
    }
}
