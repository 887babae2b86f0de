//! Follows the numbers that the sources of a stream give to what they send, and says which ones never came. Pure.
//!
//! A gap is *open* for a while, because frames may change places on their way. A number that comes meanwhile fills it.
//! What is left then was missed by Landfall, or never reached the place where Landfall reads. A frame that came and
//! could not be read may have had one of the numbers, so it explains one of them.

mod decided;
mod kept;
mod retried;
mod sources;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use landfall_ledger::Fingerprint;

use self::decided::Decided;
use self::kept::KeptFrames;
use self::sources::Sources;
use super::counts::LeftOut;
use super::number_set::NumberSet;
use super::runs::{Follows, Runs, Seen, Step};

/// Gaps that may be open at once, and ranges of numbers in them. With more, the oldest is decided at once.
const OPEN_MAX: usize = 16_384;

/// Ranges of numbers that are remembered after they were left out. With more, the older half is forgotten: of these no
/// landing is counted.
const LOST_MAX: usize = 16_384;

/// Ranges of numbers that landed and were not read yet. With more, a landing is not known later.
const LANDED_UNREAD_MAX: usize = 16_384;

/// Ranges of numbers that were read out of order. With more, one seems to be left out.
const RETRIED_MAX: usize = 16_384;

/// Once so many of them had no room, those of sources that are not followed go.
const ROOM_EVERY: u64 = 1_024;

/// A row of the stream, in the order in which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceRow {
    /// A document with a number.
    Numbered {
        source: Fingerprint,
        number: u64,
        /// It came between these instants, in milliseconds.
        earliest_ms: i64,
        arrived_ms: i64,
    },
    /// A frame that could not be read, whatever its number was.
    Unread,
    /// The same, and it is tried again.
    Kept,
}

/// Numbers of one source that did not come, and still may.
#[derive(Debug)]
struct Gap<G> {
    source: Fingerprint,
    first: u64,
    last: u64,
    left: u64,
    /// Frames that came meanwhile and could not be read.
    unread: u64,
    from_ms: i64,
    to_ms: i64,
    /// The place of the batch that revealed it.
    place: u64,
    due: Instant,
    /// All batches that began before it was due have a smaller ticket.
    barrier: Option<u64>,
    guard: G,
}

/// The batch in which rows came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a, G> {
    /// Its place among those of the stream.
    pub place: u64,
    /// Is held by each gap that it reveals.
    pub guard: &'a G,
    pub now: Instant,
}

/// The batches of the stream that are not judged yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tickets {
    /// The ticket of the next batch.
    pub next: u64,
    /// The first that is open.
    pub open: Option<u64>,
}

/// The numbers of one stream. `G` keeps the stream's time before a gap that is open.
#[derive(Debug)]
pub(super) struct Tracker<G> {
    reorder: Duration,
    sources: Sources,
    /// By number, in the order in which they were revealed.
    gaps: BTreeMap<u64, Gap<G>>,
    /// Their numbers, with those of their gaps.
    open: NumberSet<u64>,
    next_gap: u64,
    /// The first that has no barrier.
    unbarred: u64,
    /// Numbers that were left out, with the instants at which they must have come, and whether they landed.
    lost: NumberSet<(i64, bool)>,
    /// Numbers that landed before they were read.
    landed_unread: NumberSet<()>,
    /// Frames that could not be read, and how many of them explained a number or were read at last.
    unread: u64,
    explained: u64,
    /// Those of them that are tried again.
    kept: KeptFrames,
    /// A number that an unread frame explains was not missed.
    unread_is_seen: bool,
    /// Numbers that were read before the one behind them revealed that they were left out.
    retried: NumberSet<()>,
    /// Landings that had no room.
    refused: u64,
    decided: Decided<G>,
}

impl<G: Clone> Tracker<G> {
    /// Frames may change places within `reorder`, of real time. With `unread_is_seen` a gap that unread frames explain
    /// is no hole.
    pub fn new(reorder: Duration, unread_is_seen: bool) -> Self {
        Self {
            reorder,
            sources: Sources::default(),
            gaps: BTreeMap::new(),
            open: NumberSet::default(),
            next_gap: 0,
            unbarred: 0,
            lost: NumberSet::default(),
            landed_unread: NumberSet::default(),
            unread: 0,
            explained: 0,
            kept: KeptFrames::default(),
            unread_is_seen,
            retried: NumberSet::default(),
            refused: 0,
            decided: Decided::default(),
        }
    }

