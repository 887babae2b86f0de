//! The files in `ops/` are what the generator makes.

use std::path::Path;

use landfall_ops::{Parameters, alertmanager, grafana, prometheus};

fn is_shipped(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let shipped = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        shipped == text,
        "ops/{path} is out of date: run this test with UPDATE=1"
    );
}

#[test]
fn the_shipped_rules_are_what_is_generated() {
    let rules = prometheus::rules(&Parameters::default());
    is_shipped("prometheus/landfall.rules.yml", &rules);
}

#[test]
fn the_shipped_dashboards_are_what_is_generated() {
    for grafana::File { path, text } in grafana::files(&Parameters::default()) {
        is_shipped(&format!("grafana/{path}"), &text);
    }
}

#[test]
fn the_shipped_example_for_alertmanager_is_what_is_generated() {
    let configuration = alertmanager::configuration(&Parameters::default());
    is_shipped("alertmanager/alertmanager.yml", &configuration);
}
