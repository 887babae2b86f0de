//! No check, whatever it does, stops another, nor the host.

mod support;

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, pipeline_checks};

fn hostile(config: &str, decides: bool) -> String {
    format!(
        r#"
[[checks]]
name = "hostile"
path = "hostile_check.wasm"
streams = ["raw"]
decides = {decides}
config = {config}
limits = {{ memory = "16MiB", batch_time = "200ms", output_bytes_max = "1MiB" }}
"#
    )
}

/// Runs a hundred events past a hostile check that does not decide; all of them must be delivered.
fn survives(config: &str, kind: &str) {
    let checks = pipeline_checks("schema_validity.wasm") + &hostile(config, false);
    let mut sidecar = Sidecar::start(Setup {
        checks,
        deadline: "30s",
        ..Setup::default()
    });
    let all: Vec<Event> = (0..100).map(event).collect();
    for part in all.chunks(20) {
        sidecar.send_raw(part);
        sidecar.land(part);
    }
    sidecar.await_verdict("delivered", 100);
    await_until("the fault is counted by its kind", || {
        sidecar.metrics().count(
            "landfall_check_faults_total",
            &[("check", "hostile"), ("kind", kind)],
        ) > 0
    });
    let metrics = sidecar.metrics();
    assert_eq!(
        metrics.count(
            "landfall_check_faults_total",
            &[("check", "schema-validity")]
        ),
        0
    );
    assert_eq!(
        metrics.count("landfall_check_rows_total", &[("check", "schema-validity")]),
        100
    );
    assert_eq!(
        sidecar.get("/healthz").map(|answer| answer.status),
        Some(200)
    );
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn a_check_that_loops_is_cut_off() {
    survives(r#"{ do = "loop" }"#, "deadline");
}

#[test]
fn a_check_that_takes_all_memory_is_cut_off() {
    survives(r#"{ do = "allocate" }"#, "memory");
}

#[test]
fn a_check_that_traps_is_renewed() {
    survives(r#"{ do = "trap" }"#, "trap");
}

#[test]
fn a_check_that_answers_nonsense_is_not_believed() {
    survives(r#"{ do = "wrong_codes" }"#, "bad_output");
    survives(r#"{ do = "short_codes" }"#, "bad_output");
}

#[test]
fn a_poison_event_is_unjudged_alone_and_kept_for_replay() {
    let poison = event(17);
    let config = format!(
        r#"{{ do = "trap", marker = "{}", column = "/uuid" }}"#,
        poison.uuid
    );
    let checks = pipeline_checks("schema_validity.wasm") + &hostile(&config, true);
    let mut sidecar = Sidecar::start(Setup {
        checks,
        ..Setup::default()
    });
    let all: Vec<Event> = (0..100).map(event).collect();
    sidecar.send_raw(&all);
    sidecar.land(&all);
    sidecar.await_verdict("delivered", 99);
    sidecar.await_verdict("unjudged", 1);
    await_until("the frame is kept", || {
        sidecar
            .query("SELECT count(*) FROM samples WHERE kind = 'fault' AND check_name = 'hostile'")
            == 1
    });
    let kept: Vec<u8> = sidecar
        .store()
        .query_row(
            "SELECT frame FROM samples WHERE kind = 'fault'",
            [],
            |row| row.get(0),
        )
        .expect("a frame");
    assert_eq!(kept, poison.frame);
    sidecar.stop();
}

#[test]
fn a_check_with_a_foreign_import_is_refused_by_name_before_anything_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "[guests]\ndir = {:?}\n[schemas]\ndir = {:?}\n[store]\ndir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n{}\n[[checks]]\nname = \"foreign\"\npath = \"hostile_import.wasm\"\nstreams = [\"raw\"]\n",
        landfall_tests::paths::guests(),
        landfall_tests::paths::schemas(),
        pipeline_checks("schema_validity.wasm")
    );
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    let output = support::run_landfall(dir.path(), &["run"]);
    assert_eq!(output.status.code(), Some(2));
    let text = support::text(&output);
    assert!(
        text.contains("foreign")
            && text.contains("hostile_import.wasm")
            && text.contains("imports"),
        "{text}"
    );
}

#[test]
fn a_check_whose_reason_is_a_word_of_landfall_is_refused_by_both_names() {
    for (file, reason) in [
        ("hostile_check.wasm", "fault_trap"),
        ("hostile_check.wasm", "lone_surrogate"),
        ("hostile_codec.wasm", "no_key"),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let config = format!(
            "[guests]\ndir = {:?}\n[schemas]\ndir = {:?}\n[store]\ndir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n{}\n[[checks]]\nname = \"imitator\"\npath = \"{file}\"\nstreams = [\"raw\"]\nconfig = {{ reason = \"{reason}\" }}\n",
            landfall_tests::paths::guests(),
            landfall_tests::paths::schemas(),
            pipeline_checks("schema_validity.wasm")
        );
        std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
        let output = support::run_landfall(dir.path(), &["run"]);
        assert_eq!(output.status.code(), Some(2));
        let text = support::text(&output);
        let told = format!("reason \"{reason}\" is the host's own word");
        assert!(
            text.contains("failed to load check imitator from") && text.contains(&told),
            "{text}"
        );
    }
}
