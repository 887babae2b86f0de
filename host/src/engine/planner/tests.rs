//! What a plan keeps, and what it is made of.

use landfall_runtime::{Compiler, Engine as WasmEngine};

use super::*;

const NOW_MS: i64 = 0;

fn planner() -> Planner {
    Planner::new(Loader::new(WasmEngine::new().unwrap(), Compiler::InProcess))
}

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
    let mut config = Config {
        checks: Vec::new(),
        ..Config::default()
    };
    config.streams.raw.codec = "json".into();
    config.schemas.dir = dir.path().to_owned();
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

    // Refused, with a new schema beside it: the schema is not taken half.
    write(
        dir.path(),
        "B/1",
        r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
    );
    let mut wrong = config.clone();
    wrong.streams.raw.codec = "no-such".into();
    assert!(planner.plan(&wrong, NOW_MS, Patience::Whole).is_err());
    let mended = planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    assert!(mended.changed && mended.plan.schemas.find("B/1").is_some());
    assert_eq!(
        mended.plan.generation.0,
        u16::MAX,
        "no generation was burnt"
    );
    assert_eq!(
        mended.plan.labels.find(b"A/1"),
        first.plan.labels.find(b"A/1")
    );

    // What cannot be numbered is refused, and what is in force stays.
    std::fs::remove_file(dir.path().join("A/1.json")).unwrap();
    assert!(matches!(
        planner.plan(&config, NOW_MS, Patience::Whole),
        Err(PlanningError::Generations)
    ));
}

#[test]
fn a_label_of_the_configuration_alone_makes_a_new_plan() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config {
        checks: Vec::new(),
        ..Config::default()
    };
    config.streams.raw.codec = "json".into();
    config.schemas.dir = dir.path().to_owned();
    let mut planner = planner();
    planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    let hour = std::time::Duration::from_secs(3600);
    config.deadlines.schemas.insert("Rare/3".into(), hour);
    let second = planner.plan(&config, NOW_MS, Patience::Whole).unwrap();
    assert!(second.changed);
    let rare = second.plan.labels.find(b"Rare/3");
    assert_eq!(second.deadlines.by_schema[usize::from(rare.0)], 3_600_000);
}
