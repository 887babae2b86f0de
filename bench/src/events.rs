//! Events to measure with: those of `tests/data/bench` with other values, or others to see how cost
//! grows; no event repeated, all made from a seed.

use std::path::Path;

use anyhow::Context as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// One schema of the bench, and an event of it.
#[derive(Clone, Debug)]
pub struct Shape {
    pub name: String,
    schema: Value,
    example: Value,
}

const DRAFT_04: &str = "http://json-schema.org/draft-04/schema#";
const DRAFT_07: &str = "http://json-schema.org/draft-07/schema#";

/// The number of events of each schema in `tests/data/bench`, among twenty: small ones are common, large ones
/// rare. 0.3, 0.6, 1, 2 and 4 kB an event, 1 kB on average.
macro_rules! kept {
    ($($name:literal: $count:literal),*) => {
        [$((
            $name,
            $count,
            include_str!(concat!("../../tests/data/bench/", $name, "/1.json")),
            include_str!(concat!("../../tests/data/bench/", $name, "/event.json")),
        )),*]
    };
}
const KEPT: [(&str, usize, &str, &str); 5] =
    kept!("Tiny": 6, "Timing": 6, "Edit": 4, "Search": 3, "Trace": 1);

impl Shape {
    /// With members of four kinds in turn, some of them in an object, and texts of this many bytes.
    fn made(name: impl Into<String>, draft: &str, [flat, nested, text_bytes]: [usize; 3]) -> Self {
        let mut properties: Map<String, Value> = (0..flat).map(member).collect();
        let inner: Map<String, Value> = (0..nested).map(member).collect();
        properties.insert(
            "detail".into(),
            json!({"type": "object", "properties": inner}),
        );
        let required: Vec<String> = (0..flat.min(7)).map(|index| member(index).0).collect();
        let mut example: Map<String, Value> = (0..flat).map(|i| value(i, text_bytes)).collect();
        let inner: Map<String, Value> = (0..nested).map(|i| value(i, text_bytes)).collect();
        example.insert("detail".into(), Value::Object(inner));
        Self {
            name: name.into(),
            schema: json!({
                "$schema": draft, "type": "object", "additionalProperties": false,
                "properties": properties, "required": required,
            }),
            example: Value::Object(example),
        }
    }
}

/// The schemas of `tests/data/bench`, each as often as it comes in twenty events, with the rare ones in between.
pub fn shapes() -> Vec<Shape> {
    let mut places = Vec::new();
    for (name, count, schema, event) in KEPT {
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let shape = Shape {
            name: name.into(),
            schema: json(schema),
            example: json(event)["event"].take(),
        };
        for number in 0..count {
            places.push(((2 * number + 1) * 1000 / count, shape.clone()));
        }
    }
    places.sort_by_key(|(place, _)| *place);
    places.into_iter().map(|(_, shape)| shape).collect()
}

/// This many schemas of one size, about 0.5 kB an event.
pub fn many_shapes(count: usize) -> Vec<Shape> {
    (0..count)
        .map(|number| Shape::made(format!("Timing{number}"), DRAFT_04, [12, 4, 12]))
        .collect()
}

/// One schema with about this many bytes an event.
pub fn shape_of_bytes(bytes: usize) -> Vec<Shape> {
    // A quarter of the members are texts; the other bytes of a member are about 22.
    let members = bytes.saturating_sub(200).max(60) / 30;
    vec![Shape::made(
        format!("Sized{bytes}"),
        DRAFT_07,
        [members.max(1), 0, 28],
    )]
}

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

/// Writes the schemas as `<dir>/<name>/<revision>.json`.
pub fn write_schemas(dir: &Path, shapes: &[Shape]) -> anyhow::Result<()> {
    for shape in shapes {
        let folder = dir.join(&shape.name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to create {}", folder.display()))?;
        std::fs::write(
            folder.join(format!("{REVISION}.json")),
            schema(shape).to_string(),
        )?;
    }
    Ok(())
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

/// The JSON Schema of a shape.
pub fn schema(shape: &Shape) -> Value {
    shape.schema.clone()
}

/// A value of a member, as an example.
fn value(index: usize, bytes: usize) -> (String, Value) {
    let value = match index % 4 {
        0 => json!("t".repeat(bytes)),
        1 => json!(123_456),
        2 => json!(true),
        _ => json!("click"),
    };
    (member(index).0, value)
}

/// The same members with other values: words of the schema where it has some, texts as long.
fn varied(example: &Value, schema: &Value, rng: &mut Rng) -> Value {
    match example {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, example)| {
                    let schema = &schema["properties"][name];
                    (name.clone(), varied(example, schema, rng))
                })
                .collect(),
        ),
        Value::Bool(_) => json!(rng.next().is_multiple_of(2)),
        Value::Number(_) => json!(rng.next() % 1_000_000),
        Value::String(text) => match schema["enum"].as_array() {
            Some(words) if !words.is_empty() => words[rng.next() as usize % words.len()].clone(),
            _ => json!(rng.text(text.len())),
        },
        other => other.clone(),
    }
}

