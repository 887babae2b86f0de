//! The time that retention uses. Pure.
//!
//! A machine that starts with a wrong date must not lose its data: what is deleted does not come
//! back when the date is corrected. So retention does not trust a clock that jumps, but only time
//! that the store has been through. Its time is kept in the store. While the process runs, it moves
//! with Landfall's clock, which does not jump. At a start the clock may be ahead by the length of
//! the stop. A short stop is believed at once. After a longer one, retention catches up by one hour
//! for each hour that the process runs. If the clock is behind, the time does not move back, and
//! rows are deleted by the clock's earlier time.

/// The longest stop that is believed at once: this part of `store.keep`, and never more than the
/// maximum.
const BELIEVED_OF_KEEP: i64 = 4;
const BELIEVED_MS_MAX: i64 = 24 * 3_600_000;

/// How much faster than the clock retention's time may move until it has caught up.
const CATCH_UP: i64 = 2;

/// If the clock is behind by no more than this, somebody corrected it a little.
pub(super) const BEHIND_MS_MAX: i64 = 60_000;

/// The clock relative to retention's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockOffset {
    /// Retention uses the clock.
    Agrees,
    /// The clock is ahead of retention's time by this many milliseconds.
    Ahead(i64),
    /// The clock is behind retention's time by this many milliseconds.
    Behind(i64),
}

/// The time that retention uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetentionTime {
    time_ms: i64,
    /// The last time of the clock, in milliseconds.
    clock_ms: i64,
}

impl RetentionTime {
    /// `stored_ms` is the time in the store. None: the store has no time, and the clock is
    /// believed.
    pub(super) fn start(stored_ms: Option<i64>, clock_ms: i64, keep_ms: i64) -> Self {
        let believed_ms = (keep_ms / BELIEVED_OF_KEEP).min(BELIEVED_MS_MAX);
        let time_ms = match stored_ms {
            Some(stored_ms) if clock_ms.saturating_sub(stored_ms) > believed_ms => stored_ms,
            Some(stored_ms) => stored_ms.max(clock_ms),
            None => clock_ms,
        };
        Self { time_ms, clock_ms }
    }

    /// Moves with the clock.
    pub(super) fn advance(&mut self, clock_ms: i64) {
        let passed_ms = clock_ms.saturating_sub(self.clock_ms).max(0);
        self.clock_ms = self.clock_ms.max(clock_ms);
        let most_ms = self
            .time_ms
            .saturating_add(passed_ms.saturating_mul(CATCH_UP));
        self.time_ms = self.time_ms.max(most_ms.min(self.clock_ms));
    }

    /// The time to keep in the store.
    pub(super) fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// The time by which rows are too old.
    pub(super) fn prune_at_ms(&self) -> i64 {
        self.time_ms.min(self.clock_ms)
    }

    /// By how much the clock is ahead, in milliseconds; below zero if it is behind.
    pub(super) fn ahead_ms(&self) -> i64 {
        self.clock_ms.saturating_sub(self.time_ms)
    }

    pub(super) fn clock_offset(&self) -> ClockOffset {
        match self.ahead_ms() {
            0 => ClockOffset::Agrees,
            ahead @ 1.. => ClockOffset::Ahead(ahead),
            behind if behind >= -BEHIND_MS_MAX => ClockOffset::Agrees,
            behind => ClockOffset::Behind(behind.saturating_neg()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const KEEP: i64 = 30 * DAY;
    const NOW: i64 = 1_700_000_000_000;
    const YEAR_2099: i64 = 4_070_908_800_000;

    #[test]
    fn a_store_that_knows_no_time_believes_the_clock() {
        let mut time = RetentionTime::start(None, NOW, KEEP);
        assert_eq!(time.prune_at_ms(), NOW);
        time.advance(NOW + HOUR);
        assert_eq!(time.prune_at_ms(), NOW + HOUR);
        assert_eq!(time.clock_offset(), ClockOffset::Agrees);
    }

    #[test]
    fn a_clock_far_ahead_moves_retention_by_no_more_than_the_process_runs() {
        let mut time = RetentionTime::start(Some(NOW), YEAR_2099, KEEP);
        assert_eq!(time.prune_at_ms(), NOW);
        assert_eq!(time.clock_offset(), ClockOffset::Ahead(YEAR_2099 - NOW));
        time.advance(YEAR_2099 + 40_000);
        assert_eq!(time.prune_at_ms(), NOW + 80_000);
        // However often it starts anew.
        let mut stored = time.time_ms();
        for _ in 0..1000 {
            let mut time = RetentionTime::start(Some(stored), YEAR_2099, KEEP);
            time.advance(YEAR_2099 + 1000);
            stored = time.time_ms();
        }
        assert_eq!(stored, NOW + 80_000 + 2_000_000);
        // Once the clock is right again, nothing has happened.
        let time = RetentionTime::start(Some(stored), NOW + HOUR, KEEP);
        assert_eq!(time.prune_at_ms(), NOW + HOUR);
        assert_eq!(time.clock_offset(), ClockOffset::Agrees);
    }

    #[test]
    fn a_short_stop_is_believed_at_once_and_a_long_one_made_up_hour_by_hour() {
        let time = RetentionTime::start(Some(NOW), NOW + DAY, KEEP);
        assert_eq!(time.prune_at_ms(), NOW + DAY);
        let mut time = RetentionTime::start(Some(NOW), NOW + DAY + 1, KEEP);
        assert_eq!(time.prune_at_ms(), NOW);
        time.advance(NOW + DAY + 1 + 12 * HOUR);
        assert_eq!(time.prune_at_ms(), NOW + DAY);
        assert_eq!(time.clock_offset(), ClockOffset::Ahead(12 * HOUR + 1));
        time.advance(NOW + 2 * DAY + HOUR);
        assert_eq!(time.prune_at_ms(), NOW + 2 * DAY + HOUR);
        assert_eq!(time.clock_offset(), ClockOffset::Agrees);
        // What is kept for an hour is not deleted because of a date that is wrong by less than a day.
        let time = RetentionTime::start(Some(NOW), NOW + HOUR, HOUR);
        assert_eq!(time.prune_at_ms(), NOW);
    }

    #[test]
    fn a_clock_that_is_behind_deletes_nothing_by_a_later_time_and_moves_nothing_back() {
        let mut time = RetentionTime::start(Some(NOW), 0, KEEP);
        assert_eq!(time.prune_at_ms(), 0);
        assert_eq!(time.clock_offset(), ClockOffset::Behind(NOW));
        time.advance(40_000);
        assert_eq!((time.prune_at_ms(), time.time_ms()), (40_000, NOW));
        let time = RetentionTime::start(Some(time.time_ms()), NOW + HOUR, KEEP);
        assert_eq!(time.prune_at_ms(), NOW + HOUR);
        let corrected = RetentionTime::start(Some(NOW), NOW - 500, KEEP);
        assert_eq!(corrected.clock_offset(), ClockOffset::Agrees);
    }

    #[test]
    fn times_at_the_ends_of_the_range_do_no_harm() {
        for stored in [i64::MIN, 0, i64::MAX] {
            for clock in [i64::MIN, 0, i64::MAX] {
                let mut time = RetentionTime::start(Some(stored), clock, KEEP);
                time.advance(i64::MAX);
                time.advance(i64::MIN);
                assert!(time.prune_at_ms() <= time.time_ms());
                let _ = (time.clock_offset(), time.ahead_ms());
            }
        }
    }
}
