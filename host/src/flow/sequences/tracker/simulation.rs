//! Seeded histories of sources that lose, swap and copy frames and begin anew, against what really happened.

use super::*;

const REORDER: Duration = Duration::from_secs(1);

/// Between two rows.
const STEP: Duration = Duration::from_millis(10);

/// What really happened to a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    dropped: u64,
    landed: u64,
    unread: u64,
}

/// One source: its next number, and frames that are on their way.
struct Producer {
    name: Fingerprint,
    next: u64,
    dropped: std::collections::BTreeSet<u64>,
    /// Numbers that come a few rows later.
    swapped: Vec<(u32, u64)>,
    /// Copies that a backfill still has to send.
    copies: Vec<u64>,
    /// Numbers that could not be read, and are tried again some rows later.
    kept: Vec<(u32, u64)>,
    /// So many numbers come one after the other.
    calm: u32,
}

impl Producer {
    fn new(name: u128, rng: &mut fastrand::Rng) -> Self {
        let first = rng.u64(1_000..10_000);
        Self {
            name: Fingerprint(name),
            next: first,
            dropped: std::collections::BTreeSet::new(),
            swapped: Vec::new(),
            copies: Vec::new(),
            kept: Vec::new(),
            calm: 0,
        }
    }

    /// Old numbers that came, or are of a time before anything was read: dense or sparse.
    fn plan_copies(&mut self, rng: &mut fastrand::Rng) {
        // Not the first events of all: their copies may be a new start.
        let from = rng.u64(self.next.min(10)..=self.next);
        let numbers = (from..self.next).step_by(rng.usize(1..4));
        let came = numbers.filter(|number| {
            let waits = |waiting: &[(u32, u64)]| waiting.iter().any(|(_, one)| one == number);
            !self.dropped.contains(number) && !waits(&self.swapped) && !waits(&self.kept)
        });
        self.copies = came.take(rng.usize(1..150)).collect();
        self.copies.reverse();
    }
}

fn numbered(source: Fingerprint, number: u64, at_ms: i64) -> SequenceRow {
    SequenceRow::Numbered {
        source,
        number,
        earliest_ms: at_ms - 9,
        arrived_ms: at_ms,
    }
}

fn batch(now: Instant) -> Batch<'static, ()> {
    Batch {
        place: 0,
        guard: &(),
        now,
    }
}

/// Plays a history. Gives what happened, what the tracker says of it, the holes, and whether unread frames explain
/// gaps away.
fn play(seed: u64) -> (Truth, Truth, usize, bool) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let unread_is_seen = rng.bool();
    let mut tracker: Tracker<()> = Tracker::new(REORDER, unread_is_seen);
    let mut producers: Vec<Producer> = (1..=rng.u128(1..4))
        .map(|name| Producer::new(name, &mut rng))
        .collect();
    let (mut truth, mut said, mut holes) = (Truth::default(), Truth::default(), 0);
    let (mut now, mut at_ms) = (Instant::now(), 0);
    let losses = rng.f64() * 0.1;
    let rows = 1_500;
    for step in 0..rows {
        // The last rows of each source come, so that nothing is left out at its end.
        let is_quiet = step < 50 || step > rows - 200;
        let producer = rng.usize(..producers.len());
        let producer = &mut producers[producer];
        let is_quiet = is_quiet || producer.calm > 0;
        producer.calm = producer.calm.saturating_sub(1);
        producer
            .kept
            .iter_mut()
            .for_each(|(wait, _)| *wait = wait.saturating_sub(1));
        while let Some(due) = producer.kept.iter().position(|(wait, _)| *wait == 0) {
            let row = numbered(producer.name, producer.kept.remove(due).1, at_ms);
            tracker.note_retried(0, &[row], 0);
        }
        producer
            .swapped
            .iter_mut()
            .for_each(|(wait, _)| *wait = wait.saturating_sub(1));
        let due = producer.swapped.iter().position(|(wait, _)| *wait == 0);
        let number = if let Some(due) = due {
            Some(producer.swapped.remove(due).1)
        } else if !is_quiet && !producer.copies.is_empty() && rng.bool() {
            producer.copies.pop()
        } else {
            let number = producer.next;
            producer.next += 1;
            let chance = rng.f64();
            if is_quiet || chance > 3.0 * losses {
                Some(number)
            } else if chance < losses {
                producer.dropped.insert(number);
                truth.dropped += 1;
                if rng.bool() {
                    truth.landed += 1;
                    tracker.landed(producer.name, number);
                }
                None
            } else if chance < 1.5 * losses {
                producer.dropped.insert(number);
                truth.unread += 1;
                tracker.note(&[SequenceRow::Unread], &batch(now));
                None
            } else if chance < 2.0 * losses {
                producer.kept.push((rng.u32(1..30), number));
                tracker.note(&[SequenceRow::Kept], &batch(now));
                None
            } else {
                producer.swapped.push((rng.u32(1..8), number));
                None
            }
        };
        if !is_quiet && rng.u32(..200) == 0 {
            producer.plan_copies(&mut rng);
        }
        now += STEP;
        // In a flood many have the same stamp.
        at_ms += if step % 300 < 100 { 0 } else { 10 };
        if let Some(number) = number {
            tracker.note(&[numbered(producer.name, number, at_ms)], &batch(now));
            let is_whole = producer.swapped.is_empty() && producer.kept.is_empty();
            let is_newest = number + 1 == producer.next;
            if !is_quiet && is_newest && is_whole && rng.u32(..100) == 0 {
                // The process begins anew; its old events are copied no more.
                *producer = Producer {
                    next: 0,
                    calm: 6,
                    ..Producer::new(producer.name.0, &mut rng)
                };
            }
        }
        tracker.look(Tickets::default(), now);
    }
    tracker.end();
    let decided = tracker.take_decided();
    for (_, left_out) in decided.counts {
        assert_eq!(left_out.came_late, 0, "seed {seed}");
        said.dropped += left_out.numbers;
        said.landed += left_out.landed;
        said.unread += left_out.unread;
    }
    holes += decided.holes.len();
    (truth, said, holes, unread_is_seen)
}

#[test]
fn what_is_said_to_be_left_out_is_what_was() {
    for seed in 0..400 {
        let (truth, said, holes, unread_is_seen) = play(seed);
        assert_eq!(
            said.dropped,
            truth.dropped + truth.unread,
            "seed {seed}: {truth:?} {said:?}"
        );
        assert_eq!(said.landed, truth.landed, "seed {seed}");
        assert!(
            said.unread <= truth.unread,
            "seed {seed}: {truth:?} {said:?}"
        );
        let missed = truth.dropped + if unread_is_seen { 0 } else { truth.unread };
        assert!(missed == 0 || holes > 0, "seed {seed}");
        assert!(
            truth.dropped + truth.unread > 0 || holes == 0,
            "seed {seed}"
        );
    }
}
