//! Schemas that take far too many steps on a small event, one for each keyword with which that is possible.
//! Each validation ends after a known number of steps, and says that it did not finish.

use std::fs;

use landfall_document::{Documents, Pointer, SchemaSet, Validity};
use serde_json::{Map, Value, json};

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

/// Alternatives that lead back to the whole schema, and differ only in the innermost value.
fn alternatives(keyword: &str, draft: &str) -> Value {
    let branch = |kind: &str| {
        json!({ "type": "object", "required": ["kind"],
            "properties": { "child": { "$ref": "#" }, "kind": { "const": kind } } })
    };
    schema(draft, json!({ keyword: [branch("and"), branch("or")] }))
}

/// What ends because of too many steps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// The verdict itself.
    Judging,
    /// Finding the violations; the event is surely invalid.
    Telling,
    /// Nothing, for it can be done in few steps.
    Nothing,
}

/// By keyword: a schema, an event that takes too many steps and what these end, and an event that it can judge.
#[expect(clippy::too_many_lines, reason = "a table")]
fn hostile() -> Vec<(&'static str, Value, Value, Ends, Value)> {
    let deep = || nested(40, json!(1));
    let back = || json!({ "properties": { "child": { "$ref": "#" } } });
    let objects = |text: &str| -> Vec<Value> {
        let all = (0..3_000).map(|number| json!({ "a": [number, text] }));
        all.collect()
    };
    let long = json!(objects("x"));
    let unlike = json!(objects("y"));
    let names: Map<String, Value> = (0..3_000).map(|n| (format!("n{n}"), json!(1))).collect();
    let patterns: Vec<String> = (0..3_000).map(|n| format!("^m{n}$")).collect();
    let by_patterns: Map<String, Value> = patterns.iter().map(|p| (p.clone(), json!({}))).collect();
    let any_pattern: Vec<Value> = patterns.iter().map(|p| json!({ "pattern": p })).collect();
    // Only the last alternative fits.
    let slow = json!({ "anyOf": [{ "enum": long }, { "enum": long }, true] });
    let of_items = |keywords: Value| schema(D2019, keywords);
    vec![
        (
            "oneOf",
            alternatives("oneOf", D7),
            deep(),
            Ends::Telling,
            nested(3, json!({ "kind": "or" })),
        ),
        (
            "anyOf",
            alternatives("anyOf", D2020),
            deep(),
            Ends::Telling,
            nested(3, json!({ "kind": "or" })),
        ),
        (
            "allOf, not and if",
            schema(
                D7,
                json!({ "allOf": [back(), { "not": { "not": back() } }, { "if": back(), "else": back() }],
                "type": "object" }),
            ),
            deep(),
            Ends::Telling,
            json!({}),
        ),
        (
            "unevaluatedProperties",
            schema(
                D2020,
                json!({ "anyOf": [back(), back()], "unevaluatedProperties": false }),
            ),
            deep(),
            Ends::Telling,
            json!({}),
        ),
        (
            "dependentSchemas",
            schema(
                D2019,
                json!({ "dependentSchemas": { "kind": back(), "child": back() }, "type": "object" }),
            ),
            deep(),
            Ends::Telling,
            json!({}),
        ),
        (
            "enum of objects",
            of_items(json!({ "items": slow })),
            unlike.clone(),
            Ends::Judging,
            json!([{ "a": [7, "x"] }]),
        ),
        (
            "contains",
            of_items(json!({ "contains": { "enum": long } })),
            unlike.clone(),
            Ends::Judging,
            json!([{ "a": [7, "x"] }]),
        ),
        (
            "unevaluatedItems",
            of_items(json!({ "anyOf": [{ "items": [true] }, true], "unevaluatedItems": slow })),
            unlike.clone(),
            Ends::Judging,
            json!([]),
        ),
        (
            "additionalProperties",
            of_items(json!({ "additionalProperties": { "anyOf": [
            { "enum": long }, { "enum": long }, { "enum": long }, true] } })),
            json!(
                (0..1_000)
                    .map(|n| (format!("n{n}"), json!({ "a": [n, "y"] })))
                    .collect::<Map<_, _>>()
            ),
            Ends::Judging,
            json!({}),
        ),
        (
            "uniqueItems",
            of_items(json!({ "uniqueItems": true })),
            json!([unlike, unlike]),
            Ends::Nothing,
            json!([1, 2]),
        ),
        (
            "numbers in enum",
            of_items(json!({ "items": { "anyOf": [
            { "enum": (0..20_000).collect::<Vec<_>>() }, true] } })),
            json!((0..20_000).map(|n| f64::from(n) + 0.5).collect::<Vec<_>>()),
            Ends::Judging,
            json!([1, 1.5]),
        ),
        (
            "patternProperties",
            schema(D7, json!({ "patternProperties": by_patterns })),
            json!(names),
            Ends::Judging,
            json!({ "m7": 1 }),
        ),
        (
            "patternProperties beside additionalProperties",
            schema(
                D7,
                json!({ "patternProperties": by_patterns, "additionalProperties": false }),
            ),
            json!(names),
            Ends::Telling,
            json!({ "m7": 1 }),
        ),
        (
            "propertyNames",
            schema(D7, json!({ "propertyNames": { "anyOf": any_pattern } })),
            json!(names),
            Ends::Telling,
            json!({ "m7": 1 }),
        ),
        (
            "a large pattern",
            schema(D7, json!({ "pattern": "^(?:[ab]{100}){1000}$" })),
            json!("ab".repeat(60_000)),
            Ends::Judging,
            json!("ab".repeat(300)),
        ),
        (
            "patterns that backtrack",
            schema(
                D7,
                json!({ "items": { "anyOf": [{ "pattern": "^(a|b|ab)*(?!x)c$" }, true] } }),
            ),
            json!(
                (0..2_000)
                    .map(|n| format!("{}d{n}", "ab".repeat(28)))
                    .collect::<Vec<_>>()
            ),
            Ends::Judging,
            json!(["abc"]),
        ),
    ]
}

