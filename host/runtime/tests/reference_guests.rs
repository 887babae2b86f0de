//! The reference guests in the real runtime.

mod support;

use std::sync::Arc;

use landfall_document::{Column, Documents, Oddity, RowState, SchemaSet};
use landfall_runtime::{
    CallInput, Check, CheckInstance, CheckKind, Decoded, Judged, Limits, Packed,
};
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
    let mut instance = CheckInstance::new(codec);
    let frames = column(&[
        "?%7B%22event%22%3A%7B%7D%2C%22wiki%22%3A%22enwiki%22%2C%22schema%22%3A%22Edit%22%2C%22revision%22%3A1%7D; cp3022.esams.wikimedia.org 132073 2013-01-19T23:16:38 86.149.229.149 Mozilla/5.0\n",
        "garbage",
    ]);
    let mut decoded = Decoded::default();
    instance.decode(frames.as_ref(), &mut decoded);
    assert!(decoded.faulted.is_empty(), "{:?}", decoded.faulted);
    assert_eq!(decoded.codes[0], 0, "{:?}", decoded.details);
    assert_ne!(decoded.codes[1], 0);
    let text = String::from_utf8_lossy(decoded.documents.as_ref().row(0)).into_owned();
    assert!(text.contains("799341a01ba957c79b15dc4d2d950864"), "{text}");
    assert_eq!(decoded.documents.as_ref().row(1), b"");
}

/// The documents of frames by the codec; each must have one.
fn decoded(config: &str, frames: &[&str]) -> Documents {
    let Ok(Check::Codec(codec)) = load_with("eventlogging_codec.wasm", config, Limits::default())
    else {
        panic!("eventlogging_codec.wasm is no codec");
    };
    let mut decoded = Decoded::default();
    CheckInstance::new(codec).decode(column(frames).as_ref(), &mut decoded);
    assert!(decoded.faulted.is_empty(), "{:?}", decoded.faulted);
    assert!(
        decoded.codes.iter().all(|&code| code == 0),
        "{:?}",
        decoded.codes
    );
    let mut documents = Documents::default();
    documents.parse(&decoded.documents.text, &decoded.documents.ends);
    documents
}

/// The canonical texts at a pointer, one per document.
fn texts(documents: &Documents, pointer: &str) -> Vec<String> {
    let mut column = Packed::default();
    let wanted = Column::parse(pointer).expect("a pointer");
    documents.write_column(&wanted, &mut column.text, &mut column.ends);
    let text = |row| String::from_utf8_lossy(column.as_ref().row(row)).into_owned();
    (0..documents.rows()).map(text).collect()
}

#[test]
fn the_codec_follows_its_era_on_both_sides_of_the_pipeline() {
    let documents = decoded(
        r#"{"era":"2019"}"#,
        &[
            "?%7B%22event%22%3A%7B%7D%7D;\tsrv0.example.org\t132073\t2013-01-19T23:16:38\t10.0.0.1, ::1\tMy UA\n",
            "132073\tEventLogging {\"recvFrom\":\"srv0.example.org\",\"timestamp\":1358637398}\n",
            "132073\tEventLogging {\"recvFrom\":\"srv0.example.org\",\"dt\":\"2013-01-19T23:16:38Z\"}\n",
            "132073\tEventLogging {\"recvFrom\":\"srv0.example.org\",\"timestamp\":1.3586373989e9}\n",
        ],
    );
    let expected = "\"749684341abf513186c71f74c6a09502\"";
    assert_eq!(texts(&documents, "/uuid"), [expected; 4]);
    assert_eq!(texts(&documents, "/ip")[0], "\"10.0.0.1, ::1\"");
    assert_eq!(texts(&documents, "/userAgent")[0], "\"My UA\\n\"");
    let documents = decoded(
        "{}",
        &[
            "99\tEventLogging {\"recvFrom\":\"fenari\",\"timestamp\":1358627115,\"dt\":\"2013-01-19T20:25:16Z\"}",
        ],
    );
    let expected = "\"67cc2c1afa5752ba80bbbd7c5fc41f28\"";
    assert_eq!(texts(&documents, "/uuid"), [expected]);
}

#[test]
fn an_odd_capsule_is_unjudged_and_keeps_its_key() {
    let rest = r#""recvFrom":"fenari","timestamp":1358627115,"recvFrom":"fenari"}"#;
    let frames = [
        r#"{"\ud800":1,"#,
        r#"{"a":NaN,"#,
        r#"{"a":1e400,"#,
        r#"{"recvFrom":"x","#,
    ]
    .map(|start| format!("99\tEventLogging {start}{rest}"));
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
    let documents = decoded("{}", &frames);
    let states: Vec<RowState> = (0..4).map(|row| documents.state(row)).collect();
    assert_eq!(
        states,
        [
            RowState::Unjudged(Oddity::LoneSurrogate),
            RowState::Unjudged(Oddity::NotANumber),
            RowState::Unjudged(Oddity::FloatOverflow),
            RowState::Good,
        ]
    );
    let expected = "\"67cc2c1afa5752ba80bbbd7c5fc41f28\"";
    assert_eq!(texts(&documents, "/uuid"), [expected; 4]);
}

#[test]
fn schema_validity_judges_by_the_hosts_schemas() {
    let check = load_with(
        "schema_validity.wasm",
        r#"{"name": "/schema", "revision": "/revision", "at": "/event"}"#,
        Limits::default(),
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(check.kind(), CheckKind::Event);
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
        .map(|wanted| {
            let mut column = Packed::default();
            documents.write_column(wanted, &mut column.text, &mut column.ends);
            column
        })
        .collect();
    let columns: Vec<_> = columns.iter().map(Packed::as_ref).collect();
    let reasons = check.manifest.reasons.clone();
    let schemas = Arc::new(schemas);
    let mut instance = CheckInstance::new(check);
    let mut judged = Judged::default();
    let mut input = CallInput {
        documents: &mut documents,
        schemas: &schemas,
    };
    instance.judge(&mut input, "raw", 4, &columns, &mut judged);
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
