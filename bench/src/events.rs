//! Events to measure with: five schemas from 0.3 to 4 kB, no event repeated, made from a seed.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

/// One schema of the bench: flat members and nested ones decide its size.
struct Shape {
    name: &'static str,
    draft: &'static str,
    flat: usize,
    nested: usize,
    text_bytes: usize,
}

/// About 0.3, 0.6, 1, 2 and 4 kB an event.
const SHAPES: [Shape; 5] = [
    Shape {
        name: "Tiny",
        draft: "http://json-schema.org/draft-07/schema#",
        flat: 3,
        nested: 0,
        text_bytes: 8,
    },
    Shape {
        name: "Timing",
        draft: "http://json-schema.org/draft-04/schema#",
        flat: 12,
        nested: 4,
        text_bytes: 12,
    },
    Shape {
        name: "Edit",
        draft: "http://json-schema.org/draft-04/schema#",
        flat: 20,
        nested: 8,
        text_bytes: 20,
    },
    Shape {
        name: "Search",
        draft: "http://json-schema.org/draft-07/schema#",
        flat: 30,
        nested: 20,
        text_bytes: 28,
    },
    Shape {
        name: "Trace",
        draft: "https://json-schema.org/draft/2020-12/schema",
        flat: 50,
        nested: 40,
        text_bytes: 32,
    },
];

/// The revision of all schemas of the bench.
const REVISION: u32 = 1;

/// Small, fast and the same everywhere (SplitMix64, Steele et al. 2014).
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn text(&mut self, bytes: usize) -> String {
        (0..bytes)
            .map(|_| char::from(b'a' + (self.next() % 26) as u8))
            .collect()
    }
}

/// Writes the schemas of the bench as `<dir>/<name>/<revision>.json`.
pub fn write_schemas(dir: &Path) -> anyhow::Result<()> {
    for shape in &SHAPES {
        let folder = dir.join(shape.name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to create {}", folder.display()))?;
        std::fs::write(
            folder.join(format!("{REVISION}.json")),
            schema(shape).to_string(),
        )?;
    }
    Ok(())
}

/// The schema of each shape, by its place in `SHAPES`.
pub fn schemas() -> Vec<Value> {
    SHAPES.iter().map(schema).collect()
}

fn member(index: usize) -> (String, Value) {
    match index % 4 {
        0 => (
            format!("text{index}"),
            json!({"type": "string", "minLength": 1, "maxLength": 191}),
        ),
        1 => (
            format!("count{index}"),
            json!({"type": "integer", "minimum": 0}),
        ),
        2 => (format!("flag{index}"), json!({"type": "boolean"})),
        _ => (
            format!("kind{index}"),
            json!({"type": "string", "enum": ["click", "view", "save", "abort"]}),
        ),
    }
}

fn schema(shape: &Shape) -> Value {
    let mut properties: Map<String, Value> = (0..shape.flat).map(member).collect();
    let required: Vec<String> = (0..shape.flat.min(7))
        .map(|index| member(index).0)
        .collect();
    let nested: Map<String, Value> = (0..shape.nested).map(member).collect();
    properties.insert(
        "detail".into(),
        json!({"type": "object", "properties": nested}),
    );
    json!({
        "$schema": shape.draft, "type": "object", "additionalProperties": false,
        "properties": properties, "required": required,
    })
}

fn value(index: usize, bytes: usize, rng: &mut Rng) -> (String, Value) {
    let name = member(index).0;
    let value = match index % 4 {
        0 => json!(rng.text(bytes)),
        1 => json!(rng.next() % 1_000_000),
        2 => json!(rng.next().is_multiple_of(2)),
        _ => json!(["click", "view", "save", "abort"][(rng.next() % 4) as usize]),
    };
    (name, value)
}

/// One event: its shape, and the capsule as JSON text.
pub struct Event {
    pub shape: usize,
    pub capsule: String,
    /// The row as the writer publishes it.
    pub row: String,
}

/// `count` events, all different, all valid, shapes in turn.
pub fn events(count: usize, seed: u64) -> Vec<Event> {
    let mut rng = Rng::new(seed);
    (0..count).map(|index| event(index, &mut rng)).collect()
}

fn event(index: usize, rng: &mut Rng) -> Event {
    let number = index % SHAPES.len();
    let shape = &SHAPES[number];
    let mut members: Map<String, Value> = (0..shape.flat)
        .map(|i| value(i, shape.text_bytes, rng))
        .collect();
    let nested: Map<String, Value> = (0..shape.nested)
        .map(|i| value(i, shape.text_bytes, rng))
        .collect();
    let mut row = Map::new();
    for (name, value) in &members {
        row.insert(format!("event_{name}"), value.clone());
    }
    for (name, value) in &nested {
        row.insert(format!("event_detail_{name}"), value.clone());
    }
    members.insert("detail".into(), Value::Object(nested));
    let uuid = format!("{:016x}{:016x}", rng.next(), index);
    let timestamp = 1_416_276_720 + index as u64 / 1000;
    let capsule = json!({
        "event": members, "schema": shape.name, "revision": REVISION, "wiki": "enwiki", "uuid": uuid,
        "recvFrom": "cp3040.example.org", "seqId": index, "timestamp": timestamp, "webHost": "en.example.org",
    });
    row.insert("uuid".into(), json!(uuid));
    row.insert("wiki".into(), json!("enwiki"));
    row.insert("webHost".into(), json!("en.example.org"));
    row.insert("timestamp".into(), json!(fourteen_digits(timestamp)));
    Event {
        shape: number,
        capsule: capsule.to_string(),
        row: Value::Object(row).to_string(),
    }
}

/// `YYYYMMDDHHMMSS` of a moment on 2014-11-18, which all events of the bench share.
fn fourteen_digits(unix_seconds: u64) -> String {
    /// 2014-11-18T00:00:00Z.
    const DAY_START: u64 = 1_416_268_800;
    let second = (unix_seconds - DAY_START) % 86_400;
    format!(
        "20141118{:02}{:02}{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}
