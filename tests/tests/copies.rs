//! Copies of one key that differ: no copy hides the loss of another, or is blamed for another's row. The cases
//! follow the table of docs/ARCHITECTURE.md, in audits, where either file may be read first.

mod support;

use std::fs::File;
use std::io::Write as _;
use std::process::Output;
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::Value;
use support::{run_landfall, text};
use tempfile::TempDir;

const CONFIG: &str = r#"
[event]
key = "/id"
time = ["/ts"]
[streams.raw]
codec = "json"
[schemas]
dir = "schemas"
[[checks]]
name = "schema-validity"
path = "schema_validity.wasm"
streams = ["raw"]
decides = true
config = { at = "/event" }
[[checks]]
name = "field-parity"
path = "field_parity.wasm"
streams = ["raw", "written"]
config = { defaults = false, ignore = ["ts"] }
"#;

/// An event of schema S/1, whose `n` must be a number; `x` is free.
fn event(n: &str, x: u32, ts: u32) -> String {
    format!(
        r#"{{"id":"k","ts":{},"schema":"S","revision":1,"event":{{"n":{n},"x":{x}}}}}"#,
        1_700_000_000 + ts
    )
}

fn valid(x: u32, ts: u32) -> String {
    event("1", x, ts)
}

fn invalid(x: u32, ts: u32) -> String {
    event("\"no\"", x, ts)
}

/// An event of an unknown schema, so that it cannot be judged.
fn unjudged(x: u32, ts: u32) -> String {
    valid(x, ts).replace("\"S\"", "\"Unknown\"")
}

/// This many events of other keys, and their rows; each `altered`th row has another content.
fn many(count: u32, altered: u32, bytes: usize) -> (Vec<String>, Vec<String>) {
    let pad = "p".repeat(bytes);
    let event = |number: u32, x: u32| {
        valid(x, number / 100)
            .replace("\"k\"", &format!("\"k{number}\""))
            .replace("\"n\":1", &format!("\"n\":1,\"pad\":\"{pad}\""))
    };
    let raw = (0..count).map(|number| event(number, 1));
    let written = (0..count).map(|number| event(number, 1 + u32::from(number % altered == 0)));
    (raw.collect(), written.collect())
}

/// Runs an audit and demands the verdicts that are not 0, and the exit code.
#[track_caller]
fn check(raw: &[String], written: &[String], code: i32, expected: &[(&str, i64)]) {
    check_with("", raw, written, code, expected);
}

