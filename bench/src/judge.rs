//! Judging on one core, against native loops over the same events.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use landfall::judge::identity::Secret;
use landfall::judge::labels::{Reasons, SchemaLabels};
use landfall::judge::plan::{EventPointers, Placed, Plan, PlanParts};
use landfall::judge::{Judge, JudgeOptions};
use landfall::sources::{FrameBatch, StreamId};
use landfall_document::{Pointer, SchemaSet};
use landfall_ledger::{Generation, Judgement, PayloadRef};
use landfall_runtime::{Check, Engine, Limits, LoadRequest};

use crate::events::{Event, schemas, write_schemas};

/// Frames in a batch, as a busy source makes them.
const BATCH_ROWS: usize = 1024;

/// Events a second of both ways.
pub struct Ratio {
    pub native_per_second: f64,
    pub judged_per_second: f64,
}

impl Ratio {
    pub fn ratio(&self) -> f64 {
        self.judged_per_second / self.native_per_second
    }
}

/// Judges JSON documents: parse, schema-validity guest with native schemas, verdict codes; against
/// serde_json and jsonschema in a plain loop.
pub fn documents(guests: &Path, events: &[Event], rounds: usize) -> anyhow::Result<Ratio> {
    let native = native_loop(events)?;
    let dir = tempfile::tempdir()?;
    write_schemas(dir.path())?;
    let mut judge = judge(guests, dir.path())?;
    let batches: Vec<FrameBatch> = events.chunks(BATCH_ROWS).map(batch).collect();
    let mut native_per_second = 0f64;
    let mut judged_per_second = 0f64;
    // Both ways in turn, the best round of each: what else the machine does hits both.
    for _ in 0..rounds {
        let start = Instant::now();
        let valid = events.iter().filter(|event| native(event)).count();
        native_per_second =
            native_per_second.max(events.len() as f64 / start.elapsed().as_secs_f64());
        anyhow::ensure!(
            valid == events.len(),
            "the native loop calls {} events invalid",
            events.len() - valid
        );

        let mut expected = 0;
        let rounds: Vec<FrameBatch> = batches.iter().map(copy).collect();
        let start = Instant::now();
        for batch in rounds {
            let payloads = vec![PayloadRef(0); batch.ends.len()];
            let judged = judge.judge(batch, &payloads);
            expected += judged
                .raw
                .iter()
                .flatten()
                .filter(|o| o.judgement == Judgement::Expected)
                .count();
        }
        judged_per_second =
            judged_per_second.max(events.len() as f64 / start.elapsed().as_secs_f64());
        anyhow::ensure!(
            expected == events.len(),
            "judging does not expect {} events",
            events.len() - expected
        );
    }
    Ok(Ratio {
        native_per_second,
        judged_per_second,
    })
}

/// The plain way: parse with serde_json, look the schema up, validate.
fn native_loop(events: &[Event]) -> anyhow::Result<impl Fn(&Event) -> bool> {
    let mut validators = HashMap::new();
    for (shape, schema) in schemas().iter().enumerate() {
        let validator = jsonschema::validator_for(schema)
            .map_err(|error| anyhow!("schema {shape}: {error}"))?;
        validators.insert(name_of(events, shape)?, validator);
    }
    Ok(move |event: &Event| {
        let Ok(capsule) = serde_json::from_str::<serde_json::Value>(&event.capsule) else {
            return false;
        };
        let name = capsule["schema"].as_str().unwrap_or_default();
        validators
            .get(name)
            .is_some_and(|validator| validator.is_valid(&capsule["event"]))
    })
}

fn name_of(events: &[Event], shape: usize) -> anyhow::Result<String> {
    let event = events
        .iter()
        .find(|event| event.shape == shape)
        .context("no event of a shape")?;
    let capsule: serde_json::Value = serde_json::from_str(&event.capsule)?;
    Ok(capsule["schema"]
        .as_str()
        .context("a capsule without a schema")?
        .to_owned())
}

fn batch(events: &[Event]) -> FrameBatch {
    let mut batch = FrameBatch::detached(StreamId::RAW);
    for event in events {
        batch.push(event.capsule.as_bytes(), 0);
    }
    batch
}

fn copy(batch: &FrameBatch) -> FrameBatch {
    let mut copy = FrameBatch::detached(batch.stream);
    copy.bytes.clone_from(&batch.bytes);
    copy.ends.clone_from(&batch.ends);
    copy.arrived_ms.clone_from(&batch.arrived_ms);
    copy
}

fn judge(guests: &Path, schema_dir: &Path) -> anyhow::Result<Judge> {
    let engine = Engine::new()?;
    let (schemas, errors) = SchemaSet::load(schema_dir);
    if let Some(error) = errors.first() {
        return Err(anyhow!("{error}"));
    }
    let request = LoadRequest {
        name: "schema-validity".into(),
        path: guests.join("schema_validity.wasm"),
        config: r#"{"name": "/schema", "revision": "/revision", "at": "/event"}"#.into(),
        limits: Limits::default(),
    };
    let check = Check::load(&engine, &request).context("failed to load schema_validity.wasm")?;
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
        codecs: ["json".into(), "json".into()],
        placed: vec![Placed {
            name: "schema-validity".into(),
            check,
            streams: vec![0],
            decides: true,
        }],
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
    };
    Ok(Judge::new(options, Arc::new(plan)))
}
