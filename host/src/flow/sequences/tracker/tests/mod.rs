//! Stories of a stream's numbers, and what must come of them.

use super::sources::SOURCES_MAX;
use super::*;

mod unread;

const A: Fingerprint = Fingerprint(1);
const B: Fingerprint = Fingerprint(2);
const REORDER: Duration = Duration::from_secs(1);

/// A tracker, and the instant of its stream.
struct Stream {
    tracker: Tracker<u32>,
    /// The place of the batch that comes.
    place: u64,
    now: Instant,
    at_ms: i64,
    holes: Vec<(i64, i64)>,
    sum: LeftOut,
    by_instant: Vec<(i64, LeftOut)>,
    forgotten: u64,
    unknown: u64,
    unproven: u64,
}

impl Stream {
    fn new() -> Self {
        Self {
            tracker: Tracker::new(REORDER, true),
            place: 0,
            now: Instant::now(),
            at_ms: 0,
            holes: Vec::new(),
            sum: LeftOut::default(),
            by_instant: Vec::new(),
            forgotten: 0,
            unknown: 0,
            unproven: 0,
        }
    }

    /// A number comes 10 ms after what came last.
    fn comes(&mut self, source: Fingerprint, number: u64) {
        self.row(SequenceRow::Numbered {
            source,
            number,
            earliest_ms: self.at_ms + 9,
            arrived_ms: self.at_ms + 10,
        });
    }

    fn row(&mut self, row: SequenceRow) {
        self.at_ms += 10;
        self.now += Duration::from_millis(10);
        let batch = Batch {
            place: self.place,
            guard: &7,
            now: self.now,
        };
        self.tracker.note(&[row], &batch);
        self.look();
    }

    fn look(&mut self) {
        self.tracker.look(Tickets::default(), self.now);
        self.take();
    }

    /// A frame that could not be read at first.
    fn is_read_at_last(&mut self, source: Fingerprint, number: u64) {
        let row = SequenceRow::Numbered {
            source,
            number,
            earliest_ms: 0,
            arrived_ms: 0,
        };
        self.tracker.note_retried(self.place, &[row], 0);
        self.look();
    }

    fn lands(&mut self, source: Fingerprint, number: u64) {
        self.tracker.landed(source, number);
        self.take();
    }

    fn wait(&mut self, length: Duration) {
        self.now += length;
        self.at_ms += length.as_millis() as i64;
        self.look();
    }

    fn take(&mut self) {
        let decided = self.tracker.take_decided();
        for (from_ms, to_ms, guard) in decided.holes {
            assert_eq!(guard, 7);
            self.holes.push((from_ms, to_ms));
        }
        self.forgotten += decided.forgotten;
        self.unknown += decided.landings_unknown;
        self.unproven += decided.unproven;
        for (at_ms, left_out) in decided.counts {
            self.sum += left_out;
            self.by_instant.push((at_ms, left_out));
        }
    }

    /// Holes, numbers that were left out, and those of them that an unread frame explains.
    fn explained(&self) -> (usize, u64, u64) {
        (self.holes.len(), self.sum.numbers, self.sum.unread)
    }

    fn counts(&self) -> (u64, u64, u64) {
        assert!(self.sum.numbers >= self.sum.landed.max(self.sum.unread));
        (self.sum.numbers, self.sum.landed, self.sum.came_late)
    }
}

#[test]
fn a_gap_is_a_hole_from_the_number_before_to_the_one_behind_once_nothing_can_fill_it() {
    let mut stream = Stream::new();
    for number in [1, 2, 5] {
        stream.comes(A, number);
    }
    assert!(stream.tracker.has_open());
    stream.wait(REORDER - Duration::from_millis(1));
    assert_eq!(stream.holes, []);
    stream.wait(Duration::from_millis(1));
    // 2 came at 19 at the earliest, 5 at 30 at the latest.
    assert_eq!(stream.holes, [(19, 30)]);
    assert_eq!(stream.counts(), (2, 0, 0));
    assert_eq!(stream.by_instant[0].0, 30);
    assert!(!stream.tracker.has_open());
}

