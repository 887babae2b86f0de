//! Decides when so many frames of a stream cannot be read that they are a hole in what was seen. Pure.
//!
//! Each unread frame may be any event. A single one makes no loss doubtful: it is only counted
//! ([`SourceProgress::unread`](super::SourceProgress::unread)). Where unread frames are many, nobody knows what came,
//! so an event that did not land meanwhile is `unconfirmed` and not `missing`.

use std::collections::VecDeque;

use landfall_ledger::{Hole, HoleCause};

/// Unread frames among the last 64 that are a hole: an eighth. With one unread frame in a hundred at random, that
/// many come together once in some ten million frames.
const FLOOD_FRAMES: usize = 8;

/// In a slow stream, so many frames in a row of which none was read, over such a time, are a hole.
const RUN_FRAMES: usize = 3;
const RUN_MS: i64 = 1_000;

/// Which of the last 64 frames of one reader could not be read.
#[derive(Clone, Debug, Default)]
pub struct Readability {
    /// A bit for each frame, the last one lowest: 1 if it could not be read.
    recent: u64,
    /// For each of these bits, when that frame may have come at the earliest, in milliseconds. Oldest first.
    earliest_ms: VecDeque<i64>,
}

impl Readability {
    /// So many frames were read.
    pub fn read(&mut self, frames: usize) {
        if self.recent == 0 || frames == 0 {
            return;
        }
        let shift = u32::try_from(frames).unwrap_or(u32::MAX);
        self.recent = self.recent.checked_shl(shift).unwrap_or(0);
        self.forget();
    }

    /// A frame came that could not be read: between these two instants, in milliseconds. Gives the hole that it
    /// belongs to, as far as it goes until now.
    pub fn unread(&mut self, earliest_ms: i64, arrived_ms: i64) -> Option<Hole> {
        self.recent = self.recent << 1 | 1;
        self.earliest_ms.push_back(earliest_ms);
        self.forget();
        let run = self.recent.trailing_ones() as usize;
        let run_from_ms = self.earliest_ms[self.earliest_ms.len() - run];
        let is_flood = self.earliest_ms.len() >= FLOOD_FRAMES;
        let is_run = run >= RUN_FRAMES && arrived_ms.saturating_sub(run_from_ms) >= RUN_MS;
        let from_ms = match (is_flood, is_run) {
            (true, _) => self.earliest_ms[0],
            (false, true) => run_from_ms,
            (false, false) => return None,
        };
        Some(Hole {
            from_ms,
            to_ms: arrived_ms,
            cause: HoleCause::Unreadable,
        })
    }

    /// Forgets the times of frames that are no longer among the last 64.
    fn forget(&mut self) {
        let known = self.recent.count_ones() as usize;
        let gone = self.earliest_ms.len().saturating_sub(known);
        self.earliest_ms.drain(..gone);
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::Coverage;

    use super::*;

    /// Frames at these times, `x` for one that cannot be read, and the holes that follow.
    fn holes(frames: impl IntoIterator<Item = (i64, char)>) -> Vec<(i64, i64)> {
        let (mut readability, mut coverage) = (Readability::default(), Coverage::default());
        for (at_ms, frame) in frames {
            match frame {
                'x' => {
                    if let Some(hole) = readability.unread(at_ms - 1, at_ms) {
                        assert_eq!(hole.cause, HoleCause::Unreadable);
                        coverage.add(hole);
                    }
                }
                _ => readability.read(1),
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

    #[test]
    fn many_unread_frames_are_a_hole_and_single_ones_are_none() {
        let none: [(i64, i64); 0] = [];
        // A flood: the eighth makes a hole of all of them.
        assert_eq!(holes(every(1, "..xxxxxxx.")), none);
        assert_eq!(holes(every(1, "..xxxxxxxx.")), [(101, 109)]);
        assert_eq!(holes(every(1, "..xxxxxxxxxx.....")), [(101, 111)]);
        // An eighth of all frames, evenly, and a tenth.
        let eighth = "x.......".repeat(20);
        assert_eq!(holes(every(1, &eighth)), [(99, 100 + 19 * 8)]);
        let tenth = "x.........".repeat(20);
        assert_eq!(holes(every(1, &tenth)), none);
        // A slow stream: three in a row, over a second.
        assert_eq!(holes(every(499, ".xxx.")), none);
        assert_eq!(holes(every(500, ".xxx.")), [(599, 1_600)]);
        assert_eq!(holes(every(60_000, "x.xx.x")), none);
        assert_eq!(holes(every(60_000, ".xxxx.")), [(60_099, 240_100)]);
        // Nothing is ever read.
        assert_eq!(
            holes(every(1_000, &"x".repeat(200))),
            [(99, 100 + 199 * 1_000)]
        );
    }

    #[test]
    fn what_was_read_meanwhile_moves_unread_frames_out_of_the_last_64() {
        for (read, is_hole) in [
            (0, true),
            (56, true),
            (57, false),
            (64, false),
            (1_000, false),
        ] {
            let mut readability = Readability::default();
            readability.read(3);
            for at_ms in 0..7 {
                assert_eq!(readability.unread(at_ms, at_ms), None);
            }
            readability.read(read);
            let hole = readability.unread(10, 10);
            assert_eq!(hole.is_some(), is_hole, "{read}");
        }
        let mut readability = Readability::default();
        for at_ms in 0..7 {
            readability.unread(at_ms, at_ms);
        }
        readability.read(usize::MAX);
        assert_eq!((readability.recent, readability.earliest_ms.len()), (0, 0));
    }
}
