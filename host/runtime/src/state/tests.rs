//! Tests of the host functions.

use std::time::Duration;

use super::*;
use crate::fault::FaultKind;

const ROWS: usize = 4;
const HOUR: Duration = Duration::from_secs(3600);

/// A store with four documents in hand.
fn state() -> HostState {
    let mut state = HostState::new(0, Arc::default());
    state.documents.parse(b"1234", &[1, 2, 3, 4]);
    state.begin_call((0, ROWS), HOUR);
    state
}

fn validate(state: &mut HostState, rows: Vec<u32>) -> wasmtime::Result<Vec<u8>> {
    let which = vec![0; rows.len()];
    schemas::Host::validate(state, String::new(), rows, which, vec!["None/1".into()])
}

#[test]
fn no_call_may_have_more_rows_validated_than_the_batch_has() {
    let mut state = state();
    let answer = validate(&mut state, vec![3, 2, 1, 0]).expect("an answer");
    assert_eq!(answer, [NO_SUCH_SCHEMA; ROWS]);
    let error = validate(&mut state, vec![0; ROWS + 1]).expect_err("a misuse");
    assert_eq!(
        error.root_cause().to_string(),
        "host call misused: 5 rows of a batch of 4"
    );
    assert!(validate(&mut state, vec![4]).is_err());
}

#[test]
fn a_validation_ends_with_the_time_of_its_call() {
    let mut state = state();
    assert!(validate(&mut state, vec![0]).is_ok());
    state.deadline = Some(processor_time());
    let error = validate(&mut state, vec![0]).expect_err("too late");
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
}

#[test]
fn a_call_is_not_over_because_its_thread_waited() {
    let mut state = state();
    let time = Duration::from_millis(50);
    state.begin_call((0, 4), time);
    // As if the process had been stopped, or the machine had other things to do.
    std::thread::sleep(4 * time);
    assert!(validate(&mut state, vec![0]).is_ok());
    let begun = processor_time();
    while processor_time() - begun <= time {}
    assert!(validate(&mut state, vec![0]).is_err());
}

/// A state with two rows, and a schema for them.
fn of_two_rows(schema: &str, rows: [&str; 2]) -> (tempfile::TempDir, HostState) {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("s")).expect("a directory");
    std::fs::write(directory.path().join("s/1.json"), schema).expect("a file");
    let (set, errors) = SchemaSet::load(directory.path());
    assert!(errors.is_empty(), "{errors:?}");
    let mut state = HostState::new(0, Arc::new(set));
    let text = rows.concat();
    let ends = [rows[0].len() as u32, text.len() as u32];
    state.documents.parse(text.as_bytes(), &ends);
    state.begin_call((0, 2), HOUR);
    (directory, state)
}

fn validate_both(state: &mut HostState) -> Vec<u8> {
    let names = vec!["s/1".to_owned()];
    schemas::Host::validate(state, String::new(), vec![0, 1], vec![0, 0], names).expect("an answer")
}

#[test]
fn a_row_that_no_pattern_can_judge_is_set_aside_and_the_others_are_answered() {
    let schema =
        r#"{"$schema":"http://json-schema.org/draft-07/schema#","pattern":"^(a|b|ab)*(?!x)c$"}"#;
    let hard = format!("\"{}d\"", "ab".repeat(28));
    let (_directory, mut state) = of_two_rows(schema, [&hard, "1"]);
    state.schema_breakers = SchemaBreakers::new(Duration::from_secs(60));
    assert_eq!(validate_both(&mut state), [VALID; 2]);
    let [(0, fault)] = &state.set_aside[..] else {
        panic!("{:?}", state.set_aside);
    };
    assert_eq!(fault.kind, FaultKind::Schema);
    assert!(fault.message.contains("schema s/1"), "{}", fault.message);
}

#[test]
fn a_schema_that_exhausts_its_steps_is_named_gives_the_time_back_and_is_left_alone_in_the_end() {
    // More compared values than there are steps, of which none is equal.
    let many = |what: &str| {
        let all: Vec<String> = (0..4_000)
            .map(|n| format!("{{\"a\":[{n},\"{what}\"]}}"))
            .collect();
        format!("[{}]", all.join(","))
    };
    let schema = format!(
        r#"{{"$schema":"http://json-schema.org/draft-07/schema#","items":{{"anyOf":[{{"enum":{0}}},{{"enum":{0}}},true]}}}}"#,
        many("x")
    );
    let (_directory, mut state) = of_two_rows(&schema, [&many("y"), "[1]"]);
    // One row takes less than all rows of a call may waste together.
    state.schema_breakers = SchemaBreakers::new(Duration::from_millis(200));
    let mut is_left_alone = false;
    for _ in 0..1000 {
        state.schema_breakers.begin_batch();
        state.begin_call((0, 2), HOUR);
        let deadline = state.deadline;
        assert_eq!(validate_both(&mut state), [VALID; 2]);
        let faults = state.schema_breakers.take_faults().remove(0);
        let rows: Vec<usize> = state.set_aside.iter().map(|(row, _)| *row).collect();
        if is_left_alone {
            // It judges no row, and takes no time.
            assert_eq!((rows, faults.rows), (vec![0, 1], 2));
            assert_eq!(state.deadline, deadline);
            return;
        }
        assert!(state.deadline > deadline, "the time is given back");
        is_left_alone = faults.suspensions > 0;
        if is_left_alone {
            // From the row on that was too much.
            assert_eq!((rows, faults.rows), (vec![0, 1], 2));
            let why = &state.set_aside[1].1.message;
            assert!(why.contains("suspended for a while"), "{why}");
        } else {
            assert_eq!((rows, faults.rows), (vec![0], 1), "the other row is judged");
        }
    }
    panic!("never suspended");
}

#[test]
fn a_schema_is_charged_for_what_a_processor_worked_and_not_for_what_its_thread_waited() {
    let (_directory, mut state) = of_two_rows("{}", ["1", "2"]);
    let mut timing = Timing::begin();
    let stop = Duration::from_millis(300);
    // Others worked before it.
    let begun = processor_time();
    while processor_time() - begun < stop {
        timing.rows = 1;
    }
    state.look_at_clock(&mut timing);
    std::thread::sleep(stop);
    timing.rows = 1;
    let deadline = state.deadline;
    let charged = state.charge(&mut timing);
    assert!(charged < stop / 10, "{charged:?}");
    // Nor does the check pay for it.
    assert!(state.deadline <= deadline.map(|deadline| deadline + stop / 10));
    let begun = processor_time();
    while processor_time() - begun < stop {
        timing.rows = 1;
    }
    assert!(state.charge(&mut timing) >= stop);
}

#[test]
fn a_call_gets_the_time_of_its_rows_back_and_not_that_of_rows_that_are_asked_for_again_and_again() {
    let (_directory, mut state) = of_two_rows(
        r#"{"$schema":"http://json-schema.org/draft-07/schema#","pattern":"^a*b$"}"#,
        ["\"aab\"", "\"aac\""],
    );
    let mut moved = 0;
    for _ in 0..3 * HOST_TIME_PER_ROW {
        let before = state.deadline;
        assert_eq!(validate_both(&mut state), [VALID, INVALID]);
        moved += usize::from(state.deadline > before);
    }
    assert_eq!(moved, HOST_TIME_PER_ROW);
    let given = state.schema_breakers.take_given_back();
    state.begin_call((0, 2), HOUR);
    assert_eq!(validate_both(&mut state), [VALID, INVALID]);
    assert!(given > Duration::ZERO && state.schema_breakers.take_given_back() > Duration::ZERO);
}
