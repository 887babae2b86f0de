//! Follows the numbers that the sources of a stream give to what they send, and says which ones never came. Pure.
//!
//! A gap is *open* for a while, because frames may change places on their way. A number that comes meanwhile fills it.
//! What is left then was missed by Landfall, or never reached the place where Landfall reads. A frame that came and
//! could not be read may have had one of the numbers, so it explains one of them.

mod decided;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use landfall_ledger::Fingerprint;

use self::decided::Decided;
use super::counts::LeftOut;
use super::number_set::NumberSet;
use super::runs::{Follows, Runs, Seen, Step};

/// Sources of a stream that are followed. With more, the one that was silent longest is forgotten.
const SOURCES_MAX: usize = 1_024;

/// Gaps that may be open at once, and ranges of numbers in them. With more, the oldest is decided at once.
const OPEN_MAX: usize = 16_384;

/// Ranges of numbers that are remembered after they were left out. With more, the older half is forgotten: of these no
/// landing is counted.
const LOST_MAX: usize = 16_384;

/// Ranges of numbers that landed and were not read yet. With more, a landing is not known later.
const AHEAD_MAX: usize = 16_384;

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
    /// Frames that came meanwhile and are tried again.
    kept: u64,
    from_ms: i64,
    to_ms: i64,
    due: Instant,
    /// All batches that began before it was due have a smaller ticket.
    barrier: Option<u64>,
    guard: G,
}

/// The batches of the stream that are not judged yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tickets {
    /// The ticket of the next batch.
    pub next: u64,
    /// The first that is open.
    pub open: Option<u64>,
}

#[derive(Debug, Default)]
struct Source {
    runs: Runs,
    /// Grows with each number of any source.
    used: u64,
}

/// The numbers of one stream. `G` keeps the stream's time before a gap that is open.
#[derive(Debug)]
pub(super) struct Tracker<G> {
    reorder: Duration,
    sources: HashMap<Fingerprint, Source>,
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
    ahead: NumberSet<()>,
    /// Frames that could not be read, and how many of them explained a number.
    unread: u64,
    explained: u64,
    /// The same of frames that are tried again.
    kept: u64,
    kept_explained: u64,
    /// Landings that had no room.
    refused: u64,
    used: u64,
    decided: Decided<G>,
}

impl<G: Clone> Tracker<G> {
    /// Frames may change places within `reorder`, of real time.
    pub fn new(reorder: Duration) -> Self {
        Self {
            reorder,
            sources: HashMap::new(),
            gaps: BTreeMap::new(),
            open: NumberSet::default(),
            next_gap: 0,
            unbarred: 0,
            lost: NumberSet::default(),
            ahead: NumberSet::default(),
            unread: 0,
            explained: 0,
            kept: 0,
            kept_explained: 0,
            refused: 0,
            used: 0,
            decided: Decided::default(),
        }
    }

    /// Takes the rows of a batch, in the order of batches. `guard` is held by each gap that they reveal.
    pub fn note(&mut self, rows: &[SequenceRow], guard: &G, now: Instant) {
        for row in rows {
            match *row {
                SequenceRow::Unread => self.unread = self.unread.saturating_add(1),
                SequenceRow::Kept => self.kept = self.kept.saturating_add(1),
                SequenceRow::Numbered {
                    source,
                    number,
                    earliest_ms,
                    arrived_ms,
                } => {
                    let seen = Seen {
                        earliest_ms,
                        unread: self.unread,
                        kept: self.kept,
                    };
                    self.number(source, number, seen, arrived_ms, guard, now);
                }
            }
        }
        while self.gaps.len() > OPEN_MAX || self.open.len() > OPEN_MAX {
            self.decide_oldest();
        }
    }

