//! Checks change while events flow: none is lost, none is judged twice.

mod support;

use std::path::Path;
use std::time::Duration;

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, changed, deploy, event, invalid_event, pipeline_checks};

/// A copy of a guest that the test may change; the path for the configuration.
fn own_copy(name: &str, dir: &Path) -> String {
    let place = dir.join(name);
    std::fs::copy(support::guest(name), &place).expect("a copy");
    place.display().to_string()
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

/// The digest of a check by which samples of a kind were judged.
fn judged_by(sidecar: &Sidecar, kind: &str, check: &str) -> Vec<String> {
    let connection = sidecar.store();
    let mut statement = connection
        .prepare(
            "SELECT digest FROM samples JOIN generations USING (generation)
             WHERE kind = ?1 AND generations.check_name = ?2",
        )
        .expect("a statement");
    let digests = statement.query_map([kind, check], |row| row.get(0));
    let digests = digests.expect("rows").collect::<Result<_, _>>();
    digests.expect("digests")
}

#[test]
fn a_verdict_names_the_checks_that_gave_it_not_those_in_force_when_it_is_reported() {
    let files = tempfile::tempdir().expect("a directory");
    let validity = own_copy("schema_validity.wasm", files.path());
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks(&validity),
        deadline: "60s",
        ..Setup::default()
    });
    let old = digest(&sidecar, "schema-validity");
    let (rejected, mut changed_row, twice) = (invalid_event(1), event(2), event(3));
    sidecar.send_raw(&[rejected.clone(), changed_row.clone(), twice.clone()]);
    await_until("all are judged", || {
        sidecar.metrics().count("landfall_raw_events_total", &[]) == 3
    });
    sidecar.land(std::slice::from_ref(&twice));
    sidecar.await_verdict("delivered", 1);
    deploy(
        &validity,
        &changed(&std::fs::read(&validity).expect("a module")),
    );
    await_until("the new version is in force", || {
        digest(&sidecar, "schema-validity") != old
    });
    let new = digest(&sidecar, "schema-validity");

    // Rejected by the old version, and reported as leaked under the new one.
    changed_row.row["event_name"] = "something else".into();
    sidecar.land(&[rejected, changed_row, twice]);
    sidecar.await_verdict("leaked", 1);
    sidecar.await_verdict("altered", 1);
    await_until("the duplicate is reported", || {
        sidecar.query("SELECT count(*) FROM samples WHERE kind = 'duplicate'") == 1
    });
    sidecar.stop();
    let judged_by = |kind| judged_by(&sidecar, kind, "schema-validity");
    assert_eq!(judged_by("leaked"), [old.as_str()]);
    // The row that came twice was read by the new version, and the pair that differs was compared again.
    assert_eq!(judged_by("duplicate"), [new.as_str()]);
    assert_eq!(judged_by("altered"), [new.as_str()]);
    // Both versions had a part in the verdict that its window counts: one judged it, one compared.
    assert_eq!(
        sidecar.query(
            "SELECT count(DISTINCT digest) FROM window_judges JOIN generations USING (generation)
             WHERE check_name = 'schema-validity' AND start_ms IN (
                 SELECT start_ms FROM windows WHERE altered = 1)"
        ),
        2
    );
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
    await_until("it is reported as stale", || {
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
    // Once it is repaired, it is in force without a restart.
    deploy(
        &validity,
        &changed(&std::fs::read(support::guest("schema_validity.wasm")).expect("a module")),
    );
    await_until("the fixed version is in force", || {
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
    let path = sidecar.config_path();
    let good = std::fs::read_to_string(&path).expect("the configuration");
    // Directories are watched. If a file is written by a name in another directory, its own directory does not
    // change: only SIGHUP makes Landfall read it.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let unseen = elsewhere.path().join("same-file");
    std::fs::hard_link(&path, &unseen).expect("a second name");
    let write = |text: String| std::fs::write(&unseen, text).expect("written");
    write(good.replace("default = \"60s\"", "default = \"soon\""));
    sidecar.hang_up();
    await_until("the error is reported with its field", || {
        sidecar
            .get("/readyz")
            .is_some_and(|answer| answer.body.contains("deadlines.default"))
    });
    assert_eq!(sidecar.plans(), 0);
    // A shorter deadline holds for the events to come.
    write(good.replace("default = \"60s\"", "default = \"1s\""));
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

#[test]
fn whether_a_check_decides_is_changed_by_a_reload() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        ..Setup::default()
    });
    let events = [support::invalid_event(1), support::invalid_event(2)];
    sidecar.send_raw(&events[..1]);
    sidecar.land(&events[..1]);
    sidecar.await_verdict("leaked", 1);
    sidecar.reconfigure("decides = true", "decides = false");
    await_until("the plan is in force", || sidecar.plans() == 1);
    sidecar.send_raw(&events[1..]);
    sidecar.land(&events[1..]);
    sidecar.await_verdict("delivered", 1);
    sidecar.stop();
}

#[test]
fn a_check_is_added_and_removed_by_a_reload() {
    const ADDED: &str = r#"
[[checks]]
name = "added"
path = "hostile_check.wasm"
streams = ["raw"]
# end
"#;
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        extra: "# further checks".into(),
        ..Setup::default()
    });
    let before = sidecar.checks();
    sidecar.reconfigure("# further checks", ADDED);
    await_until("it judges", || sidecar.checks().len() == before.len() + 1);
    let one = event(1);
    sidecar.send_raw(std::slice::from_ref(&one));
    sidecar.land(std::slice::from_ref(&one));
    sidecar.await_verdict("delivered", 1);
    let rows = || {
        sidecar
            .metrics()
            .count("landfall_check_rows_total", &[("check", "added")])
    };
    assert_eq!(rows(), 1);
    sidecar.reconfigure(ADDED, "# further checks");
    await_until("it is gone", || sidecar.checks() == before);
    let two = event(2);
    sidecar.send_raw(std::slice::from_ref(&two));
    sidecar.land(std::slice::from_ref(&two));
    sidecar.await_verdict("delivered", 2);
    assert_eq!(rows(), 1, "it judges no more");
    sidecar.stop();
}

