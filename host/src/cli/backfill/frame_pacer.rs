//! How a backfill spaces the frames that it publishes. Pure.

use std::time::{Duration, Instant};

use super::{RATE_MAX, RATE_MIN};

/// Spaces frames evenly. After a stall, the frames that were delayed are not sent in a burst.
#[derive(Default)]
pub(super) struct FramePacer {
    interval: Duration,
    due: Option<Instant>,
}

impl FramePacer {
    pub fn new(rate: f64) -> Self {
        Self {
            interval: Duration::from_secs_f64(1.0 / rate.clamp(RATE_MIN, RATE_MAX)),
            due: None,
        }
    }

    /// How long the next frame has to wait.
    pub fn wait(&self, now: Instant) -> Duration {
        self.due
            .map_or(Duration::ZERO, |due| due.saturating_duration_since(now))
    }

    /// A frame was sent. If it was late, the next frames are as much later.
    pub fn sent(&mut self, now: Instant) {
        self.due = Some(now + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spaced_evenly_and_a_stall_is_not_made_up_for() {
        let mut pacer = FramePacer::new(10.0);
        let now = Instant::now();
        let ms = Duration::from_millis;
        assert_eq!(pacer.wait(now), ms(0));
        pacer.sent(now);
        assert_eq!(pacer.wait(now + ms(30)), ms(70));
        let later = now + ms(10_000);
        assert_eq!(pacer.wait(later), ms(0));
        pacer.sent(later);
        assert_eq!(pacer.wait(later), ms(100), "and not at once");
    }
}
