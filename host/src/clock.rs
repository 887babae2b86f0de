//! The only place that reads the time of day. Everything else gets the time as an input, in milliseconds.
//!
//! Landfall's clock is anchored once, at its start, to the system's time (or to a configured
//! origin), and moves from there with the time since the machine was started, times the configured speed. That goes on
//! while the machine is suspended, unlike the monotonic clock. Landfall's clock never
//! goes back, and no setting of the system's time moves it. If it followed a step of the system clock by an hour forward, every
//! pending deadline would pass at once, and each of those events would be called missing. So a step of
//! the system clock shows only as [`Clock::system_offset_ms`], which is a metric; a restart anchors the
//! clock again, though not before the time that the last run had stored.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the one reader of the system's time"
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// The fastest clock: a day in less than ten seconds. With a faster one the poll ticks of a source (50 ms)
/// are longer than a window.
pub const SPEED_MAX: f64 = 10_000.0;

/// A system clock may have gone back by so much between two runs: an hour, as of a wrong time zone. Landfall's clock
/// then goes on where it was. If it went back by more, the time before was wrong, and it would be wrong for as long.
const STEP_BACK_MAX_MS: i64 = 3_600_000;

/// What the clock of the last run showed at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastTime {
    pub at_ms: i64,
    /// It was the system's time.
    pub follows_system: bool,
}

impl LastTime {
    /// Where a clock begins that would begin at `origin_ms`.
    fn bounds(self, origin_ms: i64, follows_system: bool) -> i64 {
        let back_ms = self.at_ms.saturating_sub(origin_ms);
        let is_same = self.follows_system == follows_system;
        let goes_on = is_same && (!follows_system || back_ms <= STEP_BACK_MAX_MS);
        if goes_on {
            origin_ms.max(self.at_ms)
        } else {
            origin_ms
        }
    }
}

/// Landfall's clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Anchor>,
}

#[derive(Debug)]
struct Anchor {
    /// By [`since_boot`].
    started: Duration,
    origin_ms: i64,
    speed: f64,
    /// Whether the clock should show the system's time.
    follows_system: bool,
    /// In simulations: the test sets its time.
    #[cfg(test)]
    hand_ms: Option<std::sync::atomic::AtomicI64>,
}

impl Clock {
    /// A clock that starts now at `origin_ms` (milliseconds since the epoch; None: the system's
    /// time) and runs `speed` times as fast as real time. A speed that is not a positive number up to
    /// [`SPEED_MAX`] counts as 1: the configuration refuses it before it comes here.
    pub fn start(speed: f64, origin_ms: Option<i64>) -> Self {
        Self::go_on(speed, origin_ms, None)
    }

    /// The same, but not before the clock of the last run: what waits has times by that clock. A system clock that
    /// went back by more than an hour is followed all the same.
    pub fn go_on(speed: f64, origin_ms: Option<i64>, last: Option<LastTime>) -> Self {
        let sound = speed.is_finite() && speed > 0.0 && speed <= SPEED_MAX;
        let speed = if sound { speed } else { 1.0 };
        let follows_system = origin_ms.is_none() && speed == 1.0;
        let origin_ms = origin_ms.unwrap_or_else(system_ms);
        let anchor = Anchor {
            started: since_boot(),
            origin_ms: last.map_or(origin_ms, |last| last.bounds(origin_ms, follows_system)),
            speed,
            follows_system,
            #[cfg(test)]
            hand_ms: None,
        };
        Self {
            inner: Arc::new(anchor),
        }
    }

    /// A clock that stands still until it is set.
    #[cfg(test)]
    pub(crate) fn by_hand(origin_ms: i64) -> Self {
        Self {
            inner: Arc::new(Anchor {
                started: since_boot(),
                origin_ms,
                speed: 1.0,
                follows_system: false,
                hand_ms: Some(origin_ms.into()),
            }),
        }
    }

    #[cfg(test)]
    pub(crate) fn set_ms(&self, now_ms: i64) {
        if let Some(hand_ms) = &self.inner.hand_ms {
            hand_ms.fetch_max(now_ms, std::sync::atomic::Ordering::AcqRel);
        }
    }

    /// Milliseconds since the epoch. Never less than an earlier answer, on any thread.
    pub fn now_ms(&self) -> i64 {
        #[cfg(test)]
        if let Some(hand_ms) = &self.inner.hand_ms {
            return hand_ms.load(std::sync::atomic::Ordering::Acquire);
        }
        let elapsed = since_boot().saturating_sub(self.inner.started);
        let passed_ms = if self.inner.speed == 1.0 {
            i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
        } else {
            // Saturates; a float holds milliseconds exactly for 285,000 years.
            (elapsed.as_secs_f64() * 1000.0 * self.inner.speed) as i64
        };
        self.inner.origin_ms.saturating_add(passed_ms)
    }

