//! What a run settled is handed out, and handed in to the next one: copies and second rows are known by it.

use landfall_ledger::{
    Deadlines, Effect, Fingerprint, Form, Frontier, Generation, Judgement, PayloadRef,
    RawObservation, ReasonId, SchemaId, SettledLog, SettledRecord, Shard, ShardConfig, TallyDelta,
    Verdict, WrittenObservation,
};

const SCHEMA: SchemaId = SchemaId(4);
const WINDOW_MS: i64 = 1_000;

fn shard() -> Shard {
    Shard::new(ShardConfig {
        deadlines: Deadlines {
            default_ms: 1_000,
            by_schema: Vec::new(),
        },
        window_ms: WINDOW_MS,
        unexpected_grace_ms: 500,
        horizon_ms: 60_000,
        settled_max: 1_000,
        latency_bounds_ms: Vec::new(),
        disputes_max: 100,
        writer_replaces: false,
        watched_since_ms: 0,
    })
}

fn key(number: u128) -> Fingerprint {
    Fingerprint(number << 40 | 1)
}

fn raw(number: u128, arrived_ms: i64, judgement: Judgement, schema: SchemaId) -> RawObservation {
    RawObservation {
        key: key(number),
        form: Form::NONE,
        arrived_ms,
        payload: PayloadRef(number as u64),
        schema,
        judgement,
        reason: ReasonId(0),
        generation: Generation(0),
    }
}

fn row(number: u128, landed_ms: i64, schema: SchemaId) -> WrittenObservation {
    WrittenObservation {
        key: key(number),
        form: Form::NONE,
        earliest_ms: landed_ms,
        arrived_ms: landed_ms,
        schema,
        row: 0,
        payload: PayloadRef::NONE,
        generation: Generation(0),
    }
}

fn advance(shard: &mut Shard, to_ms: i64, effects: &mut Vec<Effect>) {
    let frontier = Frontier {
        raw_ms: to_ms,
        written_ms: to_ms,
    };
    shard.advance(frontier, effects);
}

/// The sum of all changes of the counts since the last call.
fn counts(shard: &mut Shard) -> Vec<TallyDelta> {
    let mut tallies = Vec::new();
    shard.drain_tallies(&mut tallies);
    tallies
}

fn verdict(tallies: &[TallyDelta], verdict: Verdict) -> i64 {
    tallies
        .iter()
        .map(|delta| delta.counts.verdict(verdict))
        .sum()
}

/// A run in which event 1 landed, 2 is missing, 3 is rejected, and row 4 is unexpected.
fn first_run() -> SettledLog {
    let (mut shard, mut effects) = (shard(), Vec::new());
    advance(&mut shard, 10_000, &mut effects);
    shard.raw(&raw(1, 10_001, Judgement::Expected, SCHEMA), &mut effects);
    shard.raw(&raw(2, 10_002, Judgement::Expected, SCHEMA), &mut effects);
    shard.raw(&raw(3, 10_003, Judgement::Rejected, SCHEMA), &mut effects);
    shard.written(&row(1, 10_100, SCHEMA), &mut effects);
    shard.written(&row(4, 10_101, SCHEMA), &mut effects);
    advance(&mut shard, 20_000, &mut effects);
    let mut log = SettledLog::default();
    shard.drain_settled(&mut log);
    let mut frames: Vec<u64> = log.frames.iter().map(|frame| frame.0).collect();
    frames.sort_unstable();
    assert_eq!(frames, [1, 2, 3], "each frame is named once");
    assert_eq!(log.keys.len(), 4);
    let mut again = SettledLog::default();
    shard.drain_settled(&mut again);
    assert!(again.keys.is_empty() && again.frames.is_empty());
    log
}

fn restored(log: &SettledLog, now: SchemaId, same_windows: bool) -> Shard {
    let mut shard = shard();
    for record in &log.keys {
        let renumbered = |before: SchemaId| {
            assert_eq!(before, SCHEMA);
            Some(now)
        };
        let record = SettledRecord::from_bytes(record.to_bytes(), renumbered, same_windows);
        if let Some(record) = record {
            shard.restore(record, 20_000, log.has_claims);
        }
    }
    shard
}

