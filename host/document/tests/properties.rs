//! Properties of both readers over random and damaged documents: they agree with each other and with
//! serde_json, and never panic.

use landfall_document::{Column, Documents, Pointer, RowState, SchemaSet, Validity, redact};
use proptest::prelude::*;
use serde_json::Value as SerdeValue;

/// Any JSON value, with names that often collide in length and first letters.
fn any_json() -> impl Strategy<Value = SerdeValue> {
    let scalar = prop_oneof![
        Just(SerdeValue::Null),
        any::<bool>().prop_map(SerdeValue::from),
        any::<i64>().prop_map(SerdeValue::from),
        any::<u64>().prop_map(SerdeValue::from),
        any::<f64>().prop_map(SerdeValue::from),
        (-1000_i32..1000).prop_map(|tenths| SerdeValue::from(f64::from(tenths) / 10.0)),
        any::<String>().prop_map(SerdeValue::from),
        "[a-c\\\\\"\n\u{7f}é\u{1F600}]{0,70}".prop_map(SerdeValue::from),
    ];
    scalar.prop_recursive(5, 120, 40, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..40).prop_map(SerdeValue::from),
            prop::collection::btree_map("[ab]{0,2}|name_[0-9]{1,3}|.{0,9}", inner, 0..40)
                .prop_map(|members| SerdeValue::Object(members.into_iter().collect())),
        ]
    })
}

/// Names; some are longer than those that the fast reader remembers.
fn short_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ab]{0,2}", 3 => "name_[0-9]", 1 => "[a-d]{20,40}", 1 => "[aé\"]{0,3}"]
}

fn parse(rows: &[&[u8]]) -> Documents {
    let text = rows.concat();
    let mut end = 0;
    let ends: Vec<u32> = rows
        .iter()
        .map(|row| {
            end += row.len() as u32;
            end
        })
        .collect();
    let mut documents = Documents::default();
    documents.parse(&text, &ends);
    documents
}

fn canonical(documents: &Documents, row: usize) -> String {
    let mut text = Vec::new();
    if let Some(value) = documents.value(row, &Pointer::default()) {
        value.write_canonical(&mut text);
    }
    String::from_utf8(text).unwrap()
}

/// The text by the lenient reader, which `redact` always uses.
fn lenient(json: &[u8]) -> String {
    let mut text = Vec::new();
    redact(json, &[], &mut text);
    String::from_utf8(text).unwrap()
}

/// The JSON text for which the entries of a column of members stand, read as wit/check.wit defines them.
fn members_to_json(mut entries: &[u8], in_object: bool) -> String {
    let mut members = Vec::new();
    while let Some((&[kind, n0, n1, n2, n3, v0, v1, v2, v3], rest)) = entries.split_first_chunk() {
        let (name, rest) = rest.split_at(u32::from_le_bytes([n0, n1, n2, n3]) as usize);
        let (value, rest) = rest.split_at(u32::from_le_bytes([v0, v1, v2, v3]) as usize);
        entries = rest;
        let text = |bytes| std::str::from_utf8(bytes).unwrap().to_owned();
        let quoted = |bytes| serde_json::to_string(&text(bytes)).unwrap();
        let value = match kind {
            b'z' => "null".into(),
            b'f' => "false".into(),
            b't' => "true".into(),
            b's' => quoted(value),
            b'o' => format!("{{{}}}", members_to_json(value, true)),
            b'i' | b'd' | b'a' => {
                let is_decimal = value.iter().any(|byte| b".e".contains(byte));
                assert!(kind == b'a' || is_decimal == (kind == b'd'));
                text(value)
            }
            _ => panic!("kind {kind}"),
        };
        members.push(match in_object {
            true => format!("{}:{value}", quoted(name)),
            false => value,
        });
    }
    assert!(entries.is_empty(), "nothing is left over");
    members.join(",")
}

