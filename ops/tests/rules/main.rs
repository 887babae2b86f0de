//! Runs the rules with promtool: for each alert there is a world in which it fires and one in which it does not, and in
//! each world no other alert fires than those named.

mod case;
mod cases;
mod healthy;
mod promtool;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::path::Path;

use case::Case;
use landfall_ops::evaluations::Evaluations;
use landfall_ops::prometheus::{groups, rules};
use world::Variant;

/// Scrapes of a quarter of a minute, as Prometheus' own examples have it.
const OFTEN: Variant = Variant {
    step_seconds: 15,
    factor: 1.0,
};

/// Scrapes of a minute, which is its default, in a replay in which an hour is a minute.
const REPLAY: Variant = Variant {
    step_seconds: 60,
    factor: 60.0,
};

/// Scrapes of a minute, for days.
const SELDOM: Variant = Variant {
    step_seconds: 60,
    factor: 1.0,
};

/// With this variable all cases are replayed, and not only one for each alert.
const ALL_REPLAYED: &str = "LANDFALL_ALL_REPLAYED";

/// Those that are replayed: whole days, and for each alert the first case in which it fires. A replay shows that all
/// spans of a rule follow the factor of time, which one case does.
fn to_replay<'a>(short: &[&'a Case]) -> Vec<&'a Case> {
    let is_all = std::env::var_os(ALL_REPLAYED).is_some();
    let mut seen = std::collections::BTreeSet::new();
    let is_wanted =
        |case: &&Case| case.alert.is_empty() || case.fires() && (seen.insert(case.alert) || is_all);
    short.iter().copied().filter(is_wanted).collect()
}

/// With this variable everything is evaluated, also what was before.
const ALL_EVALUATED: &str = "LANDFALL_ALL_EVALUATED";

/// What was evaluated as a whole, and passed.
const KEPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/prometheus/evaluated-cases.txt"
);

/// Of each alert the first case in which it fires, at most an hour of it: these are evaluated whatever was before.
fn sample<'a>(cases: &[&'a Case]) -> Vec<&'a Case> {
    let mut seen = std::collections::BTreeSet::new();
    let is_short = |case: &&&Case| case.minutes <= 60 && case.fires();
    let short = cases.iter().filter(is_short).copied();
    short.filter(|case| seen.insert(case.alert)).collect()
}

/// Holds cases to the rules: all of them with frequent scrapes, some in a replay too, and long ones with scrapes of a
/// minute. What was evaluated before, with the same promtool, rules, series and expectations, is not evaluated again,
/// but for a sample.
fn hold(name: &str, cases: &[Case]) {
    let Some(promtool) = promtool::find() else {
        return;
    };
    let (long, short): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.is_long);
    let replayed = to_replay(&short);
    let version = promtool::version(&promtool);
    let kept = Evaluations::read(Path::new(KEPT));
    let is_all = std::env::var_os(ALL_EVALUATED).is_some();
    let mut passed = Vec::new();
    for (variant, cases) in [(OFTEN, &short), (REPLAY, &replayed), (SELDOM, &long)] {
        if cases.is_empty() {
            continue;
        }
        let name = format!("{name} {}s x{}", variant.step_seconds, variant.factor);
        let digest = promtool::digest_of(&version, cases, variant);
        if kept.has(&name, &digest) && !is_all {
            continue;
        }
        println!("{name}: evaluated as a whole");
        promtool::test(&promtool, cases, variant).unwrap_or_else(|said| panic!("{said}"));
        passed.push((name, digest));
    }
    let sample = sample(&short);
    if passed.is_empty() && !sample.is_empty() {
        promtool::test(&promtool, &sample, OFTEN).unwrap_or_else(|said| panic!("{said}"));
    }
    if std::env::var_os("UPDATE").is_some() {
        Evaluations::add(Path::new(KEPT), passed).expect("written");
    }
}

#[test]
fn causes_of_incidents() {
    hold("incidents", &cases::incidents());
}

#[test]
fn delivery_objectives() {
    hold("objectives", &cases::burns());
}

#[test]
fn presence_of_landfall() {
    hold("presence", &cases::presence());
}

#[test]
fn room_that_is_left() {
    hold("room", &cases::capacity());
}

#[test]
fn the_engine() {
    hold("engine", &cases::engine());
}

#[test]
fn frames_checks_and_schemas() {
    hold("judging", &cases::judging());
}

#[test]
fn owners_that_are_known_and_that_are_not() {
    hold("owners", &cases::owners());
}

#[test]
fn days_on_which_nothing_is_wrong() {
    hold("quiet days", &cases::quiet());
}

#[test]
fn each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let all = cases::all();
    for alert in groups(&promtool::parameters(1.0))
        .iter()
        .flat_map(|group| &group.alerts)
    {
        let own = || all.iter().filter(|case| case.alert == alert.name);
        assert!(own().any(Case::fires), "{} never fires", alert.name);
        assert!(
            own().any(Case::tells_in_full),
            "nothing demands what {} says",
            alert.name
        );
        assert!(own().any(Case::stays_quiet), "{} always fires", alert.name);
    }
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    let Some(promtool) = promtool::find() else {
        return;
    };
    for factor in [1.0, 60.0, 1440.0, 0.1] {
        let dir = tempfile::tempdir().unwrap();
        let text = rules(&promtool::parameters(factor));
        std::fs::write(dir.path().join("rules.yml"), text).unwrap();
        let arguments = ["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"];
        promtool::run(&promtool, dir.path(), &arguments).unwrap_or_else(|said| panic!("{said}"));
    }
}

#[test]
fn what_was_evaluated_is_known_by_all_that_the_answer_depends_on() {
    let all = cases::incidents();
    let all: Vec<&Case> = all.iter().collect();
    let now = promtool::digest_of("2.42", &all, OFTEN);
    assert_eq!(now, promtool::digest_of("2.42", &all, OFTEN));
    for (what, other) in [
        ("promtool", promtool::digest_of("2.43", &all, OFTEN)),
        ("cases", promtool::digest_of("2.42", &all[1..], OFTEN)),
        ("scrapes", promtool::digest_of("2.42", &all, SELDOM)),
        ("rules", promtool::digest_of("2.42", &all, REPLAY)),
    ] {
        assert_ne!(now, other, "{what}");
    }
}
