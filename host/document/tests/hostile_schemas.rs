//! Schemas that take far too many steps on a small event, of every keyword that can be made to: each
//! validation ends after a number of steps that is known beforehand, and says that it did not finish.

use std::fs;

use landfall_document::{Documents, Pointer, SchemaSet, Validity};
use serde_json::{Value, json};

const D7: &str = "http://json-schema.org/draft-07/schema#";
const D2019: &str = "https://json-schema.org/draft/2019-09/schema";
const D2020: &str = "https://json-schema.org/draft/2020-12/schema";

fn schema(draft: &str, mut schema: Value) -> Value {
    schema["$schema"] = draft.into();
    schema
}

/// `levels` objects, one in the other, with `inner` in the innermost.
fn nested(levels: usize, inner: Value) -> Value {
    (0..levels).fold(inner, |child, _| json!({ "kind": "and", "child": child }))
}

fn load(schema: &Value) -> (tempfile::TempDir, SchemaSet, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("s")).unwrap();
    fs::write(directory.path().join("s/1.json"), schema.to_string()).unwrap();
    let (set, errors) = SchemaSet::load(directory.path());
    let errors = errors.iter().map(ToString::to_string).collect();
    (directory, set, errors)
}

fn judge(schema: &Value, events: &[&Value]) -> Vec<(Validity, String)> {
    let (_directory, set, errors) = load(schema);
    assert!(errors.is_empty(), "{errors:?}");
    let schema = set.find("s/1").unwrap();
    let mut text = String::new();
    let mut ends = Vec::new();
    for event in events {
        text += &event.to_string();
        ends.push(text.len() as u32);
    }
    let mut documents = Documents::default();
    documents.parse(text.as_bytes(), &ends);
    let whole = Pointer::default();
    (0..events.len())
        .map(|row| {
            let told = documents.explain(row, &whole, schema, 3);
            let told = told.into_iter().map(|told| told.message);
            (
                documents.validate(row, &whole, schema),
                told.collect::<Vec<_>>().join("; "),
            )
        })
        .collect()
}

/// Alternatives that lead back to the whole schema, told apart only when their innermost is known.
fn alternatives(keyword: &str, draft: &str) -> Value {
    let branch = |kind: &str| {
        json!({ "type": "object", "required": ["kind"],
            "properties": { "child": { "$ref": "#" }, "kind": { "const": kind } } })
    };
    schema(draft, json!({ keyword: [branch("and"), branch("or")] }))
}

/// By keyword: a schema, an event on which it takes too many steps, and one that it judges.
fn hostile() -> Vec<(&'static str, Value, Value, Value)> {
    let deep = || nested(40, json!(1));
    let back = || json!({ "properties": { "child": { "$ref": "#" } } });
    let long: Vec<Value> = (0..2_000)
        .map(|number| json!({ "a": [number, "x"] }))
        .collect();
    let unlike: Vec<Value> = (0..4_000)
        .map(|number| json!({ "a": [number, "y"] }))
        .collect();
    let names: serde_json::Map<String, Value> = (0..3_000)
        .map(|number| (format!("n{number}"), json!(1)))
        .collect();
    let by_patterns: serde_json::Map<String, Value> = (0..3_000)
        .map(|number| (format!("^m{number}$"), json!({})))
        .collect();
    vec![
        (
            "oneOf",
            alternatives("oneOf", D7),
            deep(),
            nested(3, json!({ "kind": "or" })),
        ),
        (
            "unevaluatedProperties",
            schema(
                D2020,
                json!({
                    "anyOf": [back(), back()], "oneOf": [back(), { "properties": { "child": { "allOf": [{ "$ref": "#" }, { "$ref": "#" }] } } }],
                    "unevaluatedProperties": false,
                }),
            ),
            deep(),
            json!({}),
        ),
        (
            "enum of objects",
            schema(D7, json!({ "items": { "enum": long } })),
            json!(unlike),
            json!([{ "a": [7, "x"] }]),
        ),
        (
            "contains",
            schema(
                D2019,
                json!({
                    "items": { "enum": long }, "contains": { "enum": long }, "minContains": 2,
                }),
            ),
            json!(unlike),
            json!([{ "a": [7, "x"] }, { "a": [8, "x"] }]),
        ),
        (
            "patternProperties",
            schema(
                D7,
                json!({ "patternProperties": by_patterns, "additionalProperties": false }),
            ),
            json!(names),
            json!({ "m7": 1 }),
        ),
        (
            "propertyNames",
            schema(
                D7,
                json!({ "propertyNames": { "anyOf": by_patterns.keys().map(|pattern| json!({ "pattern": pattern })).collect::<Vec<_>>() } }),
            ),
            json!(names),
            json!({ "m7": 1 }),
        ),
        (
            "a large pattern",
            schema(D7, json!({ "pattern": "^(?:[ab]{100}){1000}$" })),
            json!("ab".repeat(20_000)),
            json!("ab".repeat(1000)).clone(),
        ),
    ]
}

#[test]
fn every_keyword_that_takes_too_many_steps_is_ended_and_named_and_judges_other_events() {
    for (keyword, schema, poison, good) in hostile() {
        let begun = std::time::Instant::now();
        let judged = judge(&schema, &[&poison, &good]);
        eprintln!("{keyword}: {judged:?} {:?}", begun.elapsed());
    }
}
