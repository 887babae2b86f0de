//! Alertmanager accepts the example, and all alerts that it names exist.

mod support;

use std::process::Command;

use landfall_ops::{Parameters, alertmanager, prometheus};

#[test]
fn each_alert_that_is_named_is_one_of_the_rules() {
    let groups = prometheus::groups(&Parameters::default());
    let alerts: Vec<&str> = groups
        .iter()
        .flat_map(|group| group.alerts.iter().map(|alert| alert.name))
        .collect();
    for name in alertmanager::names() {
        assert!(alerts.contains(&name), "there is no alert {name}");
    }
}

fn ask(arguments: &[&str], parameters: &Parameters) -> Option<String> {
    let amtool = support::tool("amtool", "LANDFALL_AMTOOL", "prometheus-alertmanager")?;
    let dir = tempfile::tempdir().unwrap();
    let text = alertmanager::configuration(parameters);
    std::fs::write(dir.path().join("alertmanager.yml"), &text).unwrap();
    let output = Command::new(amtool)
        .args(arguments)
        .current_dir(dir.path())
        .output()
        .expect("amtool runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}\n{text}");
    Some(said)
}

#[test]
fn amtool_takes_the_configuration() {
    let strange = Parameters {
        owners: vec!["a \"b\" \\c/é: [x]".into(), "team".into()],
        time_factor: 600.0,
        ..Parameters::default()
    };
    let nobody = Parameters {
        owners: Vec::new(),
        ..Parameters::default()
    };
    for (parameters, inhibitions, receivers) in [
        (Parameters::default(), 11, 4),
        (strange, 11, 6),
        (nobody, 11, 2),
    ] {
        let Some(said) = ask(&["check-config", "alertmanager.yml"], &parameters) else {
            return;
        };
        assert!(
            said.contains(&format!("{inhibitions} inhibit rules")),
            "{said}"
        );
        assert!(said.contains(&format!("{receivers} receivers")), "{said}");
    }
}

#[test]
fn alerts_go_to_their_owner_by_severity_and_to_all_others_without_one() {
    for (labels, receiver) in [
        (
            &["severity=page", "owner=editing-team"][..],
            "editing-team-page",
        ),
        (
            &["severity=ticket", "owner=editing-team"],
            "editing-team-ticket",
        ),
        (&["severity=page", "owner=(nobody)"], "landfall-page"),
        (&["severity=ticket"], "landfall-ticket"),
        (&["owner=editing-team"], "landfall-ticket"),
    ] {
        let mut arguments = vec!["config", "routes", "test", "--config.file=alertmanager.yml"];
        arguments.extend(labels);
        let Some(said) = ask(&arguments, &Parameters::default()) else {
            return;
        };
        assert_eq!(said.trim(), receiver, "{labels:?}");
    }
}
