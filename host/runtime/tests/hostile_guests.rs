//! Whatever a check does, the rows on which it fails get a fault, other rows get their judgement, and the next batch
//! gets a fresh instance.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_document::{Documents, SchemaSet};
use landfall_runtime::{CallInput, Check, CheckInstance, FaultKind, Judged, Limits, Packed};
use support::load_with;

/// Rows of a batch in these tests.
const ROWS: usize = 64;

/// More than an answer may have, and less than memory.
const HUGE_BYTES: usize = 2 << 20;

fn limits() -> Limits {
    Limits {
        batch_time: Duration::from_millis(400),
        memory_bytes_max: 16 << 20,
        output_bytes_max: 1 << 20,
        ..Limits::default()
    }
}

/// Judges batches of documents, of which those in `poison` hold the marker.
struct Bench {
    instance: CheckInstance<landfall_runtime::EventCheck>,
    schemas: Arc<SchemaSet>,
}

impl Bench {
    fn new(config: &str) -> Self {
        Self::with(config, limits())
    }

    fn with(config: &str, limits: Limits) -> Self {
        let Check::Event(check) =
            load_with("hostile_check.wasm", config, limits).unwrap_or_else(|e| panic!("{e}"))
        else {
            panic!("hostile_check.wasm is no event check");
        };
        Self {
            instance: CheckInstance::new(check),
            schemas: Arc::default(),
        }
    }

    fn judge(&mut self, poison: &[usize]) -> Judged {
        self.judge_rows(ROWS, poison)
    }