#[test]
fn whatever_takes_too_many_steps_is_ended_and_other_events_are_judged() {
    let mut wrong = Vec::new();
    for (keyword, schema, poison, ends, good) in hostile() {
        let judged = judge(&schema, &[&poison, &good]);
        let (verdict, told) = &judged[0];
        let found = match verdict {
            Validity::Exhausted if told.contains("more steps") => Ends::Judging,
            Validity::Invalid if told.contains("too many steps") => Ends::Telling,
            _ => Ends::Nothing,
        };
        let is_good = matches!(judged[1].0, Validity::Valid | Validity::Invalid);
        if found != ends || !is_good {
            wrong.push(format!("{keyword}: {found:?}, {judged:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn references_that_double_the_schemas_of_a_value_are_refused_when_loaded() {
    let chain = |levels: usize, last: Value| {
        let mut definitions = Map::new();
        for level in 0..levels {
            let next = json!({ "$ref": format!("#/definitions/d{}", level + 1) });
            definitions.insert(format!("d{level}"), json!({ "allOf": [next, next] }));
        }
        definitions.insert(format!("d{levels}"), last);
        schema(
            D7,
            json!({ "definitions": definitions, "$ref": "#/definitions/d0" }),
        )
    };
    for last in [
        json!({}),
        json!(true),
        json!(false),
        json!({ "type": "object" }),
    ] {
        let (_directory, _, errors) = load(&chain(25, last.clone()));
        assert_eq!(errors.len(), 1, "{last}");
        assert!(
            errors[0].contains("more than 16384 schemas apply to one value"),
            "{errors:?}"
        );
        let (_directory, _, errors) = load(&chain(8, last));
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn patterns_that_together_compile_for_too_long_are_refused_with_the_first_that_is_too_much() {
    let of = |pattern: &dyn Fn(usize) -> String, count: usize| {
        let members = (0..count).map(|n| (format!("p{n:03}"), json!({ "pattern": pattern(n) })));
        schema(D7, json!({ "properties": members.collect::<Map<_, _>>() }))
    };
    // Some 800,000 parts each: five are within the bound of a file.
    let words = |n: usize| format!(r"^\w{{1,999}}x{n}$");
    let backtracking = |n: usize| format!(r"^(?!x{n})\w{{1,999}}$");
    for pattern in [&words as &dyn Fn(usize) -> String, &backtracking] {
        let (_directory, set, errors) = load(&of(pattern, 2));
        assert!(errors.is_empty() && set.len() == 1, "{errors:?}");
        let (_directory, _, errors) = load(&of(pattern, 500));
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].contains("at /properties/p005/pattern: the pattern is refused")
                && errors[0].contains("of those that the patterns of one file may have"),
            "{errors:?}"
        );
    }
    // One pattern is compiled once, however often it stands there.
    let (_directory, set, errors) = load(&of(&|_| r"^\w{1,999}$".into(), 500));
    assert!(errors.is_empty() && set.len() == 1, "{errors:?}");
}

#[test]
fn names_that_stand_around_many_others_are_refused_before_they_take_memory() {
    let around = |name: usize, others: usize| {
        let others = (0..others).map(|n| (format!("n{n}"), json!({})));
        let inner = json!({ "properties": others.collect::<Map<_, _>>() });
        schema(D7, json!({ "properties": { "n".repeat(name): inner } }))
    };
    let (_directory, set, errors) = load(&around(1_000, 10_000));
    assert!(errors.is_empty() && set.len() == 1, "{errors:?}");
    let (_directory, _, errors) = load(&around(1_000_000, 1_000));
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains("the JSON pointers to all values in it"),
        "{errors:?}"
    );
}

#[test]
fn long_names_of_an_event_are_looked_at_by_patterns_no_longer_than_texts() {
    let by_names: Map<String, Value> = (0..40)
        .map(|n| (format!("a.{{{}}}!", 200 + n), json!({})))
        .collect();
    let mut state = 7_u64;
    let name: String = (0..200_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            if state >> 63 == 0 { 'a' } else { 'b' }
        })
        .collect();
    let schema = schema(
        D7,
        json!({ "patternProperties": by_names, "additionalProperties": true }),
    );
    let judged = judge(&schema, &[&json!({ name: 1 }), &json!({ "b": 1 })]);
    assert_eq!(judged[0].0, Validity::Exhausted);
    assert_eq!(judged[1].0, Validity::Valid);
}
