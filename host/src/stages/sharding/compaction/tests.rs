//! Against a model that remembers every frame: whatever is put down, released and moved, in whatever
//! order, what waits reads back as it was, and the space follows what waits.

use std::collections::BTreeMap;

use landfall_ledger::{
    Deadlines, Effect, Fingerprint, Form, Frontier, Generation, Judgement, RawObservation,
    ReasonId, SchemaId, ShardConfig, WrittenObservation,
};
use landfall_store::spool;
use proptest::prelude::*;

use super::*;

/// A step, after which what it stored is in force.
fn step(compaction: &mut Compaction, holder: &mut impl FrameHolder, now: Instant) -> Moved {
    let mut released = Vec::new();
    let moved = compaction.step(holder, now, &mut released);
    for payload in released {
        compaction.spool.release(payload.0);
    }
    moved
}

#[test]
fn the_ledger_reads_a_references_size_and_segment_as_the_spool_does() {
    for class in 0..=u64::from(u8::MAX) {
        let payload = PayloadRef(7 << PayloadRef::SEGMENT_SHIFT | class << 32 | 0xffff_ffff);
        assert_eq!(payload.bytes(), spool::frame_bytes(payload.0), "{class}");
        assert_eq!(payload.segment(), 7);
    }
    assert_eq!(PayloadRef::SEGMENT_SHIFT, spool::SEGMENT_SHIFT);
}

/// What waits: where its frame is, what it is, and its place.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<u32, (PayloadRef, Vec<u8>, u64)>,
}

impl FrameHolder for Model {
    fn relocate(
        &mut self,
        from: u32,
        entries_max: u32,
        place: &mut dyn FnMut(PayloadRef) -> Option<PayloadRef>,
    ) -> Option<u32> {
        let end = from.saturating_add(entries_max);
        for (payload, _, _) in self.waiting.range_mut(from..end).map(|(_, kept)| kept) {
            if let Some(now) = place(*payload) {
                *payload = now;
            }
        }
        (self.waiting.range(end..).next().is_some()).then_some(end)
    }
}

impl Model {
    fn release(&mut self, spool: &Spool, number: u32) {
        if let Some((payload, ..)) = self.waiting.remove(&number) {
            spool.release(payload.0);
        }
    }

    fn assert_whole(&self, spool: &Spool) {
        let mut frame = Vec::new();
        for (payload, expected, place) in self.waiting.values() {
            assert_eq!(spool.read(payload.0, &mut frame).unwrap(), *place);
            assert_eq!(frame, *expected);
        }
    }

    fn bytes(&self) -> u64 {
        let bytes = |frame: &Vec<u8>| (frame.len() + landfall_store::spool::ENTRY_BYTES) as u64;
        self.waiting
            .values()
            .map(|(_, frame, _)| bytes(frame))
            .sum()
    }
}

/// A moment that is after every rest.
fn later(now: &mut Instant) -> Instant {
    *now += 2 * REST;
    *now
}

#[derive(Clone, Debug)]
enum Op {
    /// A batch of frames of these lengths.
    Append(Vec<u16>),
    /// Of what waits, those whose number has this rest; or one only.
    Release(u32, u32),
    ReleaseOne(prop::sample::Index),
    Move,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => prop::collection::vec(0..600_u16, 1..20).prop_map(Op::Append),
        2 => (2..6_u32, 0..6_u32).prop_map(|(of, rest)| Op::Release(of, rest % of)),
        2 => any::<prop::sample::Index>().prop_map(Op::ReleaseOne),
        3 => Just(Op::Move),
    ];
    prop::collection::vec(op, 1..120)
}

