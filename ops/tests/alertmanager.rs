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

#[test]
fn an_alert_is_held_back_by_a_worse_one_with_the_same_labels() {
    let holds_back = |worse: &[(&str, &str)], other: &[(&str, &str)]| {
        fn label<'a>(labels: &[(&'a str, &'a str)], name: &str) -> &'a str {
            let found = labels.iter().find(|(label, _)| *label == name);
            found.map_or("", |(_, value)| value)
        }
        alertmanager::holds_back(|name| label(worse, name), |name| label(other, name))
    };
    let many = [("alertname", "LandfallManyEventsLost"), ("schema", "A/1")];
    let burns = [("alertname", "LandfallObjectiveBurns"), ("schema", "A/1")];
    let of_other = [("alertname", "LandfallObjectiveBurns"), ("schema", "B/1")];
    assert!(holds_back(&many, &burns));
    assert!(!holds_back(&burns, &many));
    assert!(!holds_back(&many, &of_other));
    let cut_off = |stream| [("alertname", "LandfallNotConnected"), ("stream", stream)];
    assert!(holds_back(&cut_off("written"), &burns));
    assert!(!holds_back(&cut_off("raw"), &burns));
    let absent = [("alertname", "LandfallAbsent")];
    assert!(holds_back(
        &absent,
        &[("alertname", "LandfallDiskLow"), ("component", "landfall")]
    ));
    assert!(!holds_back(
        &absent,
        &[("alertname", "LandfallAbsent"), ("component", "landfall")]
    ));
    assert!(!holds_back(
        &absent,
        &[("alertname", "Other"), ("component", "database")]
    ));
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
