//! Properties of every event.

use field_parity::FieldParity;
use landfall_guest::test::ParityHarness;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Floats that are integers: a random double is almost never one.
        any::<i64>().prop_map(|whole| Value::from(whole as f64)),
        any::<f64>()
            .prop_filter("JSON has no infinities", |f| f.is_finite())
            .prop_map(Value::from),
        ".{0,300}".prop_map(Value::from),
        "[\\[\\]{}\",: 0-9]{0,12}".prop_map(Value::from),
        r#"\[(\{"[a-c]":[ 0-9]{1,3}(,"[a-c]":9)?\},? ?){0,40}\]?"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The row of an event, as the writer of the pipeline makes it.
fn flatten(name: &str, value: &Value, row: &mut Map<String, Value>) {
    let cut = |text: &str| text.chars().take(191).collect::<String>();
    let cell = match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{name}_{member}"), value, row);
            }
            return;
        }
        Value::Bool(truth) => json!(i32::from(*truth)),
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            let single = f64::from(float as f32);
            json!(if single.is_finite() { single } else { float })
        }
        Value::String(text) => json!(cut(text)),
        other => other.clone(),
    };
    row.insert(name.to_owned(), cell);
}

proptest! {
    #[test]
    fn a_row_made_by_the_rules_is_unchanged(
        members in prop::collection::vec(("[a-z]{1,4}", any_value()), 0..6),
    ) {
        let event: Map<String, Value> = members.into_iter().collect();
        let mut row = Map::new();
        for (name, value) in &event {
            flatten(&format!("event_{name}"), value, &mut row);
        }
        let raw = json!({ "event": event }).to_string();
        let altered = ParityHarness::<FieldParity>::new("{}").altered(&raw, &Value::from(row).to_string());
        prop_assert_eq!(altered, Vec::<String>::new());
    }

    #[test]
    fn a_changed_integer_is_always_seen(number in any::<i64>(), other in any::<i64>()) {
        prop_assume!(number != other);
        let (raw, written) = (json!({ "a": number }).to_string(), json!({ "a": other }).to_string());
        prop_assert_eq!(ParityHarness::<FieldParity>::new("{}").altered(&raw, &written), ["a"]);
    }

    #[test]
    fn explaining_any_bytes_never_fails(raw in prop::collection::vec(any::<u8>(), 0..64)) {
        use landfall_guest::ParityCheck;
        let mut form = vec![4];
        form.extend(raw);
        let config = serde_json::from_str("{}").expect("a configuration");
        let mut check = FieldParity::new(config).expect("a check");
        check.explain(&form, &[1]);
    }
}
