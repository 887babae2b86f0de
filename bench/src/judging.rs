//! A judge as the engine sets it up, and batches for it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use landfall::flow::FrameBatch;
use landfall::judge::identity::Secret;
use landfall::judge::labels::{Reasons, SchemaLabels};
use landfall::judge::plan::{EventPointers, JSON_CODEC, Plan, PlanParts, PlannedCheck};
use landfall::judge::{Judge, JudgeOptions};
use landfall_document::{Pointer, SchemaSet};
use landfall_ledger::{Generation, Judgement, PayloadRef, PerStream, Stream};
use landfall_runtime::{Check, Engine, Limits, LoadRequest};

use crate::events::Event;

/// Frames in a batch, as a busy source makes them.
const BATCH_ROWS: usize = 1024;

/// The time that a batch may take: practically unlimited, because under callgrind it takes fifty times as long.
const BATCH_TIME: Duration = Duration::from_secs(60);

/// One check.
pub struct CheckSetup {
    pub name: String,
    pub file: &'static str,
    pub config: String,
    pub decides: bool,
    /// Of the written stream as well.
    pub both: bool,
}

impl CheckSetup {
    pub fn validity() -> Self {
        Self {
            name: "schema-validity".into(),
            file: "schema_validity.wasm",
            config: r#"{"name": "/schema", "revision": "/revision", "at": "/event"}"#.into(),
            decides: true,
            both: false,
        }
    }

    pub fn codec() -> Self {
        Self {
            name: "eventlogging".into(),
            file: "eventlogging_codec.wasm",
            config: "{}".into(),
            decides: false,
            both: false,
        }
    }

    pub fn parity() -> Self {
        Self {
            name: "field-parity".into(),
            file: "field_parity.wasm",
            config: r#"{"truncate": 191, "float": "f32"}"#.into(),
            decides: false,
            both: true,
        }
    }

    /// A small check of a column of its own.
    pub fn limit(number: usize, at: &str) -> Self {
        Self {
            name: format!("limit-{number}"),
            file: "example_check.wasm",
            config: format!(r#"{{"at": "{at}", "max": 1e18}}"#),
            decides: false,
            both: false,
        }
    }
}

/// A judge with these checks; a codec among them decodes the raw stream's frames.
pub fn judge(guests: &Path, schema_dir: &Path, checks: &[CheckSetup]) -> anyhow::Result<Judge> {
    let engine = Engine::new()?;
    let (schemas, errors) = SchemaSet::load(schema_dir);
    if let Some(error) = errors.first() {
        return Err(anyhow!("{error}"));
    }
    let mut codec = JSON_CODEC.to_owned();
    let mut placed = Vec::new();
    for check in checks {
        let request = LoadRequest {
            name: check.name.clone(),
            path: guests.join(check.file),
            config: check.config.clone(),
            limits: Limits {
                batch_time: BATCH_TIME,
                ..Limits::default()
            },
        };
        let loaded = Check::load(&engine, &request)
            .with_context(|| format!("failed to load {}", check.file))?;
        if matches!(loaded, Check::Codec(_)) {
            codec.clone_from(&check.name);
        }
        placed.push(PlannedCheck {
            name: check.name.clone(),
            check: loaded,
            streams: if check.both {
                Stream::ALL.to_vec()
            } else {
                vec![Stream::Raw]
            },
            decides: check.decides,
        });
    }
    let mut labels = SchemaLabels::default();
    labels.extend(schemas.names().into_iter());
    let plan = Plan::build(PlanParts {
        generation: Generation(0),
        event: EventPointers {
            key: Pointer::parse("/uuid")?,
            schema: Pointer::parse("/schema")?,
            revision: Some(Pointer::parse("/revision")?),
            time: Vec::new(),
        },
        codecs: PerStream {
            raw: codec,
            written: JSON_CODEC.into(),
        },
        checks: placed,
        schemas: Arc::new(schemas),
        labels: Arc::new(labels),
        reasons: Arc::new(Reasons::default()),
    })?;
    let options = JudgeOptions {
        secret: Secret::new([7; 16]),
        shards: 1,
        window_ms: 300_000,
        event_time: false,
        redact: Arc::default(),
        readable: Arc::default(),
        sequences: Arc::default(),
    };
    Ok(Judge::new(options, Arc::new(plan)))
}

/// Raw frames in batches as large as a busy source makes them.
pub fn batches<'a>(frames: impl Iterator<Item = &'a [u8]>) -> Vec<FrameBatch> {
    batches_of(Stream::Raw, frames)
}

/// The raw and the written frames of events, batches of both in turn.
pub fn pairs(events: &[Event]) -> Vec<FrameBatch> {
    let raw = batches(events.iter().map(|event| event.capsule.as_bytes()));
    let rows = events.iter().map(|event| event.row.as_bytes());
    let written = batches_of(Stream::Written, rows);
    raw.into_iter()
        .zip(written)
        .flat_map(|(raw, written)| [raw, written])
        .collect()
}

/// The same of any stream.
fn batches_of<'a>(stream: Stream, frames: impl Iterator<Item = &'a [u8]>) -> Vec<FrameBatch> {
    let mut batches = Vec::new();
    let mut batch = FrameBatch::detached(stream);
    for frame in frames {
        batch.push(frame, 0);
        if batch.rows() == BATCH_ROWS {
            batches.push(std::mem::replace(&mut batch, FrameBatch::detached(stream)));
        }
    }
    if batch.rows() > 0 {
        batches.push(batch);
    }
    batches
}

/// Judges all of them, and returns how long it took; every raw frame must be expected, and every written one
/// must be a landing.
pub fn run(judge: &mut Judge, batches: &[FrameBatch]) -> anyhow::Result<Duration> {
    let copies: Vec<FrameBatch> = batches.iter().map(copy).collect();
    let start = Instant::now();
    let (rows, expected) = judge_all(judge, copies);
    let took = start.elapsed();
    ensure!(
        expected == rows,
        "judging does not expect {} of {rows} events",
        rows - expected
    );
    Ok(took)
}

/// Judges the first two batches (of both streams, if there are two). So the count covers the steady state of a
/// judge: its memory has grown, and its checks are ready.
#[inline(never)]
pub fn warm(judge: &mut Judge, batches: &[FrameBatch]) {
    for batch in batches.iter().take(2) {
        let payloads = vec![PayloadRef(0); batch.rows()];
        judge.judge(copy(batch), &payloads);
    }
}

/// Counts rows, and those of them that are expected or landed. Callgrind counts this function.
#[inline(never)]
fn judge_all(judge: &mut Judge, batches: Vec<FrameBatch>) -> (usize, usize) {
    let (mut rows, mut expected) = (0, 0);
    for batch in batches {
        rows += batch.rows();
        let payloads = vec![PayloadRef(0); batch.rows()];
        let judged = judge.judge(batch, &payloads);
        let observed = judged.raw.iter().flatten();
        expected += observed
            .filter(|event| event.judgement == Judgement::Expected)
            .count();
        expected += judged.written.iter().flatten().count();
    }
    (rows, expected)
}

fn copy(batch: &FrameBatch) -> FrameBatch {
    let mut copy = FrameBatch::detached(batch.stream);
    copy.bytes.clone_from(&batch.bytes);
    copy.ends.clone_from(&batch.ends);
    copy.earliest_ms.clone_from(&batch.earliest_ms);
    copy.arrived_ms.clone_from(&batch.arrived_ms);
    copy
}
