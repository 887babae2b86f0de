//! Sequence numbers: what a stream's sources say of how many frames there should be. They show what nothing else can:
//! frames that a full queue dropped, between frames that came.
//!
//! Judges take batches from one queue and finish them in any order. So each batch has a *ticket* from its source, and
//! the numbers are taken in the order of the tickets. A gap keeps the guard of the batch that revealed it until it is
//! decided: from the frame behind a gap on, no deadline passes it.

mod counts;
mod noted;
mod number_set;
mod runs;
mod tracker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use landfall_ledger::{Fingerprint, Hole, HoleCause, Stream};

pub use self::counts::{LeftOut, NotFollowed, SequenceCounts};
use self::noted::{Noted, Retried};
pub use self::tracker::SequenceRow;
use self::tracker::{Batch, Tickets, Tracker};
use super::InFlightGuard;

/// Rows of judged batches that may wait for a batch that was read before them: 12 MiB. With more, they go on without
/// it, and what it brings fills the gap that they reveal.
const NOTED_ROWS_MAX: usize = 262_144;

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
    /// Batches that were judged before an earlier one, and how many rows they have.
    noted: BTreeMap<u64, Noted>,
    noted_rows: usize,
    counts: SequenceCounts,
    has_ended: bool,
    /// The latest instant that anybody told.
    now: Instant,
}

/// The place of a batch among those of its stream.
#[derive(Debug)]
pub struct SequenceTicket {
    number: u64,
    is_noted: bool,
    sequences: Arc<Sequences>,
}

impl SequenceTicket {
    /// The place of the batch, by which its frames are known when they are tried again.
    pub fn place(&self) -> u64 {
        self.number
    }
}

impl Drop for SequenceTicket {
    fn drop(&mut self) {
        let mut state = self.sequences.lock();
        state.open.remove(&self.number);
        if !self.is_noted {
            state.noted_rows += Noted::Lost.rows();
            state.noted.insert(self.number, Noted::Lost);
        }
        state.go_on();
    }
}