/// A directory with the files of an audit.
fn prepare(settings: &str, raw: &[String], written: &[String]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let schema = r#"{"type":"object","properties":{"n":{"type":"number"}}}"#;
    for name in ["S", "T"] {
        let schemas = dir.path().join("schemas").join(name);
        std::fs::create_dir_all(&schemas).expect("a directory");
        std::fs::write(schemas.join("1.json"), schema).expect("written");
    }
    let config = format!("{settings}\n{CONFIG}");
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    for (name, lines) in [("raw", raw), ("written", written)] {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(dir.path().join(name), text).expect("written");
    }
    dir
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

/// The same with further settings.
#[track_caller]
fn check_with(
    settings: &str,
    raw: &[String],
    written: &[String],
    code: i32,
    expected: &[(&str, i64)],
) {
    let dir = prepare(settings, raw, written);
    let output = run_landfall(
        dir.path(),
        &["audit", "--raw", "raw", "--written", "written", "--json"],
    );
    let answer = answer(&output);
    let mut counts: Vec<(String, i64)> = answer["verdicts"]
        .as_object()
        .expect("verdicts")
        .iter()
        .map(|(verdict, count)| (verdict.clone(), count.as_i64().expect("a count")))
        .collect();
    for name in ["duplicate", "unexpected"] {
        counts.push((name.to_owned(), answer[name].as_i64().expect("a count")));
    }
    counts.retain(|(_, count)| *count != 0);
    counts.sort();
    let mut wanted: Vec<(String, i64)> = expected
        .iter()
        .map(|(verdict, count)| ((*verdict).to_owned(), *count))
        .collect();
    wanted.sort();
    assert_eq!(counts, wanted, "raw {raw:#?} written {written:#?}");
    assert_eq!(output.status.code(), Some(code), "{raw:#?}");
}

#[test]
fn an_invalid_copy_before_a_valid_one_hides_nothing_of_it() {
    let raw = [invalid(1, 0), valid(1, 10)];
    check(&raw, &[], 1, &[("missing", 1), ("rejected", 1)]);
    check(
        &raw,
        &[valid(1, 20)],
        0,
        &[("delivered", 1), ("rejected", 1)],
    );
}

#[test]
fn a_copy_that_cannot_be_judged_hides_nothing_of_a_valid_one() {
    let raw = [unjudged(1, 0), valid(1, 10)];
    check(&raw, &[], 1, &[("missing", 1), ("unjudged", 1)]);
    check(
        &raw,
        &[valid(1, 20)],
        1,
        &[("delivered", 1), ("unjudged", 1)],
    );
}

#[test]
fn of_two_contents_either_may_land_and_a_third_is_altered() {
    let raw = [valid(1, 0), valid(2, 10)];
    for x in [1, 2] {
        check(
            &raw,
            &[valid(x, 20)],
            0,
            &[("delivered", 1), ("repeated", 1)],
        );
    }
    check(&raw, &[valid(3, 20)], 1, &[("altered", 1), ("repeated", 1)]);
    check(&raw, &[], 1, &[("missing", 1), ("repeated", 1)]);
}

#[test]
fn an_invalid_copy_whose_content_lands_has_leaked_beside_a_valid_one() {
    for raw in [[invalid(7, 0), valid(1, 10)], [valid(1, 0), invalid(7, 10)]] {
        check(&raw, &[invalid(7, 20)], 1, &[("altered", 1), ("leaked", 1)]);
    }
}

#[test]
fn copies_that_are_alike_are_repeated_and_a_row_too_many_is_a_duplicate() {
    let raw = [valid(1, 0), valid(1, 10), valid(1, 20)];
    check(
        &raw,
        &[valid(1, 30), valid(1, 31)],
        1,
        &[("delivered", 1), ("duplicate", 1), ("repeated", 2)],
    );
    check(
        &[invalid(1, 0), invalid(1, 10)],
        &[],
        0,
        &[("rejected", 1), ("repeated", 1)],
    );
    check(
        &[invalid(1, 0), invalid(1, 10)],
        &[invalid(1, 20)],
        1,
        &[("leaked", 1), ("repeated", 1)],
    );
}

#[test]
fn a_writer_that_replaces_makes_no_duplicates() {
    check_with(
        "[ledger]\nwriter_replaces = true",
        &[valid(1, 0), valid(1, 10)],
        &[valid(1, 30), valid(1, 31)],
        0,
        &[("delivered", 1), ("repeated", 1)],
    );
}

#[test]
fn each_schema_of_a_key_is_owed_a_row_of_its_own() {
    let of_other = |event: String| event.replace("\"S\"", "\"T\"");
    let raw = [valid(1, 0), of_other(valid(1, 10))];
    let rows = [valid(1, 20), of_other(valid(1, 21))];
    check(&raw, &[], 1, &[("missing", 2)]);
    for row in &rows {
        let row = std::slice::from_ref(row);
        check(&raw, row, 1, &[("delivered", 1), ("missing", 1)]);
    }
    check(&raw, &rows, 0, &[("delivered", 2)]);
    let rejected = [invalid(1, 0), of_other(valid(1, 10))];
    check(
        &rejected,
        &rows[1..],
        0,
        &[("delivered", 1), ("rejected", 1)],
    );
    check(&rejected, &rows[..1], 1, &[("leaked", 1), ("missing", 1)]);
    // Rows that name none are one row for all.
    let nameless = |row: &String| row.replace(r#""schema":"S","#, "");
    let row = [nameless(&rows[0])];
    let counts: &[(&str, i64)] = &[("altered", 1), ("repeated", 1)];
    check(&raw, &row, 1, counts);
}

#[test]
fn an_audit_does_not_depend_on_which_file_is_read_faster() {
    // One file comes when the other one has been read, for all that is known.
    for slow in ["raw", "written"] {
        let (raw, written) = many(5_000, 5_000, 1);
        let dir = prepare("[ledger]\npending_max = 1000", &raw, &written);
        let at = |name: &str| dir.path().join(name);
        std::fs::rename(at(slow), at("later")).expect("renamed");
        mkfifoat(CWD, at(slow), Mode::from_raw_mode(0o600)).expect("a pipe");
        let lines = std::fs::read(at("later")).expect("read");
        let pipe = at(slow);
        let feeder = std::thread::spawn(move || {
            let mut pipe = File::options().write(true).open(pipe).expect("opened");
            // Nothing shows from outside how far the other one is read.
            std::thread::sleep(Duration::from_secs(1));
            pipe.write_all(&lines).is_ok()
        });
        let output = run_landfall(
            dir.path(),
            &["audit", "--raw", "raw", "--written", "written", "--json"],
        );
        let answer = answer(&output);
        assert_eq!(answer["verdicts"]["delivered"], 4_999, "{answer}");
        assert!(feeder.join().expect("it does not panic"));
    }
}

#[test]
fn rows_that_wait_for_a_copy_never_fill_what_bounds_an_audit() {
    // More of them than may wait in the ledger.
    let (raw, written) = many(5_000, 1, 1);
    check_with(
        "[ledger]\npending_max = 1000",
        &raw,
        &written,
        1,
        &[("altered", 5_000)],
    );
    // Some in each part of a spool that holds half of the frames.
    let (raw, written) = many(4_000, 50, 32_000);
    check_with(
        "[store]\nspool_bytes_max = \"64MiB\"",
        &raw,
        &written,
        1,
        &[("altered", 80), ("delivered", 3_920)],
    );
}
