//! Whatever a check does, its rows get an answer, other rows get their judgement, and the next batch
//! meets a fresh instance.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_document::{Documents, SchemaSet};
use landfall_runtime::{Check, FaultKind, Hand, Judged, Limits, LoadError, Packed, Seat};
use support::load_with;

/// Rows of a batch in these tests.
const ROWS: usize = 64;

fn limits() -> Limits {
    Limits {
        batch_time: Duration::from_millis(400),
        memory_bytes_max: 16 << 20,
        output_bytes_max: 1 << 20,
        ..Limits::default()
    }
}

/// Judges batches of `ROWS` documents, of which those in `poison` hold the marker.
struct Bench {
    seat: Seat<landfall_runtime::EventCheck>,
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
            seat: Seat::new(check),
            schemas: Arc::default(),
        }
    }

    fn judge(&mut self, poison: &[usize]) -> Judged {
        let mut texts = Packed::default();
        for row in 0..ROWS {
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
            .seat
            .check()
            .manifest
            .columns
            .iter()
            .map(|pointer| {
                let mut column = Packed::default();
                documents.write_column(pointer, &mut column.text, &mut column.ends);
                column
            })
            .collect();
        let columns: Vec<_> = columns.iter().map(Packed::as_ref).collect();
        let mut judged = Judged::default();
        let mut hand = Hand {
            documents: &mut documents,
            schemas: &self.schemas,
        };
        self.seat
            .judge(&mut hand, "raw", ROWS, &columns, &mut judged);
        assert_eq!(judged.codes.len(), ROWS);
        assert_eq!(
            documents.rows(),
            ROWS,
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
    ] {
        let config = format!(r#"{{"do":"{deed}","marker":"poison","column":"/uuid"}}"#);
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
            bench.seat.take_counters().faults[kind as usize] > 0,
            "{deed}: counted"
        );
    }
}

#[test]
fn several_poison_rows_are_all_found() {
    let mut bench = Bench::new(r#"{"do":"trap","marker":"poison","column":"/uuid"}"#);
    assert_eq!(faulted_rows(&bench.judge(&[0, 1, 30, 63])), [0, 1, 30, 63]);
}

#[test]
fn a_check_that_always_loops_costs_a_bounded_time_and_is_then_left_alone() {
    let limits = Limits {
        batch_time: Duration::from_millis(80),
        ..limits()
    };
    let mut bench = Bench::with(r#"{"do":"loop","column":"/uuid"}"#, limits);
    let start = Instant::now();
    let mut suspended = false;
    for _ in 0..10 {
        let judged = bench.judge(&[]);
        assert_eq!(
            faulted_rows(&judged).len(),
            ROWS,
            "every row is answered for"
        );
        suspended = judged
            .faulted
            .iter()
            .all(|rows| rows.fault.kind == FaultKind::Suspended);
        if suspended {
            break;
        }
    }
    assert!(
        suspended,
        "batch after batch spent on failing suspends the check"
    );
    // Three batches of eight times 80 ms, and as much again for a busy machine.
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(bench.seat.take_counters().suspensions, 1);
}

#[test]
fn a_flood_of_log_lines_is_cut_and_counted() {
    let mut bench = Bench::new(r#"{"do":"log_flood","column":"/uuid","amount":1000}"#);
    assert!(bench.judge(&[]).faulted.is_empty());
    let lines = bench.seat.take_log();
    assert!(!lines.is_empty() && lines.len() <= 16, "{}", lines.len());
    assert!(lines.iter().all(|line| line.text.len() <= 1024));
    assert!(bench.seat.take_counters().log_dropped >= 900);
}

#[test]
fn a_module_that_imports_something_else_is_refused_by_name() {
    let Err(error) = load_with("hostile_import.wasm", "{}", limits()) else {
        panic!("it loads")
    };
    assert!(matches!(error, LoadError::ForbiddenImport(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("which no check may"), "{text}");
}

#[test]
fn a_check_that_fails_at_its_start_is_refused_with_the_reason() {
    for (config, wanted) in [
        (r#"{"do":"trap","when":"configure"}"#, "does not start"),
        (
            r#"{"do":"err","when":"configure"}"#,
            "refuses its configuration",
        ),
        (r#"{"do":"bad_manifest","when":"describe"}"#, "manifest"),
        (r#"{"do":"nonsense"}"#, "refuses its configuration"),
    ] {
        match load_with("hostile_check.wasm", config, limits()) {
            Ok(_) => panic!("{config} loads"),
            Err(error) => assert!(error.to_string().contains(wanted), "{config}: {error}"),
        }
    }
}

#[test]
fn what_is_no_webassembly_is_told_apart_from_what_is_no_check() {
    let dir = tempfile::tempdir().expect("a directory");
    for (bytes, wanted) in [
        (&b"not wasm at all"[..], "no WebAssembly"),
        (&b"\0asm\x01\0\0\0"[..], "implements no world"),
        (&b""[..], "no WebAssembly"),
    ] {
        let path = dir.path().join("check.wasm");
        std::fs::write(&path, bytes).expect("written");
        let request = landfall_runtime::LoadRequest {
            name: "x".into(),
            path,
            config: "{}".into(),
            limits: Limits::default(),
        };
        match Check::load(support::engine(), &request) {
            Ok(_) => panic!("{bytes:?} loads"),
            Err(error) => assert!(error.to_string().contains(wanted), "{bytes:?}: {error}"),
        }
    }
}
