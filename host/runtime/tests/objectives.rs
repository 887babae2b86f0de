//! Objectives that window checks state: those of the reference check, of a check that is older than that part of the
//! contract, and of hostile checks, which go on to judge.

mod support;

use std::sync::Arc;
use std::time::Duration;

use landfall_runtime::{
    Check, CheckInstance, FaultKind, Limits, LoadedCheck, OBJECTIVE_NAMES_MAX, Objective, Tally,
    WindowCheck,
};
use support::load_with;

fn window_check(file: &str, config: &str, limits: Limits) -> Arc<LoadedCheck<WindowCheck>> {
    match load_with(file, config, limits) {
        Ok(Check::Window(check)) => check,
        Ok(_) => panic!("{file} is no window check"),
        Err(error) => panic!("{file}: {error}"),
    }
}

#[test]
fn the_reference_check_states_the_objective_of_each_schema_however_many_there_are() {
    let config = r#"{"late_counts":true,"schemas":{"S":{"target":0.9},"S/7":{"target":1}}}"#;
    let check = window_check("delivery_objective.wasm", config, Limits::default());
    let names: Vec<String> = (0..2 * OBJECTIVE_NAMES_MAX + 3)
        .map(|n| format!("S/{n}"))
        .collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("(unknown)");
    let stated = check
        .objectives(&names, &|| true)
        .unwrap()
        .expect("objectives");
    assert_eq!(stated.len(), names.len());
    for (name, stated) in names.iter().zip(stated) {
        let target = match *name {
            "S/7" => 1.0,
            "(unknown)" => 0.999,
            _ => 0.9,
        };
        let expected = Objective {
            target,
            late_counts: true,
        };
        assert_eq!(stated, Some(expected), "{name}");
    }
    assert_eq!(check.objectives(&[], &|| true).unwrap(), Some(Vec::new()));
    let fault = check.objectives(&names, &|| false).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Start);
}

/// `hostile_window` exports the world `window-check` alone, as every window check did before objectives
/// could be stated.
#[test]
fn a_check_without_objectives_loads_judges_and_states_none() {
    let check = window_check("hostile_window.wasm", "{}", Limits::default());
    assert_eq!(check.objectives(&["A/1"], &|| true).unwrap(), None);
    let tally = Tally {
        schema: "A/1".into(),
        ..Tally::default()
    };
    let judged = CheckInstance::new(check).judge_windows(&[tally]);
    assert_eq!((judged.findings.len(), judged.faulted.len()), (1, 0));
}

#[test]
fn what_a_hostile_check_states_is_not_taken_and_it_judges_all_the_same() {
    let limits = Limits {
        start_time: Duration::from_millis(500),
        ..Limits::default()
    };
    for (deed, kind, expected) in [
        ("wrong_codes", FaultKind::BadOutput, "for A/1 is 99.9"),
        ("garbage", FaultKind::BadOutput, "for A/1 is NaN"),
        ("short_codes", FaultKind::BadOutput, "1 objectives for 2"),
        ("long_codes", FaultKind::BadOutput, "3 objectives for 2"),
        ("trap", FaultKind::Trap, ""),
        ("loop", FaultKind::Deadline, ""),
        ("allocate", FaultKind::Memory, ""),
        ("huge_output", FaultKind::BadOutput, ""),
    ] {
        let config = format!(r#"{{"do":"{deed}","when":"state"}}"#);
        let check = window_check("hostile_objective.wasm", &config, limits.clone());
        let fault = check.objectives(&["A/1", "B/1"], &|| true).unwrap_err();
        assert_eq!(fault.kind, kind, "{deed}: {}", fault.message);
        assert!(
            fault.message.contains(expected),
            "{deed}: {}",
            fault.message
        );
        let judged = CheckInstance::new(check).judge_windows(&[Tally::default()]);
        assert!(judged.faulted.is_empty(), "{deed}");
    }
    let check = window_check("hostile_objective.wasm", "{}", limits);
    let stated = check
        .objectives(&["A/1"], &|| true)
        .unwrap()
        .expect("objectives");
    assert_eq!(stated[0].map(|objective| objective.target), Some(0.5));
}
