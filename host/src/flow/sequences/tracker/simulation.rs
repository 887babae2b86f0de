//! Seeded histories of sources that lose, swap and copy frames, against what really happened.

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
    first: u64,
    next: u64,
    dropped: std::collections::BTreeSet<u64>,
    /// Numbers that come a few rows later.
    swapped: Vec<(u32, u64)>,
    /// Copies that a backfill still has to send.
    copies: Vec<u64>,
}

impl Producer {
    fn new(name: u128, rng: &mut fastrand::Rng) -> Self {
        let first = rng.u64(1_000..10_000);
        Self {
            name: Fingerprint(name),
            first,
            next: first,
            dropped: std::collections::BTreeSet::new(),
            swapped: Vec::new(),
            copies: Vec::new(),
        }
    }

    /// Old numbers that came, or are of a time before anything was read: dense or sparse.
    fn plan_copies(&mut self, rng: &mut fastrand::Rng) {
        let from = rng.u64(..self.next);
        let numbers = (from..self.next).step_by(rng.usize(1..4));
        let came = numbers.filter(|number| {
            let is_swapped = self.swapped.iter().any(|(_, swapped)| swapped == number);
            !self.dropped.contains(number) && !is_swapped
        });
        self.copies = came.take(rng.usize(1..150)).collect();
        self.copies.reverse();
    }
}

/// Plays a history. Gives what happened, and what the tracker says of it.
fn play(seed: u64) -> (Truth, Truth, usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut tracker: Tracker<()> = Tracker::new(REORDER);
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
        producer
            .swapped
            .iter_mut()
            .for_each(|(wait, _)| *wait = wait.saturating_sub(1));
        let due = producer.swapped.iter().position(|(wait, _)| *wait == 0);
        let number = if let Some(due) = due {
            Some(producer.swapped.remove(due).1)
        } else if !producer.copies.is_empty() && rng.bool() {
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
                tracker.note(&[SequenceRow::Unread], &(), now);
                None
            } else {
                producer.swapped.push((rng.u32(1..8), number));
                None
            }
        };
        if !is_quiet && rng.u32(..200) == 0 && producer.next > producer.first {
            producer.plan_copies(&mut rng);
        }
        now += STEP;
        at_ms += 10;
        if let Some(number) = number {
            let row = SequenceRow::Numbered {
                source: producer.name,
                number,
                earliest_ms: at_ms - 9,
                arrived_ms: at_ms,
            };
            tracker.note(&[row], &(), now);
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
    (truth, said, holes)
}

#[test]
fn what_is_said_to_be_left_out_is_what_was() {
    for seed in 0..300 {
        let (truth, said, holes) = play(seed);
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
        assert!(truth.dropped == 0 || holes > 0, "seed {seed}");
        assert!(
            truth.dropped + truth.unread > 0 || holes == 0,
            "seed {seed}"
        );
    }
}
