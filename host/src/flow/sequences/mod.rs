//! Sequence numbers: what a stream's sources say of how many frames there should be. They show what nothing else can:
//! frames that a full queue dropped, between frames that came.
//!
//! Judges take batches from one queue and finish them in any order. So each batch has a *ticket* from its source, and
//! the numbers are taken in the order of the tickets. A gap keeps the guard of the batch that revealed it until it is
//! decided: no deadline passes a hole that is not known yet.

mod counts;
mod lost;
mod runs;
mod tracker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use landfall_ledger::{Fingerprint, Hole, HoleCause};

pub use self::counts::{LeftOut, SequenceCounts};
pub use self::tracker::SequenceRow;
use self::tracker::Tracker;
use super::InFlightGuard;

/// Judged batches that may wait for one that was read before them. With more, they go on without it: what it brings
/// then comes late.
const NOTED_MAX: usize = 1_024;

/// The numbers of one stream, shared by its sources and all judges.
#[derive(Debug)]
pub struct Sequences {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tracker: Tracker<InFlightGuard>,
    next_ticket: u64,
    /// Tickets of batches that are not judged yet.
    open: BTreeSet<u64>,
    /// Batches that were judged before an earlier one.
    noted: BTreeMap<u64, Noted>,
    counts: SequenceCounts,
    has_ended: bool,
}

#[derive(Debug)]
struct Noted {
    rows: Vec<SequenceRow>,
    guard: InFlightGuard,
    at: Instant,
}

/// The place of a batch among those of its stream. A batch that is dropped gives its place up.
#[derive(Debug)]
pub struct SequenceTicket {
    number: u64,
    sequences: Arc<Sequences>,
}

impl Drop for SequenceTicket {
    fn drop(&mut self) {
        let mut state = self.sequences.lock();
        state.open.remove(&self.number);
        state.go_on();
    }
}

