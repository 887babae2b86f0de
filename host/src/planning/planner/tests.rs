//! What a plan keeps, and from what it is made.

use super::doubles::{config_of, planner};
use super::*;
use crate::config::CheckConfig;

const NOW_MS: i64 = 0;

fn write(dir: &std::path::Path, label: &str, text: &str) {
    let path = dir.join(format!("{label}.json"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_plan_that_is_not_made_costs_nothing_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "A/1",
        r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
    );
    let config = config_of(dir.path());
    let mut planner = planner();
    planner.next_generation = Some(u16::MAX - 1);
    let first = planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    assert!(
        first.changed && first.problems.is_empty(),
        "{:?}",
        first.problems
    );

    let again = planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    assert!(!again.changed && Arc::ptr_eq(&first.plan, &again.plan));

    // Refused, with a new schema beside it: the configuration is not taken in part.
    write(
        dir.path(),
        "B/1",
        r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
    );
    let mut wrong = config.clone();
    wrong.streams.raw.codec = "no-such".into();
    assert!(planner.plan(&wrong, NOW_MS, Patience::Whole).is_err());
    let fixed = planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    assert!(fixed.changed && fixed.plan.schemas.find("B/1").is_some());
    assert_eq!(
        fixed.plan.generation.0,
        u16::MAX,
        "no generation was used up"
    );
    assert_eq!(
        fixed.plan.labels.find(b"A/1"),
        first.plan.labels.find(b"A/1")
    );

    // A plan that gets no number is refused, and the plan in force stays.
    std::fs::remove_file(dir.path().join("A/1.json")).unwrap();
    assert!(matches!(
        planner.plan(&config, NOW_MS, Patience::Whole),
        Err(PlanningError::Generations)
    ));
}

#[test]
fn a_label_of_the_configuration_alone_makes_a_new_plan() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config_of(dir.path());
    let mut planner = planner();
    planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    let hour = std::time::Duration::from_secs(3600);
    config.deadlines.schemas.insert("Rare/3".into(), hour);
    let second = planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    assert!(second.changed);
    let rare = second.plan.labels.find(b"Rare/3");
    assert_eq!(second.deadlines.by_schema[usize::from(rare.0)], 3_600_000);
}

#[test]
fn schemas_stay_with_the_directory_that_they_came_from() {
    const SCHEMA: &str = r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#;
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for dir in ["usr/bin", "etc"] {
        std::fs::create_dir_all(at(dir)).unwrap();
    }
    let (own, shipped) = (at("etc/schemas"), at("usr/share/landfall/schemas"));
    write(&shipped, "Shipped/1", SCHEMA);
    let mut config = Config {
        checks: Vec::new(),
        ..Config::default()
    };
    config.streams.raw.codec = "json".into();
    config.places.file = Some(at("etc/landfall.toml"));
    config.places.program = Some(at("usr/bin"));
    let names = |planned: &Planned| {
        let names = planned.plan.schemas.names();
        names.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut planner = planner();
    let mut plan = |config: &Config| planner.plan(config, NOW_MS, Patience::Whole).unwrap();
    let planned = plan(&config);
    assert_eq!(names(&planned), ["Shipped/1"]);
    assert!(planned.problems.is_empty(), "{:?}", planned.problems);
    // A directory that appears before it on the path, empty, as at the start of a deployment.
    std::fs::create_dir(&own).unwrap();
    let planned = plan(&config);
    assert_eq!(names(&planned), ["Shipped/1"]);
    let reported = planned.problems.join("; ");
    assert!(
        reported.contains("etc/schemas now comes before "),
        "{reported}"
    );
    // Once it is named, it is taken.
    config.schemas.dir = "./schemas".into();
    write(&own, "Own/1", SCHEMA);
    let planned = plan(&config);
    assert_eq!(names(&planned), ["Own/1"]);
    assert!(planned.problems.is_empty(), "{:?}", planned.problems);
    std::fs::remove_dir_all(&own).unwrap();
    let planned = plan(&config);
    assert_eq!(
        (names(&planned), planned.stale_schemas),
        (vec!["Own/1".to_owned()], 1)
    );
    assert!(!planned.changed && !planned.problems.is_empty());
    // A file that the place has again is taken, and a file that it no longer has is removed.
    write(&own, "Own/2", SCHEMA);
    let planned = plan(&config);
    assert_eq!(names(&planned), ["Own/2"]);
    assert!(planned.problems.is_empty(), "{:?}", planned.problems);
}

#[test]
fn the_first_plan_after_it_was_found_reports_why_code_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("broken.wasm");
    std::fs::write(&file, "no module").unwrap();
    let config = config_of(dir.path());
    let mut broken = config.clone();
    broken.checks.push(CheckConfig {
        name: "broken".into(),
        path: file,
        ..CheckConfig::default()
    });
    let mut planner = planner();
    // The environment is not known to this configuration, so there is no directory to keep code in.
    assert!(planner.plan(&broken, NOW_MS, Patience::Whole).is_err());
    let mut notes = || {
        let planned = planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
        planned.notes
    };
    let reported = notes();
    let is_about_code = |note: &String| note.contains("code is not kept");
    assert_eq!(
        reported.iter().filter(|note| is_about_code(note)).count(),
        1,
        "{reported:?}"
    );
    assert_eq!(notes(), Vec::<String>::new());
}
