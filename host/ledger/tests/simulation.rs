//! Seeded histories of a pipeline, run through a shard in whatever order threads and sockets may
//! bring them, and held against an oracle that judges each key alone from the log of what was done.
//!
//! Fault model: frames of a stream arrive up to 30 ms out of order; either stream may be applied
//! far ahead of the other; frontiers move at any time, but never beyond what is not applied yet; a
//! frame of an early landing is attached late or never; a comparison is answered late, and now and
//! then cannot be. Deadlines change in between. Copies of a key differ in judgement, content, checks and
//! schema; some keys differ in few bits alone. Of several shards, each gets the time when it is ready for it.
//! Horizon and tables are large enough here: forgetting.rs has the same histories with small ones.
//!
//! Long: one history goes through all of it.

#[path = "support/history.rs"]
mod history;
#[path = "support/oracle.rs"]
mod oracle;

use std::collections::{BTreeMap, BTreeSet};

use history::{GRACE_MS, History, Holes, Op, WINDOW_MS, deadlines};
use landfall_ledger::{
    Counts, Effect, Fingerprint, Frontier, PayloadRef, SchemaId, Shard, ShardConfig, TallyDelta,
    WrittenSide,
};
use oracle::{Expected, Span, Tallies, Waiting};

/// Histories that are run, each of another seed.
const SEEDS: u64 = 3_000;

/// Asks for other seeds: `N` for the first so many, `A..B` for some.
const SEEDS_VARIABLE: &str = "LANDFALL_SIMULATION_SEEDS";

/// The seeds that the environment asks for, or the first so many.
fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var(SEEDS_VARIABLE) else {
        return 0..SEEDS;
    };
    let number = |text: &str| text.trim().parse().expect("a number of seeds");
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&asked),
    }
}

/// A run: the log of what was done, and what came out.
#[derive(Debug, PartialEq)]
struct Run {
    log: Vec<Op>,
    /// What each shard was told of it: they are told of time out of step.
    told: Vec<Vec<Op>>,
    /// What waited after each step, in all shards.
    waiting: Vec<Waiting>,
    effects: Vec<Effect>,
    tallies: Tallies,
    arrived: BTreeMap<SchemaId, Span>,
    landed: BTreeMap<SchemaId, Span>,
    /// Events that met a row, by bucket of their latency; and the sum.
    latency: ([u64; 3], i64),
}

fn shard() -> Shard {
    Shard::new(ShardConfig {
        deadlines: deadlines(0),
        window_ms: WINDOW_MS,
        unexpected_grace_ms: GRACE_MS,
        horizon_ms: 1_000_000,
        settled_max: 1_000_000,
        latency_bounds_ms: vec![10, 100],
        disputes_max: 1 << 16,
        writer_replaces: false,
        watched_since_ms: i64::MIN / 2,
    })
}