impl Sequences {
    /// Frames may change places within `reorder`, of real time.
    pub fn new(reorder: Duration) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                tracker: Tracker::new(reorder),
                next_ticket: 0,
                open: BTreeSet::new(),
                noted: BTreeMap::new(),
                counts: SequenceCounts::default(),
                has_ended: false,
            }),
        })
    }

    /// A place for a batch that begins now.
    pub fn ticket(self: &Arc<Self>) -> SequenceTicket {
        let mut state = self.lock();
        let number = state.next_ticket;
        state.next_ticket += 1;
        state.open.insert(number);
        SequenceTicket {
            number,
            sequences: Arc::clone(self),
        }
    }

    /// Takes the rows of a batch that was judged. Without a ticket its frames were tried once more, and come late.
    pub fn note(
        &self,
        ticket: Option<SequenceTicket>,
        rows: Vec<SequenceRow>,
        guard: &InFlightGuard,
        unnumbered: u64,
        now: Instant,
    ) {
        let mut state = self.lock();
        state.counts.unnumbered = state.counts.unnumbered.saturating_add(unnumbered);
        match &ticket {
            Some(ticket) => {
                let noted = Noted {
                    rows,
                    guard: guard.clone(),
                    at: now,
                };
                state.noted.insert(ticket.number, noted);
            }
            None => state.tracker.note(&rows, guard, now),
        }
        // The place is given up without the lock.
        drop(state);
        drop(ticket);
        self.look(now);
    }

    /// Takes numbers that landed.
    pub fn landed(&self, numbers: &[(Fingerprint, u64)], now: Instant) {
        let mut state = self.lock();
        for &(source, number) in numbers {
            state.tracker.landed(source, number, now);
        }
        state.report();
    }

    /// Decides gaps that are open for long enough. True if some are still open.
    pub fn look(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.tracker.look(now);
        if state.has_ended {
            state.tracker.end(now);
        }
        state.report();
        state.tracker.has_open()
    }

    /// From now on gaps are decided at once: the run ends, and nothing waits for what may come.
    pub fn end(&self, now: Instant) {
        self.lock().has_ended = true;
        self.look(now);
    }

    /// Takes what was counted.
    pub fn take_counts(&self) -> SequenceCounts {
        std::mem::take(&mut self.lock().counts)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the batches before which no other one is open.
    fn go_on(&mut self) {
        while let Some(entry) = self.noted.first_entry() {
            let waits = self.open.first().is_some_and(|open| open < entry.key());
            if waits && self.noted.len() <= NOTED_MAX {
                break;
            }
            let Some((_, noted)) = self.noted.pop_first() else {
                break;
            };
            self.tracker.note(&noted.rows, &noted.guard, noted.at);
        }
        self.report();
    }

    /// Says what was decided, before the guards are dropped.
    fn report(&mut self) {
        let decided = self.tracker.take_decided();
        for (at_ms, left_out) in decided.counts {
            self.counts.add(at_ms, left_out);
        }
        for (from_ms, to_ms, guard) in decided.holes {
            guard.unseen(Hole {
                from_ms,
                to_ms,
                cause: HoleCause::SequenceGap,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::Stream;

    use super::*;
    use crate::flow::InFlight;

    const RAW: Stream = Stream::Raw;
    const REORDER: Duration = Duration::from_secs(1);

    fn rows(numbers: &[u64]) -> Vec<SequenceRow> {
        let row = |number: &u64| SequenceRow::Numbered {
            source: Fingerprint(1),
            number: *number,
            earliest_ms: *number as i64 * 10,
            arrived_ms: *number as i64 * 10,
        };
        numbers.iter().map(row).collect()
    }

    #[test]
    fn batches_that_judges_finish_in_any_order_are_taken_as_they_came() {
        let (in_flight, sequences, now) = (
            InFlight::default(),
            Sequences::new(Duration::ZERO),
            Instant::now(),
        );
        let tickets: Vec<_> = (0..4).map(|_| sequences.ticket()).collect();
        let [first, second, third, fourth] = tickets.try_into().expect("four");
        let guard = |at_ms| in_flight.begin(RAW, at_ms);
        sequences.note(Some(third), rows(&[5, 6]), &guard(50), 0, now);
        sequences.note(Some(second), rows(&[3, 4]), &guard(30), 0, now);
        assert!(in_flight.coverage().raw.holes().is_empty());
        sequences.note(Some(first), rows(&[1, 2]), &guard(10), 3, now);
        assert!(in_flight.coverage().raw.holes().is_empty());
        // One that is never judged holds nobody up.
        drop(fourth);
        sequences.note(Some(sequences.ticket()), rows(&[7, 9]), &guard(70), 0, now);
        let hole = Hole {
            from_ms: 70,
            to_ms: 90,
            cause: HoleCause::SequenceGap,
        };
        assert_eq!(in_flight.coverage().raw.holes(), [hole]);
        let counts = sequences.take_counts();
        assert_eq!(counts.unnumbered, 3);
        let counted: Vec<_> = counts.iter().collect();
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].1.numbers, 1);
        assert_eq!(sequences.take_counts(), SequenceCounts::default());
    }

    #[test]
    fn no_deadline_passes_a_gap_before_it_is_decided() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let (sequences, now) = (Sequences::new(REORDER), Instant::now());
        let guard = in_flight.begin(RAW, 10);
        sequences.note(Some(sequences.ticket()), rows(&[1, 2, 5]), &guard, 0, now);
        source.reach(1_000);
        drop(guard);
        assert_eq!(in_flight.frontier(RAW), 10);
        assert!(sequences.look(now + REORDER / 2));
        assert_eq!(in_flight.frontier(RAW), 10);
        assert!(!sequences.look(now + REORDER));
        assert_eq!(in_flight.coverage().raw.holes().len(), 1);
        assert_eq!(in_flight.frontier(RAW), 1_000);
    }

    #[test]
    fn at_the_end_of_the_run_nothing_waits() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let (sequences, now) = (Sequences::new(REORDER), Instant::now());
        sequences.end(now);
        let guard = in_flight.begin(RAW, 10);
        sequences.note(Some(sequences.ticket()), rows(&[1, 5]), &guard, 0, now);
        source.reach(1_000);
        drop(guard);
        assert_eq!(in_flight.frontier(RAW), 1_000);
        assert_eq!(in_flight.coverage().raw.holes().len(), 1);
    }

    #[test]
    fn a_batch_that_is_never_judged_holds_up_a_bounded_number_of_others() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let (sequences, now) = (Sequences::new(Duration::ZERO), Instant::now());
        let _held = sequences.ticket();
        for number in 0..=NOTED_MAX as u64 {
            let guard = in_flight.begin(RAW, 5);
            sequences.note(Some(sequences.ticket()), rows(&[number]), &guard, 0, now);
        }
        source.reach(1_000);
        assert_eq!(sequences.lock().noted.len(), NOTED_MAX);
    }
}
