//! What nobody saw: which incidents follow from it, and which holes are new to the store or have grown.

use std::collections::BTreeMap;

use landfall_ledger::{Coverage, Hole, HoleCause, PerStream, Stream, Verdict};
use landfall_store::{CoverageRow, LandedRow, SequenceGapRow, UnreadRow};

use super::{Accounting, Prepared};
use crate::flow::{LeftOut, SequenceCounts, UnreadFrames};

/// Holes are kept for so long after they may still concern an event, in milliseconds.
const HOLES_KEPT_MS: i64 = 3_600_000;

/// While a hole grows, it is written this often, in milliseconds.
const GROWN_MS: i64 = 1_000;

impl Accounting {
    /// Takes what nobody saw. It comes before the events that it concerns.
    pub(super) fn covered(&mut self, coverage: &PerStream<Coverage>, out: &mut Prepared) {
        for (stream, hole, grown_ms) in self.coverage.growth(coverage) {
            // A hole that is known and did not grow is no news: its incident may be over.
            self.incidents.unwatched(stream, hole);
            if hole.cause != HoleCause::NotRunning {
                out.unseen.push((stream, hole.cause, grown_ms));
            }
        }
        out.coverage = self.coverage.changes(coverage);
    }

    /// Takes how many frames could not be read.
    pub fn unread(&self, unread: &PerStream<UnreadFrames>, out: &mut Prepared) {
        for (stream, unread) in unread.iter() {
            let mut windows = BTreeMap::<i64, u64>::new();
            for (at_ms, frames) in unread.iter() {
                let window = at_ms.div_euclid(self.window_ms);
                *windows.entry(window).or_default() += frames;
            }
            let rows = windows.into_iter().map(|(window, frames)| UnreadRow {
                start_ms: window.saturating_mul(self.window_ms),
                end_ms: window.saturating_add(1).saturating_mul(self.window_ms),
                stream: stream.as_str().to_owned(),
                frames,
            });
            out.unread.extend(rows);
        }
    }

    /// Takes which numbers were left out.
    pub fn left_out(&self, counts: &PerStream<Option<SequenceCounts>>, out: &mut Prepared) {
        for (stream, counts) in counts.iter() {
            let Some(counts) = counts else { continue };
            let mut windows = BTreeMap::<i64, LeftOut>::new();
            let mut all = LeftOut::default();
            let unknown = counts.not_followed;
            for (at_ms, left_out) in counts.iter() {
                let window = at_ms.div_euclid(self.window_ms);
                *windows.entry(window).or_default() += left_out;
                all += left_out;
            }
            let rows = windows
                .into_iter()
                .map(|(window, left_out)| SequenceGapRow {
                    start_ms: window.saturating_mul(self.window_ms),
                    end_ms: window.saturating_add(1).saturating_mul(self.window_ms),
                    stream: stream.as_str().to_owned(),
                    numbers: left_out.numbers,
                    landed: left_out.landed,
                    unread: left_out.unread,
                    came_late: left_out.came_late,
                });
            out.sequence_gaps.extend(rows);
            out.left_out.push((stream, all, unknown));
        }
    }

    /// Holes that ended before this instant concern nothing any more, in milliseconds.
    pub fn holes_done_ms(&self, clock_ms: Option<i64>) -> i64 {
        let waits = self.shards.iter().map(|shard| shard.gauges.wait_max_ms);
        let longest_ms = waits.fold(self.longest_deadline_ms, i64::max);
        let waits_ms = longest_ms.saturating_mul(2).saturating_add(HOLES_KEPT_MS);
        self.complete_ms(clock_ms).saturating_sub(waits_ms)
    }
}

/// The verdict of an event that has not landed.
pub(super) fn verdict_of(row: &LandedRow) -> Verdict {
    match row.is_unconfirmed {
        true => Verdict::Unconfirmed,
        false => Verdict::Missing,
    }
}

/// The holes as the store has them.
#[derive(Debug)]
pub(super) struct StoredCoverage {
    /// Each hole as it was written, and as it was last seen.
    holes: PerStream<Vec<(Hole, Hole)>>,
    /// What the store knew ends here: the hole before the start begins there. None: it knew nothing.
    known_ms: Option<i64>,
}

impl StoredCoverage {
    pub fn new(known_ms: Option<i64>) -> Self {
        Self {
            holes: PerStream::default(),
            known_ms,
        }
    }

