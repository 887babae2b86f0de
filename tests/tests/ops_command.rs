//! `landfall ops` makes rules and notifications for an installation, and reports parameters that it cannot
//! use.

mod support;

use landfall_tests::paths;
use support::{run_landfall, text};

fn printed(arguments: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let output = run_landfall(dir.path(), &[&["ops"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(output.stderr.is_empty(), "{}", text(&output));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn what_is_printed_by_default_is_what_is_shipped() {
    let shipped = |path: &str| {
        std::fs::read_to_string(paths::workspace().join("ops").join(path)).expect("a file")
    };
    assert_eq!(
        printed(&["prometheus"]),
        shipped("prometheus/landfall.rules.yml")
    );
    assert_eq!(
        printed(&["alertmanager", "--owner", "editing-team"]),
        shipped("alertmanager/alertmanager.yml")
    );
}

#[test]
fn addresses_job_owners_and_durations_are_those_of_the_installation() {
    let rules = printed(&[
        "prometheus",
        "--runbook-url=https://wiki.example/runbook/",
        "--dashboard-url=http://[::1]:3000/grafana",
        "--job=pipe \"one\"",
        "--time-factor=60",
    ]);
    for part in [
        "runbook_url: \"https://wiki.example/runbook#landfallabsent\"",
        "dashboard_url: \"http://[::1]:3000/grafana/d/landfall-operators?",
        "absent(up{job=\"pipe \\\"one\\\"\"})",
        "for: 10s\n",
        "# Each duration is divided by 60.",
    ] {
        assert!(rules.contains(part), "no {part}");
    }
    let notifications = printed(&[
        "alertmanager",
        "--webhook-url=https://hooks.example/x",
        "--owner=a",
        "--owner=b c",
        "--time-factor=60",
    ]);
    for part in [
        "https://hooks.example/x/a-page",
        "https://hooks.example/x/b%20c-ticket",
        "\"owner=\\\"b c\\\"\"",
        "group_wait: 1s\n",
    ] {
        assert!(notifications.contains(part), "no {part}: {notifications}");
    }
}

#[test]
fn wrong_parameters_are_named_with_what_is_to_be_written() {
    let dir = tempfile::tempdir().expect("a directory");
    for (arguments, said) in [
        (&["prometheus", "--runbook-url", "wiki"][..], "it is no URL"),
        (
            &["prometheus", "--dashboard-url", "ftp://a"],
            "its scheme is ftp",
        ),
        (
            &["prometheus", "--dashboard-url", "https:///a"],
            "it names no host",
        ),
        (
            &["prometheus", "--runbook-url", "https://a/#b"],
            "it has an anchor",
        ),
        (&["prometheus", "--time-factor", "0"], "no number above 0"),
        (&["prometheus", "--time-factor", "-1"], "no number above 0"),
        (
            &["alertmanager", "--time-factor", "1e9"],
            "not between 0.01 and 10000",
        ),
        (&["prometheus", "--job", ""], "it is empty"),
        (
            &["alertmanager", "--owner", "a\u{1b}[31m"],
            "invisible characters",
        ),
        (
            &["prometheus", "--output", "there/is/none.yml"],
            "failed to write there/is/none.yml",
        ),
        (&["nagios"], "unrecognized subcommand"),
    ] {
        let output = run_landfall(dir.path(), &[&["ops"], arguments].concat());
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

#[test]
fn a_file_is_written_over_so_that_it_can_be_made_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("rules.yml");
    for factor in ["1", "60"] {
        let arguments = [
            "ops",
            "prometheus",
            "-o",
            "rules.yml",
            "--time-factor",
            factor,
        ];
        let output = run_landfall(dir.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(output.stdout.is_empty(), "{}", text(&output));
        let written = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(written, printed(&["prometheus", "--time-factor", factor]));
    }
}

#[test]
fn each_command_says_what_it_takes() {
    for (command, option) in [
        ("prometheus", "--dashboard-url <URL>"),
        ("alertmanager", "--webhook-url <URL>"),
    ] {
        let help = printed(&[command, "--help"]);
        assert!(help.contains(option), "{help}");
        assert!(help.contains("--time-factor <FACTOR>"), "{help}");
    }
}
