//! Frames of what is deferred until the store has answered are moved like those of any event that waits.

use std::collections::BTreeSet;

use landfall_ledger::{
    Deadlines, Effect, Fingerprint, Form, Generation, Judgement, PayloadRef, RawObservation,
    ReasonId, SchemaId, Shard, ShardConfig, WrittenObservation,
};

const KEY: Fingerprint = Fingerprint(7 << 64 | 7);

fn payload(segment: u64) -> PayloadRef {
    PayloadRef(segment << PayloadRef::SEGMENT_SHIFT)
}

#[test]
fn frames_that_are_put_aside_are_moved_and_released_where_they_are() {
    let mut shard = Shard::new(ShardConfig {
        deadlines: Deadlines {
            default_ms: 1000,
            by_schema: Vec::new(),
        },
        window_ms: 1000,
        unexpected_grace_ms: 1000,
        horizon_ms: 10_000,
        settled_max: 100,
        latency_bounds_ms: Vec::new(),
        disputes_max: 100,
        writer_replaces: false,
        watched_since_ms: 0,
    });
    shard.add_unlanded(KEY);
    let mut effects = Vec::new();
    shard.raw(
        &RawObservation {
            key: KEY,
            form: Form::hash(5),
            arrived_ms: 10,
            payload: payload(1),
            schema: SchemaId(0),
            judgement: Judgement::Expected,
            reason: ReasonId(0),
            generation: Generation(0),
        },
        &mut effects,
    );
    shard.written(
        &WrittenObservation {
            key: KEY,
            form: Form::hash(5),
            earliest_ms: 20,
            arrived_ms: 20,
            schema: SchemaId(0),
            row: 0,
            payload: PayloadRef::NONE,
            generation: Generation(0),
        },
        &mut effects,
    );
    assert!(
        effects.contains(&Effect::Recall { key: KEY }),
        "{effects:?}"
    );
    assert!(shard.attach_written(KEY, payload(2)));
    let mut seen = BTreeSet::new();
    let next = shard.relocate(0, 100, |held| {
        seen.insert(held.segment());
        Some(payload(u64::from(held.segment()) + 10))
    });
    assert_eq!((next, seen), (None, BTreeSet::from([1, 2])));
    effects.clear();
    shard.recalled(KEY, None, &mut effects);
    let released: BTreeSet<u32> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Released { segment, .. } => Some(*segment),
            _ => None,
        })
        .collect();
    assert_eq!(released, BTreeSet::from([11, 12]));
    // Nothing is held any more.
    shard.relocate(0, 100, |held| panic!("{held:?} is named"));
}