/// One event.
pub struct Event {
    /// The capsule as JSON text.
    pub capsule: String,
    /// The row as the writer publishes it.
    pub row: String,
    /// The same event as a web cache's line, which has no uuid yet.
    pub line: String,
}

/// `count` events, all different, all valid, shapes in turn.
pub fn events(shapes: &[Shape], count: usize, seed: u64) -> Vec<Event> {
    events_of_hosts(shapes, count, seed, 1)
}

/// The same from this many hosts in turn.
pub fn events_of_hosts(shapes: &[Shape], count: usize, seed: u64, hosts: usize) -> Vec<Event> {
    let mut rng = Rng::new(seed);
    (0..count)
        .map(|index| {
            let shape = &shapes[index % shapes.len()];
            event(shape, index, index % hosts.max(1), &mut rng)
        })
        .collect()
}

fn event(shape: &Shape, index: usize, host: usize, rng: &mut Rng) -> Event {
    let event = varied(&shape.example, &shape.schema, rng);
    let mut row = Map::new();
    flatten("event", &event, &mut row);
    let uuid = format!("{:016x}{:016x}", rng.next(), index);
    let timestamp = 1_416_276_720 + index as u64 / 1000;
    let host = format!("cp{}.example.org", 3040 + host);
    let sent = json!({
        "event": event, "schema": shape.name, "revision": REVISION, "wiki": "enwiki", "webHost": "en.example.org",
    });
    let mut capsule = sent.clone();
    if let Some(capsule) = capsule.as_object_mut() {
        capsule.insert("uuid".into(), json!(uuid));
        capsule.insert("recvFrom".into(), json!(host));
        capsule.insert("seqId".into(), json!(index));
        capsule.insert("timestamp".into(), json!(timestamp));
    }
    row.insert("uuid".into(), json!(uuid));
    row.insert("wiki".into(), json!("enwiki"));
    row.insert("webHost".into(), json!("en.example.org"));
    row.insert("timestamp".into(), json!(fourteen_digits(timestamp)));
    let line = format!(
        "?{};\t{host}\t{index}\t{}\t198.51.100.7\t\"Mozilla/5.0 (X11; Linux x86_64; rv:33.0) Firefox/33.0\"\n",
        utf8_percent_encode(&text(&sent), NON_ALPHANUMERIC),
        log_time(timestamp),
    );
    Event {
        capsule: text(&capsule),
        row: text(&Value::Object(row)),
        line,
    }
}

/// The columns of a row.
fn flatten(name: &str, value: &Value, row: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{name}_{member}"), value, row);
            }
        }
        value => {
            row.insert(name.to_owned(), value.clone());
        }
    }
}

/// JSON text with members in an order that does not depend on their names, but is the same in each event of
/// a schema, as in real programs.
fn text(value: &Value) -> String {
    let Value::Object(members) = value else {
        return value.to_string();
    };
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    members.sort_by_key(|(name, _)| {
        let seed = name.bytes().fold(0, |seed: u64, byte| {
            seed.wrapping_mul(31).wrapping_add(byte.into())
        });
        Rng::new(seed).next()
    });
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{}", json!(name), text(value)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// 2014-11-18T00:00:00Z.
const DAY_START: u64 = 1_416_268_800;

/// Hour, minute and second of a moment on 2014-11-18, which all events of the bench share.
fn time_of_day(unix_seconds: u64) -> [u64; 3] {
    let second = (unix_seconds - DAY_START) % 86_400;
    [second / 3600, second / 60 % 60, second % 60]
}

/// `YYYYMMDDHHMMSS`.
fn fourteen_digits(unix_seconds: u64) -> String {
    let [hour, minute, second] = time_of_day(unix_seconds);
    format!("20141118{hour:02}{minute:02}{second:02}")
}

/// `YYYY-MM-DDTHH:MM:SS`.
fn log_time(unix_seconds: u64) -> String {
    let [hour, minute, second] = time_of_day(unix_seconds);
    format!("2014-11-18T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_schemas_are_of_five_sizes_and_no_event_comes_twice() {
        let shapes = shapes();
        assert_eq!(shapes.len(), 20);
        let events = events(&shapes, 2000, 1);
        let mut sizes: Vec<(&str, usize)> = Vec::new();
        for (event, shape) in events.iter().zip(shapes.iter().cycle()) {
            if !sizes.iter().any(|(name, _)| *name == shape.name) {
                sizes.push((&shape.name, event.capsule.len()));
            }
        }
        sizes.sort_by_key(|(_, bytes)| *bytes);
        let expected = [
            ("Tiny", 300),
            ("Timing", 600),
            ("Edit", 1000),
            ("Search", 2000),
            ("Trace", 4000),
        ];
        for ((name, bytes), (expected, about)) in sizes.iter().zip(expected) {
            assert_eq!(*name, expected);
            assert!(bytes.abs_diff(about) * 10 < about, "{name}: {bytes}");
        }
        let total: usize = events.iter().map(|event| event.capsule.len()).sum();
        assert!(
            (900..1100).contains(&(total / events.len())),
            "{}",
            total / events.len()
        );
        let mut texts: Vec<&str> = events.iter().map(|event| event.capsule.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), events.len());
    }
}