const SPOOL_BYTES: u64 = 40_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_waits_reads_back_as_it_was_and_nothing_else_is_held_in_the_end(ops in ops()) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), SPOOL_BYTES, 3, 10_000).unwrap();
        let mut writer = spool.writer();
        let mut compaction = Compaction::new(Arc::clone(&spool));
        let (mut model, mut number, mut now) = (Model::default(), 0_u32, Instant::now());
        for op in ops {
            match op {
                Op::Append(lengths) => {
                    let frames: Vec<Vec<u8>> = (number..).zip(&lengths)
                        .map(|(number, &length)| number.to_le_bytes().into_iter().cycle().take(usize::from(length)).collect())
                        .collect();
                    let mut end = 0;
                    let ends: Vec<u32> = frames.iter().map(|frame| { end += frame.len() as u32; end }).collect();
                    let mut references = Vec::new();
                    if writer.append(&frames.concat(), &ends, u64::from(number), &mut references).is_ok() {
                        for (frame, reference) in frames.into_iter().zip(references) {
                            model.waiting.insert(number, (PayloadRef(reference), frame, u64::from(number)));
                            number += 1;
                        }
                    }
                }
                Op::Release(of, rest) => {
                    let all: Vec<u32> = model.waiting.keys().copied().filter(|number| number % of == rest).collect();
                    all.into_iter().for_each(|number| model.release(&spool, number));
                }
                Op::ReleaseOne(index) if !model.waiting.is_empty() => {
                    let number = *model.waiting.keys().nth(index.index(model.waiting.len())).unwrap();
                    model.release(&spool, number);
                }
                Op::ReleaseOne(_) => {}
                Op::Move => drop(step(&mut compaction, &mut model, later(&mut now))),
            }
            prop_assert!(spool.bytes() <= SPOOL_BYTES);
            prop_assert!(spool.bytes() >= model.bytes());
            model.assert_whole(&spool);
        }
        let all: Vec<u32> = model.waiting.keys().copied().collect();
        all.into_iter().for_each(|number| model.release(&spool, number));
        drop((writer, compaction));
        prop_assert_eq!((spool.segments(), spool.bytes()), (0, 0));
        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_few_frames_that_wait_for_ever_do_not_fill_a_spool_through_which_others_pass() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1 << 20, 3, 100_000).unwrap();
    let mut writer = spool.writer();
    let mut compaction = Compaction::new(Arc::clone(&spool));
    let (mut model, mut now, mut moved) = (Model::default(), Instant::now(), 0);
    // A hundred times what the spool holds; of each batch of a hundred one frame waits.
    for number in 0..1_000_u32 {
        let frames = vec![number as u8; 100_000];
        let ends: Vec<u32> = (1..=100).map(|n| n * 1_000).collect();
        let mut references = Vec::new();
        let mut tries = 0;
        while writer
            .append(&frames, &ends, u64::from(number) * 100, &mut references)
            .is_err()
        {
            moved += step(&mut compaction, &mut model, later(&mut now)).frames;
            tries += 1;
            assert!(
                tries < 10,
                "{number}: no room although {} bytes wait",
                model.bytes()
            );
        }
        let waits = PayloadRef(references[7]);
        let kept = (
            waits,
            vec![number as u8; 1_000],
            u64::from(number) * 100 + 7,
        );
        model.waiting.insert(number, kept);
        release_all(
            &spool,
            references.iter().filter(|reference| **reference != waits.0),
        );
        // Nothing waits for longer than half of the spool holds.
        if let Some(old) = number.checked_sub(500) {
            model.release(&spool, old);
        }
    }
    model.assert_whole(&spool);
    // Each was moved some times, not at each step.
    assert!(moved > 1_000 && moved < 8_000, "{moved}");
}

