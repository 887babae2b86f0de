//! Tests of the fast check against tables, and against the crate.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::representation::OnTape;
use crate::schema::keywords;
use crate::{Documents, Pointer};

const DRAFTS: [&str; 4] = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2020-12/schema",
];

fn accepts(schema: &Value, document: &str) -> bool {
    let mut documents = Documents::default();
    documents.parse(document.as_bytes(), &[document.len() as u32]);
    let value = documents.value(0, &Pointer::default()).expect("it is JSON");
    PlainSchema::new(schema).accepts(value.tape(), value.place())
}

#[test]
fn what_is_surely_valid_is_known_and_all_else_left_to_the_crate() {
    let long = "n".repeat(40);
    let event = json!({
        "$schema": DRAFTS[0], "title": "an event", "type": "object", "additionalProperties": false,
        "required": ["action", "id"],
        "properties": {
            "action": {"type": "string", "enum": ["click", "view"]},
            "id": {"type": "integer", "minimum": 0, "maximum": 10},
            "ratio": {"type": "number"},
            "text": {"type": ["string", "null"], "minLength": 2, "maxLength": 4, "format": "uri"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "detail": {"type": "object", "properties": {"ok": {"type": "boolean"}, &long: {"type": "null"}}},
            "odd": {"pattern": "^a"},
        },
    });
    let rest = r#""action":"click","id":7"#;
    let cases = [
        (format!("{{{rest}}}"), true),
        (format!(r#"{{"ratio":1.5,{rest}}}"#), true),
        (format!(r#"{{"ratio":2,{rest},"text":null}}"#), true),
        (format!(r#"{{"text":"éé",{rest}}}"#), true),
        (format!(r#"{{"text":"éééé",{rest}}}"#), true),
        (format!(r#"{{"tags":["a",""],{rest}}}"#), true),
        (format!(r#"{{"tags":[],"detail":{{}},{rest}}}"#), true),
        (
            format!(r#"{{"detail":{{"ok":true,"more":[{{}}],"{long}":null}},{rest}}}"#),
            true,
        ),
        // Invalid.
        (r#"{"action":"click"}"#.to_owned(), false),
        (r#"{"action":"save","id":7}"#.to_owned(), false),
        (r#"{"action":"view","id":-1}"#.to_owned(), false),
        (r#"{"action":"view","id":11}"#.to_owned(), false),
        (format!(r#"{{"more":1,{rest}}}"#), false),
        (format!(r#"{{"text":"é",{rest}}}"#), false),
        (format!(r#"{{"text":"abcde",{rest}}}"#), false),
        (format!(r#"{{"tags":["a",1],{rest}}}"#), false),
        (format!(r#"{{"detail":{{"ok":0}},{rest}}}"#), false),
        (format!(r#"{{"detail":{{"{long}":1}},{rest}}}"#), false),
        ("[]".to_owned(), false),
        // Left to the crate: whether it is an integer depends on the draft, and patterns are not known here.
        (r#"{"action":"view","id":7.0}"#.to_owned(), false),
        (format!(r#"{{"odd":"a",{rest}}}"#), false),
        (format!(r#"{{"ratio":18446744073709551615,{rest}}}"#), false),
    ];
    for (document, expected) in cases {
        assert_eq!(accepts(&event, &document), expected, "{document}");
    }
    for schema in [
        json!({"enum": []}),
        json!({"enum": [1]}),
        json!({"$ref": "#"}),
        json!({"allOf": [{}]}),
        json!({"minimum": 0.5}),
        json!({"type": "any"}),
        json!({"properties": {}, "additionalProperties": {"type": "null"}}),
        json!({"required": ["a"], "additionalProperties": false}),
        json!({"items": [{}]}),
        json!({"properties": {"a": {"$schema": DRAFTS[0]}}}),
        json!(true),
    ] {
        assert!(!accepts(&schema, r#"{"a":1}"#), "{schema}");
    }
    let deep = |levels: usize| (0..levels).fold(json!({}), |inner, _| json!({"items": inner}));
    assert!(accepts(&deep(DEPTH_MAX - 1), "[]") && !accepts(&deep(DEPTH_MAX), "[]"));
    let many: Vec<String> = (0..65).map(|n| format!("n{n}")).collect();
    assert!(
        !accepts(&json!({"required": many}), "{}"),
        "more than there are bits"
    );
}

fn any_schema() -> impl Strategy<Value = Value> {
    let types = || {
        prop::sample::select(vec![
            "null", "boolean", "integer", "number", "string", "array", "object",
        ])
    };
    let keyword = prop_oneof![
        types().prop_map(|name| ("type", json!(name))),
        prop::collection::btree_set(types(), 1..4).prop_map(|names| ("type", json!(names))),
        (-2i64..4).prop_map(|bound| ("minimum", json!(bound))),
        (-2i64..4).prop_map(|bound| ("maximum", json!(bound))),
        (0u64..4).prop_map(|bound| ("minLength", json!(bound))),
        (0u64..4).prop_map(|bound| ("maxLength", json!(bound))),
        prop::collection::btree_set("[aé]{0,2}", 1..4).prop_map(|words| ("enum", json!(words))),
        Just(("format", json!("date"))),
        Just(("pattern", json!("^a"))),
        Just(("multipleOf", json!(2))),
    ];
    let leaf = prop::collection::vec(keyword, 0..4);
    let leaf = leaf.prop_map(|keywords| {
        Value::Object(
            keywords
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    });
    leaf.prop_recursive(3, 30, 4, |inner| {
        let names = || prop::collection::btree_set("[ab]{1,2}", 1..3);
        prop_oneof![
            inner
                .clone()
                .prop_map(|items| json!({"type": "array", "items": items})),
            (
                prop::collection::btree_map("[ab]{1,2}", inner, 0..5),
                prop::option::of(names()),
                prop::sample::select(vec![
                    None,
                    Some(json!(true)),
                    Some(json!(false)),
                    Some(json!({}))
                ]),
            )
                .prop_map(|(properties, required, additional)| {
                    let mut schema = json!({"properties": properties});
                    if let Some(required) = required {
                        schema["required"] = json!(required);
                    }
                    if let Some(additional) = additional {
                        schema["additionalProperties"] = additional;
                    }
                    schema
                }),
        ]
    })
}

fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..5).prop_map(Value::from),
        (-3i64..5).prop_map(|whole| Value::from(whole as f64)),
        (-2.0f64..4.0).prop_map(Value::from),
        Just(json!(u64::MAX)),
        "[aé]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]{1,2}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_valid(
        schema in any_schema(), documents in prop::collection::vec(any_document(), 1..12), draft in 0usize..4,
    ) {
        let mut schema = schema;
        schema["$schema"] = json!(DRAFTS[draft]);
        let options = keywords::install(jsonschema::options_for::<OnTape>());
        let validator = options.should_validate_formats(false).build(&schema).unwrap();
        let plain = PlainSchema::new(&schema);
        for document in documents {
            let text = document.to_string();
            let mut parsed = Documents::default();
            parsed.parse(text.as_bytes(), &[text.len() as u32]);
            let value = parsed.value(0, &Pointer::default()).unwrap();
            let accepted = plain.accepts(value.tape(), value.place());
            prop_assert!(!accepted || validator.is_valid(value), "{} {}", schema, document);
        }
    }
}
