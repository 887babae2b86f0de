//! Decides when so many frames of a stream cannot be read that they are a hole in what was seen. Pure.
//!
//! Each unread frame may be any event. A single one makes no loss doubtful: it is only counted
//! ([`SourceProgress::unread`](super::SourceProgress::unread)). Where unread frames are many, nobody knows what came,
//! so an event that did not land meanwhile is `unconfirmed` and not `missing`. Two rules say what many is:
//!
//! - *Share*: a sixteenth of the last 512 frames could not be read, whatever else came. Documents without a key do not
//!   count here: they are of another kind than events.
//! - *Run*: nothing was read for a while, and unread frames (or documents without a key) came more often than before,
//!   when others were read. So the heartbeats of a publisher do not hide that its rows are gone.

use std::collections::VecDeque;

use landfall_ledger::{Hole, HoleCause};

/// The frames that the share is of, and so many of them that are a hole. With one unread frame in fifty at random, that
/// many come together about once in 10^11 frames.
const SHARE_OF: usize = 512;
const SHARE_FRAMES: usize = 32;

/// A run is at least so many frames over such a time, or so many in any time.
const RUN_FRAMES: usize = 3;
const RUN_MS: i64 = 1_000;
const RUN_FRAMES_AT_ONCE: usize = 64;

/// A run of documents without a key, of which nobody knows how often they come, is one from so many a second on.
const KEYLESS_PER_SECOND: f64 = 1.0;

/// A run has so many times as many frames in a time as came unread before, while others were read.
const TIMES_AS_OFTEN: f64 = 4.0;

/// A frame that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadFrame {
    /// It came between these instants, in milliseconds.
    pub earliest_ms: i64,
    pub arrived_ms: i64,
    /// It is a document without a key.
    pub is_keyless: bool,
}

/// What is known of the frames of one stream, in about the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Readability {
    /// How many frames came that count for the share.
    frames: u64,
    /// Of the last of them, those that could not be read: their number, and when they came at the earliest.
    unread: VecDeque<(u64, i64)>,
    run: Option<Run>,
    /// Unread frames that came before others were read, and the time in which they came.
    before: u64,
    since_ms: Option<i64>,
    until_ms: i64,
}

/// Unread frames since the last frame that was read.
#[derive(Clone, Debug)]
struct Run {
    frames: u64,
    /// When the last of them came at the earliest: what came long ago says nothing of how often they come now.
    last_ms: VecDeque<i64>,
    to_ms: i64,
    is_keyless: bool,
}

impl Run {
    fn began_ms(&self) -> i64 {
        self.last_ms.iter().copied().min().unwrap_or(self.to_ms)
    }
}

impl Readability {
    /// So many frames were read, the last of which came at `arrived_ms`.
    pub fn read(&mut self, frames: usize, arrived_ms: i64) {
        if frames == 0 {
            return;
        }
        self.frames = self.frames.saturating_add(frames as u64);
        self.since_ms.get_or_insert(arrived_ms);
        self.until_ms = self.until_ms.max(arrived_ms);
        if let Some(run) = self.run.take() {
            self.before = self.before.saturating_add(run.frames);
        }
    }

    /// A frame came that could not be read. Gives the hole that it belongs to, as far as it goes until now.
    pub fn unread(&mut self, frame: UnreadFrame) -> Option<Hole> {
        let run = self.run.get_or_insert_with(|| Run {
            frames: 0,
            last_ms: VecDeque::new(),
            to_ms: frame.arrived_ms,
            is_keyless: true,
        });
        run.frames += 1;
        run.last_ms.push_back(frame.earliest_ms);
        if run.last_ms.len() > RUN_FRAMES_AT_ONCE {
            run.last_ms.pop_front();
        }
        run.to_ms = run.to_ms.max(frame.arrived_ms);
        run.is_keyless &= frame.is_keyless;
        let (in_a_row, to_ms, run_ms) = (run.frames, run.to_ms, run.began_ms());
        let of_run = self.is_hole().then_some(run_ms);
        let of_share = match frame.is_keyless {
            true => None,
            false => self.share(frame, in_a_row),
        };
        let from_ms = match (of_share, of_run) {
            (Some(share_ms), Some(run_ms)) => share_ms.min(run_ms),
            (Some(from_ms), None) | (None, Some(from_ms)) => from_ms,
            (None, None) => return None,
        };
        Some(Hole {
            from_ms,
            to_ms: to_ms.max(from_ms),
            cause: HoleCause::Unreadable,
        })
    }

    /// When the first of the unread frames among the last ones came, if they are too many.
    /// Of those in a row just now, one counts: what comes when nothing is read is judged by how often it comes.
    fn share(&mut self, frame: UnreadFrame, in_a_row: u64) -> Option<i64> {
        self.frames = self.frames.saturating_add(1);
        self.unread.push_back((self.frames, frame.earliest_ms));
        let oldest = self.frames.saturating_sub(SHARE_OF as u64);
        while self
            .unread
            .front()
            .is_some_and(|(number, _)| *number <= oldest)
        {
            self.unread.pop_front();
        }
        let times = self.unread.iter().map(|(_, earliest_ms)| *earliest_ms);
        let in_a_row = usize::try_from(in_a_row).unwrap_or(usize::MAX);
        (self.unread.len() > SHARE_FRAMES.saturating_add(in_a_row).saturating_sub(2))
            .then(|| times.min())
            .flatten()
    }

