//! Checks change while events flow: none is lost, none is judged twice.

mod support;

use std::path::Path;
use std::time::Duration;

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event, invalid_event, pipeline_checks};

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
fn a_verdict_names_the_checks_that_gave_it_not_those_in_force_when_it_is_told() {
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

    // Rejected by the old version, and told to have leaked under the new one.
    changed_row.row["event_name"] = "something else".into();
    sidecar.land(&[rejected, changed_row, twice]);
    sidecar.await_verdict("leaked", 1);
    sidecar.await_verdict("altered", 1);
    await_until("the duplicate is told", || {
        sidecar.query("SELECT count(*) FROM samples WHERE kind = 'duplicate'") == 1
    });
    sidecar.stop();
    let judged_by = |kind| judged_by(&sidecar, kind, "schema-validity");
    assert_eq!(judged_by("leaked"), [old.as_str()]);
    // The row that came twice was read by the new version, and the pair that differs compared anew.
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

/// The checks that judge, by name.
fn checks(sidecar: &Sidecar) -> Vec<String> {
    let body = sidecar.get("/readyz").expect("an answer").body;
    let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let checks = state["checks"].as_array().expect("checks");
    let name = |check: &serde_json::Value| check["name"].as_str().expect("a name").to_owned();
    checks.iter().map(name).collect()
}

fn plans(sidecar: &Sidecar) -> usize {
    sidecar.log().matches("a new plan is in force").count()
}

#[test]
fn a_configuration_with_an_error_is_refused_and_a_good_one_taken_by_sighup() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        ..Setup::default()
    });
    let path = sidecar.config_path();
    let good = std::fs::read_to_string(&path).expect("the configuration");
    // Directories are watched, and a file that is written by a name in another directory is no change
    // in its own: only SIGHUP can tell of it.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let unseen = elsewhere.path().join("same-file");
    std::fs::hard_link(&path, &unseen).expect("a second name");
    let write = |text: String| std::fs::write(&unseen, text).expect("written");
    write(good.replace("default = \"60s\"", "default = \"soon\""));
    sidecar.hang_up();
    await_until("the error is told with its field", || {
        sidecar
            .get("/readyz")
            .is_some_and(|answer| answer.body.contains("deadlines.default"))
    });
    assert_eq!(plans(&sidecar), 0);
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
    await_until("the plan is in force", || plans(&sidecar) == 1);
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
    let before = checks(&sidecar);
    sidecar.reconfigure("# further checks", ADDED);
    await_until("it judges", || checks(&sidecar).len() == before.len() + 1);
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
    await_until("it is gone", || checks(&sidecar) == before);
    let two = event(2);
    sidecar.send_raw(std::slice::from_ref(&two));
    sidecar.land(std::slice::from_ref(&two));
    sidecar.await_verdict("delivered", 2);
    assert_eq!(rows(), 1, "it judges no more");
    sidecar.stop();
}