#[test]
fn one_step_does_a_bounded_piece_of_work_and_the_next_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 2_200_000, 3, 100_000).unwrap();
    let mut writer = spool.writer();
    let mut model = Model::default();
    let frames = 3 * FRAMES_MAX as u32;
    for number in 0..frames {
        let mut references = Vec::new();
        writer.append(b"xy", &[1, 2], 0, &mut references).unwrap();
        model
            .waiting
            .insert(number, (PayloadRef(references[0]), b"x".to_vec(), 0));
        spool.release(references[1]);
    }
    drop(writer);
    let mut compaction = Compaction::new(Arc::clone(&spool));
    let mut now = Instant::now();
    assert!(spool.wants_room() && !spool.sparse_segments().is_empty());
    let (before, mut moved, mut steps) = (spool.bytes(), 0, 0);
    while moved < u64::from(frames) / 4 {
        let step = step(&mut compaction, &mut model, later(&mut now));
        assert!(step.frames <= FRAMES_MAX && step.bytes <= BYTES_MAX + 1);
        moved += step.frames;
        steps += 1;
        assert!(steps < 100, "{moved}");
    }
    drop(compaction);
    model.assert_whole(&spool);
    assert!(spool.bytes() < before, "{} {before}", spool.bytes());
}

#[test]
fn what_a_shard_holds_is_moved_and_reported_as_it_came_when_it_goes_missing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 200_000, 3, 10_000).unwrap();
    let mut writer = spool.writer();
    let mut compaction = Compaction::new(Arc::clone(&spool));
    let mut shard = Shard::new(ShardConfig {
        deadlines: Deadlines {
            default_ms: 3_600_000,
            by_schema: Vec::new(),
        },
        window_ms: 1_000,
        unexpected_grace_ms: 1_000,
        horizon_ms: 10_000_000,
        settled_max: 100_000,
        latency_bounds_ms: Vec::new(),
        disputes_max: 100,
        writer_replaces: false,
        watched_since_ms: 0,
    });
    let (mut now, mut effects, mut missing) = (Instant::now(), Vec::new(), BTreeMap::new());
    for number in 0..2_000_u32 {
        let frame = format!("{number:0>1000}").into_bytes();
        let mut references = Vec::new();
        let mut tries = 0;
        while writer
            .append(&frame, &[1_000], u64::from(number), &mut references)
            .is_err()
        {
            step(&mut compaction, &mut shard, later(&mut now));
            tries += 1;
            assert!(tries < 10, "{number}");
        }
        let key =
            Fingerprint(u128::from(number) << 64 | u128::from(number).wrapping_mul(0x9e37_79b9));
        shard.raw(
            &raw(key, PayloadRef(references[0]), i64::from(number)),
            &mut effects,
        );
        // Of 50 events one does not land.
        if number % 50 == 0 {
            missing.insert(key, (u64::from(number), frame));
        } else {
            shard.written(&row(key, i64::from(number)), &mut effects);
        }
        shard.flush_released(&mut effects);
        release(&spool, &mut effects);
    }
    let end = Frontier {
        raw_ms: 10_000_000,
        written_ms: 10_000_000,
    };
    shard.advance(end, &mut effects);
    let mut frame = Vec::new();
    for effect in &effects {
        if let Effect::Missing { key, payload, .. } = effect {
            let place = spool.read(payload.0, &mut frame).unwrap();
            assert_eq!(missing.remove(key), Some((place, frame.clone())));
        }
    }
    assert!(missing.is_empty());
    release(&spool, &mut effects);
    drop((writer, compaction));
    assert_eq!((spool.segments(), spool.bytes()), (0, 0));
}

fn release(spool: &Spool, effects: &mut Vec<Effect>) {
    for effect in effects.drain(..) {
        if let Effect::Released {
            segment,
            rows,
            bytes,
        } = effect
        {
            spool.released(segment, rows, bytes);
        }
    }
}

fn release_all<'a>(spool: &Spool, references: impl IntoIterator<Item = &'a u64>) {
    references
        .into_iter()
        .for_each(|reference| spool.release(*reference));
}

