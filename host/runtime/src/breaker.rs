//! A circuit breaker: a check, or a schema, is suspended for a while when it wastes too much of the worker's time,
//! so that it cannot slow the others. Only the wasted time counts, however the rows come: in one large batch or
//! in many of one row. The worker's own clock (`Instant`) is enough here: this bounds cost, not verdicts.

use std::time::{Duration, Instant};

/// The time that may be wasted at once, in deadlines. One row that loops in a full batch of 1,024 costs about
/// four, so a rare one is found and does not suspend the check.
const WASTE_DEADLINES_MAX: u32 = 8;

/// Waste is forgiven at one part in so many of real time: that much may be wasted for ever.
const FORGIVEN_PART: u32 = 20;

/// First and longest suspension. Doubled each time until all waste is forgiven.
const SUSPENSION_MIN: Duration = Duration::from_secs(5);
const SUSPENSION_MAX: Duration = Duration::from_secs(300);

/// A leaky bucket of wasted time, and a suspension when it overflows.
#[derive(Debug)]
pub(crate) struct Breaker {
    deadline: Duration,
    wasted: Duration,
    /// The time as of which `wasted` is right.
    at: Option<Instant>,
    until: Option<Instant>,
    suspension: Duration,
}

impl Breaker {
    /// For a check whose calls have `deadline` each.
    pub(crate) fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            wasted: Duration::ZERO,
            at: None,
            until: None,
            suspension: Duration::ZERO,
        }
    }

    /// Whether it is suspended at `now`.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// What may still be wasted at `now` before the check is suspended.
    pub(crate) fn left(&mut self, now: Instant) -> Duration {
        self.forgive(now);
        self.waste_max().saturating_sub(self.wasted)
    }

    /// Records that `waste` was lost on faults up to `now`. If this suspends the check: for how long.
    pub(crate) fn record(&mut self, waste: Duration, now: Instant) -> Option<Duration> {
        self.forgive(now);
        self.wasted = self.wasted.saturating_add(waste);
        if self.wasted < self.waste_max() {
            return None;
        }
        self.suspension = (self.suspension * 2).clamp(SUSPENSION_MIN, SUSPENSION_MAX);
        let until = now + self.suspension;
        self.until = Some(until);
        // On probation afterwards: the next deadline that it misses suspends it again. Being left
        // alone earns no forgiveness, so that counts from `until` on.
        self.wasted = self.waste_max().saturating_sub(self.deadline);
        self.at = Some(until);
        Some(self.suspension)
    }

    fn waste_max(&self) -> Duration {
        self.deadline * WASTE_DEADLINES_MAX
    }

    fn forgive(&mut self, now: Instant) {
        let since = self
            .at
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = self.at.max(Some(now));
        self.wasted = self.wasted.saturating_sub(since / FORGIVEN_PART);
        if self.wasted.is_zero() {
            self.suspension = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(250);

    /// Calls that all waste their deadline, one after the other, until the check is suspended: how
    /// much time that took, and when.
    fn waste_until_suspended(breaker: &mut Breaker, mut now: Instant) -> (Duration, Instant) {
        let start = now;
        for _ in 0..1000 {
            now += DEADLINE;
            if breaker.record(DEADLINE, now).is_some() {
                return (now - start, now);
            }
        }
        panic!("never suspended");
    }

    #[test]
    fn lone_rows_that_loop_suspend_the_check_after_two_seconds_of_waste() {
        let mut breaker = Breaker::new(DEADLINE);
        let (took, now) = waste_until_suspended(&mut breaker, Instant::now());
        assert!(took <= Duration::from_millis(2250), "{took:?}");
        assert!(breaker.is_open(now));
        assert!(!breaker.is_open(now + SUSPENSION_MIN));
    }

    #[test]
    fn good_batches_between_the_loops_do_not_make_up_for_them() {
        let mut breaker = Breaker::new(DEADLINE);
        let mut now = Instant::now();
        let suspended = (0..40).any(|_| {
            // A hundred good batches of a millisecond, and then one that loops.
            now += Duration::from_millis(100) + DEADLINE;
            breaker.record(DEADLINE, now).is_some()
        });
        assert!(suspended);
    }

    #[test]
    fn a_rare_poison_row_never_suspends_the_check() {
        let mut breaker = Breaker::new(DEADLINE);
        let mut now = Instant::now();
        for _ in 0..1000 {
            now += Duration::from_secs(30);
            assert_eq!(breaker.record(DEADLINE * 4, now), None);
        }
        assert_eq!(breaker.left(now), DEADLINE * 4);
    }

    #[test]
    fn faults_that_cost_next_to_nothing_never_suspend_the_check() {
        let mut breaker = Breaker::new(DEADLINE);
        let mut now = Instant::now();
        for _ in 0..100_000 {
            now += Duration::from_millis(1);
            assert_eq!(breaker.record(Duration::from_micros(20), now), None);
        }
    }

    #[test]
    fn one_more_loop_after_a_suspension_doubles_it_and_a_clean_stretch_forgives_all() {
        let mut breaker = Breaker::new(DEADLINE);
        let (_, now) = waste_until_suspended(&mut breaker, Instant::now());
        let back = now + SUSPENSION_MIN + DEADLINE;
        assert_eq!(
            breaker.record(DEADLINE * 2, back),
            Some(SUSPENSION_MIN * 2),
            "on probation"
        );
        assert!(breaker.is_open(back + SUSPENSION_MIN), "for twice as long");
        let back = back + SUSPENSION_MIN * 2;
        assert!(!breaker.is_open(back));
        let clean = back + DEADLINE * WASTE_DEADLINES_MAX * FORGIVEN_PART;
        assert_eq!(breaker.left(clean), DEADLINE * WASTE_DEADLINES_MAX);
        let (_, now) = waste_until_suspended(&mut breaker, clean);
        assert!(!breaker.is_open(now + SUSPENSION_MIN), "as at first");
    }

    #[test]
    fn no_suspension_is_longer_than_the_longest() {
        let mut breaker = Breaker::new(DEADLINE);
        let mut now = Instant::now();
        for _ in 0..20 {
            now = waste_until_suspended(&mut breaker, now).1 + SUSPENSION_MAX;
        }
        assert!(!breaker.is_open(now));
    }
}
