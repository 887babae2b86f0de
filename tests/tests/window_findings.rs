//! Findings of a window check are reported with its own text, and separately from those of another check.

mod support;

use landfall_tests::wait::await_until;
use serde_json::Value;
use support::{Event, Setup, Sidecar, event, pipeline_checks};

fn objective(name: &str, config: &str) -> String {
    format!(
        "\n[[checks]]\nname = \"{name}\"\npath = \"delivery_objective.wasm\"\nconfig = {config}\n"
    )
}

#[test]
fn two_window_checks_that_find_something_of_one_schema_are_two_incidents_in_their_own_words() {
    let checks = pipeline_checks("schema_validity.wasm")
        + &objective(
            "gold",
            "{ target = 0.9, minimum = 1, critical_below = 0.5 }",
        )
        + &objective("silver", "{ target = 0.8, minimum = 1 }")
        + &objective(
            "bronze",
            "{ target = 0.7, minimum = 1, severity = \"info\" }",
        );
    let mut sidecar = Sidecar::start(Setup {
        checks,
        ..Setup::default()
    });
    let events: Vec<Event> = (0..10).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.await_verdict("missing", 10);
    let findings = |sidecar: &Sidecar| -> Vec<Value> {
        let of_findings = |incident: &Value| incident["cause"] == "finding";
        sidecar
            .incidents()
            .into_iter()
            .filter(of_findings)
            .collect()
    };
    await_until("the windows are judged", || findings(&sidecar).len() >= 2);
    let mut told: Vec<(String, String, String)> = findings(&sidecar)
        .iter()
        .map(|incident| {
            let text = |name: &str| incident[name].as_str().expect("a text").to_owned();
            assert_eq!(text("subject"), "AppTap/12");
            assert!(text("help").contains("fewer events were delivered"));
            assert!(
                text("detail").contains("0 confirmed of"),
                "{}",
                text("detail")
            );
            (text("check"), text("reason"), text("severity"))
        })
        .collect();
    told.sort();
    let wanted = [
        ("gold", "below_target", "critical"),
        ("silver", "below_target", "warning"),
    ];
    let wanted = wanted.map(|(check, reason, severity)| {
        (check.to_owned(), reason.to_owned(), severity.to_owned())
    });
    assert_eq!(told, wanted, "information is no incident");
    let answer = sidecar.command(&["incidents", "--cause", "finding"]);
    let text = support::text(&answer);
    for line in [
        "AppTap/12: gold: below_target (critical): fewer events",
        "AppTap/12: silver: below_target (warning): fewer events",
        "    the last: 0 confirmed of",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let log = sidecar.log();
    assert!(log.contains("gold") && log.contains("silver"), "{log}");
    assert_eq!(
        sidecar.query("SELECT count(DISTINCT check_name) FROM incidents WHERE cause = 'finding' AND reason = 'below_target'"),
        2
    );
    sidecar.stop();
}
