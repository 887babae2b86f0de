//! Files that compile for long, as many as there are places: others only wait for their turn.

#[path = "support/modules.rs"]
mod modules;
mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use landfall_tests::wait::await_until;
use serde_json::Value;
use support::{Setup, Sidecar, changed, deploy, guest};

/// Checks with files that are made to compile for an hour, and one more.
const BOMBS: [&str; 4] = ["a", "b", "c", "d"];
const OTHER: &str = "other";

fn sidecar(dir: &Path, module: &[u8]) -> Sidecar {
    let mut checks = support::pipeline_checks("schema_validity.wasm");
    for name in BOMBS.iter().chain([&OTHER]) {
        let path = dir.join(name);
        std::fs::write(&path, module).expect("written");
        let _ = write!(
            checks,
            "[[checks]]\nname = {name:?}\npath = {path:?}\nconfig = {{ at = \"/x\", max = 9 }}\n"
        );
    }
    checks += "[compile]\ntime_max = \"1h\"\ncache_dir = \"code\"\n";
    Sidecar::start(Setup {
        checks,
        ..Setup::default()
    })
}

/// The states of the checks in `/readyz`, by name.
fn state(sidecar: &Sidecar, name: &str) -> Value {
    let body = sidecar.get("/readyz").expect("an answer").body;
    let state: Value = serde_json::from_str(&body).expect("JSON");
    let mut checks = state["checks"].as_array().expect("checks").iter();
    let found = checks.find(|entry| entry["name"] == name);
    found.expect("the check").clone()
}

#[test]
fn four_files_that_compile_for_an_hour_hold_up_no_new_file_of_a_fifth_check_and_no_rollback() {
    let dir = tempfile::tempdir().expect("a directory");
    let module = std::fs::read(guest("example_check.wasm")).expect("a check");
    let mut sidecar = sidecar(dir.path(), &module);
    let path = |name: &str| -> PathBuf { dir.path().join(name) };
    let before = state(&sidecar, OTHER)["digest"].clone();
    for (number, name) in BOMBS.into_iter().enumerate() {
        // Each another file.
        let bomb = (0..number).fold(modules::slow(), |module, _| changed(&module));
        deploy(path(name), &bomb);
    }
    let are_loading = |names: &[&str]| {
        names
            .iter()
            .all(|name| state(&sidecar, name)["loading"] == true)
    };
    await_until("all places are taken", || are_loading(&BOMBS));

    // A file whose code is kept needs no place.
    deploy(path("d"), &module);
    await_until("the rollback is in force", || {
        let check = state(&sidecar, "d");
        check["loading"] == false && check["stale"].is_null() && check["digest"] == before
    });
    assert!(are_loading(&BOMBS[..3]), "{}", sidecar.log());
    deploy(path("d"), &modules::slow());
    await_until("all places are taken again", || are_loading(&BOMBS));

    // A new file waits for one turn at the most: far less than an hour.
    for expected in [changed(&module), changed(&changed(&module))] {
        let before = state(&sidecar, OTHER)["digest"].clone();
        deploy(path(OTHER), &expected);
        await_until("the new file is in force", || {
            let check = state(&sidecar, OTHER);
            check["loading"] == false && check["digest"] != before
        });
        assert!(are_loading(&BOMBS), "{}", sidecar.log());
    }
    // A file that gave up its place is compiled again when there is a place for it.
    deploy(path("a"), &module);
    let mut left = vec!["b", "c", "d"];
    await_until("it is in force", || {
        state(&sidecar, "a")["loading"] == false
    });
    assert!(are_loading(&left));
    while let Some(name) = left.pop() {
        deploy(path(name), &module);
        await_until("it is in force", || {
            state(&sidecar, name)["loading"] == false
        });
    }
    sidecar.stop();
}
