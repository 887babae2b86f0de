//! Notices that the machine was suspended, which no monotonic clock shows.
//!
//! Pure: reads no clock.

use std::time::Duration;

/// Two clocks are read one after the other, so their difference moves a little.
const MIN: Duration = Duration::from_millis(20);

/// Follows for how long the machine was suspended since its start.
#[derive(Debug)]
pub struct Suspensions {
    known: Duration,
}

impl Suspensions {
    /// `total`: so far.
    pub fn new(total: Duration) -> Self {
        Self { known: total }
    }

    /// How long the machine was suspended since the last call, if it was.
    pub fn since_last(&mut self, total: Duration) -> Option<Duration> {
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
    use super::*;

    #[test]
    fn a_suspension_is_noticed_once_and_an_unsteady_reading_is_none() {
        let ms = Duration::from_millis;
        let mut suspensions = Suspensions::new(ms(500));
        for (total, noticed) in [
            (ms(500), None),
            (ms(519), None),
            (ms(499), None),
            (ms(520), Some(ms(20))),
            (ms(521), None),
            (ms(90_521), Some(ms(90_001))),
        ] {
            assert_eq!(suspensions.since_last(total), noticed, "{total:?}");
        }
    }
}
