//! Texts of foreign origin are stored escaped, because people read the store with other tools, and are read back as
//! they were.

use landfall_escape::is_shown;
use landfall_store::{FindingRow, IncidentRow, Reader, SampleRow, Store};

const HOSTILE: &str = "x\nERROR forged \x1b[2J\u{202e}\u{85} C:\\new";

fn incident() -> IncidentRow {
    IncidentRow {
        id: 1,
        cause: "finding".into(),
        scope: "schema".into(),
        subject: "S/1".into(),
        start_ms: 0,
        end_ms: 1,
        opened_ms: 1,
        resumed_ms: None,
        closed_ms: None,
        events: 1,
        landed_late: 0,
        shares: Vec::new(),
        found: FindingRow {
            check_name: "a".into(),
            reason: "b".into(),
            help: HOSTILE.into(),
            severity: "warning".into(),
            detail: HOSTILE.into(),
        },
    }
}

fn sample() -> SampleRow {
    SampleRow {
        kind: "altered".into(),
        check_name: "parity".into(),
        reason: HOSTILE.into(),
        schema: "S/1".into(),
        detail: HOSTILE.into(),
        document: "{\"a\u{202e}\":\"\u{85}\u{7f}\"}".into(),
        ..SampleRow::default()
    }
}

#[test]
fn texts_of_others_lie_escaped_and_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("store");
    let mut store = Store::open(&at, [7; 16], "test").unwrap();
    let flush = store.begin().unwrap();
    flush.incident(&incident()).unwrap();
    flush.sample(&sample()).unwrap();
    flush.commit().unwrap();

    let connection = rusqlite::Connection::open(at.join("landfall.sqlite")).unwrap();
    for sql in [
        "SELECT detail FROM samples",
        "SELECT reason FROM samples",
        "SELECT document FROM samples",
        "SELECT help FROM incidents",
        "SELECT detail FROM incidents",
    ] {
        let text: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(text.chars().all(is_shown), "{sql}: {text:?}");
    }
    let document: String = connection
        .query_row("SELECT document FROM samples", [], |row| row.get(0))
        .unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["a\u{202e}"], "\u{85}\u{7f}");
    assert_eq!(
        Reader::open(&at).unwrap().incidents().unwrap(),
        [incident()]
    );
}

#[test]
fn samples_are_trimmed_by_the_reason_that_they_were_given() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("store"), [7; 16], "test").unwrap();
    let flush = store.begin().unwrap();
    (0..5).for_each(|_| flush.sample(&sample()).unwrap());
    let trimmed = flush.trim_samples("altered", "parity", HOSTILE, "S/1", 2);
    assert_eq!(trimmed.unwrap(), 3);
    flush.commit().unwrap();
}
