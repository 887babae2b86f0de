//! Writes cases as a file for `promtool test rules`, and runs it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use landfall_ops::Parameters;
use landfall_ops::evaluations::digest;
use landfall_ops::prometheus::{Alert, Scale, Span, groups, rules};

use super::case::{Case, Firing};
use super::world::{JOB, Variant};

pub fn find() -> Option<PathBuf> {
    crate::support::tool("promtool", "LANDFALL_PROMTOOL", "prometheus")
}

pub fn parameters(factor: f64) -> Parameters {
    Parameters {
        time_factor: factor,
        ..Parameters::default()
    }
}

/// Runs promtool in a directory; an error is what it wrote.
pub fn run(promtool: &Path, dir: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(promtool)
        .args(arguments)
        // It lives for a minute: to collect garbage less often takes a fifth less of processor time.
        .env("GOGC", "400")
        .current_dir(dir)
        .output()
        .expect("promtool runs");
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(text(&output.stdout) + &text(&output.stderr))
}

/// What promtool says of itself: its version, and what it was built from.
pub fn version(promtool: &Path) -> String {
    let output = Command::new(promtool)
        .arg("--version")
        .output()
        .expect("promtool runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !said.is_empty(), "{output:?}");
    said
}

/// How it is asked.
const ASKED: [&str; 3] = ["test", "rules", "tests.yml"];

/// The rules and the tests that promtool is given for these cases.
fn inputs(cases: &[&Case], variant: Variant) -> [String; 2] {
    let parameters = parameters(variant.factor);
    [rules(&parameters), file(cases, variant, &parameters)]
}

/// The digest of all that the answer depends on.
pub fn digest_of(version: &str, cases: &[&Case], variant: Variant) -> String {
    let [rules, tests] = inputs(cases, variant);
    digest(&[version, &rules, &tests, &ASKED.join(" ")])
}

/// Holds the cases to the rules, at a variant.
pub fn test(promtool: &Path, cases: &[&Case], variant: Variant) -> Result<(), String> {
    let [rules, tests] = inputs(cases, variant);
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect(name);
    write("rules.yml", &rules);
    write("tests.yml", &tests);
    run(promtool, dir.path(), &ASKED)
}

fn file(cases: &[&Case], variant: Variant, parameters: &Parameters) -> String {
    let alerts: Vec<Alert> = groups(parameters)
        .into_iter()
        .flat_map(|group| group.alerts)
        .collect();
    let step = ms(variant.step_seconds, variant);
    // Evaluated less often than scraped: it is what takes time.
    let seconds = if cases.iter().all(|case| case.is_long) {
        240
    } else {
        60
    };
    let evaluation = ms(seconds, variant);
    let mut text = format!("rule_files: [rules.yml]\nevaluation_interval: {evaluation}\ntests:\n");
    for case in cases {
        let _ = writeln!(
            text,
            "- name: {}\n  interval: {step}\n  input_series:",
            quoted(&format!("{} {}", case.alert, case.name))
        );
        for (series, values) in case.world(variant).series() {
            let _ = writeln!(
                text,
                "  - {{ series: {}, values: {} }}",
                quoted(series),
                quoted(&values)
            );
        }
        looks(&mut text, case, variant, parameters, &alerts);
    }
    text
}

fn looks(
    text: &mut String,
    case: &Case,
    variant: Variant,
    parameters: &Parameters,
    alerts: &[Alert],
) {
    let scale = Scale::new(variant.factor);
    let at = |minute: u32| scale.of(Span::minutes(minute.into()));
    text.push_str("  promql_expr_test:\n");
    for look in &case.looks {
        let _ = writeln!(
            text,
            "  - expr: group by (alertname) (ALERTS{{alertstate=\"firing\"}})\n    eval_time: {}\n    exp_samples:",
            at(look.minute)
        );
        let mut names: Vec<&str> = look.firing.iter().map(|one| one.alert).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let labels = format!("{{alertname=\"{name}\"}}");
            let _ = writeln!(text, "    - {{ labels: {}, value: 1 }}", quoted(&labels));
        }
    }
    text.push_str("  alert_rule_test:\n");
    for look in &case.looks {
        let mut told: Vec<&str> = Vec::new();
        for one in look.firing.iter().filter(|one| one.summary.is_some()) {
            if told.contains(&one.alert) {
                continue;
            }
            told.push(one.alert);
            let _ = writeln!(
                text,
                "  - alertname: {}\n    eval_time: {}\n    exp_alerts:",
                one.alert,
                at(look.minute)
            );
            let alert = alerts.iter().find(|alert| alert.name == one.alert);
            let alert = alert.unwrap_or_else(|| panic!("there is no alert {}", one.alert));
            let same = look.firing.iter().filter(|other| other.alert == one.alert);
            same.for_each(|firing| expected(text, firing, alert, parameters));
        }
    }
}

fn expected(text: &mut String, firing: &Firing, alert: &Alert, parameters: &Parameters) {
    let mut labels: Vec<(&str, String)> = vec![
        ("component", alert.component.as_str().to_owned()),
        ("severity", alert.severity.as_str().to_owned()),
        ("job", JOB.to_owned()),
    ];
    labels.extend(
        firing
            .instance
            .map(|instance| ("instance", instance.to_owned())),
    );
    labels.extend(firing.labels.iter().cloned());
    let _ = writeln!(text, "    - exp_labels:");
    for (label, value) in &labels {
        let _ = writeln!(text, "        {label}: {}", quoted(value));
    }
    let of = |name: &str| {
        let found = labels.iter().find(|(label, _)| *label == name);
        found.map_or_else(|| "$__all".to_owned(), |(_, value)| url_encoded(value))
    };
    let third = match alert.dashboard {
        landfall_ops::prometheus::DashboardLink::Operators => "schema",
        landfall_ops::prometheus::DashboardLink::Checks => "check",
    };
    let uid = if third == "schema" {
        "operators"
    } else {
        "checks"
    };
    let dashboard = format!(
        "{}/d/landfall-{uid}?var-job={}&var-instance={}&var-{third}={}",
        parameters.dashboard_url,
        of("job"),
        of("instance"),
        of(third)
    );
    let runbook = format!("{}#{}", parameters.runbook_url, alert.name.to_lowercase());
    let summary = firing.summary.as_deref().unwrap_or_default();
    let _ = writeln!(text, "      exp_annotations:");
    for (name, value) in [
        ("summary", summary),
        ("dashboard_url", &dashboard),
        ("runbook_url", &runbook),
    ] {
        let _ = writeln!(text, "        {name}: {}", quoted(value));
    }
}

/// As Go's url.QueryEscape does.
fn url_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Nominal seconds as promtool reads them.
fn ms(seconds: u32, variant: Variant) -> String {
    format!(
        "{}ms",
        (f64::from(seconds) * 1000.0 / variant.factor).round()
    )
}

/// A text in double quotes; those of tests have no line ends.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