#[test]
fn what_identifies_events_takes_a_restart_and_is_said_to_at_every_reload() {
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
    await_until("it is told", told);
    sidecar.reconfigure("default = \"60s\"", "default = \"50s\"");
    await_until("another change is in force", || plans(&sidecar) == 1);
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
    await_until("it is told as stale", || stale() == 1);
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
    assert_eq!(plans(&sidecar), 0, "nothing that judges has changed");
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
    await_until("it is told as stale", || {
        sidecar
            .metrics()
            .count("landfall_check_stale", &[("check", "schema-validity")])
            == 1
    });
    sidecar.reconfigure("default = \"60s\"", "default = \"1s\"");
    await_until("the other change is in force", || plans(&sidecar) == 1);
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

/// A check whose file is looked for in several places, the first of which is this one.
const SEARCHED: &str = r#"
[[checks]]
name = "limit"
path = "example_check.wasm"
streams = ["raw"]
config = { at = "/x", max = 9 }
# end
"#;

fn stale(sidecar: &Sidecar, check: &str) -> u64 {
    sidecar
        .metrics()
        .count("landfall_check_stale", &[("check", check)])
}

fn is_told(sidecar: &Sidecar, text: &str) -> bool {
    sidecar
        .get("/readyz")
        .is_some_and(|answer| answer.status == 200 && answer.body.contains(text))
}

#[test]
fn a_check_whose_file_is_gone_is_not_replaced_by_another_one_of_its_name() {
    let mut sidecar = Sidecar::start(Setup {
        extra: "# further checks".into(),
        ..Setup::default()
    });
    // Beside the configuration, before the directory of checks, which has one of the same name.
    let module = std::fs::read(support::guest("example_check.wasm")).expect("the module");
    let own = sidecar.dir.path().join("example_check.wasm");
    let path = own.display().to_string();
    let versions = [changed(&module), changed(&changed(&module))];
    deploy(&path, &versions[0]);
    sidecar.reconfigure("# further checks", SEARCHED);
    await_until("it judges", || checks(&sidecar).contains(&"limit".into()));
    let first = digest(&sidecar, "limit");

    std::fs::remove_file(&own).expect("removed");
    await_until("it is stale", || stale(&sidecar, "limit") == 1);
    assert!(is_told(&sidecar, "is gone, and ") && is_told(&sidecar, "is not taken in its place"));
    assert_eq!(digest(&sidecar, "limit"), first);
    // Not with another change either.
    let before = plans(&sidecar);
    sidecar.reconfigure("default = \"2s\"", "default = \"3s\"");
    await_until("the other change is in force", || plans(&sidecar) > before);
    assert_eq!(digest(&sidecar, "limit"), first);
    deploy(&path, &versions[0]);
    await_until("it is back", || stale(&sidecar, "limit") == 0);
    assert_eq!(digest(&sidecar, "limit"), first);

    // Removed, and put back as another version: what the place has is taken.
    std::fs::remove_file(&own).expect("removed");
    await_until("it is stale", || stale(&sidecar, "limit") == 1);
    deploy(&path, &versions[1]);
    await_until("the new version is in force", || {
        digest(&sidecar, "limit") != first && stale(&sidecar, "limit") == 0
    });
    let second = digest(&sidecar, "limit");

    // Other places after it are named, which changes nothing of it, and it still is not replaced.
    let others = sidecar.dir.path().join("others");
    std::fs::create_dir(&others).expect("a directory");
    for entry in std::fs::read_dir(landfall_tests::paths::guests()).expect("guests") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let to = others.join(path.file_name().expect("a name"));
            std::fs::copy(&path, to).expect("a copy");
        }
    }
    let guests = landfall_tests::paths::guests();
    let before = plans(&sidecar);
    sidecar.reconfigure(
        &format!("dir = \"{}\"", guests.display()),
        &format!("dir = {others:?}"),
    );
    await_until("the others are loaded from there", || {
        plans(&sidecar) > before
    });

    // A link that leads nowhere is a file that is gone.
    std::fs::remove_file(&own).expect("removed");
    std::os::unix::fs::symlink("no-such-file", &own).expect("a link");
    await_until("it is stale", || stale(&sidecar, "limit") == 1);
    assert_eq!(digest(&sidecar, "limit"), second);
    std::fs::remove_file(&own).expect("removed");

    // Named by its whole path, the other one is meant.
    let other = support::guest("example_check.wasm");
    sidecar.reconfigure(
        "path = \"example_check.wasm\"",
        &format!("path = {other:?}"),
    );
    await_until("the other one is in force", || {
        digest(&sidecar, "limit") != second && stale(&sidecar, "limit") == 0
    });
    sidecar.stop();
}

#[test]
fn a_file_that_comes_to_stand_before_the_one_that_runs_is_told_and_taken_at_the_next_start() {
    let mut sidecar = Sidecar::start(Setup {
        extra: SEARCHED.into(),
        ..Setup::default()
    });
    let first = digest(&sidecar, "limit");
    let module = std::fs::read(support::guest("example_check.wasm")).expect("the module");
    let before = sidecar.dir.path().join("example_check.wasm");
    deploy(&before.display().to_string(), &changed(&module));
    await_until("it is told", || stale(&sidecar, "limit") == 1);
    assert!(is_told(&sidecar, "example_check.wasm stands before "));
    assert_eq!(digest(&sidecar, "limit"), first);
    sidecar.stop();
    sidecar.restart();
    assert_ne!(digest(&sidecar, "limit"), first);
    assert!(is_told(&sidecar, "as configured"));
    sidecar.stop();
}

#[test]
fn schemas_whose_directory_is_gone_stay_and_are_not_replaced_by_those_beside_the_program() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        // As the default has it: looked for beside the configuration, then beside the program.
        schemas: "schemas".into(),
        extra: "# further checks".into(),
        ..Setup::default()
    });
    // Beside the program, if it is where it is built; what is judged is told by the schema's own rules.
    let own = sidecar.dir.path().join("schemas");
    let stays = || is_told(&sidecar, "schemas stay as they were: ");
    let had = landfall_tests::paths::schemas();
    let copy = |to: &Path| {
        for schema in ["EventCapsule/2014.json", "AppTap/12.json"] {
            let place = to.join(schema);
            std::fs::create_dir_all(place.parent().expect("a parent")).expect("a directory");
            std::fs::copy(had.join(schema), place).expect("a copy");
        }
    };
    copy(&own);
    // Those that run are the program's, or none: the next start takes those of its own.
    await_until("the other directory is told", stays);
    sidecar.stop();
    sidecar.restart();
    let aside = sidecar.dir.path().join("aside");
    std::fs::rename(&own, &aside).expect("moved");
    await_until("it is told that they are gone", || {
        is_told(&sidecar, "schemas is gone")
    });
    let stale = || sidecar.metrics().count("landfall_schemas_stale", &[]);
    assert_eq!(stale(), 2, "both stay");
    let one = event(1);
    sidecar.send_raw(std::slice::from_ref(&one));
    sidecar.land(std::slice::from_ref(&one));
    sidecar.await_verdict("delivered", 1);
    std::fs::rename(&aside, &own).expect("moved back");
    await_until("they are back", || {
        stale() == 0 && is_told(&sidecar, "as configured")
    });
    sidecar.stop();
}
