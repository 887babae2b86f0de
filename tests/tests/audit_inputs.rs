//! How an audit handles keys that identify nothing, keys written in other ways, and times in other forms:
//! it names them, or reads them correctly.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{run_landfall, text};

const CONFIG: &str = "checks = []\n[event]\nkey = \"/id\"\ntime = [\"/ts\"]\n[streams.raw]\ncodec = \"json\"\n\
    [schemas]\ndir = \"schemas\"\n";

fn recorded(raw: &[&str], written: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("schemas")).expect("a directory");
    std::fs::write(dir.path().join("landfall.toml"), CONFIG).expect("written");
    for (name, lines) in [("raw", raw), ("written", written)] {
        std::fs::write(dir.path().join(name), lines.join("\n") + "\n").expect("written");
    }
    dir
}

/// Exit code, answer as JSON, and as text.
fn audit(dir: &Path) -> (Option<i32>, Value, String) {
    let arguments = ["audit", "--raw", "raw", "--written", "written"];
    let output = run_landfall(dir, &[&arguments[..], &["--json"]].concat());
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    let told = run_landfall(dir, &arguments);
    (output.status.code(), answer, text(&told))
}

#[test]
fn frames_whose_key_identifies_nothing_are_reported_on_both_streams() {
    let ids = [
        r#""""#,
        r#"" ""#,
        "null",
        "true",
        "{}",
        "[]",
        r#"{"part":""}"#,
    ];
    let lines: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"id":{id},"ts":1700000000}}"#))
        .chain([r#"{"ts":1700000000}"#.to_owned()])
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let dir = recorded(&[&lines[..], &lines[..3]].concat(), &lines[..1]);
    let (code, answer, told) = audit(dir.path());
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("no line of raw has a key: does event.key"),
        "{told}"
    );
    assert_eq!(answer["raw"], 0, "{answer}");
    assert_eq!(answer["undecodable"]["no_key"], 12, "{answer}");
    assert_eq!(answer["unexpected"], 0, "{answer}");
}

#[test]
fn a_key_is_the_same_however_its_number_is_written() {
    let raw = [
        r#"{"id":10000,"ts":1700000000}"#,
        r#"{"id":0.10,"ts":1700000000}"#,
        r#"{"id":12345678901234567890,"ts":1700000000}"#,
        r#"{"id":12345678901234567891,"ts":1700000000}"#,
        r#"{"id":{"a":1.0,"b":"x"},"ts":1700000000}"#,
        r#"{"id":"7","ts":1700000000}"#,
    ];
    let written = [
        r#"{"id":1E+4,"ts":1700000001}"#,
        r#"{"id":1e-1,"ts":1700000001}"#,
        r#"{"id":12345678901234567890.0,"ts":1700000001}"#,
        r#"{"id":{"b":"x","a":1},"ts":1700000001}"#,
        r#"{"id":7.0,"ts":1700000001}"#,
    ];
    let (code, answer, told) = audit(recorded(&raw, &written).path());
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(answer["verdicts"]["delivered"], 5, "{answer}");
    assert_eq!(
        answer["missing_keys"],
        serde_json::json!(["12345678901234567891"])
    );
    assert_eq!(answer["unexpected"], 0, "{answer}");
}

#[test]
fn every_form_of_a_moment_is_that_moment() {
    let raw = [
        r#"{"id":"a","ts":"2023-11-15T00:13:20+0200"}"#,
        r#"{"id":"b","ts":"2023-11-14 22:13:20 UTC"}"#,
        r#"{"id":"c","ts":"20231114T221320Z"}"#,
        r#"{"id":"d","ts":"2023-11-14T22:13Z"}"#,
        r#"{"id":"e","ts":1700000000123456}"#,
    ];
    let written: Vec<String> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|id| format!(r#"{{"id":"{id}","ts":"2023-11-14T22:13:25Z"}}"#))
        .collect();
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let (code, answer, told) = audit(recorded(&raw, &written).path());
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(answer["verdicts"]["delivered"], 5, "{answer}");
    assert_eq!(answer["untimed"], serde_json::json!({}), "{answer}");
}

#[test]
fn events_whose_time_cannot_be_read_are_counted_by_what_is_wrong_and_come_with_their_neighbour() {
    let raw = [
        r#"{"id":"a","ts":0}"#,
        r#"{"id":"b","ts":"2023-W46-2T22:13:20Z"}"#,
        r#"{"id":"c","ts":"2023-11-14T22:13:20Z"}"#,
        r#"{"id":"d","ts":"1970-01-01T00:00:00Z"}"#,
        r#"{"id":"e","ts":17000000000}"#,
        r#"{"id":"f"}"#,
    ];
    let written: Vec<String> = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .map(|id| format!(r#"{{"id":"{id}","ts":"2023-11-14T22:13:25Z"}}"#))
        .collect();
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let (code, answer, told) = audit(recorded(&raw, &written).path());
    assert_eq!(code, Some(1), "{told}");
    // No time is known, so nothing is called late.
    assert_eq!(answer["verdicts"]["delivered"], 6, "{answer}");
    assert_eq!(
        answer["untimed"],
        serde_json::json!({"absent": 1, "implausible": 3, "unreadable": 1})
    );
    let line = "5 events have no time that can be read: absent 1, implausible 3, unreadable 1";
    assert!(told.contains(line), "{told}");
}

#[test]
fn a_stream_without_any_time_is_reported_and_never_late() {
    let timed = [r#"{"id":1,"ts":1700000000}"#, r#"{"id":2,"ts":1700000000}"#];
    let untimed = [r#"{"id":1}"#, r#"{"id":2}"#];
    for (raw, written, absent) in [
        (&timed, &untimed, 2),
        (&untimed, &timed, 2),
        (&untimed, &untimed, 4),
    ] {
        let (code, answer, told) = audit(recorded(raw, written).path());
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(answer["verdicts"]["delivered"], 2, "{answer}");
        assert_eq!(answer["untimed"]["absent"], absent, "{answer}");
    }
}
