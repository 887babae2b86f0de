//! Tests of `fault_log.rs`.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn note(check: &str, kind: FaultKind, rows: u64) -> FaultNote {
    FaultNote {
        check: check.into(),
        kind,
        outcome: FaultOutcome::Unjudged,
        stream: Some(Stream::Raw),
        row: FaultedRow::Key("k".into()),
        rows,
        message: "why".into(),
    }
}

fn counts(event: Option<LogEvent>) -> Option<(u64, u64)> {
    match event {
        Some(LogEvent::Fault {
            more_rows,
            more_faults,
            ..
        }) => Some((more_rows, more_faults)),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_fault_of_each_check_kind_and_outcome_is_logged_and_then_one_a_minute_with_what_was_not()
 {
    let mut faults = FaultStates::default();
    let start = Instant::now();
    assert_eq!(
        counts(faults.fault(note("a", FaultKind::Trap, 1), start)),
        Some((0, 0))
    );
    assert_eq!(
        counts(faults.fault(note("a", FaultKind::Deadline, 1), start)),
        Some((0, 0))
    );
    assert_eq!(
        counts(faults.fault(note("b", FaultKind::Trap, 1), start)),
        Some((0, 0))
    );
    let given_up = FaultNote {
        outcome: FaultOutcome::GivenUp,
        ..note("a", FaultKind::Trap, 1)
    };
    assert_eq!(counts(faults.fault(given_up, start)), Some((0, 0)));
    for second in 1..60 {
        let now = start + second * SECOND;
        assert_eq!(faults.fault(note("a", FaultKind::Trap, 10), now), None);
        assert_eq!(faults.tick(now), []);
    }
    let next = start + LOG_EVERY;
    assert_eq!(
        counts(faults.fault(note("a", FaultKind::Trap, 1), next)),
        Some((590, 59))
    );
    assert_eq!(faults.fault(note("a", FaultKind::Trap, 7), next), None);
    let of = Subject {
        check: "a".into(),
        kind: "trap",
        outcome: FaultOutcome::Unjudged,
    };
    let not_logged = LogEvent::NotLogged {
        of,
        rows: 7,
        faults: 1,
    };
    assert_eq!(faults.end(), [not_logged], "and at the end what is left");
}

#[test]
fn a_check_has_recovered_once_it_judges_and_has_not_failed_for_a_while() {
    let mut faults = FaultStates::default();
    let start = Instant::now();
    faults.fault(note("a", FaultKind::Trap, 3), start);
    faults.judged("other");
    assert_eq!(
        faults.tick(start + 10 * RECOVERED_AFTER),
        [],
        "it has judged nothing since"
    );
    faults.judged("a");
    faults.fault(note("a", FaultKind::Trap, 2), start + RECOVERED_AFTER);
    faults.judged("a");
    assert_eq!(faults.tick(start + 2 * RECOVERED_AFTER - SECOND), []);
    let of = Subject {
        check: "a".into(),
        kind: "trap",
        outcome: FaultOutcome::Unjudged,
    };
    assert_eq!(
        faults.tick(start + 2 * RECOVERED_AFTER),
        [LogEvent::Recovered { of, rows: 5 }]
    );
    assert_eq!(faults.tick(start + 9 * RECOVERED_AFTER), []);
    assert!(
        faults
            .fault(note("a", FaultKind::Trap, 1), start + 9 * RECOVERED_AFTER)
            .is_some()
    );
}

#[test]
fn a_suspension_is_logged_once_for_all_workers_and_its_end_with_the_rows_that_it_cost() {
    let mut faults = FaultStates::default();
    let start = Instant::now();
    let suspension = Suspension {
        task: CheckTask::Work,
        length: 5 * SECOND,
    };
    assert!(faults.suspended("a", suspension, start).is_some());
    assert_eq!(faults.suspended("a", suspension, start + SECOND), None);
    let explain = Suspension {
        task: CheckTask::Explain,
        ..suspension
    };
    assert!(faults.suspended("a", explain, start + 4 * SECOND).is_some());
    assert_eq!(
        faults.fault(note("a", FaultKind::Suspended, 40), start + SECOND),
        None
    );
    assert_eq!(
        faults.fault(note("a", FaultKind::Suspended, 2), start + SECOND),
        None
    );
    assert_eq!(faults.tick(start + 5 * SECOND), []);
    let resumed = LogEvent::Resumed {
        check: "a".into(),
        task: CheckTask::Work,
        rows: 42,
    };
    assert_eq!(faults.tick(start + 6 * SECOND), [resumed]);
    assert!(
        faults
            .suspended("a", suspension, start + 7 * SECOND)
            .is_some()
    );
}

#[test]
fn what_is_known_is_bounded_and_what_failed_longest_ago_goes() {
    let mut faults = FaultStates::default();
    let start = Instant::now();
    for number in 0..2 * KNOWN_MAX as u32 {
        let now = start + number * Duration::from_millis(1);
        faults.fault(note(&number.to_string(), FaultKind::Trap, 1), now);
    }
    assert_eq!(faults.known.len(), KNOWN_MAX);
    let newest = 2 * KNOWN_MAX - 1;
    let now = start + 9 * SECOND;
    assert_eq!(
        faults.fault(note(&newest.to_string(), FaultKind::Trap, 1), now),
        None
    );
    assert!(faults.fault(note("0", FaultKind::Trap, 1), now).is_some());
}
