//! What the fast reader takes, and that it takes it as the lenient one does.

use proptest::prelude::*;
use serde_json::{Value as SerdeValue, json};

use super::{FastReader, PADDING_BYTES};
use crate::lenient::LenientReader;
use crate::tape::Tape;
use crate::tape::names::SORTED_FROM;
use crate::{Documents, NESTING_MAX, Pointer, RowState};

fn tape(text: &str) -> Tape {
    let mut tape = Tape::default();
    tape.bytes = [text.as_bytes(), &[b' '; PADDING_BYTES]].concat();
    tape
}

/// Reads a document with a reader that has read others; whether it took it. If so, both readers make
/// the same nodes of it.
fn takes(reader: &mut FastReader, text: &str) -> bool {
    let (mut ours, mut theirs) = (tape(text), tape(text));
    let read = reader.read(&mut ours, 0, text.len()).map_err(|_| ());
    let Some(levels) = read.ok().filter(|_| ours.seal().is_ok()) else {
        return false;
    };
    let lenient = LenientReader::default().read_sealed(&mut theirs, 0, text.as_bytes());
    let lenient =
        lenient.unwrap_or_else(|defect| panic!("the lenient reader refuses {text}: {defect}"));
    assert_eq!((lenient.depth, lenient.oddity), (levels, None), "{text}");
    let nodes = |tape: &Tape| format!("{:?}", tape.nodes);
    assert_eq!(nodes(&ours), nodes(&theirs), "{text}");
    let texts = |tape: &Tape| -> Vec<Option<String>> {
        let text = |node| tape.text(node).map(str::to_owned);
        tape.nodes.iter().map(|node| text(*node)).collect()
    };
    assert_eq!(texts(&ours), texts(&theirs), "{text}");
    true
}