/// Without floats beyond 64 bits: with serde_json, jsonschema does not know how they were written, and takes
/// them for integers in draft-04. The tape knows it.
fn without_huge_floats(value: SerdeValue) -> SerdeValue {
    match value {
        SerdeValue::Number(number)
            if number.as_f64().is_some_and(|float| float.abs() >= 9.2e18) && number.is_f64() =>
        {
            SerdeValue::from(0.5)
        }
        SerdeValue::Array(items) => items.into_iter().map(without_huge_floats).collect(),
        SerdeValue::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, without_huge_floats(member)))
            .collect(),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonical_text_means_the_same_and_is_its_own_canonical_text(values in prop::collection::vec(any_json(), 1..5)) {
        let rows: Vec<Vec<u8>> = values.iter().enumerate().map(|(index, value)| {
            if index % 2 == 0 { serde_json::to_vec(value).unwrap() } else { serde_json::to_vec_pretty(value).unwrap() }
        }).collect();
        let documents = parse(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for (row, value) in values.iter().enumerate() {
            prop_assert_eq!(documents.state(row), RowState::Good);
            let text = canonical(&documents, row);
            prop_assert!(serde_json::from_str::<SerdeValue>(&text).unwrap() == *value, "{} {}", text, value);
            prop_assert_eq!(&lenient(&rows[row]), &text);
            prop_assert_eq!(&canonical(&parse(&[text.as_bytes()]), 0), &text);
        }
    }

    #[test]
    fn members_say_what_the_text_says(
        values in prop::collection::vec(any_json(), 1..5),
        reversed in any::<bool>(),
    ) {
        // Members in any order, as in most documents; a duplicate name takes the document to the lenient
        // reader.
        let unsorted = |value: &SerdeValue| match value.as_object() {
            Some(members) if reversed => {
                let member = |(name, value)| format!("{}:{value}", SerdeValue::from(name));
                let members: Vec<(String, &SerdeValue)> =
                    members.iter().map(|(name, value)| (name.clone(), value)).collect();
                let twice = members.first().cloned();
                let all = members.into_iter().rev().chain(twice).map(member);
                format!("{{{}}}", all.collect::<Vec<_>>().join(","))
            }
            _ => value.to_string(),
        };
        let rows: Vec<String> = values.iter().map(unsorted).collect();
        let documents = parse(&rows.iter().map(String::as_bytes).collect::<Vec<_>>());
        let (mut packed, mut ends) = (Vec::new(), Vec::new());
        documents.write_column(&Column::parse("members:").unwrap(), &mut packed, &mut ends);
        prop_assert_eq!(ends.len(), rows.len());
        prop_assert_eq!(packed.len(), ends[ends.len() - 1] as usize);
        let mut start = 0;
        for (row, &end) in ends.iter().enumerate() {
            let entry = &packed[start..end as usize];
            start = end as usize;
            prop_assert_eq!(members_to_json(entry, false), canonical(&documents, row));
        }
    }

    #[test]
    fn mutilated_documents_are_read_alike_by_both_readers(
        value in any_json(), at in any::<prop::sample::Index>(), count in 0_usize..4,
        with in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b','), Just(b'0'), Just(b'e'),
            Just(b'.'), Just(b'-'), Just(b'['), Just(b'}'), Just(b':'), Just(b'u'), Just(b' '), any::<u8>()], 0..4),
    ) {
        let mut json = serde_json::to_vec(&value).unwrap();
        let at = at.index(json.len());
        let end = json.len().min(at + count);
        json.splice(at..end, with);
        let documents = parse(&[b"[\"before\"]", &json, b"{\"a\":\"after\\n\"}"]);
        // What the fast reader accepts, the lenient one accepts too, with the same text.
        prop_assert_eq!(canonical(&documents, 1), lenient(&json));
        // What serde_json reads, Landfall reads too.
        if serde_json::from_slice::<SerdeValue>(&json).is_ok() {
            prop_assert_eq!(documents.state(1), RowState::Good);
        }
        prop_assert_eq!(canonical(&documents, 0), "[\"before\"]");
        prop_assert_eq!(canonical(&documents, 2), "{\"a\":\"after\\n\"}");
    }

    #[test]
    fn what_came_before_never_changes_how_a_document_is_read(
        members in prop::collection::vec((short_name(), any_json()), 0..9), more in any_json(),
        spaces in any::<bool>(), edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..9, prop::collection::vec(prop_oneof![
            Just(b'"'), Just(b'\\'), Just(b','), Just(b'}'), Just(b'{'), Just(b':'), Just(b' '), Just(b'a'), any::<u8>()], 0..3)), 1..5),
    ) {
        // Any names, also duplicate ones.
        let written = |members: &[(String, SerdeValue)]| {
            let (comma, colon) = if spaces { (", ", " : ") } else { (",", ":") };
            let member = |(name, value): &(String, SerdeValue)| format!("{}{colon}{value}", SerdeValue::from(name.as_str()));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(comma)).into_bytes()
        };
        let whole = written(&members);
        let mut rows = vec![whole.clone(), written(members.get(1..).unwrap_or_default())];
        let others: Vec<(String, SerdeValue)> = members.iter().map(|(name, _)| (name.clone(), more.clone())).collect();
        rows.extend([whole.clone(), written(&others), whole.clone()]);
        for (at, count, with) in edits {
            let mut edited = whole.clone();
            let at = at.index(edited.len());
            edited.splice(at..whole.len().min(at + count), with);
            rows.extend([edited, whole[..at].to_vec(), whole[at..].to_vec(), whole.clone()]);
        }
        let text = rows.concat();
        let ends: Vec<u32> = rows.iter().scan(0, |end, row| { *end += row.len() as u32; Some(*end) }).collect();
        let mut documents = Documents::default();
        for _ in 0..2 {
            documents.parse(&text, &ends);
            for (row, json) in rows.iter().enumerate() {
                prop_assert_eq!(canonical(&documents, row), lenient(json), "{}", String::from_utf8_lossy(json));
            }
        }
    }

    #[test]
    fn no_bytes_and_no_ends_make_the_reader_panic(text in prop::collection::vec(any::<u8>(), 0..300), ends in prop::collection::vec(0_u32..320, 0..12)) {
        let mut documents = Documents::default();
        for _ in 0..2 {
            documents.parse(&text, &ends);
            prop_assert_eq!(documents.rows(), ends.len());
            let (mut column, mut column_ends) = (Vec::new(), Vec::new());
            documents.write_column(&Pointer::default().into(), &mut column, &mut column_ends);
            prop_assert_eq!(column_ends.len(), ends.len());
            prop_assert!(std::str::from_utf8(&column).is_ok());
            column_ends.clear();
            documents.write_column(&Column::parse("members:").unwrap(), &mut column, &mut column_ends);
            prop_assert_eq!(column_ends.len(), ends.len());
        }
        lenient(&text);
    }

    #[test]
    fn any_numeral_is_read_alike(
        sign in "-?", integer in "0|[1-9][0-9]{0,30}", fraction in "(\\.[0-9]{1,25})?", exponent in "([eE][+-]?[0-9]{1,3})?"
    ) {
        let json = format!("{sign}{integer}{fraction}{exponent}");
        let documents = parse(&[json.as_bytes()]);
        prop_assert_eq!(canonical(&documents, 0), lenient(json.as_bytes()));
        let value = documents.value(0, &Pointer::default()).unwrap();
        prop_assert_eq!(value.as_f64().unwrap(), json.parse::<f64>().unwrap());
        if fraction.is_empty() && exponent.is_empty() && json != "-0" {
            prop_assert_eq!(canonical(&documents, 0), json);
        }
    }

    #[test]
    fn the_last_of_equal_names_wins_whatever_the_object(names in prop::collection::vec("[a-d]{1,2}|name_of_a_member_[0-9]", 1..60)) {
        let members: Vec<String> = names.iter().enumerate().map(|(index, name)| format!("{name:?}:{{\"v\":{index}}}")).collect();
        let json = format!("{{{}}}", members.join(","));
        let documents = parse(&[json.as_bytes()]);
        let expected: std::collections::BTreeMap<&str, SerdeValue> =
            names.iter().enumerate().map(|(index, name)| (name.as_str(), serde_json::json!({ "v": index }))).collect();
        prop_assert_eq!(canonical(&documents, 0), serde_json::to_string(&expected).unwrap());
        prop_assert_eq!(documents.value(0, &Pointer::default()).unwrap().len(), expected.len());
        for (name, value) in &expected {
            let found = documents.value(0, &Pointer::parse(&format!("/{name}/v")).unwrap()).unwrap();
            prop_assert_eq!(found.as_u64(), value["v"].as_u64());
        }
    }

    #[test]
    fn validity_is_that_of_serde_json_values_on_either_reader(value in any_json(), twice in any::<bool>()) {
        // A name that occurs twice takes the document to the lenient reader, and changes nothing.
        let wrapped = serde_json::json!({ "v": without_huge_floats(value) });
        let text = wrapped.to_string();
        let text = if twice { text.replacen('{', "{\"v\":0,", 1) } else { text };
        let documents = parse(&[text.as_bytes()]);
        let (set, native) = &*SCHEMAS;
        for (label, native) in native {
            let compiled = set.find(label).unwrap();
            let valid = documents.validate(0, &Pointer::default(), compiled) == Validity::Valid;
            prop_assert_eq!(valid, native.is_valid(&wrapped), "{}", label);
            let ours = documents.explain(0, &Pointer::default(), compiled, usize::MAX);
            let theirs: Vec<String> = native.iter_errors(&wrapped).map(|error| error.schema_path().to_string()).collect();
            let ours: Vec<&str> = ours.iter().map(|violation| violation.schema_pointer.as_str()).collect();
            // The members of a document may stand in another order than in serde_json's map.
            let sorted = |mut all: Vec<String>| { all.sort(); all };
            prop_assert_eq!(sorted(ours.iter().map(|path| path.to_string()).collect()), sorted(theirs));
        }
    }
}