    /// Whether the run is a hole.
    fn is_hole(&self) -> bool {
        let Some(run) = &self.run else {
            return false;
        };
        let frames = run.last_ms.len();
        let length_ms = run.to_ms.saturating_sub(run.began_ms());
        let is_full = frames >= RUN_FRAMES_AT_ONCE;
        if !is_full && (frames < RUN_FRAMES || length_ms < RUN_MS) {
            return false;
        }
        let per_second = |frames: u64, ms: i64| frames as f64 * 1_000.0 / ms.max(1) as f64;
        let now = per_second(frames as u64, length_ms);
        match self.since_ms {
            // Nothing was ever read.
            None => !run.is_keyless || is_full && now >= KEYLESS_PER_SECOND,
            Some(since_ms) => {
                let before = per_second(self.before, self.until_ms.saturating_sub(since_ms));
                now > TIMES_AS_OFTEN * before
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::Coverage;

    use super::*;

    /// Frames at these times: `.` is read, `x` cannot be read, `k` is a document without a key. Gives the holes.
    fn holes(frames: impl IntoIterator<Item = (i64, char)>) -> Vec<(i64, i64)> {
        let (mut readability, mut coverage) = (Readability::default(), Coverage::default());
        for (at_ms, frame) in frames {
            if frame == '.' {
                readability.read(1, at_ms);
                continue;
            }
            let unread = UnreadFrame {
                earliest_ms: at_ms - 1,
                arrived_ms: at_ms,
                is_keyless: frame == 'k',
            };
            if let Some(hole) = readability.unread(unread) {
                assert_eq!(hole.cause, HoleCause::Unreadable);
                coverage.add(hole);
            }
        }
        let holes = coverage.holes().iter();
        holes.map(|hole| (hole.from_ms, hole.to_ms)).collect()
    }

    /// The frames of a pattern, so many milliseconds apart, from 100 on.
    fn every(apart_ms: i64, pattern: &str) -> Vec<(i64, char)> {
        let times = (0..).map(|place| 100 + place * apart_ms);
        times.zip(pattern.chars()).collect()
    }

    const NONE: [(i64, i64); 0] = [];

    #[test]
    fn a_sixteenth_of_the_last_frames_is_a_hole_and_less_is_none() {
        let few = "x...............".repeat(31);
        assert_eq!(holes(every(1, &few)), NONE);
        let enough = "x...............".repeat(40);
        assert_eq!(holes(every(1, &enough)), [(99, 100 + 39 * 16)]);
        let fewer = "x................".repeat(200);
        assert_eq!(holes(every(1, &fewer)), NONE);
        // Documents without a key are of another kind.
        let keyless = "k..".repeat(500);
        assert_eq!(holes(every(1, &keyless)), NONE);
    }

    #[test]
    fn a_run_of_which_nothing_is_read_is_a_hole_as_soon_as_it_is_long_or_large() {
        assert_eq!(holes(every(1, &format!("..{}", "x".repeat(31)))), NONE);
        assert_eq!(
            holes(every(1, &format!("..{}.", "x".repeat(64)))),
            [(101, 165)]
        );
        assert_eq!(holes(every(499, ".xxx.")), NONE);
        assert_eq!(holes(every(500, ".xxx.")), [(599, 1_600)]);
        assert_eq!(holes(every(60_000, "x.xx.x")), NONE);
        assert_eq!(holes(every(60_000, ".xxxx.")), [(60_099, 240_100)]);
        // Nothing is ever read.
        let never = "x".repeat(200);
        assert_eq!(holes(every(1_000, &never)), [(99, 100 + 199 * 1_000)]);
    }

    #[test]
    fn what_comes_as_often_as_ever_is_no_hole_when_nothing_else_comes() {
        // A heartbeat that is no document, every twenty seconds, and then the writer is dead.
        let healthy = "...................x".repeat(50);
        let mut frames = every(1_000, &healthy);
        frames.extend((1..200).map(|beat| (1_000_100 + beat * 20_000, 'x')));
        assert_eq!(holes(frames.clone()), NONE);
        // Or rows come again, of which none can be read.
        frames.extend((1..200).map(|row| (6_000_000 + row * 10, 'x')));
        assert_eq!(holes(frames).len(), 1);
    }

    #[test]
    fn documents_without_a_key_are_a_hole_if_they_come_in_place_of_rows() {
        let beats = ".........k".repeat(20);
        let mut frames = every(1_000, &beats);
        frames.extend((1..60).map(|beat| (200_100 + beat * 10_000, 'k')));
        assert_eq!(holes(frames), NONE);
        // A new writer whose rows have lost their key.
        let mut frames = every(1_000, &beats);
        frames.extend((1..60).map(|row| (200_100 + row * 100, 'k')));
        assert_eq!(holes(frames).len(), 1);
        // From the first frame on: as often as rows, or as seldom as heartbeats.
        assert_eq!(holes(every(100, &"k".repeat(100))), [(99, 10_000)]);
        assert_eq!(holes(every(10_000, &"k".repeat(100))), NONE);
    }

    #[test]
    fn frames_out_of_order_make_no_hole_that_ends_before_it_begins() {
        let mut readability = Readability::default();
        let mut coverage = Coverage::default();
        for at_ms in [5_000, 4_000, 3_000, 2_000] {
            let unread = UnreadFrame {
                earliest_ms: at_ms,
                arrived_ms: at_ms,
                is_keyless: false,
            };
            if let Some(hole) = readability.unread(unread) {
                coverage.add(hole);
            }
        }
        let holes: Vec<_> = coverage
            .holes()
            .iter()
            .map(|hole| (hole.from_ms, hole.to_ms))
            .collect();
        assert_eq!(holes, [(2_000, 5_000)]);
    }
}
