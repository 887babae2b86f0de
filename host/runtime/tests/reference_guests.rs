//! The reference guests in the real runtime.

mod support;

use std::sync::Arc;

use landfall_document::{Documents, SchemaSet};
use landfall_runtime::{Check, Decoded, Hand, Judged, Kind, Limits, Packed, Seat};
use support::load_with;

fn column(rows: &[&str]) -> Packed {
    let mut column = Packed::default();
    rows.iter().for_each(|row| column.push(row.as_bytes()));
    column
}

#[test]
fn the_codec_decodes_a_line_to_the_capsule_with_the_uuid_of_its_row() {
    let Ok(Check::Codec(codec)) = load_with("eventlogging_codec.wasm", "{}", Limits::default())
    else {
        panic!("eventlogging_codec.wasm is no codec");
    };
    let mut seat = Seat::new(codec);
    let frames = column(&[
        "?%7B%22event%22%3A%7B%7D%2C%22wiki%22%3A%22enwiki%22%2C%22schema%22%3A%22Edit%22%2C%22revision%22%3A1%7D; cp3022.esams.wikimedia.org 132073 2013-01-19T23:16:38 86.149.229.149 Mozilla/5.0\n",
        "garbage",
    ]);
    let mut decoded = Decoded::default();
    seat.decode(frames.as_ref(), &mut decoded);
    assert!(decoded.faulted.is_empty(), "{:?}", decoded.faulted);
    assert_eq!(decoded.codes[0], 0, "{:?}", decoded.details);
    assert_ne!(decoded.codes[1], 0);
    let text = String::from_utf8_lossy(decoded.documents.as_ref().row(0)).into_owned();
    assert!(text.contains("799341a01ba957c79b15dc4d2d950864"), "{text}");
    assert_eq!(decoded.documents.as_ref().row(1), b"");
}

#[test]
fn schema_validity_judges_by_the_hosts_schemas() {
    let check = load_with(
        "schema_validity.wasm",
        r#"{"name": "/schema", "revision": "/revision", "at": "/event"}"#,
        Limits::default(),
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(check.kind(), Kind::Event);
    let Check::Event(check) = check else {
        panic!("no event check")
    };
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("Edit")).expect("a folder");
    std::fs::write(
        dir.path().join("Edit/1.json"),
        r#"{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#,
    )
    .expect("a schema");
    let (schemas, errors) = SchemaSet::load(dir.path());
    assert!(errors.is_empty(), "{errors:?}");
    let rows = column(&[
        r#"{"schema":"Edit","revision":1,"event":{"n":1}}"#,
        r#"{"schema":"Edit","revision":1,"event":{"n":"x"}}"#,
        r#"{"schema":"Edit","revision":2,"event":{"n":1}}"#,
        r#"{"event":{"n":1}}"#,
    ]);
    let mut documents = Documents::default();
    documents.parse(&rows.text, &rows.ends);
    let columns: Vec<Packed> = check
        .manifest
        .columns
        .iter()
        .map(|pointer| {
            let mut column = Packed::default();
            documents.write_column(pointer, &mut column.text, &mut column.ends);
            column
        })
        .collect();
    let columns: Vec<_> = columns.iter().map(Packed::as_ref).collect();
    let reasons = check.manifest.reasons.clone();
    let schemas = Arc::new(schemas);
    let mut seat = Seat::new(check);
    let mut judged = Judged::default();
    let mut hand = Hand {
        documents: &mut documents,
        schemas: &schemas,
    };
    seat.judge(&mut hand, "raw", 4, &columns, &mut judged);
    assert!(judged.faulted.is_empty(), "{:?}", judged.faulted);
    let said: Vec<&str> = judged
        .codes
        .iter()
        .map(|&code| {
            if code == 0 {
                "pass"
            } else {
                reasons[usize::from(code) - 1].id.as_str()
            }
        })
        .collect();
    assert_eq!(
        said,
        ["pass", "invalid_event", "unknown_schema", "no_schema"]
    );
    assert_eq!(
        documents.rows(),
        4,
        "the documents came back from the store"
    );
    assert!(
        judged
            .details
            .iter()
            .any(|(row, text)| *row == 1 && text.contains("/n")),
        "{:?}",
        judged.details
    );
}
