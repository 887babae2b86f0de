//! Limits how many altered events the describer compares. Each comparison takes as long as judging
//! the event did. A flood of them must not delay the report of what is missing, nor the stream
//! itself. Pure.

use std::time::{Duration, Instant};

/// One part in this many of real time may be spent on altered events, in the long run.
const SHARE: u32 = 2;

/// The time that may be spent at once after a quiet time: enough for about a hundred thousand
/// events.
const BURST: Duration = Duration::from_secs(2);

/// So many events of each message are compared, however little time there is.
const ALWAYS: usize = 32;

/// The assumed cost of one comparison, until it has been measured.
const FIRST_COST: Duration = Duration::from_micros(50);

/// The time that is left for altered events.
pub struct Allowance {
    left: Duration,
    since: Instant,
    /// The cost of one comparison, measured on the last ones.
    cost: Duration,
    /// Measures the cost. It decides nothing else.
    clock: fn() -> Instant,
}

impl Allowance {
    /// Begins with a full burst. `clock` measures what comparisons cost.
    pub fn new(now: Instant, clock: fn() -> Instant) -> Self {
        Self {
            left: BURST,
            since: now,
            cost: FIRST_COST,
            clock,
        }
    }

    /// How many of `altered` events may be compared now.
    pub fn events(&mut self, altered: usize, now: Instant) -> usize {
        let passed = now.saturating_duration_since(self.since);
        self.since = now;
        self.left = (self.left + passed / SHARE).min(BURST);
        let cost = self.cost.as_nanos().max(1);
        let affordable = usize::try_from(self.left.as_nanos() / cost).unwrap_or(usize::MAX);
        altered.min(affordable.max(ALWAYS))
    }

    /// Does so many comparisons, and takes the time that they take.
    pub fn measure<T>(&mut self, events: usize, compare: impl FnOnce() -> T) -> T {
        let began = (self.clock)();
        let compared = compare();
        self.spent(events, (self.clock)().saturating_duration_since(began));
        compared
    }

    /// Reports that so many comparisons took so much time.
    fn spent(&mut self, events: usize, took: Duration) {
        let events = u32::try_from(events).unwrap_or(u32::MAX).max(1);
        self.cost = (self.cost + took / events) / 2;
        self.left = self.left.saturating_sub(took);
    }
}

/// Whether the event at `place` is one of `chosen` events that are spread evenly over `all`.
pub fn is_spread(place: usize, chosen: usize, all: usize) -> bool {
    all > 0 && (place + 1) * chosen / all > place * chosen / all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_looked_at_whole_and_a_flood_in_its_share_of_time() {
        let mut now = Instant::now();
        let mut allowance = Allowance::new(now, Instant::now);
        let cost = Duration::from_micros(50);
        let mut seen = 0;
        // A flood: a thousand every 10 ms, which would take five times as long to look at.
        for _ in 0..1000 {
            let events = allowance.events(1000, now);
            allowance.spent(events, cost * events as u32);
            seen += events;
            now += Duration::from_millis(10) + cost * events as u32;
            if seen <= 30_000 {
                assert_eq!(events, 1000, "of the burst");
            }
            assert!(events >= ALWAYS);
        }
        let spent = cost * seen as u32;
        let all = Duration::from_millis(10_000) + spent;
        assert!(spent <= BURST + all / SHARE, "{spent:?} of {all:?}");
        assert!(spent >= all / 3, "{spent:?} of {all:?}");
        now += 2 * BURST;
        assert_eq!(allowance.events(10_000, now), 10_000, "after a quiet time");
    }

    #[test]
    fn what_is_chosen_is_spread_over_all_and_as_many_as_were_asked_for() {
        for all in 0..70 {
            for chosen in 0..=all {
                let places: Vec<usize> = (0..all)
                    .filter(|&place| is_spread(place, chosen, all))
                    .collect();
                assert_eq!(places.len(), chosen);
                let gap = all.div_ceil(chosen.max(1));
                assert!(places.windows(2).all(|pair| pair[1] - pair[0] <= gap));
            }
        }
    }
}
