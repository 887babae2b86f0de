//! Leaves a check alone for a while when it spends its time on failing, so that it cannot slow the
//! others. The worker's own clock (`Instant`) is enough here: this bounds cost, not verdicts.

use std::time::{Duration, Instant};

/// Batches on end that spent their whole budget on faults before a check is suspended.
const SPENT_BATCHES_MAX: u32 = 3;

/// First and longest suspension. Doubled each time that the first batch afterwards fails as well.
const SUSPENSION_MIN: Duration = Duration::from_secs(5);
const SUSPENSION_MAX: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(crate) struct Breaker {
    spent_on_end: u32,
    until: Option<Instant>,
    suspension: Duration,
}

impl Breaker {
    /// Whether the check is left alone at `now`.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Tells how a batch went: `spent` if faults used up its budget. True if this suspends the check.
    pub(crate) fn record(&mut self, spent: bool, now: Instant) -> bool {
        if !spent {
            *self = Self::default();
            return false;
        }
        self.spent_on_end += 1;
        let on_probation = self.until.is_some();
        if self.spent_on_end < SPENT_BATCHES_MAX && !on_probation {
            return false;
        }
        self.suspension = (self.suspension * 2).clamp(SUSPENSION_MIN, SUSPENSION_MAX);
        self.until = Some(now + self.suspension);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spent_batches_suspend_and_one_good_batch_forgives() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        assert!(!breaker.record(true, start));
        assert!(!breaker.record(true, start));
        assert!(!breaker.record(false, start));
        assert!(!breaker.record(true, start));
        assert!(!breaker.record(true, start));
        assert!(breaker.record(true, start));
        assert!(breaker.is_open(start));
        let later = start + SUSPENSION_MIN;
        assert!(!breaker.is_open(later));
        assert!(
            breaker.record(true, later),
            "one more failure on probation suspends at once"
        );
        assert!(
            breaker.is_open(later + SUSPENSION_MIN),
            "and for twice as long"
        );
        assert!(!breaker.record(false, later + SUSPENSION_MIN * 2));
    }
}
