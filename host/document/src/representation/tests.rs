//! Tests of the representation.

use jsonschema::json::conformance;

use super::{OnTape, Value};
use crate::{Documents, Pointer};

#[test]
fn values_on_the_tape_keep_the_contract_of_jsonschema() {
    // Padding makes the second one a large object and every row start elsewhere.
    let text = conformance::document().to_string();
    let mut documents = Documents::default();
    documents.parse(
        format!("{text}  {text}").as_bytes(),
        &[text.len() as u32, text.len() as u32 * 2 + 2],
    );
    for row in 0..2 {
        let value: Value<'_> = documents.value(row, &Pointer::parse("").unwrap()).unwrap();
        conformance::assert_conformance::<OnTape>(&value);
    }
}

#[test]
fn values_of_the_lenient_reader_keep_the_contract_of_jsonschema() {
    // A name that occurs twice takes the row to the lenient reader.
    let text = conformance::document()
        .to_string()
        .replacen('{', "{\"string\": 0,", 1);
    let mut documents = Documents::default();
    documents.parse(text.as_bytes(), &[text.len() as u32]);
    let value: Value<'_> = documents.value(0, &Pointer::parse("").unwrap()).unwrap();
    conformance::assert_conformance::<OnTape>(&value);
}

/// How many elements share their hash with another one: only those are compared pair by pair.
fn colliding(elements: impl Iterator<Item = String>) -> usize {
    let text = format!("[{}]", elements.collect::<Vec<_>>().join(","));
    let mut documents = Documents::default();
    documents.parse(text.as_bytes(), &[text.len() as u32]);
    let array = documents.value(0, &Pointer::default()).unwrap();
    let mut hashed = super::hashes(array);
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    hashed
        .chunk_by(|left, right| left.0 == right.0)
        .map(|alike| alike.len() - 1)
        .sum()
}

#[test]
fn elements_that_are_made_to_look_alike_do_not_hash_alike() {
    const MANY: usize = 40_000;
    // All round to one double.
    let near = (0..MANY).map(|index| format!("10000000000000000000{index:05}"));
    assert_eq!(colliding(near), 0);
    let near = (0..MANY).map(|index| format!("90071992547{index:08}"));
    assert_eq!(colliding(near), 0);
    // The same scalars in the same order, only nested otherwise.
    let nested = (0..MANY).map(|index| {
        let brackets = (0..16).map(|bit| if index >> bit & 1 == 0 { "[]," } else { "{}," });
        format!("[{}[]]", brackets.collect::<String>())
    });
    assert_eq!(colliding(nested), 0);
    let lengths = (0..300).map(|index| format!("[{}]", vec!["[]"; index].join(",")));
    assert_eq!(colliding(lengths), 0);
    let mixed = [
        "null", "false", "0", "\"\"", "[]", "{}", "[0]", "[[0]]", "{\"\":0}", "\"0\"",
    ];
    assert_eq!(colliding(mixed.into_iter().map(str::to_owned)), 0);
}

#[test]
fn equal_elements_hash_alike_however_they_are_written() {
    for (left, right) in [
        ("1", "1.0"),
        ("0", "-0.0"),
        ("-5", "-5e0"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709551616e19"),
        ("-9223372036854775808", "-9223372036854775808.0"),
        ("-18446744073709551616", "-1.8446744073709551616e19"),
        ("100000000000000000000000", "99999999999999991611392.0e0"),
        ("{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1.0}"),
    ] {
        let text = format!("[{left},{right}]");
        let mut documents = Documents::default();
        documents.parse(text.as_bytes(), &[text.len() as u32]);
        let array = documents.value(0, &Pointer::default()).unwrap();
        let hashed = super::hashes(array);
        let equal = hashed[0].1.equals(hashed[1].1);
        assert_eq!(hashed[0].0 == hashed[1].0, equal, "{text}");
        // One digit apart, and so not equal: the double is 99999999999999991611392.
        assert_eq!(equal, left != "100000000000000000000000", "{text}");
    }
}
