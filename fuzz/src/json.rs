//! The readers of JSON. The input is a batch: each of its lines is a document.
//!
//! The fast reader and the lenient one read a document alike, whatever stood before it; a canonical text is
//! its own canonical text; serde_json does not read what Landfall refuses; all columns say the same.

use landfall_document::{
    Column, ColumnWriter, Documents, FieldHasher, FieldHashing, FieldsDigest, Pointer, RowState,
    redact,
};
use serde_json::Value;

pub fn json(data: &[u8]) {
    let rows: Vec<&[u8]> = data.split(|&byte| byte == b'\n').collect();
    let (text, ends) = packed(&rows);
    let mut documents = Documents::default();
    // The second time the fast reader knows what it saw the first time.
    for _ in 0..2 {
        documents.parse(&text, &ends);
        assert_eq!(documents.rows(), rows.len());
        for (row, json) in rows.iter().enumerate() {
            both_readers_agree(&documents, row, json);
        }
        columns_agree(&documents);
    }
    for (row, json) in rows.iter().enumerate() {
        serde_agrees(&documents, row, json);
        keys_are_text(&documents, row);
    }
    any_ends_are_taken(data);
}

fn packed(rows: &[&[u8]]) -> (Vec<u8>, Vec<u32>) {
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    for row in rows {
        text.extend_from_slice(row);
        ends.push(text.len() as u32);
    }
    (text, ends)
}

fn alone(json: &[u8]) -> Documents {
    let mut documents = Documents::default();
    documents.parse(json, &[json.len() as u32]);
    documents
}

fn canonical(documents: &Documents, row: usize) -> String {
    let mut text = Vec::new();
    if let Some(value) = documents.value(row, &Pointer::default()) {
        value.write_canonical(&mut text);
    }
    String::from_utf8(text).expect("canonical text is UTF-8")
}

fn both_readers_agree(documents: &Documents, row: usize, json: &[u8]) {
    let text = canonical(documents, row);
    // Only the lenient reader is used for it.
    let mut lenient = Vec::new();
    redact(json, &[], &mut lenient);
    assert_eq!(text.as_bytes(), lenient, "by the lenient reader");
    let alone = alone(json);
    assert_eq!(alone.state(0), documents.state(row), "alone and in a batch");
    match documents.state(row) {
        RowState::Undecodable(_) => assert_eq!(text, ""),
        state => {
            let again = self::alone(text.as_bytes());
            assert_eq!(canonical(&again, 0), text, "canonical text, read again");
            let is_good = |state| state == RowState::Good;
            assert_eq!(is_good(again.state(0)), is_good(state));
        }
    }
}

/// Where serde_json reads a document, so does Landfall, and the same.
fn serde_agrees(documents: &Documents, row: usize, json: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(json) else {
        return;
    };
    assert_eq!(documents.state(row), RowState::Good, "serde_json reads it");
    // Of other numbers serde_json does not keep all digits.
    if has_float(&value) {
        return;
    }
    let text = canonical(documents, row);
    let again: Value = serde_json::from_str(&text).expect("canonical text is JSON");
    assert_eq!(again, value, "by serde_json");
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_i64() && !number.is_u64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(members) => members.values().any(has_float),
        _ => false,
    }
}

fn keys_are_text(documents: &Documents, row: usize) {
    if let Some(value) = documents.value(row, &Pointer::default()) {
        let mut key = Vec::new();
        let is_told = value.write_key(&mut key);
        if is_told && value.is_key() {
            assert!(!key.is_empty(), "a key has a text");
        }
    }
}

