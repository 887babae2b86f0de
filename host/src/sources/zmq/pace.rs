//! How long a source may sleep without letting its socket's queue fill up. Pure: reads no clock.

use std::time::{Duration, Instant};

/// Sleeping this long is never too long: a source looks at least 1,000 times a second.
pub(super) const NAP: Duration = Duration::from_millis(1);

/// A source does not sleep so long that more than this part of the socket's high-water mark would
/// come, at the rate at which frames came until it was last empty.
const PART_OF_HWM: u32 = 16;

/// A rate is measured over at least this time, because a look right after another one shows
/// nothing.
const SPAN_MIN: Duration = Duration::from_millis(20);

/// Used in place of a high-water mark where there is none.
const NO_HWM_FRAMES: u32 = 10_000;

/// Follows the rate of one socket.
#[derive(Debug)]
pub(super) struct Pace {
    /// Frames that may come while it sleeps.
    room_frames: f64,
    /// Frames read since then, up to the last time that the socket was empty.
    found: u32,
    since: Instant,
    frames_per_second: f64,
}

impl Pace {
    /// `hwm_frames` is the socket's high-water mark, 0 for none.
    pub fn new(hwm_frames: u32, now: Instant) -> Self {
        let hwm_frames = match hwm_frames {
            0 => NO_HWM_FRAMES,
            frames => frames,
        };
        Self {
            room_frames: f64::from(hwm_frames / PART_OF_HWM),
            found: 0,
            since: now,
            frames_per_second: 0.0,
        }
    }

    /// A frame was read.
    pub fn read(&mut self) {
        self.found = self.found.saturating_add(1);
    }

    /// The socket was found empty.
    pub fn seen_empty(&mut self, now: Instant) {
        let span = now.saturating_duration_since(self.since);
        let frames_per_second = f64::from(self.found) / span.max(SPAN_MIN).as_secs_f64();
        if span >= SPAN_MIN {
            self.frames_per_second = frames_per_second;
            self.found = 0;
            self.since = now;
        } else {
            // The rate can only be higher than it was known to be.
            self.frames_per_second = self.frames_per_second.max(frames_per_second);
        }
    }

    /// How long the source may sleep at most.
    pub fn nap(&self) -> Duration {
        // At least one frame a second, so that it is a number of seconds.
        let filled = self.room_frames / self.frames_per_second.max(1.0);
        Duration::from_secs_f64(filled).max(NAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest sleep after so many frames came within 25 ms.
    fn nap(hwm_frames: u32, frames: u32) -> Duration {
        let start = Instant::now();
        let mut pace = Pace::new(hwm_frames, start);
        (0..frames).for_each(|_| pace.read());
        pace.seen_empty(start + Duration::from_millis(25));
        pace.nap()
    }

    #[test]
    fn the_faster_frames_come_the_shorter_is_the_nap_however_many_looks_it_took_to_read_them() {
        let ms = Duration::from_millis;
        // Hardly any: as long as anybody likes.
        assert!(nap(10_000, 0) > ms(1000) && nap(10_000, 25) > ms(100));
        // 625 frames are a sixteenth of the mark: they may come once more.
        assert_eq!(nap(10_000, 625), ms(25));
        assert_eq!(nap(10_000, 6_250), Duration::from_micros(2_500));
        assert_eq!(nap(10_000, 1_000_000), NAP);
        assert_eq!(nap(0, 625), ms(25));
        assert_eq!(nap(1, 10), NAP);
    }

    #[test]
    fn a_look_right_after_another_one_does_not_make_a_stream_slower() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut pace = Pace::new(1_600, start);
        (0..250).for_each(|_| pace.read());
        pace.seen_empty(start + ms(25));
        assert_eq!(pace.nap(), ms(10), "at 10,000 a second");
        for later in [25, 26, 30] {
            pace.seen_empty(start + ms(later));
            assert_eq!(pace.nap(), ms(10));
        }
        // A burst is known at once, the end of one when it has lasted.
        (0..2_000).for_each(|_| pace.read());
        pace.seen_empty(start + ms(31));
        assert_eq!(pace.nap(), NAP);
        pace.seen_empty(start + ms(2_025));
        assert_eq!(pace.nap(), ms(100), "at 1,000 a second");
        pace.seen_empty(start + ms(2_050));
        assert!(pace.nap() > ms(1000));
    }
}