#[test]
fn a_change_of_the_key_takes_a_restart_and_every_reload_reports_that() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        extra: "[event]\nkey = \"/uuid\"".into(),
        ..Setup::default()
    });
    let waits = event(1);
    sidecar.send_raw(std::slice::from_ref(&waits));
    sidecar.await_frames("raw", 1);
    sidecar.reconfigure("key = \"/uuid\"", "key = \"/schema\"");
    let told = || {
        sidecar
            .get("/readyz")
            .is_some_and(|answer| answer.body.contains("event changed"))
    };
    await_until("it is reported", told);
    sidecar.reconfigure("default = \"60s\"", "default = \"50s\"");
    await_until("another change is in force", || sidecar.plans() == 1);
    assert!(told(), "and what waits for a restart is not forgotten");
    sidecar.land(std::slice::from_ref(&waits));
    sidecar.await_verdict("delivered", 1);
    sidecar.stop();
}

#[test]
fn a_broken_schema_leaves_the_old_one_in_force_and_a_mended_one_replaces_it() {
    let files = tempfile::tempdir().expect("a directory");
    for schema in ["EventCapsule/2014.json", "AppTap/12.json"] {
        let place = files.path().join(schema);
        std::fs::create_dir_all(place.parent().expect("a parent")).expect("a directory");
        std::fs::copy(landfall_tests::paths::schemas().join(schema), place).expect("a copy");
    }
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        schemas: files.path().to_owned(),
        ..Setup::default()
    });
    let path = files.path().join("AppTap/12.json").display().to_string();
    let good = std::fs::read(&path).expect("the schema");
    deploy(&path, b"{ half of");
    let stale = || sidecar.metrics().count("landfall_schemas_stale", &[]);
    await_until("it is reported as stale", || stale() == 1);
    assert!(
        sidecar
            .get("/readyz")
            .is_some_and(|answer| answer.status == 200 && answer.body.contains("AppTap/12")),
        "{}",
        sidecar.log()
    );
    let events = [support::invalid_event(1), event(2)];
    sidecar.send_raw(&events);
    sidecar.land(&events);
    sidecar.await_verdict("delivered", 1);
    sidecar.await_verdict("leaked", 1);
    assert_eq!(sidecar.verdict("unjudged"), 0);
    deploy(&path, &good);
    await_until("it is stale no more", || stale() == 0);
    assert_eq!(sidecar.plans(), 0, "nothing that judges has changed");
    sidecar.stop();
}

#[test]
fn a_check_file_that_is_gone_leaves_it_stale_while_another_change_is_taken() {
    let files = tempfile::tempdir().expect("a directory");
    let validity = own_copy("schema_validity.wasm", files.path());
    let mut sidecar = Sidecar::start(Setup {
        checks: pipeline_checks(&validity),
        deadline: "60s",
        ..Setup::default()
    });
    std::fs::remove_file(&validity).expect("removed");
    await_until("it is reported as stale", || {
        sidecar
            .metrics()
            .count("landfall_check_stale", &[("check", "schema-validity")])
            == 1
    });
    sidecar.reconfigure("default = \"60s\"", "default = \"1s\"");
    await_until("the other change is in force", || sidecar.plans() == 1);
    // Judged by the old version, under the new deadline.
    sidecar.send_raw(&[event(1)]);
    sidecar.await_verdict("missing", 1);
    assert_eq!(sidecar.verdict("unjudged"), 0);
    std::fs::copy(support::guest("schema_validity.wasm"), &validity).expect("a copy");
    await_until("it is back", || {
        sidecar
            .metrics()
            .count("landfall_check_stale", &[("check", "schema-validity")])
            == 0
    });
    sidecar.stop();
}

#[test]
fn a_turned_link_and_a_directory_moved_into_place_are_new_versions() {
    let files = tempfile::tempdir().expect("a directory");
    let at = |name: &str| files.path().join(name);
    let module = std::fs::read(support::guest("schema_validity.wasm")).expect("the module");
    let mut version = module;
    for release in ["1", "2", "3"] {
        std::fs::create_dir_all(at(release)).expect("a directory");
        std::fs::write(at(release).join("validity.wasm"), &version).expect("written");
        version = changed(&version);
    }
    std::os::unix::fs::symlink("1", at("current")).expect("a link");
    let checks = pipeline_checks(&at("current/validity.wasm").display().to_string());
    let mut sidecar = Sidecar::start(Setup {
        checks,
        ..Setup::default()
    });
    let first = digest(&sidecar, "schema-validity");
    std::os::unix::fs::symlink("2", at("current.new")).expect("a link");
    std::fs::rename(at("current.new"), at("current")).expect("turned");
    await_until("what the link leads to is in force", || {
        digest(&sidecar, "schema-validity") != first
    });
    let second = digest(&sidecar, "schema-validity");
    std::fs::remove_dir_all(at("2")).expect("removed");
    std::fs::rename(at("3"), at("2")).expect("moved");
    await_until("the directory that was moved there is in force", || {
        let now = digest(&sidecar, "schema-validity");
        now != second && now != first
    });
    assert_eq!(
        sidecar
            .metrics()
            .count("landfall_check_stale", &[("check", "schema-validity")]),
        0
    );
    sidecar.stop();
}