#[test]
fn numbers_that_change_places_are_no_gap() {
    let mut stream = Stream::new();
    for number in [1, 4, 3, 2, 5, 7, 6, 10, 8, 9, 11] {
        stream.comes(A, number);
    }
    stream.wait(2 * REORDER);
    assert_eq!((stream.holes.len(), stream.counts()), (0, (0, 0, 0)));
}

#[test]
fn a_gap_that_is_filled_in_part_has_the_rest() {
    let mut stream = Stream::new();
    for number in [1, 10, 5, 3] {
        stream.comes(A, number);
    }
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (6, 0, 0));
    assert_eq!(stream.holes.len(), 1);
    // One of them comes after all, and one comes twice.
    stream.comes(A, 7);
    stream.comes(A, 7);
    assert_eq!(stream.counts(), (6, 0, 1));
}

#[test]
fn each_source_has_numbers_of_its_own() {
    let mut stream = Stream::new();
    for number in 0..50 {
        stream.comes(A, 1_000 + number);
        stream.comes(B, 7 + number);
    }
    stream.comes(B, 58);
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (1, 0, 0));
}

#[test]
fn what_landed_was_missed_by_us_whenever_it_landed() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.lands(A, 3);
    // Before the gap is known.
    stream.lands(A, 4);
    stream.comes(A, 10);
    // While it is open.
    stream.lands(A, 5);
    assert_eq!(stream.counts(), (0, 0, 0));
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (8, 3, 0));
    // Afterwards, and each once.
    stream.lands(A, 6);
    for number in [3, 4, 5, 6] {
        stream.lands(A, number);
    }
    assert_eq!(stream.counts(), (8, 4, 0));
    // What was read is none of them, nor what is of another source.
    stream.lands(A, 10);
    stream.lands(A, 1);
    stream.lands(B, 7);
    assert_eq!(stream.counts(), (8, 4, 0));
}

#[test]
fn a_number_that_landed_and_is_read_later_was_not_missed() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    for number in [2, 3, 4] {
        stream.lands(A, number);
    }
    for number in [2, 3, 4, 6] {
        stream.comes(A, number);
    }
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (1, 0, 0));
}

#[test]
fn a_number_that_landed_and_then_comes_late_is_both_and_counts_once() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.comes(A, 4);
    stream.lands(A, 2);
    stream.wait(REORDER);
    stream.lands(A, 3);
    for _ in 0..2 {
        stream.lands(A, 2);
        stream.lands(A, 3);
    }
    assert_eq!(stream.counts(), (2, 2, 0));
    stream.comes(A, 2);
    stream.comes(A, 3);
    stream.comes(A, 3);
    assert_eq!(stream.counts(), (2, 2, 2));
}

#[test]
fn landings_of_sources_that_nobody_reads_make_room_for_others() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    for number in 0..2 * LANDED_UNREAD_MAX as u64 {
        stream.lands(B, 2 * number);
    }
    stream.lands(A, 2);
    stream.comes(A, 3);
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (1, 1, 0));
    // What landed of a source before its first number is of an earlier time.
    stream.lands(B, 7);
    stream.comes(B, 9);
    stream.comes(B, 11);
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (2, 1, 0));
}

#[test]
fn what_landed_while_raw_was_away_is_known_however_long_and_much_it_was() {
    let mut stream = Stream::new();
    stream.comes(A, 999);
    for number in 1_000..200_000 {
        stream.tracker.landed(A, number);
    }
    stream.wait(Duration::from_secs(3_600));
    stream.comes(A, 200_000);
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (199_000, 199_000, 0));
}

#[test]
fn a_source_that_counts_from_the_start_again_has_no_old_numbers() {
    let mut stream = Stream::new();
    for number in [1, 2, 5] {
        stream.comes(A, number);
    }
    stream.wait(REORDER);
    for number in [0, 1, 2, 3, 4, 5] {
        stream.comes(A, number);
    }
    // 3 comes before anybody knows that it counts anew.
    assert_eq!(stream.counts(), (2, 0, 1));
    stream.comes(A, 7);
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (3, 0, 1));
}