type Native = Vec<(String, jsonschema::Validator)>;

static SCHEMAS: std::sync::LazyLock<(SchemaSet, Native)> = std::sync::LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("s")).unwrap();
    let recursive = r#"{"type":["object","array","string","number","null"],"maxProperties":20,"uniqueItems":true,
        "additionalProperties":{"$ref":"ROOT"},"items":{"$ref":"ROOT"},"maxLength":40,"minimum":-5.5,"multipleOf":2,
        "propertyNames":{"maxLength":7},"patternProperties":{"^a":{"type":"integer"}},
        "properties":{"b":{"enum":[null,1.0,"b",[1],{"a":1}]},"v":{"$ref":"ROOT"}},"required":["v"]}"#;
    let mut native = Vec::new();
    for (index, draft) in [
        "draft-04",
        "draft-06",
        "draft-07",
        "draft/2019-09",
        "draft/2020-12",
    ]
    .iter()
    .enumerate()
    {
        let schema = recursive
            .replace("ROOT", "#")
            .replacen(
                '{',
                &format!("{{\"$schema\":\"http://json-schema.org/{draft}/schema\","),
                1,
            )
            .replace(
                "\"required\":[\"v\"]",
                if index % 2 == 0 {
                    "\"required\":[\"v\"]"
                } else {
                    "\"minItems\":1"
                },
            );
        std::fs::write(directory.path().join(format!("s/{index}.json")), &schema).unwrap();
        let parsed: SerdeValue = serde_json::from_str(&schema).unwrap();
        native.push((
            format!("s/{index}"),
            jsonschema::options()
                .should_validate_formats(false)
                .build(&parsed)
                .unwrap(),
        ));
    }
    let (set, errors) = SchemaSet::load(directory.path());
    assert!(errors.is_empty(), "{errors:?}");
    (set, native)
});