impl Sequences {
    /// Frames of `stream` may change places within `reorder`, of real time. A written frame that could not be read may
    /// be the landing of any event, so it does not explain a gap away.
    pub fn new(stream: Stream, reorder: Duration) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                tracker: Tracker::new(reorder, stream == Stream::Raw),
                next_ticket: 0,
                open: BTreeSet::new(),
                noted: BTreeMap::new(),
                noted_rows: 0,
                counts: SequenceCounts::default(),
                has_ended: false,
                now: Instant::now(),
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
            is_noted: false,
            sequences: Arc::clone(self),
        }
    }

    /// Takes the rows of a batch that was judged.
    pub fn note(
        &self,
        mut ticket: SequenceTicket,
        rows: Vec<SequenceRow>,
        guard: &InFlightGuard,
        unnumbered: u64,
        now: Instant,
    ) {
        let mut state = self.lock();
        state.now = state.now.max(now);
        state.counts.not_followed.documents += unnumbered;
        ticket.is_noted = true;
        let noted = Noted::Rows {
            rows,
            guard: guard.clone(),
            retried: Vec::new(),
        };
        state.noted_rows += noted.rows();
        state.noted.insert(ticket.number, noted);
        // The place is given up without the lock.
        drop(state);
        drop(ticket);
    }

    /// Takes the rows of frames that came in the batch of that place, could not be read, and were tried again.
    pub fn note_retried(&self, place: u64, rows: Vec<SequenceRow>, unnumbered: u64, now: Instant) {
        let mut state = self.lock();
        state.now = state.now.max(now);
        state.counts.not_followed.documents += unnumbered;
        let again = Retried { rows, unnumbered };
        // The batch itself may still wait for an earlier one.
        if let Some(Noted::Rows { retried, .. }) = state.noted.get_mut(&place) {
            let len = again.len();
            retried.push(again);
            state.noted_rows += len;
        } else {
            state
                .tracker
                .note_retried(place, &again.rows, again.unnumbered);
        }
        state.go_on();
    }

    /// Takes numbers that landed.
    pub fn landed(&self, numbers: &[(Fingerprint, u64)]) {
        let mut state = self.lock();
        for &(source, number) in numbers {
            state.tracker.landed(source, number);
        }
        state.report();
    }

    /// Decides gaps that nothing can fill any more. True if some are still open.
    pub fn look(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.now = state.now.max(now);
        state.go_on();
        state.tracker.has_open()
    }

    /// The run ends: once all batches are judged, and no frame is tried again, gaps are decided at once.
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
    /// Takes the batches before which no other one is open, and decides gaps.
    fn go_on(&mut self) {
        while let Some(entry) = self.noted.first_entry() {
            let waits = self.open.first().is_some_and(|open| open <= entry.key());
            if waits && self.noted_rows <= NOTED_ROWS_MAX {
                break;
            }
            let (place, noted) = entry.remove_entry();
            self.noted_rows = self.noted_rows.saturating_sub(noted.rows());
            match noted {
                Noted::Rows {
                    rows,
                    guard,
                    retried,
                } => {
                    let batch = Batch {
                        place,
                        guard: &guard,
                        now: self.now,
                    };
                    self.tracker.note(&rows, &batch);
                    for again in retried {
                        self.tracker
                            .note_retried(place, &again.rows, again.unnumbered);
                    }
                }
                Noted::Lost => self.tracker.lose_track(),
            }
        }
        let tickets = Tickets {
            next: self.next_ticket,
            open: self.open.first().copied(),
        };
        self.tracker.look(tickets, self.now);
        if self.has_ended && self.open.is_empty() && !self.tracker.has_kept() {
            self.tracker.end();
        }
        self.report();
    }

    /// Says what was decided, before the guards are dropped.
    fn report(&mut self) {
        let decided = self.tracker.take_decided();
        self.counts.not_followed.sources += decided.forgotten;
        self.counts.not_followed.landings += decided.landings_unknown;
        self.counts.not_followed.numbers += decided.unproven;
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
            Sequences::new(RAW, Duration::ZERO),
            Instant::now(),
        );
        let tickets: Vec<_> = (0..4).map(|_| sequences.ticket()).collect();
        let [first, second, third, fourth] = tickets.try_into().expect("four");
        let guard = |at_ms| in_flight.begin(RAW, at_ms);
        sequences.note(third, rows(&[6, 7]), &guard(60), 0, now);
        sequences.note(second, rows(&[3, 4]), &guard(30), 0, now);
        assert!(in_flight.coverage().raw.holes().is_empty());
        sequences.note(first, rows(&[1, 2]), &guard(10), 3, now);
        let hole = |from_ms, to_ms| Hole {
            from_ms,
            to_ms,
            cause: HoleCause::SequenceGap,
        };
        // 5 came in none of them, and may be in the one that is not judged.
        assert!(in_flight.coverage().raw.holes().is_empty());
        sequences.note(fourth, rows(&[8, 10]), &guard(80), 0, now);
        assert_eq!(
            in_flight.coverage().raw.holes(),
            [hole(40, 60), hole(80, 100)]
        );
        let counts = sequences.take_counts();
        assert_eq!(counts.not_followed.documents, 3);
        let counted: Vec<_> = counts.iter().collect();
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].1.numbers, 2);
        assert_eq!(sequences.take_counts(), SequenceCounts::default());
    }

    #[test]
    fn no_deadline_passes_a_gap_before_it_is_decided() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let (sequences, now) = (Sequences::new(RAW, REORDER), Instant::now());
        let guard = in_flight.begin(RAW, 10);
        sequences.note(sequences.ticket(), rows(&[1, 2, 5]), &guard, 0, now);
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
    fn a_frame_that_is_tried_again_before_its_batch_is_taken_holds_nothing_up_afterwards() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let (sequences, now) = (Sequences::new(RAW, REORDER), Instant::now());
        let guard = in_flight.begin(RAW, 10);
        let (slow, quick) = (sequences.ticket(), sequences.ticket());
        let place = quick.place();
        let mut with_kept = rows(&[3, 5]);
        with_kept.insert(1, SequenceRow::Kept);
        sequences.note(quick, with_kept, &guard, 0, now);
        sequences.note_retried(place, rows(&[4]), 0, now + REORDER);
        sequences.note(slow, rows(&[1, 2]), &guard, 0, now + 2 * REORDER);
        assert!(!sequences.look(now + 2 * REORDER));
        // Nor does a frame that cannot be read, later.
        let mut with_unread = rows(&[6, 8]);
        with_unread.insert(1, SequenceRow::Unread);
        sequences.note(
            sequences.ticket(),
            with_unread,
            &guard,
            0,
            now + 3 * REORDER,
        );
        source.reach(1_000);
        drop(guard);
        assert!(!sequences.look(now + 4 * REORDER));
        assert_eq!(in_flight.frontier(RAW), 1_000);
        let counts = sequences.take_counts();
        let [(_, left_out)] = counts.iter().collect::<Vec<_>>()[..] else {
            panic!("{counts:?}");
        };
        assert_eq!((left_out.numbers, left_out.unread), (1, 1));
    }

    #[test]
    fn at_the_end_a_frame_that_is_tried_once_more_is_waited_for() {
        let in_flight = InFlight::default();
        let (sequences, now) = (Sequences::new(RAW, REORDER), Instant::now());
        let guard = in_flight.begin(RAW, 10);
        let ticket = sequences.ticket();
        let place = ticket.place();
        let mut with_kept = rows(&[1, 3]);
        with_kept.insert(1, SequenceRow::Kept);
        sequences.note(ticket, with_kept, &guard, 0, now);
        sequences.end(now);
        sequences.note_retried(place, rows(&[2]), 0, now);
        assert!(!sequences.look(now));
        assert_eq!(sequences.take_counts(), SequenceCounts::default());
    }

    #[test]
    fn at_the_end_of_the_run_nothing_waits() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let (sequences, now) = (Sequences::new(RAW, REORDER), Instant::now());
        sequences.end(now);
        let guard = in_flight.begin(RAW, 10);
        sequences.note(sequences.ticket(), rows(&[1, 5]), &guard, 0, now);
        source.reach(1_000);
        drop(guard);
        assert_eq!(in_flight.frontier(RAW), 1_000);
        assert_eq!(in_flight.coverage().raw.holes().len(), 1);
    }

    #[test]
    fn a_gap_waits_for_batches_that_came_in_its_time_however_slow_their_judges_are() {
        let in_flight = InFlight::default();
        let (sequences, now) = (Sequences::new(RAW, REORDER), Instant::now());
        let guard = in_flight.begin(RAW, 10);
        sequences.note(sequences.ticket(), rows(&[1, 2, 4]), &guard, 0, now);
        // Read a moment later, and judged long after the gap was due.
        let slow = sequences.ticket();
        assert!(sequences.look(now + 10 * REORDER));
        sequences.note(slow, rows(&[3, 5]), &guard, 0, now + 20 * REORDER);
        assert!(!sequences.look(now + 20 * REORDER));
        assert!(in_flight.coverage().raw.holes().is_empty());
        assert_eq!(sequences.take_counts(), SequenceCounts::default());
    }

    #[test]
    fn a_batch_that_is_never_judged_leaves_nothing_out_that_is_known() {
        let in_flight = InFlight::default();
        let (sequences, now) = (Sequences::new(RAW, Duration::ZERO), Instant::now());
        let guard = in_flight.begin(RAW, 10);
        let (first, lost, last) = (sequences.ticket(), sequences.ticket(), sequences.ticket());
        // It is given up before the one before it is judged.
        drop(lost);
        sequences.note(last, rows(&[7, 8]), &guard, 0, now);
        sequences.note(first, rows(&[1, 2, 4]), &guard, 0, now);
        let counted =
            |counts: SequenceCounts| counts.iter().map(|(_, left)| left.numbers).sum::<u64>();
        // 3 is known to be left out, and of 5 and 6 nobody knows.
        assert_eq!(counted(sequences.take_counts()), 1);
        sequences.note(sequences.ticket(), rows(&[10]), &guard, 0, now);
        assert_eq!(counted(sequences.take_counts()), 1);
    }

    #[test]
    fn a_batch_that_is_not_judged_holds_up_a_bounded_number_of_rows() {
        let in_flight = InFlight::default();
        let (sequences, now) = (Sequences::new(RAW, Duration::ZERO), Instant::now());
        let _held = sequences.ticket();
        let guard = in_flight.begin(RAW, 5);
        let many: Vec<u64> = (0..NOTED_ROWS_MAX as u64 / 2).collect();
        for _ in 0..4 {
            sequences.note(sequences.ticket(), rows(&many), &guard, 0, now);
            assert!(sequences.lock().noted_rows <= NOTED_ROWS_MAX);
        }
        assert!(sequences.lock().noted_rows > 0);
    }
}