/// As Python's json writes it.
fn spaced(value: &SerdeValue) -> String {
    match value {
        SerdeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        SerdeValue::Object(members) => {
            let member = |(name, value): (&String, &SerdeValue)| {
                format!("{}: {}", json!(name), spaced(value))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

fn plain_json() -> impl Strategy<Value = SerdeValue> {
    let scalar = prop_oneof![
        Just(SerdeValue::Null),
        any::<bool>().prop_map(SerdeValue::from),
        any::<i64>().prop_map(SerdeValue::from),
        any::<u64>().prop_map(SerdeValue::from),
        (-1000_i32..1000).prop_map(|tenths| SerdeValue::from(f64::from(tenths) / 10.0)),
        any::<f64>()
            .prop_filter("JSON has it", |float| float.is_finite())
            .prop_map(SerdeValue::from),
        "[a-c\\\\\"\n\u{7f}é\u{1F600}]{0,40}".prop_map(SerdeValue::from),
    ];
    scalar.prop_recursive(5, 60, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(SerdeValue::from),
            prop::collection::btree_map(
                "[ab]{0,2}|name_[0-9]|[a-c]{20,40}|[aé\"]{1,3}",
                inner,
                0..12
            )
            .prop_map(|members| SerdeValue::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plain_json_is_taken_however_it_is_written_and_whatever_came_before(
        values in prop::collection::vec(plain_json(), 1..6), order in prop::collection::vec(0_usize..4, 1..20),
    ) {
        let mut reader = FastReader::default();
        for (turn, style) in order.into_iter().enumerate() {
            let value = &values[turn % values.len()];
            let text = match style {
                0 => value.to_string(),
                1 => spaced(value),
                2 => serde_json::to_string_pretty(value).unwrap(),
                _ => format!(" {}\r\n", value.to_string().replace(',', " ,\t")),
            };
            // A comma in a string becomes a tab, which no string may hold.
            let is_json = serde_json::from_str::<SerdeValue>(&text).is_ok();
            prop_assert_eq!(takes(&mut reader, &text), is_json, "{}", text);
        }
    }
}

#[test]
fn a_document_that_is_no_json_is_refused_whatever_came_before() {
    let cases: [&[&str]; 9] = [
        &[
            r#"[{"x":1,"a":2},{"x":1}]"#,
            r#"[{"x":1,"a":2},{"x":1},{,"a":3}]"#,
        ],
        &[r#"{"o":1,"a":2}"#, r#"{"o":{,"a":2}}"#],
        &[r#"{"\u0061":1,"b":2}"#, r#"{,"b":2}"#],
        &[
            r#"{"a name that is longer than a gap may be":1,"b":2}"#,
            r#"{,"b":2}"#,
        ],
        &[r#"{"a":1 ,"b":2}"#, r#"{ ,"b":2}"#],
        &[r#"{"a":1,"b":2}"#, r#"{"a":1"b":2}"#],
        &[r#"{"a":{"b":1},"c":2}"#, r#"{"a":{"b":1"c":2}}"#],
        &[r#"{"a":[1],"c":2}"#, r#"{"a":[1,"c":2]}"#],
        &[r#"{"a":1,"b":2}"#, r#"{"a":1,,"b":2}"#],
    ];
    for rows in cases {
        let mut reader = FastReader::default();
        let (bad, good) = rows.split_last().unwrap();
        for _ in 0..2 {
            assert!(good.iter().all(|good| takes(&mut reader, good)));
            assert!(!takes(&mut reader, bad), "{bad}");
        }
    }
}

#[test]
fn spaces_that_were_not_there_before_are_no_reason_to_refuse() {
    let mut reader = FastReader::default();
    for text in [
        r#"{"a":1,"b":[{"c":2}]}"#,
        r#"{"a": 1, "b": [{"c": 2}]}"#,
        "{ \"a\":\n1 ,\t\"b\" :[ { \"c\": 2 } ] }",
    ] {
        for _ in 0..2 {
            assert!(takes(&mut reader, text), "{text}");
        }
    }
    assert!(takes(&mut reader, r#"{"a":1,"b":[{"c":2}]}"#));
}

#[test]
fn a_name_with_escapes_is_not_taken_for_what_they_left_behind() {
    let mut reader = FastReader::default();
    // Unescaped in place, the first text becomes the bytes of the second one.
    for text in [r#"{"\u0061":1,"\n":2}"#, r#"{"au0061":1,"\n":2}"#] {
        for _ in 0..2 {
            assert!(takes(&mut reader, text), "{text}");
        }
    }
}

#[test]
fn equal_names_are_refused_however_many_there_are_and_however_they_are_written() {
    for count in [
        2,
        SORTED_FROM - 1,
        SORTED_FROM,
        SORTED_FROM + 1,
        3 * SORTED_FROM,
    ] {
        let members: Vec<String> = (0..count)
            .map(|n| format!("\"n{n}\":{{\"n0\":{n}}}"))
            .collect();
        let whole = members.join(",");
        let mut reader = FastReader::default();
        for _ in 0..2 {
            assert!(takes(&mut reader, &format!("{{{whole}}}")), "{count}");
            for twice in [
                r#""n0":1"#,
                r#""\u006e0":1"#,
                &members[count - 1],
                "\"n1\" : 2",
            ] {
                assert!(
                    !takes(&mut reader, &format!("{{{whole},{twice}}}")),
                    "{count} {twice}"
                );
            }
        }
    }
}

#[test]
fn levels_are_taken_up_to_the_limit() {
    for (open, close, levels) in [("[", "]", 1), ("{\"a\":[", "]}", 2)] {
        let nested = |turns: usize| format!("{}{}", open.repeat(turns), close.repeat(turns));
        let mut reader = FastReader::default();
        assert!(takes(&mut reader, &nested(NESTING_MAX / levels)));
        assert!(!takes(&mut reader, &nested(NESTING_MAX / levels + 1)));
    }
}

#[test]
fn more_names_than_are_remembered_are_read_all_the_same() {
    let mut reader = FastReader::default();
    let document = |n: usize| format!(r#"{{"n{n}":{n},"m{n}":{{"k{n}":null}},"b":2}}"#);
    for n in (0..4000).chain(0..10) {
        assert!(takes(&mut reader, &document(n)));
        assert!(!takes(&mut reader, r#"{,"b":2}"#));
    }
    assert!(reader.memory_bytes() < 2 << 20, "{}", reader.memory_bytes());
}

#[test]
fn a_document_ends_where_it_ends_whatever_is_behind_it() {
    // Each row is read alone, although it would be something else together with the next one.
    let rows = [
        "1",
        "5",
        "[1",
        "2]",
        "1",
        ".5",
        "2",
        "e5",
        "-",
        "1",
        "\"a",
        "b\"",
        "{\"a\":1",
        "}",
        "tru",
        "e",
        "\"\\",
        "n\"",
        "\"\\nab",
        "[1,\"x\"]",
        // Unescaped beyond its end, the first one would make [  2,[  2,"x"]] of the second one.
        "\"\\u0061b",
        "[  1,[  2,\"x\"]]",
    ];
    let ends: Vec<u32> = (1..=rows.len())
        .map(|count| rows[..count].concat().len() as u32)
        .collect();
    let mut documents = Documents::default();
    for _ in 0..2 {
        documents.parse(rows.concat().as_bytes(), &ends);
        for (index, row) in rows.iter().enumerate() {
            let expected = serde_json::from_str::<SerdeValue>(row).ok();
            let is_good = documents.state(index) == RowState::Good;
            assert_eq!(is_good, expected.is_some(), "{row}");
            if let Some(value) = documents.value(index, &Pointer::default()) {
                let mut text = Vec::new();
                value.write_canonical(&mut text);
                assert_eq!(serde_json::from_slice(&text).ok(), expected, "{row}");
            }
        }
    }
}
