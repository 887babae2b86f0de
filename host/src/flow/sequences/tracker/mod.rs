//! Follows the numbers that the sources of a stream give to what they send, and says which ones never came. Pure.
//!
//! A gap is *open* for a while, because frames may change places on their way. A number that comes meanwhile fills it.
//! What is left then was missed by Landfall, or never reached the place where Landfall reads. A frame that came and
//! could not be read may have had one of the numbers, so it explains one of them.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use landfall_ledger::Fingerprint;

use super::counts::LeftOut;
use super::lost::Lost;
use super::runs::{Runs, Seen, Step};

/// Sources of a stream that are followed. With more, the one that was silent longest is forgotten.
const SOURCES_MAX: usize = 1_024;

/// Gaps that may be open at once. With more, the oldest is decided at once.
const OPEN_MAX: usize = 1_024;

/// Parts into which numbers that come late may divide a gap. With more, it is decided at once.
const PARTS_MAX: usize = 64;

/// Numbers that landed and were not read yet. With more, a landing is not counted.
const AHEAD_MAX: usize = 65_536;

/// So long a number that landed waits for being read, or for being left out.
const AHEAD_KEPT: Duration = Duration::from_secs(60);

/// So long between two looks through all of them for old ones.
const LOOK: Duration = Duration::from_secs(1);

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
}

/// Numbers of one source that did not come, and still may.
#[derive(Debug)]
struct Gap<G> {
    source: Fingerprint,
    parts: Vec<RangeInclusive<u64>>,
    /// Frames that came meanwhile and could not be read.
    unread: u64,
    from_ms: i64,
    to_ms: i64,
    due: Instant,
    guard: G,
}

/// What was decided.
#[derive(Debug)]
pub(super) struct Decided<G> {
    /// Intervals in which frames were missed, each with the guard that was given with the number behind the gap.
    pub holes: Vec<(i64, i64, G)>,
    /// By the instant at which they must have come, in milliseconds.
    pub counts: Vec<(i64, LeftOut)>,
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
    /// In the order in which they are decided.
    open: VecDeque<Gap<G>>,
    lost: Lost,
    /// Numbers that landed before they were read.
    ahead: HashMap<(Fingerprint, u64), Instant>,
    /// When old ones were last removed.
    ahead_looked: Option<Instant>,
    unread: u64,
    used: u64,
    decided: Decided<G>,
}

impl<G: Clone> Tracker<G> {
    /// Frames may change places within `reorder`, of real time.
    pub fn new(reorder: Duration) -> Self {
        Self {
            reorder,
            sources: HashMap::new(),
            open: VecDeque::new(),
            lost: Lost::default(),
            ahead: HashMap::new(),
            ahead_looked: None,
            unread: 0,
            used: 0,
            decided: Decided {
                holes: Vec::new(),
                counts: Vec::new(),
            },
        }
    }

    /// Takes rows. `guard` is held by each gap that they reveal.
    pub fn note(&mut self, rows: &[SequenceRow], guard: &G, now: Instant) {
        for row in rows {
            match *row {
                SequenceRow::Unread => self.unread = self.unread.saturating_add(1),
                SequenceRow::Numbered {
                    source,
                    number,
                    earliest_ms,
                    arrived_ms,
                } => self.number(source, number, (earliest_ms, arrived_ms), guard, now),
            }
        }
        self.look(now);
    }

    /// Takes a number that landed on the other side.
    pub fn landed(&mut self, source: Fingerprint, number: u64, now: Instant) {
        if let Some(at_ms) = self.lost.take(source, number) {
            let landed = LeftOut {
                landed: 1,
                ..LeftOut::default()
            };
            self.decided.counts.push((at_ms, landed));
            return;
        }
        let known = self.sources.get(&source);
        let is_ahead = known.is_none_or(|known| known.runs.is_ahead(number));
        let is_open = || self.open.iter().any(|gap| gap.has(source, number));
        if !is_ahead && !is_open() {
            return;
        }
        if self.ahead.len() >= AHEAD_MAX && self.ahead_looked.is_none_or(|last| last + LOOK <= now)
        {
            self.ahead_looked = Some(now);
            self.ahead
                .retain(|_, since| now.saturating_duration_since(*since) < AHEAD_KEPT);
        }
        if self.ahead.len() < AHEAD_MAX {
            self.ahead.insert((source, number), now);
        }
    }

    /// Decides gaps that are open for long enough.
    pub fn look(&mut self, now: Instant) {
        while self.open.front().is_some_and(|gap| gap.due <= now) || self.open.len() > OPEN_MAX {
            self.decide_oldest(now);
        }
    }

    /// Decides all gaps: nothing comes any more.
    pub fn end(&mut self, now: Instant) {
        while !self.open.is_empty() {
            self.decide_oldest(now);
        }
    }

