//! When may a source say that it has read everything that came before now?
//!
//! When it found its socket empty. But that is the truth only while the library keeps reading the
//! connection: once its own queue was full (high-water mark), it stops reading, frames wait in the
//! kernel, and for some time after it has been drained the queue can be found empty although there
//! is more to come. So an empty socket counts only if fewer frames were read since the last time it
//! was empty than it takes to fill the queue; otherwise it must go on for a while without such a
//! flood. While a source waits for room in our own queue, or the whole process is stopped, it looks
//! at nothing, so its progress stays where it was; what the library has read by the first look
//! afterwards says nothing of what is still on its way to it, so that look counts no more than one
//! after a flood.
//!
//! Frames of a connection come in order. So a look that did not count is made up for: once the
//! source has read on for a while, all that came before that look has been read.
//!
//! Pure: knows no socket and reads no clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::flights::SourceProgress;

/// After a flood: how long (real time) until an empty socket is believed again. Kernel buffers and
/// the peer's own queue drain within a few round trips; a second is ten of the long ones.
pub const SETTLE: Duration = Duration::from_secs(1);

/// Follows one socket and moves its progress.
#[derive(Debug)]
pub struct Watermark {
    progress: Arc<SourceProgress>,
    /// As many frames since the socket was last empty say that its queue may have been full.
    flood_frames: u64,
    read_since_empty: u64,
    doubt_until: Option<Instant>,
    /// The first empty look that did not count yet: when it was, and by Landfall's clock.
    doubted: Option<(Instant, i64)>,
    looked: Option<Instant>,
}

impl Watermark {
    /// `hwm_frames` is the socket's high-water mark, 0 for none.
    pub fn new(progress: Arc<SourceProgress>, hwm_frames: u32) -> Self {
        // The library counts a frame as read only when half of the mark has been read, so its queue
        // can be full to it with half as many frames really in it.
        let flood_frames = if hwm_frames == 0 {
            u64::MAX
        } else {
            u64::from(hwm_frames / 2).max(1)
        };
        Self {
            progress,
            flood_frames,
            read_since_empty: 0,
            doubt_until: None,
            doubted: None,
            looked: None,
        }
    }

    /// A frame (or a refused message) was read.
    pub fn read(&mut self) {
        self.read_since_empty = self.read_since_empty.saturating_add(1);
    }

    /// The socket was found empty by a look that began at `before_ms`; `now` is real time.
    pub fn seen_empty(&mut self, before_ms: i64, now: Instant) {
        let flooded = std::mem::take(&mut self.read_since_empty) >= self.flood_frames;
        let last = self.looked.replace(now).unwrap_or(now);
        if flooded || now.saturating_duration_since(last) > SETTLE {
            self.doubt_until = Some(now + SETTLE);
        }
        if self.doubt_until.is_some_and(|until| now < until) {
            let (since, at_ms) = *self.doubted.get_or_insert((now, before_ms));
            if now.saturating_duration_since(since) >= SETTLE {
                self.progress.reach(at_ms);
                self.doubted = Some((now, before_ms));
            }
            return;
        }
        self.doubt_until = None;
        self.doubted = None;
        self.progress.reach(before_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flights, StreamId};
    use super::*;

    fn watermark(hwm_frames: u32) -> (Flights, Watermark) {
        let flights = Flights::default();
        let progress = flights.add_source(StreamId::RAW, 0);
        (flights, Watermark::new(progress, hwm_frames))
    }

    #[test]
    fn a_lone_quiet_source_lets_the_frontier_advance() {
        let (flights, mut mark) = watermark(100);
        let now = Instant::now();
        for tick in 1..10 {
            mark.seen_empty(tick * 50, now);
            assert_eq!(flights.frontier(StreamId::RAW), tick * 50);
        }
    }

    #[test]
    fn while_nothing_is_read_the_frontier_stays() {
        let (flights, mut mark) = watermark(100);
        mark.seen_empty(10, Instant::now());
        mark.read();
        assert_eq!(
            flights.frontier(StreamId::RAW),
            10,
            "blocked, or still reading: not past the last empty look"
        );
    }

    #[test]
    fn after_a_flood_an_empty_socket_is_believed_only_once_it_settled() {
        let (flights, mut mark) = watermark(100);
        let start = Instant::now();
        (0..50).for_each(|_| mark.read());
        mark.seen_empty(1_000, start);
        assert_eq!(flights.frontier(StreamId::RAW), 0);
        (0..10).for_each(|_| mark.read());
        mark.seen_empty(1_500, start + SETTLE / 2);
        assert_eq!(flights.frontier(StreamId::RAW), 0);
        mark.seen_empty(2_000, start + SETTLE);
        assert_eq!(flights.frontier(StreamId::RAW), 2_000);
    }

    #[test]
    fn after_a_pause_of_the_process_the_first_looks_do_not_count() {
        let (flights, mut mark) = watermark(100);
        let start = Instant::now();
        mark.seen_empty(10, start);
        let resumed = start + SETTLE * 60;
        mark.seen_empty(60_000, resumed);
        assert_eq!(
            flights.frontier(StreamId::RAW),
            10,
            "frames may be on their way"
        );
        mark.seen_empty(60_050, resumed + SETTLE / 2);
        assert_eq!(flights.frontier(StreamId::RAW), 10);
        mark.seen_empty(61_000, resumed + SETTLE);
        assert_eq!(flights.frontier(StreamId::RAW), 61_000);
    }

    #[test]
    fn floods_without_end_let_the_frontier_follow_behind() {
        let (flights, mut mark) = watermark(2);
        let start = Instant::now();
        for turn in 0..50u32 {
            mark.read();
            let at_ms = i64::from(turn) * 100;
            mark.seen_empty(at_ms, start + SETTLE / 10 * turn);
            let behind = at_ms - flights.frontier(StreamId::RAW);
            assert!(
                (0..=2_000).contains(&behind),
                "{behind} ms behind at {at_ms}"
            );
        }
    }

    #[test]
    fn without_a_high_water_mark_the_library_never_stops_reading() {
        let (flights, mut mark) = watermark(0);
        (0..1_000_000).for_each(|_| mark.read());
        mark.seen_empty(7, Instant::now());
        assert_eq!(flights.frontier(StreamId::RAW), 7);
    }
}
