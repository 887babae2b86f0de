//! Notices that the machine was suspended, which no monotonic clock shows.
//!
//! It reads no clock itself: it is given one.

use std::time::Duration;

/// Two clocks are read one after the other, so their difference moves a little.
const MIN: Duration = Duration::from_millis(20);

/// Follows for how long the machine was suspended since its start.
#[derive(Debug)]
pub struct Suspensions {
    total: fn() -> Duration,
    known: Duration,
}

impl Suspensions {
    /// `total` tells for how long the machine was suspended so far.
    pub fn new(total: fn() -> Duration) -> Self {
        Self {
            total,
            known: total(),
        }
    }

    /// How long the machine was suspended since the last call, if it was.
    pub fn since_last(&mut self) -> Option<Duration> {
        let total = (self.total)();
        let more = total.saturating_sub(self.known);
        if more < MIN {
            return None;
        }
        self.known = total;
        Some(more)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_suspension_is_noticed_once_and_an_unsteady_reading_is_none() {
        static TOTAL_MS: AtomicU64 = AtomicU64::new(500);
        let mut suspensions =
            Suspensions::new(|| Duration::from_millis(TOTAL_MS.load(Ordering::Relaxed)));
        for (total_ms, noticed) in [
            (500, None),
            (519, None),
            (499, None),
            (520, Some(20)),
            (521, None),
            (90_521, Some(90_001)),
        ] {
            TOTAL_MS.store(total_ms, Ordering::Relaxed);
            let noticed = noticed.map(Duration::from_millis);
            assert_eq!(suspensions.since_last(), noticed, "{total_ms}");
        }
    }
}
