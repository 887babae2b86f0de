//! Tallies in, findings out.

use delivery_objective::DeliveryObjective;
use landfall_guest::test::{WindowHarness, empty_tally};
use landfall_guest::{Objective, Severity, Tally};

type Harness = WindowHarness<DeliveryObjective>;

fn tally(delivered: u64, late: u64, missing: u64, unconfirmed: u64, unjudged: u64) -> Tally {
    Tally {
        delivered,
        late,
        missing,
        unconfirmed,
        unjudged,
        ..empty_tally("Edit/1")
    }
}

#[test]
fn the_share_is_held_against_the_target() {
    let cases = [
        (tally(1000, 0, 0, 0, 0), None),
        (tally(999, 0, 1, 0, 0), None),
        (tally(998, 0, 2, 0, 0), Some("below_target")),
        (tally(0, 0, 1000, 0, 0), Some("below_target")),
        (tally(998, 2, 0, 0, 0), Some("below_target")),
        (tally(998, 0, 0, 2, 0), Some("unproven")),
        (tally(998, 0, 0, 0, 2), Some("unproven")),
        (tally(998, 0, 2, 1500, 0), Some("unproven")),
        (tally(500, 0, 2, 500, 0), Some("below_target")),
        // Too few for a share.
        (tally(0, 0, 0, 0, 0), None),
        (tally(0, 0, 99, 0, 0), None),
        (tally(0, 0, 100, 0, 0), Some("below_target")),
    ];
    let mut harness = Harness::new("{}");
    for (tally, expected) in cases {
        let shown = format!("{tally:?}");
        let finding = harness.judge(tally);
        assert_eq!(finding.map(|finding| finding.reason), expected, "{shown}");
    }
}

#[test]
fn surplus_never_makes_up_for_a_loss() {
    let tally = Tally {
        raw: 2000,
        rejected: 500,
        leaked: 100,
        repeated: 300,
        duplicate: 400,
        unexpected: 400,
        ..tally(900, 0, 100, 0, 0)
    };
    let finding = Harness::new("{}").judge(tally).expect("a finding");
    assert_eq!(finding.reason, "below_target");
    assert_eq!(
        finding.text,
        "900 confirmed of 1000 expected (90.000 %, target 99.9 %), 100 missing"
    );
}

#[test]
fn the_text_says_what_became_of_the_rest() {
    let tally = Tally {
        altered: 1,
        ..tally(999_995, 1, 1, 1, 1)
    };
    let finding = Harness::new(r#"{"target":1}"#)
        .judge(tally)
        .expect("a finding");
    assert_eq!(
        finding.text,
        "999995 confirmed of 1000000 expected (99.999 %, target 100 %), 1 missing, 1 late, \
         1 altered, 1 unconfirmed, 1 unjudged"
    );
}

#[test]
fn late_events_count_where_the_operator_says_so() {
    let late = || tally(900, 100, 0, 0, 0);
    assert!(Harness::new("{}").judge(late()).is_some());
    assert!(
        Harness::new(r#"{"late_counts":true}"#)
            .judge(late())
            .is_none()
    );
}

#[test]
fn a_schema_has_its_own_objective_the_most_exact_name_first() {
    let config = r#"{"minimum":10,"schemas":{
        "Edit":{"target":0.5,"severity":"info"},
        "Edit/2":{"target":0.9},
        "a/b":{"target":0.1}}}"#;
    let mut harness = Harness::new(config);
    let mut judge = |schema: &str, delivered: u64| {
        let tally = Tally {
            delivered,
            missing: 100 - delivered,
            ..empty_tally(schema)
        };
        harness.judge(tally).map(|finding| finding.severity)
    };
    assert_eq!(judge("Edit/1", 60), None);
    assert_eq!(judge("Edit/1", 40), Some(Severity::Info));
    assert_eq!(judge("Edit/2", 60), Some(Severity::Info));
    assert_eq!(judge("Edit/2", 95), None);
    assert_eq!(judge("a/b/1.0.0", 20), None);
    assert_eq!(judge("(unknown)", 60), Some(Severity::Warning));
}

#[test]
fn the_objective_that_is_stated_is_the_one_that_is_judged_by() {
    let config = r#"{"late_counts":true,"schemas":{
        "Edit":{"target":0.5,"late_counts":false},
        "Edit/2":{"target":0.9}}}"#;
    let mut harness = Harness::new(config);
    let mut stated = |schema: &str| harness.objective(schema);
    let objective = |target, late_counts| {
        Some(Objective {
            target,
            late_counts,
        })
    };
    assert_eq!(stated("Edit/1"), objective(0.5, false));
    assert_eq!(stated("Edit/2"), objective(0.9, false));
    assert_eq!(stated("Search/1"), objective(0.999, true));
    assert_eq!(stated("(unknown)"), objective(0.999, true));
}

#[test]
fn a_deep_fall_is_critical() {
    let mut harness = Harness::new(r#"{"critical_below":0.5}"#);
    let mut severity = |tally| harness.judge(tally).map(|finding| finding.severity);
    assert_eq!(severity(tally(600, 0, 400, 0, 0)), Some(Severity::Warning));
    assert_eq!(severity(tally(400, 0, 600, 0, 0)), Some(Severity::Critical));
    assert_eq!(
        severity(tally(400, 0, 400, 200, 0)),
        Some(Severity::Warning)
    );
}

#[test]
fn refusals_name_the_field() {
    for (config, expected) in [
        (
            r#"{"target":99.9}"#,
            "`target`: 99.9 is no share: write a number above 0 and at most 1, as 0.999",
        ),
        (
            r#"{"schemas":{"Edit":{"target":0}}}"#,
            "`schemas.Edit.target`: 0 is no share: write a number above 0 and at most 1, as 0.999",
        ),
    ] {
        assert_eq!(Harness::refusal(config), expected);
    }
    let refusal = Harness::refusal(r#"{"severity":"bad"}"#);
    assert!(
        refusal.starts_with("`severity`: unknown variant `bad`"),
        "{refusal}"
    );
}