    fn judge_rows(&mut self, rows: usize, poison: &[usize]) -> Judged {
        let mut texts = Packed::default();
        for row in 0..rows {
            let word = if poison.contains(&row) {
                "poison"
            } else {
                "fine"
            };
            texts.push(format!(r#"{{"uuid":"{word}-{row}"}}"#).as_bytes());
        }
        let mut documents = Documents::default();
        documents.parse(&texts.text, &texts.ends);
        let columns: Vec<Packed> = self
            .instance
            .check()
            .manifest
            .columns
            .iter()
            .map(|wanted| {
                let mut column = Packed::default();
                documents.write_column(wanted, &mut column.text, &mut column.ends);
                column
            })
            .collect();
        let columns: Vec<_> = columns.iter().map(Packed::as_ref).collect();
        let mut judged = Judged::default();
        let mut input = CallInput {
            documents: &mut documents,
            schemas: &self.schemas,
        };
        self.instance
            .judge(&mut input, "raw", rows, &columns, &mut judged);
        assert_eq!(judged.codes.len(), rows);
        assert_eq!(
            documents.rows(),
            rows,
            "the documents come back whatever happened"
        );
        judged
    }
}

fn faulted_rows(judged: &Judged) -> Vec<usize> {
    judged
        .faulted
        .iter()
        .flat_map(|rows| rows.first..rows.first + rows.rows)
        .collect()
}

#[test]
fn each_deed_is_told_as_its_kind_and_bisected_to_its_row() {
    for (deed, kind) in [
        ("trap", FaultKind::Trap),
        ("loop", FaultKind::Deadline),
        ("allocate", FaultKind::Memory),
        ("stack", FaultKind::Stack),
        ("err", FaultKind::Declined),
        ("wrong_codes", FaultKind::BadOutput),
        ("short_codes", FaultKind::BadOutput),
        ("long_codes", FaultKind::BadOutput),
        ("wrong_row", FaultKind::BadOutput),
        ("not_utf8", FaultKind::BadOutput),
        ("huge_output", FaultKind::BadOutput),
        ("wrong_validation", FaultKind::Trap),
        ("repeat_validation", FaultKind::Trap),
    ] {
        let config = format!(
            r#"{{"do":"{deed}","marker":"poison","column":"/uuid","amount":{HUGE_BYTES}}}"#
        );
        let mut bench = Bench::new(&config);
        let judged = bench.judge(&[17]);
        assert_eq!(faulted_rows(&judged), [17], "{deed}: {:?}", judged.faulted);
        assert_eq!(
            judged.faulted[0].fault.kind, kind,
            "{deed}: {:?}",
            judged.faulted[0].fault
        );
        let clean = bench.judge(&[]);
        assert!(
            clean.faulted.is_empty(),
            "{deed}: a clean batch meets a fresh instance"
        );
        assert!(
            bench.instance.take_counters().faults[kind as usize] > 0,
            "{deed}: counted"
        );
    }
}

#[test]
fn several_poison_rows_are_all_found() {
    let mut bench = Bench::new(r#"{"do":"trap","marker":"poison","column":"/uuid"}"#);
    assert_eq!(faulted_rows(&bench.judge(&[0, 1, 30, 63])), [0, 1, 30, 63]);
}

/// What one deadline is here, so that waste adds up quickly.
const SHORT: Duration = Duration::from_millis(80);

/// So many deadlines may be wasted before a check is suspended.
const WASTE_DEADLINES_MAX: u32 = 8;

fn short_limits() -> Limits {
    Limits {
        batch_time: SHORT,
        ..limits()
    }
}

/// Judges until all is suspended: after how many batches, and how long.
fn until_suspended(mut judge: impl FnMut() -> Judged) -> (u32, Duration) {
    let start = Instant::now();
    for batches in 0..100 {
        let judged = judge();
        let suspended =
            |rows: &landfall_runtime::FaultedRows| rows.fault.kind == FaultKind::Suspended;
        if !judged.faulted.is_empty() && judged.faulted.iter().all(suspended) {
            return (batches, start.elapsed());
        }
    }
    panic!("never suspended");
}

#[test]
fn a_check_that_always_loops_costs_a_bounded_time_and_is_then_left_alone() {
    let mut bench = Bench::with(r#"{"do":"loop","column":"/uuid"}"#, short_limits());
    let (_, took) = until_suspended(|| {
        let judged = bench.judge(&[]);
        let rows = faulted_rows(&judged);
        assert_eq!(rows.len(), ROWS, "every row is answered for");
        judged
    });
    // Eight times 80 ms, and much more for a busy machine.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(bench.instance.take_counters().suspensions, 1);
}

#[test]
fn a_check_that_loops_on_batches_of_one_row_is_left_alone_as_well() {
    let mut bench = Bench::with(r#"{"do":"loop","column":"/uuid"}"#, short_limits());
    let (batches, took) = until_suspended(|| bench.judge_rows(1, &[]));
    assert!(batches <= 2 * WASTE_DEADLINES_MAX, "{batches}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(bench.instance.take_counters().suspensions, 1);
}

#[test]
fn good_rows_between_those_that_loop_do_not_save_the_check() {
    let config = r#"{"do":"loop","marker":"poison","column":"/uuid"}"#;
    let mut bench = Bench::with(config, short_limits());
    let (batches, _) = until_suspended(|| {
        bench.judge_rows(1, &[]);
        bench.judge_rows(1, &[0])
    });
    assert!(batches <= 2 * WASTE_DEADLINES_MAX, "{batches}");
}

#[test]
fn one_row_that_loops_is_found_and_does_not_suspend_the_check() {
    let mut bench = Bench::new(r#"{"do":"loop","marker":"poison","column":"/uuid"}"#);
    assert_eq!(faulted_rows(&bench.judge(&[5])), [5]);
    assert_eq!(faulted_rows(&bench.judge(&[])), [0; 0]);
    assert_eq!(bench.instance.take_counters().suspensions, 0);
}

#[test]
fn an_instance_is_renewed_after_its_batches() {
    let limits = Limits {
        batches_per_instance: 3,
        ..limits()
    };
    let mut bench = Bench::with(r#"{"column":"/uuid"}"#, limits);
    for made in [1, 0, 0, 1, 0, 0, 1] {
        assert!(bench.judge(&[]).faulted.is_empty());
        assert_eq!(bench.instance.take_counters().instances, made);
    }
}

#[test]
fn a_flood_of_log_lines_is_cut_and_counted() {
    let mut bench = Bench::new(r#"{"do":"log_flood","column":"/uuid","amount":1000}"#);
    assert!(bench.judge(&[]).faulted.is_empty());
    let lines = bench.instance.take_log();
    assert!(!lines.is_empty() && lines.len() <= 16, "{}", lines.len());
    assert!(lines.iter().all(|line| line.text.len() <= 1024));
    assert!(bench.instance.take_counters().log_dropped >= 900);
}

#[test]
fn a_batch_that_is_judged_in_parts_logs_no_more_than_one_that_is_judged_at_once() {
    let config = r#"{"do":"log_and_trap","marker":"poison","column":"/uuid","amount":10}"#;
    let mut bench = Bench::new(config);
    let poison = [0, 9, 20, 31, 40, 63];
    assert_eq!(faulted_rows(&bench.judge(&poison)), poison);
    assert_eq!(bench.instance.take_log().len(), 16);
    let counters = bench.instance.take_counters();
    let calls = counters.faults[FaultKind::Trap as usize];
    assert_eq!(counters.log_dropped, 10 * calls - 16);
}
