//! An audit reports what each check found, or failed on, with check, reason and count, and does not end as if
//! all were well. Frequent findings do not hide rare ones.

mod support;

use std::path::Path;

use landfall_tests::paths;
use landfall_tests::wait::await_until;
use serde_json::{Value, json};
use support::{Event, Setup, Sidecar, event, pipeline_checks, run_landfall, text};

/// A directory with a configuration of plain JSON streams and these checks.
fn directory(checks: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "[event]\nkey = \"/id\"\nschema = \"/schema\"\nrevision = \"/revision\"\ntime = [\"/ts\"]\n\
         [streams.raw]\ncodec = \"json\"\n[guests]\ndir = {:?}\n[schemas]\ndir = {:?}\n[judge]\nworkers = 2\n{checks}",
        paths::guests(),
        paths::schemas()
    );
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    dir
}

fn check(name: &str, file: &str, more: &str) -> String {
    format!(
        "[[checks]]\nname = \"{name}\"\npath = \"{file}\"\n{more}\n\
         limits = {{ memory = \"16MiB\", batch_time = \"200ms\", output_bytes_max = \"1MiB\" }}\n"
    )
}

fn parity() -> String {
    let both = "streams = [\"raw\", \"written\"]\nconfig = { defaults = false }";
    check("field-parity", "field_parity.wasm", both)
}