    /// How long an interval of this clock's time lasts in real time: the time that a thread has to wait.
    pub fn real(&self, stretch: Duration) -> Duration {
        if self.inner.speed == 1.0 {
            return stretch;
        }
        Duration::try_from_secs_f64(stretch.as_secs_f64() / self.inner.speed)
            .unwrap_or(Duration::MAX)
    }

    /// Whether it shows the system's time.
    pub fn follows_system(&self) -> bool {
        self.inner.follows_system
    }

    /// How many times faster than real time it runs.
    pub fn speed(&self) -> f64 {
        self.inner.speed
    }

    /// The time at which this clock was started, by itself.
    pub fn origin_ms(&self) -> i64 {
        self.inner.origin_ms
    }

    /// By how many milliseconds the system's time is ahead of this clock now: the sum of the steps of the
    /// system clock since the start. None if this clock does not show the system's time anyway (a
    /// replay).
    pub fn system_offset_ms(&self) -> Option<i64> {
        self.inner
            .follows_system
            .then(|| system_ms().saturating_sub(self.now_ms()))
    }
}

/// For how long the machine was running or suspended since it was started.
fn since_boot() -> Duration {
    of_clock(ClockId::Boottime)
}

/// For how long the machine was suspended since it was started.
pub(crate) fn suspended() -> Duration {
    // In this order: what passes between the two readings is not taken for a suspension.
    let since_boot = since_boot();
    since_boot.saturating_sub(of_clock(ClockId::Monotonic))
}

/// A clock that counts from the machine's start. It cannot fail: the kernel has both.
fn of_clock(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

/// The system's time, in milliseconds since the epoch; before 1970 it counts as 1970. It is for things that concern the machine; the times
/// of events, windows and incidents come from a [`Clock`].
pub(crate) fn system_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_machine_that_is_not_suspended_shows_no_growing_suspension() {
        // Whoever is stopped between the two readings reads too little: the most is the truth.
        let most = || (0..100).map(|_| suspended()).max().unwrap_or_default();
        let before = most();
        std::thread::sleep(Duration::from_millis(20));
        let grown = most().abs_diff(before);
        assert!(grown < Duration::from_millis(10), "{grown:?}");
    }

    #[test]
    fn at_speed_one_it_tells_the_systems_time() {
        let clock = Clock::start(1.0, None);
        let offset = clock.system_offset_ms().unwrap();
        assert!(offset.abs() < 1000, "{offset} ms off");
        assert_eq!(clock.real(Duration::from_secs(3)), Duration::from_secs(3));
    }

    #[test]
    fn a_replay_starts_at_its_origin_and_runs_faster() {
        let origin_ms = 1_416_276_000_000;
        let clock = Clock::start(1000.0, Some(origin_ms));
        let began = Instant::now();
        while clock.now_ms() < origin_ms + 20_000 {
            std::hint::spin_loop();
        }
        let real = began.elapsed();
        assert!(
            real < Duration::from_secs(10),
            "20 s took {real:?} at 1000 times the speed"
        );
        assert_eq!(
            clock.real(Duration::from_secs(10)),
            Duration::from_millis(10)
        );
        assert_eq!(clock.system_offset_ms(), None);
    }

    #[test]
    fn after_a_restart_it_does_not_begin_before_the_end_of_the_last_run() {
        let at = |at_ms, follows_system| LastTime {
            at_ms,
            follows_system,
        };
        for (last, follows_system, expected) in [
            (at(900, true), true, 1_000),
            (at(1_001, true), true, 1_001),
            (
                at(1_000 + STEP_BACK_MAX_MS, true),
                true,
                1_000 + STEP_BACK_MAX_MS,
            ),
            (at(1_001 + STEP_BACK_MAX_MS, true), true, 1_000),
            // A clock of its own is set by nobody.
            (at(i64::MAX, false), false, i64::MAX),
            (at(5, false), false, 1_000),
            // The other clock says nothing of this one.
            (at(5_000, true), false, 1_000),
            (at(5_000, false), true, 1_000),
        ] {
            let begins_ms = last.bounds(1_000, follows_system);
            assert_eq!(begins_ms, expected, "{last:?} {follows_system}");
        }
        let clock = Clock::go_on(100.0, Some(1_000), Some(at(7_000, false)));
        assert!(clock.now_ms() >= 7_000);
        assert_eq!(clock.origin_ms(), 7_000);
    }

    #[test]
    fn clones_are_one_clock_and_it_never_goes_back() {
        let clock = Clock::start(777.7, Some(0));
        let other = clock.clone();
        let mut last = 0;
        for _ in 0..10_000 {
            let now = clock.now_ms();
            assert!(now >= last);
            last = other.now_ms();
            assert!(last >= now);
        }
    }

    #[test]
    fn a_speed_that_makes_no_sense_is_one() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, SPEED_MAX * 2.0] {
            assert_eq!(Clock::start(speed, Some(0)).speed(), 1.0);
        }
    }
}