#[test]
fn a_new_start_does_not_fill_the_gap_before_it() {
    let mut stream = Stream::new();
    stream.comes(A, 2_000);
    for number in 1..=3 {
        stream.comes(B, number);
    }
    stream.comes(B, 11);
    // The writer dies, and begins anew within the second.
    for number in 1..=12 {
        stream.comes(B, number);
    }
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (7, 0, 0));
    assert_eq!(stream.holes.len(), 1);
}

#[test]
fn a_gap_waits_for_the_batches_that_came_in_its_time() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.comes(A, 3);
    stream.now += 2 * REORDER;
    let tickets = |open| Tickets { next: 7, open };
    stream.tracker.look(tickets(Some(5)), stream.now);
    // Those that begin afterwards do not hold it up.
    stream.tracker.look(
        Tickets {
            next: 9,
            open: Some(6),
        },
        stream.now,
    );
    assert!(stream.tracker.has_open());
    stream.tracker.look(
        Tickets {
            next: 9,
            open: Some(7),
        },
        stream.now,
    );
    assert!(!stream.tracker.has_open());
}

#[test]
fn what_is_lost_is_no_gap_even_while_numbers_may_change_places() {
    let mut stream = Stream::new();
    for number in [1, 2, 5] {
        stream.comes(A, number);
    }
    // A batch that is never judged: which numbers it had, nobody knows.
    stream.tracker.lose_track();
    for number in [9, 10] {
        stream.comes(A, number);
    }
    stream.wait(10 * REORDER);
    assert_eq!((stream.holes.len(), stream.counts().0), (1, 2));
    stream.comes(A, 12);
    stream.wait(10 * REORDER);
    assert_eq!((stream.holes.len(), stream.counts().0), (2, 3));
}

#[test]
fn at_the_end_all_gaps_are_decided() {
    let mut stream = Stream::new();
    for number in [1, 3, 5] {
        stream.comes(A, number);
    }
    stream.tracker.end();
    stream.take();
    assert_eq!((stream.holes.len(), stream.counts()), (2, (2, 0, 0)));
}

#[test]
fn sources_gaps_and_landings_are_bounded_and_what_is_not_known_is_counted() {
    let mut stream = Stream::new();
    for source in 0..2 * SOURCES_MAX as u128 {
        stream.comes(Fingerprint(source), 5);
    }
    assert_eq!(stream.tracker.sources.len(), SOURCES_MAX);
    assert_eq!(stream.forgotten, SOURCES_MAX as u64);
    let mut stream = Stream::new();
    stream.tracker.reorder = Duration::from_secs(3_600);
    for number in 0..=2 * OPEN_MAX as u64 {
        stream.comes(A, 2 * number);
    }
    assert_eq!(stream.tracker.gaps.len(), OPEN_MAX);
    assert_eq!(stream.counts().0, OPEN_MAX as u64);
    for number in 0..2 * LANDED_UNREAD_MAX as u64 {
        stream.lands(B, 2 * number);
    }
    assert!(stream.tracker.landed_unread.len() <= LANDED_UNREAD_MAX);
    assert!(stream.unknown >= ROOM_EVERY);
    // Numbers that divide a gap, and what was left out.
    let mut stream = Stream::new();
    stream.tracker.reorder = Duration::from_secs(3_600);
    stream.comes(A, 0);
    stream.comes(A, 900_000);
    for number in 1..=2 * OPEN_MAX as u64 {
        stream.comes(A, 2 * number);
    }
    assert!(stream.tracker.open.len() <= OPEN_MAX);
    for number in 1..=2 * LOST_MAX as u64 {
        stream.lands(A, 100_000 + 2 * number);
        assert!(stream.tracker.lost.len() <= LOST_MAX);
    }
}

#[test]
fn numbers_that_may_be_copies_are_counted() {
    let mut stream = Stream::new();
    for number in [5, 6, 7, 5, 6, 8] {
        stream.comes(A, number);
    }
    assert_eq!((stream.unproven, stream.counts()), (2, (0, 0, 0)));
}
