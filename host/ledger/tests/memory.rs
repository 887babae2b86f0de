//! What waits is small: at most 80 bytes of memory for a pending event at a million pending, in one
//! shard as in many.

use landfall_ledger::{
    Deadlines, Fingerprint, Form, Frontier, Generation, Judgement, PayloadRef, RawObservation,
    ReasonId, SchemaId, Shard, ShardConfig, WrittenObservation,
};

const PENDING: u64 = 1_000_000;
const BYTES_PER_PENDING_MAX: usize = 80;

fn shard() -> Shard {
    Shard::new(ShardConfig {
        deadlines: Deadlines {
            default_ms: 600_000,
            by_schema: Vec::new(),
        },
        window_ms: 300_000,
        unexpected_grace_ms: 30_000,
        horizon_ms: 3_600_000,
        settled_max: 8_000_000,
        latency_bounds_ms: Vec::new(),
        disputes_max: 1 << 16,
        writer_replaces: false,
        watched_since_ms: 0,
    })
}

fn key(number: u64) -> Fingerprint {
    let low = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let high = low.rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    Fingerprint((u128::from(high) << 64) | u128::from(low))
}

fn raw(number: u64) -> RawObservation {
    RawObservation {
        key: key(number),
        form: Form::hash(u128::from(number)),
        arrived_ms: number as i64 / 100,
        payload: PayloadRef(0),
        schema: SchemaId((number % 5) as u16),
        judgement: Judgement::Expected,
        reason: ReasonId(0),
        generation: Generation(0),
    }
}

#[test]
fn a_million_pending_events_take_at_most_80_bytes_each_in_any_number_of_shards() {
    for count in [1, 2, 7, 64] {
        let mut shards: Vec<Shard> = (0..count).map(|_| shard()).collect();
        let mut effects = Vec::new();
        for number in 0..PENDING {
            let event = raw(number);
            shards[event.key.shard(count)].raw(&event, &mut effects);
        }
        let pending: usize = shards.iter().map(|shard| shard.gauges().pending).sum();
        assert_eq!(pending as u64, PENDING);
        let bytes: usize = shards.iter().map(|shard| shard.gauges().memory_bytes).sum();
        let each = bytes / PENDING as usize;
        assert!(
            (64..=BYTES_PER_PENDING_MAX).contains(&each),
            "{each} bytes in {count} shards"
        );
    }
}

#[test]
fn the_memory_of_a_flood_is_given_back_when_all_of_it_has_settled() {
    let mut shard = shard();
    let mut effects = Vec::new();
    let before = shard.gauges().memory_bytes;
    for number in 0..100_000 {
        shard.raw(&raw(number), &mut effects);
    }
    let flooded = shard.gauges().memory_bytes;
    for number in 0..100_000 {
        let event = raw(number);
        let row = WrittenObservation {
            key: event.key,
            form: event.form,
            earliest_ms: event.arrived_ms,
            arrived_ms: event.arrived_ms,
            schema: event.schema,
            row: 0,
            payload: PayloadRef::NONE,
            generation: event.generation,
        };
        shard.written(&row, &mut effects);
    }
    shard.advance(
        Frontier {
            raw_ms: 10_000,
            written_ms: 10_000,
        },
        &mut effects,
    );
    let gauges = shard.gauges();
    assert_eq!(gauges.pending, 0);
    // What is left are the remembered keys, 16 bytes and their table's room.
    let after = gauges.memory_bytes - before;
    assert!(flooded - before > 64 * 100_000);
    assert!(after < 48 * 100_000, "{after} of {flooded} bytes are left");
}