/// Sends batches through a spool of a MiB, of frames whose length and fate `frame` gives: whether the one of
/// that number waits for ever. Gives how many bytes were moved, and how many passed.
fn pass_through(batches: u32, frame: impl Fn(u32) -> (usize, bool)) -> (u64, u64) {
    const FRAMES: u32 = 50;
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1 << 20, 3, 200_000).unwrap();
    let mut writer = spool.writer();
    let mut compaction = Compaction::new(Arc::clone(&spool));
    let (mut model, mut now) = (Model::default(), Instant::now());
    let (mut moved, mut passed) = (0, 0);
    for batch in 0..batches {
        let numbers = batch * FRAMES..(batch + 1) * FRAMES;
        let frames: Vec<Vec<u8>> = numbers.clone().map(|n| vec![n as u8; frame(n).0]).collect();
        let mut end = 0;
        let ends = frames.iter().map(|frame| {
            end += frame.len() as u32;
            end
        });
        let ends: Vec<u32> = ends.collect();
        let (all, mut references) = (frames.concat(), Vec::new());
        let mut tries = 0;
        while writer
            .append(&all, &ends, u64::from(numbers.start), &mut references)
            .is_err()
        {
            moved += step(&mut compaction, &mut model, later(&mut now)).bytes;
            tries += 1;
            let (held, waiting) = (spool.bytes(), model.bytes());
            assert!(
                tries < 50,
                "{batch}: no room in {held}, of which {waiting} wait"
            );
        }
        passed += all.len() as u64;
        for ((number, frame_bytes), reference) in numbers.zip(frames).zip(references) {
            match frame(number).1 {
                true => {
                    let kept = (PayloadRef(reference), frame_bytes, u64::from(number));
                    model.waiting.insert(number, kept);
                }
                false => spool.release(reference),
            }
        }
        // As the shard does beside its other work.
        moved += step(&mut compaction, &mut model, later(&mut now)).bytes;
    }
    model.assert_whole(&spool);
    (moved, passed)
}

#[test]
fn the_ledger_and_the_spool_read_the_same_size_in_a_reference() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1 << 30, 3, 100_000).unwrap();
    let mut writer = spool.writer();
    let entry = landfall_store::spool::ENTRY_BYTES as u64;
    for bytes in [0, 1, 15, 16, 17, 100, 1_000, 65_536, 1_000_000, 16 << 20] {
        let mut references = Vec::new();
        writer
            .append(
                &vec![7; bytes as usize],
                &[bytes as u32],
                0,
                &mut references,
            )
            .unwrap();
        let payload_bytes = PayloadRef(references[0]).bytes();
        assert!(
            payload_bytes.abs_diff(bytes + entry) * 16 <= bytes + entry,
            "{bytes} {payload_bytes}"
        );
        spool.release(references[0]);
    }
    drop(writer);
    assert_eq!((spool.segments(), spool.bytes()), (0, 0));
}

#[test]
fn tiny_frames_that_wait_hold_no_space_of_huge_ones_that_have_settled_however_many_they_are() {
    // Of ten frames nine wait, and take a thirtieth of the bytes.
    let (moved, passed) = pass_through(100, |number| match number % 10 {
        0 => (10_000, false),
        _ => (20, true),
    });
    assert!(moved > 0 && moved < passed / 10, "{moved} of {passed}");
}

#[test]
fn huge_frames_that_wait_are_not_moved_for_the_tiny_ones_that_have_settled_beside_them() {
    // Of 500 frames one waits, and has most of the bytes. All together fit well.
    let (moved, _) = pass_through(100, |number| match number % 500 {
        7 => (35_000, true),
        _ => (30, false),
    });
    assert_eq!(moved, 0, "there is little to be gained");
}

fn raw(key: Fingerprint, payload: PayloadRef, arrived_ms: i64) -> RawObservation {
    RawObservation {
        key,
        form: Form::NONE,
        payload,
        arrived_ms,
        schema: SchemaId(0),
        reason: ReasonId(0),
        generation: Generation(0),
        judgement: Judgement::Expected,
    }
}

fn row(key: Fingerprint, arrived_ms: i64) -> WrittenObservation {
    WrittenObservation {
        key,
        form: Form::NONE,
        earliest_ms: arrived_ms,
        arrived_ms,
        schema: SchemaId(0),
        generation: Generation(0),
        row: 0,
        payload: PayloadRef::NONE,
    }
}
