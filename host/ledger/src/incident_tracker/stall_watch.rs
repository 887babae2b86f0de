//! Tells a stall from arrivals and landings: expected events keep coming in, and none lands. Knows no
//! incidents.

/// Watches arrivals and landings of the whole pipeline, or of one schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StallWatch {
    /// The latest landing.
    landed_ms: Option<i64>,
    /// Arrival of the first expected event after it.
    waiting_since_ms: Option<i64>,
    /// Arrival of the last expected event.
    arrived_ms: Option<i64>,
    /// Latest arrival of an event that has been reported missing.
    reported_missing_ms: Option<i64>,
}

impl StallWatch {
    pub(super) fn landed(&mut self, at_ms: i64) {
        let latest = self.landed_ms.map_or(at_ms, |known| known.max(at_ms));
        self.landed_ms = Some(latest);
        // Events that came in after the landing still wait: from the landing on, at the earliest. The same
        // landing may be handed in again, long after it.
        self.waiting_since_ms = match (self.waiting_since_ms, self.arrived_ms) {
            (Some(waiting), Some(arrived)) if arrived > latest => Some(waiting.max(latest)),
            _ => None,
        };
    }

    pub(super) fn arrived(&mut self, first_ms: i64, last_ms: i64) {
        self.arrived_ms = Some(self.arrived_ms.map_or(last_ms, |known| known.max(last_ms)));
        let after = self
            .landed_ms
            .map_or(first_ms, |landed| first_ms.max(landed));
        if self.landed_ms.is_none_or(|landed| last_ms > landed) {
            self.waiting_since_ms = Some(
                self.waiting_since_ms
                    .map_or(after, |known| known.min(after)),
            );
        }
    }

    /// An event that arrived then has been reported missing.
    pub(super) fn reported_missing(&mut self, arrived_ms: i64) {
        self.reported_missing_ms = Some(
            self.reported_missing_ms
                .map_or(arrived_ms, |known| known.max(arrived_ms)),
        );
    }

    /// Whether an expected event that arrived at `since_ms` or later waits, and none that waits has been
    /// reported missing yet: then no other incident has begun to count them.
    pub(super) fn is_unreported_since(&self, since_ms: i64) -> bool {
        let is_reported = match (self.reported_missing_ms, self.waiting_since_ms) {
            (Some(reported), Some(waiting)) => reported >= waiting,
            _ => false,
        };
        !is_reported && self.arrived_since(since_ms)
    }

    /// Whether an expected event arrived at `since_ms` or later.
    pub(super) fn arrived_since(&self, since_ms: i64) -> bool {
        self.arrived_ms.is_some_and(|arrived| arrived >= since_ms)
    }

    /// Since when expected events have waited, if that is longer than `stall_ms` at `now_ms`.
    pub(super) fn stalled_since(&self, now_ms: i64, stall_ms: i64) -> Option<i64> {
        self.waiting_since_ms
            .filter(|since| now_ms.saturating_sub(*since) > stall_ms)
    }

    /// The latest landing, if it was at or after `since_ms`.
    pub(super) fn landed_since(&self, since_ms: i64) -> Option<i64> {
        self.landed_ms.filter(|landed| *landed >= since_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_pipeline_never_stalls() {
        let mut watch = StallWatch::default();
        watch.arrived(0, 10);
        watch.landed(20);
        assert_eq!(watch.stalled_since(1_000_000, 100), None);
    }

    #[test]
    fn a_stall_begins_with_the_first_event_that_did_not_land() {
        let mut watch = StallWatch::default();
        watch.arrived(0, 10);
        watch.landed(20);
        watch.arrived(50, 90);
        assert_eq!(
            watch.stalled_since(150, 100),
            None,
            "exactly the threshold is not longer"
        );
        assert_eq!(watch.stalled_since(151, 100), Some(50));
        watch.landed(160);
        assert_eq!(watch.stalled_since(1000, 100), None);
    }

    #[test]
    fn a_landing_while_others_wait_starts_the_time_anew() {
        let mut watch = StallWatch::default();
        watch.arrived(0, 10);
        watch.arrived(100, 200);
        watch.landed(150);
        assert_eq!(watch.stalled_since(240, 100), None);
        assert_eq!(watch.stalled_since(260, 100), Some(150));
    }

    #[test]
    fn an_old_landing_that_is_told_again_after_a_lull_is_no_stall() {
        let mut watch = StallWatch::default();
        watch.arrived(0, 10);
        watch.landed(20);
        watch.arrived(1000, 1010);
        watch.landed(20);
        assert_eq!(watch.stalled_since(1050, 100), None);
        assert_eq!(watch.stalled_since(1101, 100), Some(1000));
    }
}
