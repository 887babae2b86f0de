//! A shard's outputs: their size, and which of them has the counts.

use std::sync::Arc;
use std::time::Instant;

use landfall_ledger::{
    Deadlines, Effect, Fingerprint, Form, Generation, Judgement, PayloadRef, RawObservation,
    ReasonId, SchemaId, Shard, ShardConfig, Stream, WrittenObservation,
};
use landfall_store::spool::{Spool, SpoolWriter};

use super::landings::Landings;
use super::{OUTPUT_EVENTS_MAX, ShardInput, ShardParts, ShardStage};
use crate::clock::Clock;
use crate::flow::{FrameBatch, InFlight};
use crate::judge::WrittenFrames;
use crate::messages::{LedgerEvent, ShardOutput, ShardWork};
use crate::stages::backlog::Backlog;
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

const DEADLINE_MS: i64 = 1_000;

/// The hash of a key, as far as a table needs one: odd, with bits all over.
fn fingerprint(key: u128) -> Fingerprint {
    Fingerprint((key + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// One shard with its spool.
struct Stage {
    stage: ShardStage,
    in_flight: InFlight,
    writer: SpoolWriter,
    _dir: tempfile::TempDir,
}

impl Stage {
    /// A stage with two sources, which have read everything up to 10 s.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(&dir.path().join("spool"), 1 << 24, 2, 0).unwrap();
        let in_flight = InFlight::default();
        for stream in Stream::ALL {
            in_flight.add_source(stream, 0).reach(10_000);
        }
        let shard = Shard::new(ShardConfig {
            deadlines: Deadlines {
                default_ms: DEADLINE_MS,
                by_schema: Vec::new(),
            },
            window_ms: 60_000,
            unexpected_grace_ms: 100,
            horizon_ms: 600_000,
            settled_max: 1 << 16,
            latency_bounds_ms: vec![100],
            disputes_max: 1 << 10,
            writer_replaces: false,
            watched_since_ms: 0,
        });
        let parts = ShardParts {
            number: 0,
            shard,
            in_flight: in_flight.clone(),
            spool: Arc::clone(&spool),
            telemetry: Telemetry::new().unwrap(),
            time: TimePolicy::Live(Clock::by_hand(10_000)),
            backlog: Arc::new(Backlog::new(1, 1 << 20)),
            landings: Arc::new(Landings::new(1)),
        };
        Self {
            stage: ShardStage::new(parts),
            in_flight,
            writer: spool.writer(),
            _dir: dir,
        }
    }

    /// Applies events with these keys, all of one instant.
    fn raw(&mut self, keys: std::ops::Range<u128>) -> Vec<ShardOutput> {
        let ends: Vec<u32> = keys.clone().zip(1..).map(|(_, end)| end).collect();
        let mut references = Vec::new();
        self.writer
            .append(&vec![b'e'; ends.len()], &ends, 0, &mut references)
            .unwrap();
        let raw = keys.zip(references).map(|(key, reference)| RawObservation {
            key: fingerprint(key),
            form: Form::NONE,
            arrived_ms: 0,
            payload: PayloadRef(reference),
            schema: SchemaId(0),
            judgement: Judgement::Expected,
            reason: ReasonId(0),
            generation: Generation(0),
        });
        let work = ShardWork {
            raw: raw.collect(),
            written: Vec::new(),
            written_frames: None,
            guard: self.in_flight.begin(Stream::Raw, 0),
        };
        self.give(ShardInput::Work(work))
    }

    /// Rows with these keys, all of one instant.
    fn rows(&self, keys: std::ops::Range<u128>, landed_ms: i64) -> ShardInput {
        let mut frames = FrameBatch::detached(Stream::Written);
        let written = keys.zip(0..).map(|(key, row)| {
            frames.push(b"row", landed_ms);
            WrittenObservation {
                key: fingerprint(key),
                form: Form::NONE,
                earliest_ms: landed_ms,
                arrived_ms: landed_ms,
                schema: SchemaId(0),
                row,
                payload: PayloadRef::NONE,
                generation: Generation(0),
            }
        });
        ShardInput::Work(ShardWork {
            raw: Vec::new(),
            written: written.collect(),
            written_frames: Some(Arc::new(WrittenFrames { frames })),
            guard: self.in_flight.begin(Stream::Written, landed_ms),
        })
    }

    fn give(&mut self, input: ShardInput) -> Vec<ShardOutput> {
        self.stage.step(input, Instant::now());
        std::iter::from_fn(|| self.stage.next_output()).collect()
    }
}

fn sizes(outputs: &[ShardOutput]) -> Vec<(usize, bool)> {
    let of = |output: &ShardOutput| (output.events.len(), output.more);
    outputs.iter().map(of).collect()
}

#[test]
fn the_counts_of_a_report_come_with_its_last_piece_whatever_that_piece_tells() {
    let full = OUTPUT_EVENTS_MAX;
    let all = full as u128;
    let mut stage = Stage::new();
    assert!(stage.raw(0..all).is_empty());
    // Behind the missing events come effects that are not shown, so there is a piece for the counts.
    let missing = stage.give(ShardInput::Tick);
    assert_eq!(sizes(&missing), [(full, true), (0, false), (0, false)]);
    assert!(missing[0].tallies.is_empty());
    assert!(!missing[1].tallies.is_empty(), "the counts of the verdicts");
    assert!(missing[2].flush.is_some());

    // Behind the late landings come rows that nobody has sent yet.
    let rows = stage.rows(0..all + 3, 9_000);
    let late = stage.give(rows);
    assert_eq!(sizes(&late), [(full, true), (0, false)]);
    let is_late = |event: &LedgerEvent| matches!(event.effect, Effect::LandedLate { .. });
    assert!(late[0].events.iter().all(is_late));
    assert!(late[0].tallies.is_empty());
    assert!(
        !late[1].tallies.is_empty(),
        "the counts of the late landings"
    );
}

#[test]
fn a_batch_is_in_flight_until_its_last_piece_was_handed_on() {
    let all = OUTPUT_EVENTS_MAX as u128;
    let mut stage = Stage::new();
    stage.raw(0..all + 1);
    stage.give(ShardInput::Tick);
    let rows = stage.rows(0..all + 1, 9_000);
    stage.stage.step(rows, Instant::now());
    for events in [OUTPUT_EVENTS_MAX, 1] {
        let output = stage.stage.next_output().expect("a piece");
        assert_eq!(output.events.len(), events);
        assert_eq!(stage.in_flight.unfinished(Stream::Written), 1);
    }
    assert!(stage.stage.next_output().is_none());
    assert_eq!(stage.in_flight.unfinished(Stream::Written), 0);
}
