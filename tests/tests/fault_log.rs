//! The log shows faults of checks of every kind, suspensions and their ends: few lines, each with the check,
//! the kind of fault and the row.

mod support;

use support::{Event, Setup, Sidecar, event, pipeline_checks};

use landfall_tests::wait::await_until;

fn check(name: &str, file: &str, streams: &str, config: &str) -> String {
    format!(
        "[[checks]]\nname = \"{name}\"\npath = \"{file}\"\nstreams = {streams}\nconfig = {config}\n\
         limits = {{ batch_time = \"100ms\" }}\n"
    )
}

fn start(checks: &str) -> Sidecar {
    Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm") + checks,
        deadline: "30s",
        ..Setup::default()
    })
}

/// Lines that hold all of these.
fn lines(sidecar: &Sidecar, parts: &[&str]) -> Vec<String> {
    let log = sidecar.log();
    let lines = log
        .lines()
        .filter(|line| parts.iter().all(|part| line.contains(part)));
    lines.map(str::to_owned).collect()
}

fn await_line(sidecar: &Sidecar, parts: &[&str]) {
    await_until(
        &format!("a line with {parts:?}; log:\n{}", sidecar.log()),
        || !lines(sidecar, parts).is_empty(),
    );
}

#[test]
fn a_flood_of_faults_of_an_event_and_a_parity_check_is_one_line_each_with_the_key() {
    let checks = check(
        "event",
        "hostile_check.wasm",
        "[\"raw\"]",
        r#"{ do = "err", text = "no\nidea" }"#,
    ) + &check(
        "parity",
        "hostile_parity.wasm",
        "[\"raw\", \"written\"]",
        r#"{ do = "err" }"#,
    );
    let mut sidecar = start(&checks);
    let all: Vec<Event> = (0..300).map(event).collect();
    for (number, part) in all.chunks(100).enumerate() {
        sidecar.send_raw(part);
        sidecar.land(part);
        // In separate batches: each fails again.
        await_until("the part is judged", || {
            let rows = sidecar
                .metrics()
                .count("landfall_check_rows_faulted_total", &[("check", "event")]);
            rows == 100 * (number as u64 + 1)
        });
    }
    sidecar.await_frames("written", 300);
    let of_event = [
        "check=\"event\"",
        "kind=\"declined\"",
        "stream=\"raw\"",
        "no\\nidea",
    ];
    await_line(&sidecar, &of_event);
    await_line(&sidecar, &["check=\"parity\"", "kind=\"declined\""]);
    let said = lines(&sidecar, &of_event);
    assert_eq!(said.len(), 1, "{said:?}");
    let key = all
        .iter()
        .any(|event| said[0].contains(&format!("key=\"{}\"", event.uuid)));
    assert!(key, "{said:?}");
    let said = lines(
        &sidecar,
        &["check=\"parity\"", "kind=\"declined\"", "fails on rows"],
    );
    assert_eq!(said.len(), 1, "{said:?}");
    let key = all.iter().any(|event| said[0].contains(&event.uuid));
    assert!(key, "{said:?}");
    sidecar.stop();
    await_line(
        &sidecar,
        &["further faults that were not logged", "check=\"event\""],
    );
}

#[test]
fn a_check_that_is_suspended_and_called_again_is_a_line_each() {
    let checks = check(
        "loops",
        "hostile_check.wasm",
        "[\"raw\"]",
        r#"{ do = "loop" }"#,
    );
    let mut sidecar = start(&checks);
    let mut number = 0;
    await_until("the check is suspended", || {
        sidecar.send_raw(&[event(number)]);
        number += 1;
        !lines(&sidecar, &["is suspended for 5s", "check=\"loops\""]).is_empty()
    });
    await_line(&sidecar, &["check=\"loops\"", "kind=\"deadline\"", "key="]);
    sidecar.send_raw(&[event(number)]);
    await_line(&sidecar, &["it is called again", "check=\"loops\""]);
    assert!(
        lines(&sidecar, &["kind=\"suspended\""]).is_empty(),
        "{}",
        sidecar.log()
    );
    sidecar.stop();
}

#[test]
fn a_window_check_that_fails_and_a_parity_check_that_cannot_name_fields_are_reported_by_row() {
    let checks = check(
        "window",
        "hostile_window.wasm",
        "[\"raw\"]",
        r#"{ do = "err" }"#,
    ) + &check(
        "parity",
        "hostile_parity.wasm",
        "[\"raw\", \"written\"]",
        r#"{ do = "trap", when = "explain" }"#,
    );
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm") + &checks,
        deadline: "1s",
        ..Setup::default()
    });
    let altered = event(1);
    sidecar.send_raw(std::slice::from_ref(&altered));
    sidecar.land(std::slice::from_ref(&altered));
    await_line(
        &sidecar,
        &[
            "check=\"window\"",
            "kind=\"declined\"",
            "schema=\"AppTap/12\"",
            "start_ms=",
        ],
    );
    let key = format!("key=\"{}\"", altered.uuid);
    await_line(
        &sidecar,
        &["check=\"parity\"", "kind=\"trap\"", "fails to name", &key],
    );
    sidecar.stop();
}

#[test]
fn a_codec_that_fails_batch_after_batch_is_one_line_of_each_fate() {
    let codec = "[[checks]]\nname = \"written-codec\"\npath = \"hostile_codec.wasm\"\nstreams = [\"written\"]\n\
         config = { do = \"trap\" }\n";
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks("schema_validity.wasm") + codec,
        written: "codec = \"written-codec\"",
        deadline: "30s",
        ..Setup::default()
    });
    let waits = [
        "which wait to be tried again",
        "check=\"written-codec\"",
        "kind=\"trap\"",
    ];
    for number in 0..4 {
        sidecar.land(&[event(number)]);
        sidecar.await_frames("written", number + 1);
    }
    await_until("all have been tried", || {
        sidecar
            .metrics()
            .count("landfall_check_faults_total", &[("check", "written-codec")])
            >= 4
    });
    await_line(&sidecar, &waits);
    assert_eq!(lines(&sidecar, &waits).len(), 1, "{}", sidecar.log());
    sidecar.stop();
    await_line(
        &sidecar,
        &[
            "which are given up",
            "check=\"written-codec\"",
            "kind=\"trap\"",
        ],
    );
}