/// Runs one history, through as many shards as asked for, and checks what must hold at every step.
fn run(seed: u64, shards: usize) -> Run {
    let mut history = History::new(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut all: Vec<Shard> = (0..shards).map(|_| shard()).collect();
    let readings = Holes::new(seed).readings();
    all.iter_mut()
        .for_each(|shard| shard.set_readings(readings.clone()));
    let mut run = Run {
        log: Vec::new(),
        told: vec![Vec::new(); shards],
        waiting: Vec::new(),
        effects: Vec::new(),
        tallies: Tallies::default(),
        arrived: BTreeMap::new(),
        landed: BTreeMap::new(),
        latency: Default::default(),
    };
    let mut raw_applied: BTreeMap<(i64, SchemaId), i64> = BTreeMap::new();
    while let Some(mut op) = history.next() {
        let mut effects = Vec::new();
        let of = |key: Fingerprint| key.shard(shards);
        let told = match &op {
            Op::Raw(raw) => vec![of(raw.key)],
            Op::Written(row) => vec![of(row.key)],
            Op::Attach(key, ..) | Op::Compared(key, _) => vec![of(*key)],
            // A shard that is busy hears of time later, with what has passed since.
            Op::Advance(frontier) if shards > 1 && frontier.raw_ms != i64::MAX => {
                (0..shards).filter(|_| rng.bool()).collect()
            }
            Op::Advance(_) | Op::Deadlines(_) => (0..shards).collect(),
        };
        match &mut op {
            Op::Raw(raw) => {
                *raw_applied
                    .entry((raw.arrived_ms.div_euclid(WINDOW_MS), raw.schema))
                    .or_default() += 1;
                all[of(raw.key)].raw(raw, &mut effects);
            }
            Op::Written(written) => all[of(written.key)].written(written, &mut effects),
            Op::Attach(key, payload, held) => *held = all[of(*key)].attach_written(*key, *payload),
            Op::Compared(key, equal) => all[of(*key)].compared(*key, *equal, &mut effects),
            // Piece by piece, as after a jump of time.
            Op::Advance(frontier) => told
                .iter()
                .for_each(|number| while all[*number].advance_some(*frontier, 3, &mut effects) {}),
            Op::Deadlines(number) => all
                .iter_mut()
                .for_each(|shard| shard.set_deadlines(deadlines(*number))),
        }
        all.iter_mut()
            .for_each(|shard| shard.flush_released(&mut effects));
        history.hear(&effects);
        for number in told {
            run.told[number].push(op.clone());
        }
        run.waiting.push(waiting(&all));
        run.log.push(op);
        run.effects.extend(effects);
        let mut deltas: Vec<TallyDelta> = Vec::new();
        all.iter_mut()
            .for_each(|shard| shard.drain_tallies(&mut deltas));
        for delta in deltas {
            run.tallies.add(delta.window, delta.schema, &delta.counts);
        }
        // Now and then of several steps at once.
        if rng.u8(..4) == 0 {
            take_activity(&mut all, &mut run);
        }
        // The conservation law, at every step and for every window and schema.
        for (&(window, schema), &raw) in &raw_applied {
            let counts = Counts {
                raw,
                ..run.tallies.get(window, schema)
            };
            assert_eq!(
                counts.imbalance(),
                0,
                "seed {seed}, after {:?}",
                run.log.last()
            );
            assert!(counts.pending >= 0, "seed {seed}");
        }
    }
    take_activity(&mut all, &mut run);
    assert_eq!(waiting(&all), Waiting::default(), "seed {seed}");
    run
}

fn waiting(all: &[Shard]) -> Waiting {
    let gauges = all.iter().map(Shard::gauges);
    gauges
        .zip(all)
        .fold(Waiting::default(), |sum, (gauges, shard)| {
            assert_eq!(
                (gauges.pending, gauges.early),
                (shard.pending(), shard.early())
            );
            let oldest = [sum.oldest_expected_ms, gauges.oldest_expected_ms];
            Waiting {
                all: sum.all + gauges.pending,
                early: sum.early + gauges.early,
                comparing: sum.comparing + shard.comparing(),
                oldest_expected_ms: oldest.into_iter().flatten().min(),
            }
        })
}

fn take_activity(all: &mut [Shard], run: &mut Run) {
    let mut activity = Vec::new();
    let mut latency = Vec::new();
    for shard in all {
        shard.drain_activity(&mut activity);
        shard.drain_latency(&mut latency);
    }
    for one in activity {
        if one.arrived > 0 {
            let (first_ms, last_ms) = (one.arrived_first_ms, one.arrived_last_ms);
            Span::add(&mut run.arrived, one.schema, first_ms, last_ms);
        }
        if one.landed > 0 {
            let at_ms = one.landed_last_ms;
            Span::add(&mut run.landed, one.schema, at_ms, at_ms);
        }
    }
    for one in latency {
        for (sum, count) in run.latency.0.iter_mut().zip(one.buckets) {
            *sum += count;
        }
        run.latency.1 += one.sum_ms;
    }
}

#[test]
fn every_history_ends_in_the_verdicts_that_the_oracle_gives_each_key_alone() {
    let mut seen = Tallies::default();
    for seed in seeds() {
        let run = run(seed, 1);
        let holes = Holes::new(seed);
        let expected = Expected::of(&run.log, &holes);
        assert_eq!(run.tallies, expected.tallies, "seed {seed}: {:#?}", run.log);
        let missing = told(&run, |effect| match *effect {
            Effect::Missing {
                key,
                payload,
                arrived_ms,
                deadline_ms,
                generation,
                hole,
                ..
            } => Some((key, payload, arrived_ms, deadline_ms, generation, hole)),
            _ => None,
        });
        assert_eq!(missing, expected.ever_missing, "seed {seed}");
        let late = told(&run, |effect| match *effect {
            Effect::LandedLate { key, .. } => Some(key),
            _ => None,
        });
        assert_eq!(late, expected.landed_after_missing, "seed {seed}");
        let leaked = told(&run, |effect| match *effect {
            Effect::Leaked { key, judged, .. } => Some((key, judged)),
            _ => None,
        });
        assert_eq!(leaked, expected.leaked, "seed {seed}");
        let unexpected = told(&run, |effect| match *effect {
            Effect::Unexpected {
                key, generation, ..
            } => Some((key, generation)),
            _ => None,
        });
        assert_eq!(unexpected, expected.unexpected, "seed {seed}");
        let duplicates = told(&run, |effect| match *effect {
            Effect::Duplicate {
                key,
                landed_ms,
                generation,
                ..
            } => Some((key, landed_ms, generation)),
            _ => None,
        });
        assert_eq!(duplicates, expected.duplicates, "seed {seed}");
        let again = told(&run, |effect| match *effect {
            Effect::MissingAgain {
                key,
                arrived_ms,
                deadline_ms,
                hole,
                ..
            } => Some((key, arrived_ms, deadline_ms, hole)),
            _ => None,
        });
        assert_eq!(again, expected.missing_again, "seed {seed}");
        let altered = told(&run, |effect| match *effect {
            Effect::Altered {
                key,
                generation,
                compared,
                ..
            } => Some((key, generation, compared)),
            _ => None,
        });
        assert_eq!(altered, expected.altered, "seed {seed}");
        assert_eq!(run.arrived, expected.arrived, "seed {seed}");
        // What waits in between, at a step of each seed.
        let step = seed as usize * 7 % run.log.len();
        let waiting = Expected::of(&run.log[..=step], &holes).waiting;
        assert_eq!(run.waiting[step], waiting, "seed {seed}, step {step}");
        let last = |landed: &BTreeMap<SchemaId, Span>| -> Vec<(SchemaId, i64)> {
            let last = landed.iter().map(|(schema, span)| (*schema, span.last_ms));
            last.collect()
        };
        assert_eq!(last(&run.landed), last(&expected.landed), "seed {seed}");
        let latencies = &expected.latencies_ms;
        let buckets = [
            latencies.iter().filter(|ms| **ms <= 10).count() as u64,
            latencies
                .iter()
                .filter(|ms| **ms > 10 && **ms <= 100)
                .count() as u64,
            latencies.iter().filter(|ms| **ms > 100).count() as u64,
        ];
        let sum_ms: i64 = latencies.iter().sum();
        assert_eq!(run.latency, (buckets, sum_ms), "seed {seed}");
        run.tallies.merge_into(&mut seen);
    }
    // The histories are worth something only if they come to every verdict, many times.
    if seeds() == (0..SEEDS) {
        seen.assert_all_kinds_above(100);
    }
}

/// What the effects reported, sorted.
fn told<T: Ord>(run: &Run, pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
    let mut told: Vec<T> = run.effects.iter().filter_map(pick).collect();
    told.sort();
    told
}

#[test]
fn every_payload_is_released_once_and_never_named_afterwards() {
    for seed in 0..SEEDS {
        let run = run(seed, 1);
        // In these histories every payload is a segment of its own.
        let mut held: BTreeMap<u32, u32> = BTreeMap::new();
        for op in &run.log {
            match op {
                Op::Raw(raw) => *held.entry(raw.payload.segment()).or_default() += 1,
                Op::Written(row) if row.payload != PayloadRef::NONE => {
                    *held.entry(row.payload.segment()).or_default() += 1;
                }
                Op::Attach(_, payload, true) => *held.entry(payload.segment()).or_default() += 1,
                _ => {}
            }
        }
        let is_spooled = |row: u32| {
            let is_it = |op: &&Op| matches!(op, Op::Written(written) if written.row == row);
            let written = run.log.iter().find(is_it);
            matches!(written, Some(Op::Written(row)) if row.payload != PayloadRef::NONE)
        };
        let mut released: BTreeMap<u32, u32> = BTreeMap::new();
        for effect in &run.effects {
            if let Effect::HoldWritten { row, .. } = effect {
                assert!(!is_spooled(*row), "seed {seed}: its frame is there");
            }
            if let Effect::Released { segment, rows, .. } = effect {
                *released.entry(*segment).or_default() += rows;
            }
            for payload in named(effect) {
                assert_eq!(
                    released.get(&payload.segment()),
                    None,
                    "seed {seed}: {effect:?} names what was released"
                );
            }
        }
        assert_eq!(released, held, "seed {seed}");
    }
}

/// Applies a history to one shard, and between its steps moves every frame, if told to. What was said,
/// with each frame under its first name.
fn replay(log: &[Op], moves: bool) -> Vec<Effect> {
    let mut shard = shard();
    let mut first_names: BTreeMap<u32, PayloadRef> = BTreeMap::new();
    // Where frames are that are not released.
    let mut held: BTreeSet<u32> = BTreeSet::new();
    let mut said = Vec::new();
    for op in log {
        let mut effects = Vec::new();
        match op {
            Op::Raw(raw) => {
                held.insert(raw.payload.segment());
                shard.raw(raw, &mut effects);
            }
            Op::Written(row) => {
                if row.payload != PayloadRef::NONE {
                    held.insert(row.payload.segment());
                }
                shard.written(row, &mut effects);
            }
            Op::Attach(key, payload, is_held) => {
                assert_eq!(shard.attach_written(*key, *payload), *is_held);
                if *is_held {
                    held.insert(payload.segment());
                }
            }
            Op::Compared(key, equal) => shard.compared(*key, *equal, &mut effects),
            Op::Advance(frontier) => while shard.advance_some(*frontier, 3, &mut effects) {},
            Op::Deadlines(number) => shard.set_deadlines(deadlines(*number)),
        }
        shard.flush_released(&mut effects);
        for effect in &mut effects {
            if let Effect::Released { segment, .. } = effect {
                assert!(held.remove(segment), "{segment} is not held");
            }
            rename(effect, &first_names);
        }
        said.extend(effects);
        if moves {
            // Some entries at a time, until all were looked at.
            let mut from = 0;
            let moved_from = 8_000_000 + first_names.len() as u32;
            while let Some(next) = shard.relocate(from, 2, |payload| {
                assert!(held.remove(&payload.segment()), "{payload:?} is not held");
                let first = first_names.get(&payload.segment()).copied();
                let number = 8_000_000 + first_names.len() as u32;
                first_names.insert(number, first.unwrap_or(payload));
                held.insert(number);
                Some(PayloadRef(u64::from(number) << PayloadRef::SEGMENT_SHIFT))
            }) {
                from = next;
            }
            assert!(
                held.first().is_none_or(|least| *least >= moved_from),
                "not all are named"
            );
        }
    }
    said
}

fn rename(effect: &mut Effect, first_names: &BTreeMap<u32, PayloadRef>) {
    let back = |payload: &mut PayloadRef| {
        if let Some(first) = first_names.get(&payload.segment()) {
            *payload = *first;
        }
    };
    match effect {
        Effect::Released { segment, .. } => {
            if let Some(first) = first_names.get(segment) {
                *segment = first.segment();
            }
        }
        Effect::Missing { payload, .. } => back(payload),
        Effect::Altered {
            payload, written, ..
        }
        | Effect::Compare {
            payload, written, ..
        } => {
            back(payload);
            if let WrittenSide::Spooled(payload) = written {
                back(payload);
            }
        }
        Effect::LandedLate { written, .. }
        | Effect::Leaked { written, .. }
        | Effect::Duplicate { written, .. } => {
            if let WrittenSide::Spooled(payload) = written {
                back(payload);
            }
        }
        Effect::Unexpected {
            payload: Some(payload),
            ..
        } => back(payload),
        Effect::Unexpected { payload: None, .. }
        | Effect::MissingAgain { .. }
        | Effect::Recall { .. }
        | Effect::HoldWritten { .. } => {}
    }
}

#[test]
fn frames_that_are_moved_at_every_step_are_named_and_released_as_if_they_were_not() {
    // Each is played three times, and every frame moved at every step: some of the seeds are enough.
    for seed in (0..SEEDS).step_by(5) {
        let log = run(seed, 1).log;
        let (still, moved) = (replay(&log, false), replay(&log, true));
        assert_eq!(still.len(), moved.len(), "seed {seed}");
        for (still, moved) in still.iter().zip(&moved) {
            assert_eq!(format!("{still:?}"), format!("{moved:?}"), "seed {seed}");
        }
    }
}

fn named(effect: &Effect) -> Vec<PayloadRef> {
    let spooled = |written: &WrittenSide| match written {
        WrittenSide::Spooled(payload) => Some(*payload),
        WrittenSide::Row(_) | WrittenSide::Gone => None,
    };
    match effect {
        Effect::Missing { payload, .. } => vec![*payload],
        Effect::Altered {
            payload, written, ..
        }
        | Effect::Compare {
            payload, written, ..
        } => [Some(*payload), spooled(written)]
            .into_iter()
            .flatten()
            .collect(),
        Effect::Leaked { written, .. } => spooled(written).into_iter().collect(),
        Effect::Unexpected { payload, .. } => payload.iter().copied().collect(),
        Effect::LandedLate { written, .. } | Effect::Duplicate { written, .. } => {
            spooled(written).into_iter().collect()
        }
        Effect::MissingAgain { .. }
        | Effect::Recall { .. }
        | Effect::HoldWritten { .. }
        | Effect::Released { .. } => Vec::new(),
    }
}

#[test]
fn the_same_history_gives_the_same_effects_twice() {
    for seed in 0..100 {
        assert_eq!(run(seed, 1), run(seed, 1), "seed {seed}");
    }
}

#[test]
fn shards_that_own_their_keys_come_to_the_same_counts_as_one() {
    for seed in 0..SEEDS / 10 {
        let (one, many) = (run(seed, 1), run(seed, 5));
        // The order of effects differs, and with it that of answers; what each log deserves does not.
        let mut tallies = Tallies::default();
        for log in &many.told {
            Expected::of(log, &Holes::new(seed))
                .tallies
                .merge_into(&mut tallies);
        }
        assert_eq!(many.tallies, tallies, "seed {seed}");
        let raw = |run: &Run| run.log.iter().filter(|op| matches!(op, Op::Raw(_))).count();
        assert_eq!(raw(&one), raw(&many), "seed {seed}");
    }
}

#[test]
fn shares_of_a_batch_come_to_what_single_observations_come_to() {
    for seed in 0..SEEDS / 10 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let history = History::new(seed);
        let (raw, written) = history.into_observations();
        let (mut single, mut batched) = (shard(), shard());
        let (mut one_by_one, mut by_share) = (Vec::new(), Vec::new());
        let (mut raw_left, mut written_left) = (&raw[..], &written[..]);
        while !(raw_left.is_empty() && written_left.is_empty()) {
            let (events, later) = raw_left.split_at(rng.usize(..=raw_left.len().min(40)));
            let (rows, later_rows) =
                written_left.split_at(rng.usize(..=written_left.len().min(40)));
            (raw_left, written_left) = (later, later_rows);
            for event in events {
                single.raw(event, &mut one_by_one);
            }
            for row in rows {
                single.written(row, &mut one_by_one);
            }
            single.flush_released(&mut one_by_one);
            batched.apply(events, rows, &mut by_share);
        }
        assert_eq!(one_by_one, by_share, "seed {seed}");
        let (mut sum, mut batched_sum) = (Vec::new(), Vec::new());
        single.drain_tallies(&mut sum);
        batched.drain_tallies(&mut batched_sum);
        assert_eq!(sum, batched_sum, "seed {seed}");
        let (mut activity, mut batched_activity) = (Vec::new(), Vec::new());
        single.drain_activity(&mut activity);
        batched.drain_activity(&mut batched_activity);
        assert_eq!(activity, batched_activity, "seed {seed}");
        assert_eq!(single.gauges(), batched.gauges(), "seed {seed}");
    }
}

#[test]
fn a_frontier_at_the_end_of_time_leaves_nothing_waiting() {
    let mut shard = shard();
    let mut effects = Vec::new();
    shard.advance(
        Frontier {
            raw_ms: i64::MAX,
            written_ms: i64::MAX,
        },
        &mut effects,
    );
    assert_eq!(effects, []);
}
