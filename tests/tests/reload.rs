//! Checks change while events flow: none is lost, none is judged twice.

mod support;

use std::path::Path;
use std::time::Duration;

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, pipeline_checks};

/// A copy of a guest that the test may change; the path for the configuration.
fn own_copy(name: &str, dir: &Path) -> String {
    let place = dir.join(name);
    std::fs::copy(support::guest(name), &place).expect("a copy");
    place.display().to_string()
}

/// The same module with another digest: a custom section more.
fn changed(module: &[u8]) -> Vec<u8> {
    let name = b"note";
    let mut out = module.to_vec();
    out.push(0);
    out.push(name.len() as u8 + 1);
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    out
}

/// Replaces a file as a deployment does: written aside, then renamed.
fn deploy(path: &str, bytes: &[u8]) {
    let aside = format!("{path}.new");
    std::fs::write(&aside, bytes).expect("written");
    std::fs::rename(&aside, path).expect("renamed");
}

fn digest(sidecar: &Sidecar, check: &str) -> String {
    let body = sidecar.get("/readyz").expect("an answer").body;
    let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let checks = state["checks"].as_array().expect("checks");
    let found = checks
        .iter()
        .find(|entry| entry["name"] == check)
        .expect("the check");
    found["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn a_new_version_under_load_loses_no_event_and_judges_none_twice() {
    let files = tempfile::tempdir().expect("a directory");
    let validity = own_copy("schema_validity.wasm", files.path());
    let parity = own_copy("field_parity.wasm", files.path());
    let checks = pipeline_checks(&validity).replace("field_parity.wasm", &parity);
    let mut sidecar = Sidecar::start(Setup {
        checks,
        deadline: "60s",
        ..Setup::default()
    });
    let before = [
        digest(&sidecar, "schema-validity"),
        digest(&sidecar, "field-parity"),
    ];

    let stop = std::sync::atomic::AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let feeding = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let part: Vec<Event> = (number..number + 20).map(event).collect();
                sidecar.send_raw(&part);
                // Landings lag behind, so that both sides are judged by different versions now and then.
                std::thread::sleep(Duration::from_millis(5));
                sidecar.land(&part);
                number += 20;
            }
            number
        });
        for path in [&validity, &parity] {
            let module = std::fs::read(path).expect("the module");
            deploy(path, &changed(&module));
        }
        await_until("the new versions are in force", || {
            digest(&sidecar, "schema-validity") != before[0]
                && digest(&sidecar, "field-parity") != before[1]
        });
        // And events are judged by them.
        let judged = sidecar.metrics().count("landfall_raw_events_total", &[]);
        await_until("events flow on", || {
            sidecar.metrics().count("landfall_raw_events_total", &[]) > judged + 200
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        feeding.join().expect("the feeder ends")
    });
    sidecar.await_verdict("delivered", sent);
    let metrics = sidecar.metrics();
    assert_eq!(metrics.count("landfall_raw_events_total", &[]), sent);
    assert_eq!(
        metrics.count("landfall_check_rows_total", &[("check", "schema-validity")]),
        sent
    );
    assert_eq!(sidecar.verdict("altered"), 0);
    assert_eq!(
        sidecar.query(
            "SELECT count(DISTINCT digest) FROM generations WHERE check_name = 'schema-validity'"
        ),
        2
    );
    sidecar.assert_balanced();
    sidecar.stop();
}

#[test]
fn a_file_that_does_not_load_leaves_the_old_version_and_says_so_everywhere() {
    let files = tempfile::tempdir().expect("a directory");
    let validity = own_copy("schema_validity.wasm", files.path());
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks(&validity),
        ..Setup::default()
    });
    let before = digest(&sidecar, "schema-validity");
    deploy(&validity, b"no module");
    await_until("it is told as stale", || {
        sidecar
            .metrics()
            .count("landfall_check_stale", &[("check", "schema-validity")])
            == 1
    });
    assert_eq!(digest(&sidecar, "schema-validity"), before);
    let ready = sidecar.get("/readyz").expect("an answer");
    assert_eq!(ready.status, 200, "the old version judges: it is ready");
    assert!(ready.body.contains("no WebAssembly"), "{}", ready.body);
    assert!(
        sidecar.log().contains("stays at version"),
        "{}",
        sidecar.log()
    );
    let one = event(1);
    sidecar.send_raw(std::slice::from_ref(&one));
    sidecar.land(std::slice::from_ref(&one));
    sidecar.await_verdict("delivered", 1);
    // Mended, it is in force without a restart.
    deploy(
        &validity,
        &changed(&std::fs::read(support::guest("schema_validity.wasm")).expect("a module")),
    );
    await_until("the mended version is in force", || {
        digest(&sidecar, "schema-validity") != before
    });
    assert_eq!(
        sidecar
            .metrics()
            .count("landfall_check_stale", &[("check", "schema-validity")]),
        0
    );
    sidecar.stop();
}

#[test]
fn a_configuration_with_an_error_is_refused_and_a_good_one_taken_by_sighup() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        ..Setup::default()
    });
    let path = sidecar.dir.path().join("landfall.toml");
    let good = std::fs::read_to_string(&path).expect("the configuration");
    std::fs::write(
        &path,
        good.replace("default = \"60s\"", "default = \"soon\""),
    )
    .expect("written");
    sidecar.hang_up();
    await_until("the error is told with its field", || {
        sidecar
            .get("/readyz")
            .is_some_and(|answer| answer.body.contains("deadlines.default"))
    });
    // A shorter deadline holds for the events to come.
    std::fs::write(&path, good.replace("default = \"60s\"", "default = \"1s\"")).expect("written");
    sidecar.hang_up();
    await_until("the error is gone", || {
        sidecar
            .get("/readyz")
            .is_some_and(|answer| !answer.body.contains("deadlines.default"))
    });
    sidecar.send_raw(&[event(1)]);
    sidecar.await_verdict("missing", 1);
    sidecar.stop();
}