#[test]
fn copies_and_second_rows_of_what_an_earlier_run_settled_are_known() {
    let log = first_run();
    // Its schema has another number now.
    let schema = SchemaId(9);
    let (mut shard, mut effects) = (restored(&log, schema, true), Vec::new());
    advance(&mut shard, 30_000, &mut effects);
    shard.raw(&raw(1, 30_001, Judgement::Expected, schema), &mut effects);
    shard.written(&row(1, 30_002, schema), &mut effects);
    shard.raw(&raw(4, 30_003, Judgement::Expected, schema), &mut effects);
    shard.written(&row(3, 30_004, schema), &mut effects);
    advance(&mut shard, 40_000, &mut effects);
    let tallies = counts(&mut shard);
    assert_eq!(verdict(&tallies, Verdict::Repeated), 1);
    assert_eq!(
        verdict(&tallies, Verdict::Delivered),
        1,
        "4 came after its row"
    );
    assert_eq!(verdict(&tallies, Verdict::Missing), 0);
    assert_eq!(verdict(&tallies, Verdict::Leaked), 1);
    assert_eq!(
        verdict(&tallies, Verdict::Rejected),
        -1,
        "in its former window"
    );
    let revised = tallies.iter().find(|delta| delta.window == 10);
    assert_eq!(revised.map(|delta| delta.schema), Some(schema));
    let duplicates = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Duplicate { .. }));
    assert_eq!(duplicates.count(), 1);
}

/// The store knows it, and is asked if the host said so.
#[test]
fn a_missing_event_of_an_earlier_run_is_the_stores() {
    let log = first_run();
    let (mut shard, mut effects) = (restored(&log, SCHEMA, true), Vec::new());
    shard.add_unlanded(key(2));
    advance(&mut shard, 30_000, &mut effects);
    shard.written(&row(2, 30_001, SCHEMA), &mut effects);
    assert!(effects.contains(&Effect::Recall { key: key(2) }));
}

#[test]
fn with_windows_of_another_length_no_verdict_of_an_earlier_one_is_revised() {
    let log = first_run();
    let (mut shard, mut effects) = (restored(&log, SCHEMA, false), Vec::new());
    advance(&mut shard, 30_000, &mut effects);
    // What landed is known all the same.
    shard.raw(&raw(1, 30_001, Judgement::Expected, SCHEMA), &mut effects);
    shard.written(&row(3, 30_004, SCHEMA), &mut effects);
    shard.raw(&raw(4, 30_005, Judgement::Expected, SCHEMA), &mut effects);
    advance(&mut shard, 40_000, &mut effects);
    let tallies = counts(&mut shard);
    assert_eq!(
        verdict(&tallies, Verdict::Repeated),
        2,
        "1, and 4 that landed"
    );
    assert_eq!(verdict(&tallies, Verdict::Missing), 0);
    assert!(
        tallies.iter().all(|delta| delta.window >= 30),
        "{tallies:?}"
    );
}

#[test]
fn what_becomes_of_a_key_later_is_handed_out_too() {
    let (mut shard, mut effects) = (shard(), Vec::new());
    advance(&mut shard, 10_000, &mut effects);
    shard.raw(&raw(2, 10_002, Judgement::Expected, SCHEMA), &mut effects);
    advance(&mut shard, 12_000, &mut effects);
    let mut log = SettledLog::default();
    shard.drain_settled(&mut log);
    shard.written(&row(2, 12_001, SCHEMA), &mut effects);
    shard.drain_settled(&mut log);
    assert_eq!(log.keys.len(), 2, "missing, then landed");
    let (mut next, mut effects) = (restored(&log, SCHEMA, true), Vec::new());
    next.add_unlanded(key(7));
    advance(&mut next, 30_000, &mut effects);
    next.raw(&raw(2, 30_001, Judgement::Expected, SCHEMA), &mut effects);
    assert_eq!(verdict(&counts(&mut next), Verdict::Repeated), 1);
}