/// This many events, unchanged.
fn events(count: u64) -> Vec<Value> {
    (0..count)
        .map(|n| {
            json!({
                "id": format!("k{n}"), "ts": 1_700_000_000 + n, "schema": "AppTap", "revision": 12,
                "x": 1, "y": 1,
            })
        })
        .collect()
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// An audit of these streams: its exit code, its answer and its text.
fn audit(dir: &Path, raw: &[Value], written: &[Value]) -> (Option<i32>, Value, String) {
    std::fs::write(dir.join("raw"), lines(raw)).expect("written");
    std::fs::write(dir.join("written"), lines(written)).expect("written");
    let files = ["audit", "--raw", "raw", "--written", "written"];
    let output = run_landfall(dir, &[&files[..], &["--json", "--store", "kept"]].concat());
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    let told = run_landfall(dir, &files);
    assert_eq!(told.status.code(), output.status.code());
    (output.status.code(), answer, text(&told))
}

/// A text from the kept store.
fn stored(dir: &Path, sql: &str) -> Vec<(String, String, i64)> {
    let store = rusqlite::Connection::open(dir.join("kept/landfall.sqlite")).expect("the store");
    let mut statement = store.prepare(sql).expect("SQL");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.expect("rows").collect::<Result<_, _>>().expect("rows")
}

#[test]
fn every_field_that_was_altered_is_named_with_its_count_however_many_events_differ_in_another() {
    let dir = directory(&parity());
    let raw = events(600);
    let mut written = raw.clone();
    for (n, row) in written.iter_mut().enumerate() {
        row[if n < 500 { "x" } else { "y" }] = json!(2);
    }
    // One in both: it is a separate case.
    written[7]["y"] = json!(3);
    let (code, answer, text) = audit(dir.path(), &raw, &written);
    assert_eq!(code, Some(1));
    assert_eq!(
        answer["altered_fields"],
        json!({"explained": 600, "fields": {"x": 500, "y": 101}, "further": 0, "cut": 0})
    );
    for line in [
        "altered fields, in 600 of 600 altered events",
        "         500 x\n",
        "         101 y\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let sql = "SELECT reason, check_name, count(*) FROM samples WHERE kind = 'altered' GROUP BY 1, 2 ORDER BY 1";
    let of = |reason: &str, count| (reason.to_owned(), "field-parity".to_owned(), count);
    assert_eq!(
        stored(dir.path(), sql),
        [of("x", 20), of("x, y", 1), of("y", 20)]
    );
}

#[test]
fn a_check_that_traps_on_every_row_is_reported_and_has_samples_beside_one_that_fails_rows_first() {
    let validity = check(
        "schema-validity",
        "schema_validity.wasm",
        "streams = [\"raw\"]\ndecides = true\nconfig = { at = \"/event\" }",
    );
    let trap = check(
        "hostile",
        "hostile_check.wasm",
        "streams = [\"raw\"]\nconfig = { do = \"trap\", column = \"/id\" }",
    );
    let dir = directory(&(parity() + &validity + &trap));
    let mut raw = events(1000);
    for (n, event) in raw.iter_mut().enumerate() {
        let install = format!("{n:08x}-0000-4000-8000-{n:012x}");
        event["event"] = json!({"appInstallId": install, "name": "menu"});
        if n % 10 == 0 {
            event["event"] = json!({"name": 7});
        }
    }
    let written: Vec<Value> = raw
        .iter()
        .enumerate()
        .filter(|(n, _)| n % 10 != 0)
        .map(|(_, event)| event.clone())
        .collect();
    let (code, answer, text) = audit(dir.path(), &raw, &written);
    assert_eq!(answer["verdicts"]["delivered"], 900, "{answer}");
    assert_eq!(answer["verdicts"]["rejected"], 100);
    assert_eq!(code, Some(1), "{answer}");
    let faults = answer["faults"].as_array().expect("a list");
    let rows: u64 = faults
        .iter()
        .filter(|fault| fault["check"] == "hostile")
        .filter_map(|fault| fault["rows"].as_u64())
        .sum();
    assert_eq!(rows, 1000, "{answer}");
    let reasons = answer["reasons"].as_array().expect("a list");
    let rejected = json!({
        "stream": "raw", "check": "schema-validity", "reason": "invalid_event",
        "outcome": "violation", "decides": true, "rows": 100,
    });
    assert!(reasons.contains(&rejected), "{answer}");
    assert!(
        text.contains("100 schema-validity: invalid_event (raw, rejects)")
            && text.contains("hostile: "),
        "{text}"
    );
    let sql = "SELECT kind, check_name, count(*) FROM samples GROUP BY 1, 2 ORDER BY 1";
    let samples = stored(dir.path(), sql);
    assert!(
        samples.iter().any(|(kind, check, count)| {
            (kind.as_str(), check.as_str()) == ("fault", "hostile") && *count > 0
        }),
        "{samples:?}"
    );
    assert!(
        samples
            .iter()
            .any(|(kind, check, _)| (kind.as_str(), check.as_str())
                == ("violation", "schema-validity")),
        "{samples:?}"
    );
}

#[test]
fn a_window_check_that_never_ends_is_reported_by_its_fault() {
    let window = check(
        "endless",
        "hostile_window.wasm",
        "config = { do = \"loop\" }",
    );
    let dir = directory(&(parity() + &window));
    let (code, answer, text) = audit(dir.path(), &events(10), &events(10));
    assert_eq!(answer["verdicts"]["delivered"], 10, "{answer}");
    assert_eq!(code, Some(1), "{answer}");
    let faults = answer["faults"].as_array().expect("a list");
    assert!(
        faults.iter().any(|fault| fault["check"] == "endless"
            && fault["kind"] == "deadline"
            && fault["rows"].as_u64() > Some(0)),
        "{answer}"
    );
    assert!(text.contains("endless: deadline"), "{text}");
    let sql = "SELECT stream, reason, count(*) FROM samples WHERE kind = 'fault' AND check_name = 'endless'";
    let samples = stored(dir.path(), sql);
    assert_eq!(
        (samples[0].0.as_str(), samples[0].1.as_str()),
        ("window", "fault_deadline")
    );
}

#[test]
fn what_a_window_check_found_decides_the_exit_code_by_its_severity() {
    let late = |severity: &str| {
        let config = format!("config = {{ target = 1.0, minimum = 1, severity = \"{severity}\" }}");
        check("gold", "delivery_objective.wasm", &config)
    };
    for severity in ["info", "warning", "critical"] {
        let dir = directory(&(parity() + &late(severity)));
        let (_, answer, text) = audit(dir.path(), &events(10), &events(9));
        let finding = &answer["findings"][0];
        assert_eq!(
            (&finding["check"], &finding["reason"], &finding["severity"]),
            (&json!("gold"), &json!("below_target"), &json!(severity)),
            "{answer}"
        );
        assert_eq!(finding["windows"], 1);
        let help = finding["help"].as_str().expect("a text");
        let detail = finding["last"]["detail"].as_str().expect("a text");
        assert!(help.contains("fewer events") && detail.contains("9 confirmed of 10"));
        for part in ["gold: below_target", help, detail, severity] {
            assert!(text.contains(part), "{text}");
        }
    }
    // With nothing else amiss: every tally has a finding of severity info.
    let seen = check("seen", "hostile_window.wasm", "config = {}");
    let dir = directory(&(parity() + &seen));
    let (code, answer, text) = audit(dir.path(), &events(10), &events(10));
    assert_eq!(answer["findings"][0]["severity"], "info", "{answer}");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn what_a_check_that_does_not_decide_says_of_rows_is_reported_and_no_clean_end() {
    for stream in ["raw", "written"] {
        let aside = check(
            "aside",
            "schema_validity.wasm",
            &format!("streams = [\"{stream}\"]\nconfig = {{ at = \"/event\" }}"),
        );
        let dir = directory(&(parity() + &aside));
        let mut all = events(10);
        for event in &mut all {
            event["event"] = json!({"name": 7});
        }
        let (code, answer, text) = audit(dir.path(), &all, &all);
        assert_eq!(answer["verdicts"]["delivered"], 10, "{answer}");
        assert_eq!(code, Some(1), "{answer}");
        let told = json!({
            "stream": stream, "check": "aside", "reason": "invalid_event",
            "outcome": "violation", "decides": false, "rows": 10,
        });
        assert_eq!(answer["reasons"], json!([told]));
        let line = format!("10 aside: invalid_event ({stream}, does not decide)");
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn codecs_and_parity_checks_that_fail_are_reported_by_name_with_their_rows() {
    let hostile = |config: &str| {
        let both = format!("streams = [\"raw\", \"written\"]\nconfig = {config}");
        check("hostile", "hostile_parity.wasm", &both)
    };
    let all = events(10);
    let mut altered = all.clone();
    altered[3]["x"] = json!(2);
    for (config, written, verdict, kind) in [
        ("{ do = \"trap\" }", &all, "unjudged", "trap"),
        (
            "{ do = \"not_utf8\", when = \"explain\" }",
            &altered,
            "altered",
            "bad_output",
        ),
    ] {
        let dir = directory(&hostile(config));
        let (code, answer, text) = audit(dir.path(), &all, written);
        assert_eq!(code, Some(1), "{answer}");
        assert!(answer["verdicts"][verdict].as_u64() > Some(0), "{answer}");
        let faults = answer["faults"].as_array().expect("a list");
        let fault = |fault: &&Value| fault["check"] == "hostile" && fault["kind"] == kind;
        assert!(faults.iter().any(|one| fault(&one)), "{answer}");
        assert!(text.contains(&format!("hostile: {kind}")), "{text}");
    }

    let codec = check(
        "tongue",
        "hostile_codec.wasm",
        "streams = [\"raw\"]\nconfig = { do = \"trap\", marker = \"k3\" }",
    );
    let dir = directory(&(parity() + &codec));
    let path = dir.path().join("landfall.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    std::fs::write(
        path,
        config.replace("codec = \"json\"", "codec = \"tongue\""),
    )
    .expect("written");
    let (code, answer, text) = audit(dir.path(), &all, &all);
    assert_eq!(code, Some(1), "{answer}");
    assert_eq!(answer["undecodable"], json!({"fault_trap": 1}));
    assert_eq!(
        answer["undecodable_by"],
        json!([{"stream": "raw", "check": "tongue", "reason": "fault_trap", "frames": 1}])
    );
    assert!(
        text.contains("undecodable: fault_trap (raw, tongue)"),
        "{text}"
    );
}

#[test]
fn a_rare_alteration_is_named_beside_a_flood_of_another() {
    const FLOOD: u64 = 20_000;
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        checks: pipeline_checks("schema_validity.wasm"),
        ..Setup::default()
    });
    let events: Vec<Event> = (0..FLOOD).map(event).collect();
    let rows: Vec<Event> = events
        .iter()
        .enumerate()
        .map(|(n, event)| {
            let mut event = event.clone();
            let field = if n % 500 == 321 { "wiki" } else { "event_name" };
            event.row[field] = json!("another");
            event
        })
        .collect();
    for (events, rows) in events.chunks(1000).zip(rows.chunks(1000)) {
        sidecar.send_raw(events);
        sidecar.land(rows);
    }
    sidecar.await_verdict("altered", FLOOD);
    await_until("both differences are sampled", || {
        sidecar.query(
            "SELECT count(DISTINCT reason) FROM samples WHERE kind = 'altered' AND reason IN ('wiki', 'event_name')",
        ) == 2
    });
    // Events that were not looked at are reported, with a separate name.
    let left = sidecar
        .metrics()
        .count("landfall_altered_not_explained_total", &[]);
    let unnamed = sidecar.query(
        "SELECT count(*) FROM samples WHERE kind = 'altered' AND reason = '(not explained)'",
    );
    assert_eq!(unnamed > 0, left > 0, "{left}");
    assert!(left < FLOOD / 2, "{left}");
    sidecar.stop();
}