    /// Takes rows that had come long before, and could not be read then. They say nothing of the order.
    pub fn note_late(&mut self, rows: &[SequenceRow]) {
        for row in rows {
            if let SequenceRow::Numbered { source, number, .. } = *row {
                self.ahead.take(source, number);
                // If it was left out, it is counted as one that could not be read.
                if !self.fills(source, number, true) {
                    self.lost.take(source, number);
                }
            }
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
        let known = self.sources.get(&source);
        let is_ahead = known.is_none_or(|known| known.runs.is_ahead(number));
        let is_open = is_ahead || self.open.get(source, number).is_some();
        if !is_open || self.ahead.get(source, number).is_some() {
            return;
        }
        if self.ahead.len() < AHEAD_MAX {
            return self.ahead.add(source, number, number, ());
        }
        self.decided.landings_unknown += 1;
        self.refused += 1;
        if self.refused.is_multiple_of(ROOM_EVERY) {
            let sources = &self.sources;
            self.ahead
                .retain_sources(|source| sources.contains_key(&source));
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
            if !gap.get().barrier.is_some_and(is_over) {
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
        self.sources.clear();
    }

    /// Whether gaps are open.
    pub fn has_open(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Takes what was decided.
    pub fn take_decided(&mut self) -> Decided<G> {
        std::mem::take(&mut self.decided)
    }

    fn number(
        &mut self,
        source: Fingerprint,
        number: u64,
        seen: Seen,
        arrived_ms: i64,
        guard: &G,
        now: Instant,
    ) {
        if !self.ahead.is_empty() {
            self.ahead.take(source, number);
        }
        if !self.sources.contains_key(&source) {
            // What landed of it before was read before, or nobody read then.
            self.ahead.take_range(source, 0, number);
        }
        let follows = self.source(source).runs.follows(number);
        if matches!(follows, None | Some(Follows::OneCopy)) && self.fills(source, number, false) {
            return;
        }
        if follows != Some(Follows::Surely) {
            self.came_late(source, number);
        }
        let (first, last, since) = match self.source(source).runs.step(number, seen) {
            Step::Next | Step::Behind => return,
            Step::Anew => return self.begin_anew(source),
            Step::Gap { first, last, since } => (first, last, since),
        };
        let gap = Gap {
            source,
            first,
            last,
            left: (last - first).saturating_add(1),
            unread: seen.unread.saturating_sub(since.unread),
            kept: seen.kept.saturating_sub(since.kept),
            from_ms: since.earliest_ms.min(arrived_ms),
            to_ms: arrived_ms,
            due: now + self.reorder,
            barrier: None,
            guard: guard.clone(),
        };
        // Numbers that another gap or the past has are this one's now.
        self.open.take_range(source, first, last);
        self.lost.take_range(source, first, last);
        self.open.add(source, first, last, self.next_gap);
        self.gaps.insert(self.next_gap, gap);
        self.next_gap += 1;
    }

    /// Whether a number belongs to an open gap. It is left out no longer.
    fn fills(&mut self, source: Fingerprint, number: u64, was_kept: bool) -> bool {
        let Some(id) = self.open.take(source, number) else {
            return false;
        };
        let Some(gap) = self.gaps.get_mut(&id) else {
            return true;
        };
        gap.left = gap.left.saturating_sub(1);
        if was_kept {
            // The frame that could not be read was this one, and explains no other.
            gap.kept = gap.kept.saturating_sub(1);
            self.kept_explained = self.kept.min(self.kept_explained + 1);
        }
        if gap.left == 0 {
            self.gaps.remove(&id);
        }
        true
    }

    fn came_late(&mut self, source: Fingerprint, number: u64) {
        if self.lost.is_empty() {
            return;
        }
        if let Some((at_ms, _)) = self.lost.take(source, number) {
            self.trim_lost();
            let came_late = LeftOut {
                came_late: 1,
                ..LeftOut::default()
            };
            self.decided.counts.push((at_ms, came_late));
        }
    }

    /// The source gives its numbers once more.
    fn begin_anew(&mut self, source: Fingerprint) {
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
        self.ahead.forget(source);
    }

    fn source(&mut self, source: Fingerprint) -> &mut Source {
        self.used += 1;
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            let silent = self.sources.iter().min_by_key(|(_, known)| known.used);
            if let Some(silent) = silent.map(|(source, _)| *source) {
                self.sources.remove(&silent);
                self.decided.forgotten += 1;
            }
        }
        let known = self.sources.entry(source).or_default();
        known.used = self.used;
        known
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
            for (first, last, ()) in self.ahead.take_range(gap.source, first, last) {
                landed = landed.saturating_add(numbers(first, last));
                self.lost.take_range(gap.source, first, last);
                self.lost.add(gap.source, first, last, (gap.to_ms, true));
            }
        }
        self.trim_lost();
        if left == 0 {
            return;
        }
        // Each frame explains one number of one source. One that is tried again may be one that landed; of the others
        // what landed was a frame of its own.
        let kept = (gap.kept)
            .min(self.kept.saturating_sub(self.kept_explained))
            .min(left);
        let others = left.saturating_sub(kept.max(landed));
        let unread = (gap.unread)
            .min(self.unread.saturating_sub(self.explained))
            .min(others);
        self.kept_explained += kept;
        self.explained += unread;
        let unread = unread + kept;
        let left_out = LeftOut {
            numbers: left,
            landed,
            unread,
            came_late: 0,
        };
        self.decided.counts.push((gap.to_ms, left_out));
        if left > unread {
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
