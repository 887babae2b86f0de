//! The dashboards have Grafana's format: they are valid by the types that it publishes for its oldest and newest release
//! that can be had (`grafana_schema/README.md` has the sources). No Grafana draws them here.

use jsonschema::{Validator, options};
use landfall_ops::{Parameters, grafana};
use serde_json::{Value, json};

const RELEASES: [(&str, &str); 2] = [
    ("10.4", include_str!("grafana_schema/grafana-10.4.json")),
    ("13", include_str!("grafana_schema/grafana-13.json")),
];

fn dashboards() -> Vec<(&'static str, Value)> {
    let files = grafana::files(&Parameters::default());
    let dashboards = files
        .into_iter()
        .filter(|file| file.path.ends_with(".json"));
    dashboards
        .map(|file| (file.path, serde_json::from_str(&file.text).unwrap()))
        .collect()
}

fn schema(text: &str) -> (Validator, Value) {
    let schema: Value = serde_json::from_str(text).unwrap();
    (options().build(&schema).unwrap(), schema)
}

/// What is wrong, panel by panel: of a panel that is of no type, the schema names every type.
fn errors(validator: &Validator, dashboard: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let mut one = dashboard.clone();
        one["panels"] = json!([panel]);
        for error in validator.iter_errors(&one) {
            let text: String = error.to_string().chars().take(300).collect();
            errors.push(format!(
                "{}: {}: {text}",
                panel["title"],
                error.instance_path()
            ));
        }
    }
    errors
}

#[test]
fn the_dashboards_are_valid_by_the_types_that_grafana_publishes() {
    for (release, text) in RELEASES {
        let (validator, _) = schema(text);
        for (path, dashboard) in dashboards() {
            let errors = errors(&validator, &dashboard);
            assert!(
                errors.is_empty(),
                "Grafana {release}, {path}:\n{}",
                errors.join("\n")
            );
        }
    }
}

/// The types are strict: else the test above would prove nothing.
#[test]
fn what_is_not_of_grafanas_form_is_found() {
    let at = |kind: &str, dashboard: &Value| {
        let panels = dashboard["panels"].as_array().unwrap();
        panels
            .iter()
            .position(|panel| panel["type"] == kind)
            .unwrap()
    };
    type Damage = fn(&mut Value);
    let damages: [(&str, Damage); 9] = [
        ("timeseries", |panel| {
            panel["options"]["legend"]["displayMod"] = json!("list")
        }),
        ("timeseries", |panel| {
            panel["options"]["legend"]["displayMode"] = json!("lists")
        }),
        ("timeseries", |panel| {
            panel["fieldConfig"]["defaults"]["custom"]["drawStyle"] = json!("curve")
        }),
        ("timeseries", |panel| {
            panel["targets"][0]["expression"] = json!("up")
        }),
        ("stat", |panel| {
            panel["options"]["reduceOptions"] = json!({})
        }),
        ("table", |panel| {
            panel["options"]["cellHeight"] = json!("tiny")
        }),
        ("heatmap", |panel| {
            panel["options"]["yAxis"]["units"] = json!("s")
        }),
        ("state-timeline", |panel| {
            panel["options"]["rowHeight"] = json!("0.9")
        }),
        ("stat", |panel| panel["type"] = json!("stats")),
    ];
    for (release, text) in RELEASES {
        let (validator, _) = schema(text);
        let (_, sound) = dashboards().swap_remove(0);
        for (index, (kind, damage)) in damages.iter().enumerate() {
            let mut dashboard = sound.clone();
            let at = at(kind, &dashboard);
            damage(&mut dashboard["panels"][at]);
            assert!(
                !validator.is_valid(&dashboard),
                "Grafana {release}: damage {index} of a {kind}"
            );
        }
        for (name, value) in [
            ("uid", json!(7)),
            ("schemaVersion", json!("39")),
            ("panel", json!([])),
        ] {
            let mut dashboard = sound.clone();
            dashboard[name] = value;
            assert!(!validator.is_valid(&dashboard), "Grafana {release}: {name}");
        }
    }
}

/// A unit that Grafana does not know is written behind the number as it is.
#[test]
fn units_are_grafanas() {
    for (release, text) in RELEASES {
        let (_, schema) = schema(text);
        let known: Vec<&str> = schema["x-units"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for (path, dashboard) in dashboards() {
            let units = units(&dashboard);
            assert!(units.len() > 40, "{path} has {} units", units.len());
            for unit in units {
                assert!(
                    known.contains(&unit.as_str()),
                    "Grafana {release}, {path}: {unit}"
                );
            }
        }
    }
}

fn units(dashboard: &Value) -> Vec<String> {
    let mut units = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let config = &panel["fieldConfig"];
        let overrides = config["overrides"].as_array().into_iter().flatten();
        let properties =
            overrides.flat_map(|one| one["properties"].as_array().into_iter().flatten());
        let overridden = properties
            .filter(|property| property["id"] == "unit")
            .map(|property| &property["value"]);
        let all = overridden.chain([
            &config["defaults"]["unit"],
            &panel["options"]["yAxis"]["unit"],
        ]);
        units.extend(all.filter_map(|unit| Some(unit.as_str()?.to_owned())));
    }
    units
}