    /// Takes the rows of a batch, in the order of batches.
    pub fn note(&mut self, rows: &[SequenceRow], batch: &Batch<'_, G>) {
        for row in rows {
            match *row {
                SequenceRow::Unread => self.unread = self.unread.saturating_add(1),
                SequenceRow::Kept => {
                    self.unread = self.unread.saturating_add(1);
                    self.kept.add(batch.place);
                }
                SequenceRow::Numbered {
                    source,
                    number,
                    earliest_ms,
                    arrived_ms,
                } => {
                    let seen = Seen {
                        earliest_ms,
                        unread: self.unread,
                    };
                    self.take_number((source, number), seen, arrived_ms, batch);
                }
            }
        }
        while self.gaps.len() > OPEN_MAX || self.open.len() > OPEN_MAX {
            self.decide_oldest();
        }
    }

    /// Takes a number that landed on the other side.
    pub fn landed(&mut self, source: Fingerprint, number: u64) {
        if let Some((at_ms, has_landed)) = self.lost.get(source, number) {
            if has_landed {
                return;
            }
            self.lost.take(source, number);
            self.lost.add(source, number, number, (at_ms, true));
            self.trim_lost();
            let landed = LeftOut {
                landed: 1,
                ..LeftOut::default()
            };
            self.decided.counts.push((at_ms, landed));
            return;
        }
        let known = self.sources.get(source);
        let is_ahead = known.is_none_or(|known| known.runs.is_ahead(number));
        let is_open = is_ahead || self.open.get(source, number).is_some();
        if !is_open || self.landed_unread.get(source, number).is_some() {
            return;
        }
        if self.landed_unread.len() < LANDED_UNREAD_MAX {
            return self.landed_unread.add(source, number, number, ());
        }
        self.decided.landings_unknown += 1;
        self.refused += 1;
        if self.refused.is_multiple_of(ROOM_EVERY) {
            let sources = &self.sources;
            self.landed_unread
                .retain_sources(|source| sources.get(source).is_some());
        }
    }

    /// Decides gaps that nothing can fill any more: their time is over, and all batches that came in it were taken.
    pub fn look(&mut self, tickets: Tickets, now: Instant) {
        for (id, gap) in self.gaps.range_mut(self.unbarred..) {
            if gap.due > now {
                break;
            }
            gap.barrier = Some(tickets.next);
            self.unbarred = id + 1;
        }
        while let Some(gap) = self.gaps.first_entry() {
            let is_over = |barrier| tickets.open.is_none_or(|open| open >= barrier);
            // A frame that came before it was revealed, and is tried again, may have one of its numbers. It holds the
            // stream's time up as well.
            let may_be_read = gap.get().unread > 0 && self.kept.has_until(gap.get().place);
            if may_be_read || !gap.get().barrier.is_some_and(is_over) {
                break;
            }
            self.decide_oldest();
        }
    }

    /// Decides all gaps: nothing comes any more.
    pub fn end(&mut self) {
        while !self.gaps.is_empty() {
            self.decide_oldest();
        }
    }

    /// Begins anew: which numbers came next, nobody says.
    pub fn lose_track(&mut self) {
        self.end();
        self.sources = Sources::default();
        self.retried = NumberSet::default();
    }

    /// Whether frames are tried again.
    pub fn has_kept(&self) -> bool {
        self.kept.frames() > 0
    }

