//! Runs the rules with promtool: for each alert there is a world in which it fires and one in which it does not, and in
//! each world no other alert fires than those named.

mod case;
mod cases;
mod healthy;
mod promtool;
#[path = "../support/mod.rs"]
mod support;
mod world;

use case::Case;
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

/// Holds cases to the rules: all of them with frequent scrapes, some in a replay too, and long ones with scrapes of a
/// minute.
fn hold(cases: &[Case]) {
    let Some(promtool) = promtool::find() else {
        return;
    };
    let (long, short): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.is_long);
    let replayed = to_replay(&short);
    for (variant, cases) in [(OFTEN, &short), (REPLAY, &replayed), (SELDOM, &long)] {
        if !cases.is_empty() {
            promtool::test(&promtool, cases, variant).unwrap_or_else(|said| panic!("{said}"));
        }
    }
}

#[test]
fn causes_of_incidents() {
    hold(&cases::incidents());
}

#[test]
fn delivery_objectives() {
    hold(&cases::burns());
}

#[test]
fn presence_of_landfall() {
    hold(&cases::presence());
}

#[test]
fn room_that_is_left() {
    hold(&cases::capacity());
}

#[test]
fn the_engine() {
    hold(&cases::engine());
}

#[test]
fn frames_checks_and_schemas() {
    hold(&cases::judging());
}

#[test]
fn owners_that_are_known_and_that_are_not() {
    hold(&cases::owners());
}

#[test]
fn days_on_which_nothing_is_wrong() {
    hold(&cases::quiet());
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
