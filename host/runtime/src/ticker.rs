//! The thread that ticks the engine's epoch, by which calls of guests are ended. It ticks only while there
//! are calls: a sidecar that waits for events is not woken a hundred times a second for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Resolution of all deadlines of guests: as short as the shortest that can be configured. Each tick
/// costs one atomic increment and a wake-up.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// After so many ticks without a call the thread sleeps until there is one: in a flood of calls, none has to
/// wake it. Once awake, it sleeps again after the first tick that finds no call.
const IDLE_TICKS: u32 = 2;

/// What callers and the ticker have in common.
#[derive(Debug, Default)]
struct Shared {
    calls: AtomicUsize,
    /// It sleeps, or is about to, and the next call has to wake it.
    sleeps: AtomicBool,
    stop: AtomicBool,
}

/// The thread; ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A call under way: the epoch ticks for as long as there is one.
#[must_use]
pub(crate) struct CallGuard<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread, which calls `tick`.
    pub fn start(tick: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = thread::Builder::new().name("epoch".into()).spawn(move || {
            let mut idle = 0;
            while !seen.stop.load(Ordering::SeqCst) {
                if idle >= IDLE_TICKS {
                    loop {
                        // A call that began before this is seen below; one that begins after it sees
                        // this, and wakes (both are sequentially consistent).
                        seen.sleeps.store(true, Ordering::SeqCst);
                        if seen.is_awaited() {
                            break;
                        }
                        thread::park();
                    }
                    seen.sleeps.store(false, Ordering::SeqCst);
                }
                thread::sleep(EPOCH_TICK);
                tick();
                idle = if seen.is_awaited() { 0 } else { idle + 1 };
            }
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// A call begins: from now on there are ticks.
    pub fn call(&self) -> CallGuard<'_> {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        // Every call that sees it wakes the thread: if only one did, another call would wait for that one.
        if self.shared.sleeps.load(Ordering::SeqCst) {
            self.wake();
        }
        CallGuard(&self.shared)
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Shared {
    fn is_awaited(&self) -> bool {
        self.calls.load(Ordering::SeqCst) > 0 || self.stop.load(Ordering::SeqCst)
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::Instant;

    use super::*;

    /// Far beyond what any of this takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn counted() -> (Ticker, Arc<AtomicU64>) {
        let ticks = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&ticks);
        let ticker = Ticker::start(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        (ticker.unwrap(), ticks)
    }

    fn await_that(what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "{what}");
            thread::yield_now();
        }
    }

    fn await_sleep(ticker: &Ticker) {
        await_that("it sleeps", || ticker.shared.sleeps.load(Ordering::SeqCst));
    }

    #[test]
    fn it_ticks_for_as_long_as_there_is_a_call_and_no_longer() {
        let (ticker, ticks) = counted();
        await_sleep(&ticker);
        for _ in 0..3 {
            let (one, other) = (ticker.call(), ticker.call());
            let before = ticks.load(Ordering::SeqCst);
            await_that("it ticks", || ticks.load(Ordering::SeqCst) > before + 3);
            drop(one);
            let before = ticks.load(Ordering::SeqCst);
            await_that("it ticks for the other one", || {
                ticks.load(Ordering::SeqCst) > before + 3
            });
            assert!(!ticker.shared.sleeps.load(Ordering::SeqCst));
            drop(other);
            await_sleep(&ticker);
            let before = ticks.load(Ordering::SeqCst);
            thread::sleep(5 * EPOCH_TICK);
            assert_eq!(ticks.load(Ordering::SeqCst), before, "nobody waits for it");
        }
    }

    #[test]
    fn no_call_is_left_without_ticks_however_it_meets_the_ticker_going_to_sleep() {
        let (ticker, ticks) = counted();
        for round in 0..40_u32 {
            // About when it has ticked in vain for the last time.
            thread::sleep(EPOCH_TICK * IDLE_TICKS + Duration::from_micros(u64::from(round) * 50));
            let call = ticker.call();
            let before = ticks.load(Ordering::SeqCst);
            await_that("it ticks", || ticks.load(Ordering::SeqCst) > before);
            drop(call);
        }
    }

    #[test]
    fn calls_that_end_before_it_is_awake_do_not_leave_it_asleep_for_the_next() {
        let (ticker, ticks) = counted();
        for _ in 0..20 {
            await_sleep(&ticker);
            (0..3).for_each(|_| drop(ticker.call()));
            let call = ticker.call();
            let before = ticks.load(Ordering::SeqCst);
            await_that("it ticks", || ticks.load(Ordering::SeqCst) > before);
            drop(call);
            await_sleep(&ticker);
            drop(ticker.call());
            // It has seen that there is no call any more, and sleeps on.
            await_sleep(&ticker);
            thread::yield_now();
        }
    }

    #[test]
    fn it_ends_also_when_it_sleeps() {
        let (ticker, _) = counted();
        await_sleep(&ticker);
        drop(ticker);
        drop(counted());
    }
}
