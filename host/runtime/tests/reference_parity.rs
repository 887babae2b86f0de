//! The reference parity and window checks in the real runtime.

mod support;

use landfall_document::{Documents, Pointer};
use landfall_runtime::{Check, Limits, Packed, Projected, Seat, Severity, Tally};
use support::load_with;

fn columns(documents: &str, pointers: &[Pointer]) -> Vec<Packed> {
    let mut rows = Packed::default();
    documents
        .lines()
        .for_each(|line| rows.push(line.as_bytes()));
    let mut documents = Documents::default();
    documents.parse(&rows.text, &rows.ends);
    let column = |pointer: &Pointer| {
        let mut column = Packed::default();
        documents.write_column(pointer, &mut column.text, &mut column.ends);
        column
    };
    pointers.iter().map(column).collect()
}

#[test]
fn field_parity_tells_an_altered_row_from_the_writers_own_changes() {
    let Ok(Check::Parity(check)) = load_with("field_parity.wasm", "{}", Limits::default()) else {
        panic!("field_parity.wasm is no parity check");
    };
    let raw = concat!(
        r#"{"event":{"a":{"pi":0.1},"ok":true,"l":[1,"é"]},"timestamp":1416276000,"seqId":1}"#,
        "\n",
        r#"{"event":{"a":{"pi":3},"ok":true},"timestamp":1416276000,"seqId":2}"#,
    );
    let written = concat!(
        r#"{"event_a_pi":0.10000000149011612,"event_ok":1,"event_l":"[1, \"é\"]","timestamp":"20141118020000"}"#,
        "\n",
        r#"{"event_a_pi":4,"event_ok":1,"timestamp":"20141118020000"}"#,
    );
    let manifest = check.manifest.clone();
    let mut seat = Seat::new(check);
    let mut project = |stream: &str, documents: &str, pointers: &[Pointer]| {
        let columns = columns(documents, pointers);
        let columns: Vec<_> = columns.iter().map(Packed::as_ref).collect();
        let mut projected = Projected::default();
        seat.project(stream, 2, &columns, &mut projected);
        assert!(projected.faulted.is_empty(), "{:?}", projected.faulted);
        let forms = projected.forms.as_ref();
        [forms.row(0).to_vec(), forms.row(1).to_vec()]
    };
    let raw = project("raw", raw, &manifest.columns);
    let written = project("written", written, &manifest.written_columns);
    assert!(!raw[0].is_empty());
    assert_eq!(raw[0], written[0]);
    assert_ne!(raw[1], written[1]);
    let differences = seat.explain(&raw[1], &written[1]).expect("an explanation");
    let told: Vec<_> = differences
        .iter()
        .map(|d| (d.field.as_str(), d.raw.as_str(), d.written.as_str()))
        .collect();
    assert_eq!(told, [("event_a_pi", "3", "4")]);
}

#[test]
fn delivery_objective_finds_the_window_that_misses_its_target() {
    let config = r#"{"target":0.99,"severity":"critical"}"#;
    let Ok(Check::Window(check)) = load_with("delivery_objective.wasm", config, Limits::default())
    else {
        panic!("delivery_objective.wasm is no window check");
    };
    let tally = |missing: u64| Tally {
        schema: "Edit/1".into(),
        start_ms: 0,
        end_ms: 60_000,
        raw: 1000,
        delivered: 1000 - missing,
        late: 0,
        altered: 0,
        missing,
        unconfirmed: 0,
        rejected: 0,
        leaked: 0,
        repeated: 0,
        unjudged: 0,
        duplicate: 0,
        unexpected: 0,
    };
    let reasons = check.manifest.reasons.clone();
    let findings = Seat::new(check)
        .judge_windows(&[tally(0), tally(300), tally(9)])
        .unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].tally, 1);
    assert_eq!(reasons[findings[0].reason].id, "below_target");
    assert_eq!(findings[0].severity, Severity::Critical);
}