    /// Whether gaps are open.
    pub fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes what was decided.
    pub fn take_decided(&mut self) -> Decided<G> {
        Decided {
            holes: std::mem::take(&mut self.decided.holes),
            counts: std::mem::take(&mut self.decided.counts),
        }
    }

    fn number(
        &mut self,
        source: Fingerprint,
        number: u64,
        (earliest_ms, arrived_ms): (i64, i64),
        guard: &G,
        now: Instant,
    ) {
        if !self.ahead.is_empty() {
            self.ahead.remove(&(source, number));
        }
        if self.fills(source, number, now) {
            return;
        }
        if let Some(at_ms) = self.lost.take(source, number) {
            let came_late = LeftOut {
                came_late: 1,
                ..LeftOut::default()
            };
            self.decided.counts.push((at_ms, came_late));
            return;
        }
        let seen = Seen {
            earliest_ms,
            unread: self.unread,
        };
        match self.source(source).runs.step(number, seen) {
            Step::Next | Step::Behind => {}
            Step::Anew => self.lost.forget(source),
            Step::Gap { first, last, since } => self.open.push_back(Gap {
                source,
                parts: vec![first..=last],
                unread: self.unread.saturating_sub(since.unread),
                from_ms: since.earliest_ms.min(arrived_ms),
                to_ms: arrived_ms,
                due: now + self.reorder,
                guard: guard.clone(),
            }),
        }
    }

    /// Whether a number belongs to an open gap. It is left out no longer.
    fn fills(&mut self, source: Fingerprint, number: u64, now: Instant) -> bool {
        let Some(place) = self.open.iter().position(|gap| gap.has(source, number)) else {
            return false;
        };
        let gap = &mut self.open[place];
        gap.take(number);
        if gap.parts.is_empty() {
            self.open.remove(place);
        } else if gap.parts.len() > PARTS_MAX
            && let Some(gap) = self.open.remove(place)
        {
            self.decide(gap, now);
        }
        true
    }

    fn source(&mut self, source: Fingerprint) -> &mut Source {
        self.used += 1;
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            let silent = self.sources.iter().min_by_key(|(_, known)| known.used);
            let silent = silent.map(|(source, _)| *source);
            silent.map(|silent| self.sources.remove(&silent));
        }
        let known = self.sources.entry(source).or_default();
        known.used = self.used;
        known
    }

    fn decide_oldest(&mut self, now: Instant) {
        if let Some(gap) = self.open.pop_front() {
            self.decide(gap, now);
        }
    }

    fn decide(&mut self, gap: Gap<G>, now: Instant) {
        let left: u64 = gap
            .parts
            .iter()
            .fold(0, |sum: u64, part| sum.saturating_add(numbers(part)));
        let landed_numbers = self.take_ahead(&gap, left, now);
        let landed = landed_numbers.len() as u64;
        let missed = left.saturating_sub(gap.unread).max(landed);
        if missed == 0 {
            return;
        }
        for part in &gap.parts {
            self.lost
                .add(gap.source, *part.start(), *part.end(), gap.to_ms);
        }
        for number in landed_numbers {
            self.lost.take(gap.source, number);
        }
        let left_out = LeftOut {
            numbers: missed,
            landed,
            came_late: 0,
        };
        self.decided.counts.push((gap.to_ms, left_out));
        self.decided.holes.push((gap.from_ms, gap.to_ms, gap.guard));
    }

    /// Takes the numbers of a gap that landed meanwhile out of those that wait.
    fn take_ahead(&mut self, gap: &Gap<G>, left: u64, now: Instant) -> Vec<u64> {
        // Whichever are fewer are gone through.
        let mut landed: Vec<u64> = match left <= self.ahead.len() as u64 {
            true => gap.parts.iter().cloned().flatten().collect(),
            false => {
                let waiting = self.ahead.keys();
                let of_gap = waiting.filter(|(source, number)| gap.has(*source, *number));
                of_gap.map(|(_, number)| *number).collect()
            }
        };
        landed.retain(|number| {
            let since = self.ahead.remove(&(gap.source, *number));
            since.is_some_and(|since| now.saturating_duration_since(since) < AHEAD_KEPT)
        });
        landed
    }
}

impl<G> Gap<G> {
    fn has(&self, source: Fingerprint, number: u64) -> bool {
        self.source == source && self.parts.iter().any(|part| part.contains(&number))
    }

    fn take(&mut self, number: u64) {
        let Some(place) = self.parts.iter().position(|part| part.contains(&number)) else {
            return;
        };
        let (first, last) = self.parts.remove(place).into_inner();
        if number < last {
            self.parts.insert(place, number + 1..=last);
        }
        if first < number {
            self.parts.insert(place, first..=number - 1);
        }
    }
}

fn numbers(part: &RangeInclusive<u64>) -> u64 {
    (part.end() - part.start()).saturating_add(1)
}

#[cfg(test)]
mod tests;