fn columns_agree(documents: &Documents) {
    let is_shown = |row| {
        documents.state(row) == RowState::Good
            || documents
                .value(row, &Pointer::default())
                .is_some_and(|value| !value.is_odd())
    };
    let text = column(documents, "");
    let members = column(documents, "members:");
    for row in 0..documents.rows() {
        let expected = if is_shown(row) {
            canonical(documents, row)
        } else {
            String::new()
        };
        assert_eq!(text[row], expected.as_bytes(), "the column of texts");
        assert_eq!(
            members_to_json(&members[row], false),
            expected,
            "the column of members"
        );
    }
    let sums = sums(documents);
    let canonical: Vec<String> = (0..documents.rows())
        .map(|row| canonical(documents, row))
        .collect();
    for (row, text) in canonical
        .iter()
        .enumerate()
        .filter(|(row, _)| is_shown(*row))
    {
        let again = self::sums(&alone(text.as_bytes()));
        assert_eq!(again[0], sums[row], "fields of the canonical text");
    }
}

fn column(documents: &Documents, name: &str) -> Vec<Vec<u8>> {
    let column = Column::parse(name).expect("a column");
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    documents.write_column(&column, &mut text, &mut ends);
    rows_of(documents, &text, &ends)
}

fn rows_of(documents: &Documents, text: &[u8], ends: &[u32]) -> Vec<Vec<u8>> {
    assert_eq!(ends.len(), documents.rows());
    let mut start = 0;
    let rows = ends
        .iter()
        .map(|&end| text[std::mem::replace(&mut start, end as usize)..end as usize].to_vec())
        .collect();
    assert_eq!(start, text.len());
    rows
}

/// What the host takes of each row's fields, and the canonical text of what it leaves to a check.
fn sums(documents: &Documents) -> Vec<(FieldsDigest, String)> {
    let column = Column::parse(r#"fields:{"text_bytes":8,"without":["uuid"]}"#).expect("a column");
    let hasher = FieldHasher::new(*b"a secret for all");
    let (mut text, mut ends, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    let taking = FieldHashing {
        hasher: &hasher,
        digests: &mut digests,
    };
    ColumnWriter::default().write(documents, &column, &mut text, &mut ends, Some(taking));
    let rows = rows_of(documents, &text, &ends);
    assert_eq!(digests.len(), rows.len());
    // Fields are left in no order that counts.
    let left = rows
        .iter()
        .map(|row| canonical(&alone(members_to_json(row, false).as_bytes()), 0));
    digests.into_iter().zip(left).collect()
}

/// The JSON text that the entries of a column of members stand for, by the contract's words alone.
fn members_to_json(mut entries: &[u8], is_in_object: bool) -> String {
    let mut members = Vec::new();
    while let Some((&[kind, n0, n1, n2, n3, v0, v1, v2, v3], rest)) = entries.split_first_chunk() {
        let (name, rest) = rest.split_at(u32::from_le_bytes([n0, n1, n2, n3]) as usize);
        let (value, rest) = rest.split_at(u32::from_le_bytes([v0, v1, v2, v3]) as usize);
        entries = rest;
        let text = |bytes| String::from_utf8(Vec::from(bytes)).expect("UTF-8");
        let quoted = |bytes| Value::from(text(bytes)).to_string();
        let value = match kind {
            b'z' => "null".to_owned(),
            b'f' => "false".to_owned(),
            b't' => "true".to_owned(),
            b's' => quoted(value),
            b'o' => format!("{{{}}}", members_to_json(value, true)),
            b'i' | b'd' | b'a' => {
                let is_decimal = value.iter().any(|byte| b".e".contains(byte));
                assert!(
                    kind == b'a' || is_decimal == (kind == b'd'),
                    "the kind of a number"
                );
                text(value)
            }
            _ => panic!("an entry of the kind {kind}"),
        };
        members.push(if is_in_object {
            format!("{}:{value}", quoted(name))
        } else {
            value
        });
    }
    assert!(entries.is_empty(), "bytes that are no entry");
    members.join(",")
}

/// Rows that overlap, go back, or lie outside of the text.
fn any_ends_are_taken(data: &[u8]) {
    let (head, text) = data.split_at(data.len().min(8));
    let ends: Vec<u32> = head.iter().map(|&byte| u32::from(byte)).collect();
    let mut documents = Documents::default();
    documents.parse(text, &ends);
    assert_eq!(documents.rows(), ends.len());
    for name in ["", "members:"] {
        column(&documents, name);
    }
}