    /// The holes that are new or grew since they were last seen, and by how many milliseconds.
    pub fn growth(&self, coverage: &PerStream<Coverage>) -> Vec<(Stream, Hole, i64)> {
        let mut growth = Vec::new();
        for (stream, coverage) in coverage.iter() {
            for hole in coverage.holes() {
                let before = self.holes[stream].iter();
                let overlap = before
                    .map(|(_, seen)| {
                        let (from_ms, to_ms) =
                            (seen.from_ms.max(hole.from_ms), seen.to_ms.min(hole.to_ms));
                        to_ms.saturating_sub(from_ms).saturating_add(1)
                    })
                    .filter(|ms| *ms > 0);
                let grown = (hole.to_ms.saturating_sub(hole.from_ms))
                    .saturating_add(1)
                    .saturating_sub(overlap.fold(0, i64::saturating_add));
                if grown > 0 {
                    growth.push((stream, *hole, grown));
                }
            }
        }
        growth
    }

    /// The rows to write. The coverage is all that is known, except for holes that ended long ago.
    pub fn changes(&mut self, coverage: &PerStream<Coverage>) -> Vec<CoverageRow> {
        let mut rows = Vec::new();
        for (stream, coverage) in coverage.iter() {
            let before = std::mem::take(&mut self.holes[stream]);
            let now = coverage.holes().iter().map(|hole| {
                let found = before.iter().find(|(_, seen)| seen.from_ms == hole.from_ms);
                let (written, is_new) = match found {
                    None => (*hole, true),
                    Some((written, seen)) => {
                        let grown = hole.to_ms.saturating_sub(written.to_ms);
                        let is_still = seen == hole;
                        let is_due = grown >= GROWN_MS || grown > 0 && is_still;
                        (if is_due { *hole } else { *written }, is_due)
                    }
                };
                if is_new {
                    rows.extend(self.row(stream, hole));
                }
                (written, *hole)
            });
            let now = now.collect();
            self.holes[stream] = now;
        }
        rows
    }

    fn row(&self, stream: Stream, hole: &Hole) -> Option<CoverageRow> {
        let from_ms = match hole.cause {
            // What was before the first start concerns nobody.
            HoleCause::NotRunning => {
                // A clock that went back far: what was then is of another time.
                let known_ms = self.known_ms.filter(|known_ms| *known_ms <= hole.to_ms)?;
                hole.from_ms.max(known_ms)
            }
            _ => hole.from_ms,
        };
        Some(CoverageRow {
            stream: stream.as_str().to_owned(),
            from_ms,
            to_ms: hole.to_ms.max(from_ms),
            cause: hole.cause.as_str().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(from_ms: i64, to_ms: i64, cause: HoleCause) -> Hole {
        Hole {
            from_ms,
            to_ms,
            cause,
        }
    }

    #[test]
    fn a_hole_is_written_when_it_begins_every_second_and_when_it_has_ended() {
        let mut stored = StoredCoverage::new(Some(500));
        let mut coverage = PerStream::<Coverage>::default();
        coverage
            .written
            .add(hole(i64::MIN, 900, HoleCause::NotRunning));
        let (mut steps, mut grown): (Vec<Vec<(i64, i64)>>, Vec<i64>) = Default::default();
        for to_ms in [1_000, 1_500, 2_000, 2_500, 2_500, 2_500] {
            coverage
                .written
                .add(hole(1_000, to_ms, HoleCause::Disconnected));
            grown.extend(stored.growth(&coverage).into_iter().map(|(_, _, ms)| ms));
            let rows = stored.changes(&coverage).into_iter();
            steps.push(rows.map(|row| (row.from_ms, row.to_ms)).collect());
        }
        let expected: [Vec<(i64, i64)>; 6] = [
            vec![(500, 900), (1_000, 1_000)],
            vec![],
            vec![(1_000, 2_000)],
            vec![],
            vec![(1_000, 2_500)],
            vec![],
        ];
        assert_eq!(steps, expected);
        assert_eq!(grown, [i64::MAX, 1, 500, 500, 500]);
        // A later hole is another row, and what is forgotten is not written again.
        coverage.written.forget_before(3_000);
        coverage.raw.add(hole(4_000, 4_010, HoleCause::Paused));
        let rows = stored.changes(&coverage);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].stream.as_str(), rows[0].cause.as_str()),
            ("raw", "paused")
        );
    }

    #[test]
    fn what_was_before_the_first_start_is_not_written() {
        let mut stored = StoredCoverage::new(None);
        let mut coverage = PerStream::<Coverage>::default();
        coverage.raw.add(hole(i64::MIN, 900, HoleCause::NotRunning));
        assert_eq!(stored.changes(&coverage), []);
    }
}
