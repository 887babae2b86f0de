//! Commands to a running sidecar, by the socket in its store's directory.

mod support;

use std::os::unix::fs::PermissionsExt as _;

use landfall_tests::wait::await_until;
use serde_json::Value;
use support::{Setup, Sidecar};

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_reload_is_answered_with_what_is_in_force_and_what_is_not_and_why() {
    let mut sidecar = Sidecar::start(Setup::default());
    let config_path = sidecar.config_path();
    let store_dir = config_path.with_file_name("data");
    let socket = store_dir.join("control");
    let mode = std::fs::metadata(&socket).expect("a socket").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    let complete = sidecar.command(&["reload"]);
    assert_eq!(complete.status.code(), Some(0), "{}", text(&complete));
    assert!(text(&complete).contains("is in force, complete"));

    // What takes a restart is named, and the rest is in force.
    let (now, later) = (r#"dir = "data""#, "dir = \"data\"\nkeep = \"20d\"");
    sidecar.reconfigure(now, later);
    let part = sidecar.command(&["reload", "--json"]);
    assert_eq!(part.status.code(), Some(1), "{}", text(&part));
    let answer: Value = serde_json::from_slice(&part.stdout).expect("JSON");
    assert_eq!(answer["complete"], false);
    let problems = answer["problems"].to_string();
    assert!(
        problems.contains("store changed; it takes effect at the next start"),
        "{problems}"
    );

    sidecar.reconfigure(later, now);
    await_until("it is as it was", || {
        sidecar.command(&["reload"]).status.code() == Some(0)
    });
    sidecar.stop();
    assert!(!socket.exists(), "the socket goes with its process");
    let nobody = sidecar.command(&["reload"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(
        text(&nobody).contains("check that `landfall run` runs with this store"),
        "{}",
        text(&nobody)
    );
}

#[test]
fn the_status_names_each_part_and_without_a_sidecar_there_is_none() {
    let mut sidecar = Sidecar::start(Setup::default());
    await_until("it is ready", || {
        sidecar.command(&["status"]).status.code() == Some(0)
    });
    let ready = sidecar.command(&["status", "--json"]);
    let answer: Value = serde_json::from_slice(&ready.stdout).expect("JSON");
    let parts = answer["parts"].as_array().expect("parts");
    let names: Vec<&str> = parts
        .iter()
        .filter_map(|part| part["name"].as_str())
        .collect();
    for name in ["engine", "checks", "store", "sources"] {
        assert!(names.contains(&name), "{names:?}");
    }
    sidecar.stop();
    let nobody = sidecar.command(&["status"]);
    assert_eq!(nobody.status.code(), Some(2), "{}", text(&nobody));
}