    /// Whether gaps are open.
    pub fn has_open(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Takes what was decided.
    pub fn take_decided(&mut self) -> Decided<G> {
        std::mem::take(&mut self.decided)
    }

    fn take_number(
        &mut self,
        (source, number): (Fingerprint, u64),
        seen: Seen,
        arrived_ms: i64,
        batch: &Batch<'_, G>,
    ) {
        if !self.landed_unread.is_empty() {
            self.landed_unread.take(source, number);
        }
        if self.sources.get(source).is_none() {
            // What landed of it before was read before, or nobody read then.
            self.landed_unread.take_range(source, 0, number);
        }
        let follows = self.runs(source).follows(number);
        if matches!(follows, None | Some(Follows::Perhaps)) && self.fills(source, number, false) {
            return;
        }
        if follows != Some(Follows::Live) {
            self.came_late(source, number);
        }
        let (first, last, since) = match self.runs(source).step(number, seen) {
            Step::Next => return,
            Step::Unproven => {
                self.decided.unproven += 1;
                return;
            }
            Step::Anew => return self.begin_anew(source, batch.place),
            Step::Gap { first, last, since } => (first, last, since),
        };
        let gap = Gap {
            source,
            first,
            last,
            left: (last - first).saturating_add(1),
            unread: seen.unread.saturating_sub(since.unread),
            from_ms: since.earliest_ms.min(arrived_ms),
            to_ms: arrived_ms,
            place: batch.place,
            due: batch.now + self.reorder,
            barrier: None,
            guard: batch.guard.clone(),
        };
        // Numbers that another gap or the past has are this one's now.
        self.open.take_range(source, first, last);
        self.lost.take_range(source, first, last);
        self.open.add(source, first, last, self.next_gap);
        self.gaps.insert(self.next_gap, gap);
        self.next_gap += 1;
        for (first, last, ()) in self.retried.take_range(source, first, last) {
            for number in first..=last {
                self.fills(source, number, true);
            }
        }
    }

    /// Whether a number belongs to an open gap. It is left out no longer.
    fn fills(&mut self, source: Fingerprint, number: u64, was_unread: bool) -> bool {
        let Some(id) = self.open.take(source, number) else {
            return false;
        };
        if let Some(gap) = self.gaps.get_mut(&id) {
            gap.left = gap.left.saturating_sub(1);
            gap.unread = gap.unread.saturating_sub(u64::from(was_unread));
            if gap.left == 0 {
                self.gaps.remove(&id);
            }
        }
        true
    }

    /// Whether a number was left out for good. It came after all.
    fn came_late(&mut self, source: Fingerprint, number: u64) -> bool {
        if self.lost.is_empty() {
            return false;
        }
        let Some((at_ms, _)) = self.lost.take(source, number) else {
            return false;
        };
        self.trim_lost();
        let came_late = LeftOut {
            came_late: 1,
            ..LeftOut::default()
        };
        self.decided.counts.push((at_ms, came_late));
        true
    }

    /// The source gives its numbers once more.
    fn begin_anew(&mut self, source: Fingerprint, place: u64) {
        self.sources.begin_anew(source, place);
        let ids: Vec<u64> = self
            .gaps
            .iter()
            .filter(|(_, gap)| gap.source == source)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.decide(id);
        }
        self.lost.forget(source);
        self.landed_unread.forget(source);
        self.retried.forget(source);
    }

    fn runs(&mut self, source: Fingerprint) -> &mut Runs {
        let (runs, forgotten) = self.sources.follow(source);
        self.decided.forgotten += forgotten;
        runs
    }

    fn decide_oldest(&mut self) {
        match self.gaps.first_key_value() {
            Some((&id, _)) => self.decide(id),
            None => self.open = NumberSet::default(),
        }
    }

    fn decide(&mut self, id: u64) {
        let Some(gap) = self.gaps.remove(&id) else {
            return;
        };
        let (mut left, mut landed) = (0_u64, 0_u64);
        let numbers = |first: u64, last: u64| (last - first).saturating_add(1);
        for (first, last, of) in self.open.take_range(gap.source, gap.first, gap.last) {
            if of != id {
                self.open.add(gap.source, first, last, of);
                continue;
            }
            left = left.saturating_add(numbers(first, last));
            self.lost.add(gap.source, first, last, (gap.to_ms, false));
            for (first, last, ()) in self.landed_unread.take_range(gap.source, first, last) {
                landed = landed.saturating_add(numbers(first, last));
                self.lost.take_range(gap.source, first, last);
                self.lost.add(gap.source, first, last, (gap.to_ms, true));
            }
        }
        self.trim_lost();
        if left == 0 {
            return;
        }
        // What landed was a frame of its own, and each unread frame explains one number of one source.
        let unread = (gap.unread)
            .min(
                self.unread
                    .saturating_sub(self.explained + self.kept.frames()),
            )
            .min(left.saturating_sub(landed));
        self.explained += unread;
        let left_out = LeftOut {
            numbers: left,
            landed,
            unread,
            came_late: 0,
        };
        self.decided.counts.push((gap.to_ms, left_out));
        if left > unread || !self.unread_is_seen {
            self.decided.holes.push((gap.from_ms, gap.to_ms, gap.guard));
        }
    }

    fn trim_lost(&mut self) {
        if self.lost.len() <= LOST_MAX {
            return;
        }
        let mut times: Vec<i64> = self.lost.values().map(|(at_ms, _)| at_ms).collect();
        let middle = times.len() / 2;
        let (_, &mut middle_ms, _) = times.select_nth_unstable(middle);
        self.lost.retain(|(at_ms, _)| at_ms > middle_ms);
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
