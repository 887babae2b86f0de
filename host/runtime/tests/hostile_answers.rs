//! Packed answers of hostile codecs and parity checks, and findings of hostile window checks: each is checked before
//! it is used, and the answers for the rows around the faulty one are kept.

mod support;

use std::time::{Duration, Instant};

use landfall_runtime::{
    Check, CheckInstance, Decoded, FaultKind, FaultedRows, Limits, Packed, ParityCheck, Projected,
    Tally,
};
use support::load_with;

const ROWS: usize = 32;

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

/// A configuration that misbehaves on batches with a poison row.
fn on_poison(deed: &str) -> String {
    format!(r#"{{"do":"{deed}","marker":"poison","amount":{HUGE_BYTES}}}"#)
}

/// Frames of which those in `poison` hold the marker.
fn frames(poison: &[usize]) -> Packed {
    let mut frames = Packed::default();
    for row in 0..ROWS {
        let word = if poison.contains(&row) {
            "poison"
        } else {
            "fine"
        };
        frames.push(format!(r#"{{"n":"{word} {row}"}}"#).as_bytes());
    }
    frames
}

/// The rows that failed, all in the way that is wanted.
fn rows_of(faulted: &[FaultedRows], wanted: FaultKind, deed: &str) -> Vec<usize> {
    faulted
        .iter()
        .flat_map(|rows| {
            assert_eq!(rows.fault.kind, wanted, "{deed}: {:?}", rows.fault);
            rows.first..rows.first + rows.rows
        })
        .collect()
}

/// Every row is as it went in, but the poison ones, which are empty.
fn assert_kept(column: &Packed, input: &Packed, poison: &[usize], deed: &str) {
    for row in 0..ROWS {
        let wanted = if poison.contains(&row) {
            &[][..]
        } else {
            input.as_ref().row(row)
        };
        assert_eq!(column.as_ref().row(row), wanted, "{deed}: row {row}");
    }
}

#[test]
fn a_wrong_answer_of_a_codec_costs_the_poison_row_alone() {
    for (deed, kind) in [
        ("bad_ends", FaultKind::BadOutput),
        ("long_ends", FaultKind::BadOutput),
        ("short_ends", FaultKind::BadOutput),
        ("not_utf8", FaultKind::BadOutput),
        ("huge_output", FaultKind::BadOutput),
        ("wrong_codes", FaultKind::BadOutput),
        ("short_codes", FaultKind::BadOutput),
        ("long_codes", FaultKind::BadOutput),
        ("wrong_row", FaultKind::BadOutput),
        ("err", FaultKind::Declined),
        ("trap", FaultKind::Trap),
        ("loop", FaultKind::Deadline),
        ("allocate", FaultKind::Memory),
        ("stack", FaultKind::Stack),
    ] {
        let loaded = load_with("hostile_codec.wasm", &on_poison(deed), limits());
        let Ok(Check::Codec(codec)) = loaded else {
            panic!("hostile_codec.wasm is no codec");
        };
        let mut instance = CheckInstance::new(codec);
        let mut decoded = Decoded::default();
        // Falling ends need two rows to fall; a lone row with its ends reversed is well.
        let poison = if deed == "bad_ends" { &[][..] } else { &[9] };
        let input = frames(&[9]);
        instance.decode(input.as_ref(), &mut decoded);
        let rows = rows_of(&decoded.faulted, kind, deed);
        assert_eq!(rows, poison, "{deed}");
        assert_eq!(decoded.codes, [0; ROWS], "{deed}");
        assert_kept(&decoded.documents, &input, poison, deed);
        assert!(instance.take_counters().faults[kind as usize] > 0, "{deed}");
        let clean = frames(&[]);
        instance.decode(clean.as_ref(), &mut decoded);
        assert!(decoded.faulted.is_empty(), "{deed}: {:?}", decoded.faulted);
        assert_kept(&decoded.documents, &clean, &[], deed);
    }
}

fn parity(config: &str, limits: Limits) -> CheckInstance<ParityCheck> {
    let Ok(Check::Parity(check)) = load_with("hostile_parity.wasm", config, limits) else {
        panic!("hostile_parity.wasm is no parity check");
    };
    CheckInstance::new(check)
}

#[test]
fn a_wrong_normal_form_costs_the_poison_row_alone() {
    for (deed, kind) in [
        ("bad_ends", FaultKind::BadOutput),
        ("long_ends", FaultKind::BadOutput),
        ("short_ends", FaultKind::BadOutput),
        ("huge_output", FaultKind::BadOutput),
        ("err", FaultKind::Declined),
        ("trap", FaultKind::Trap),
        ("allocate", FaultKind::Memory),
    ] {
        let mut instance = parity(&on_poison(deed), limits());
        let mut projected = Projected::default();
        let poison = if deed == "bad_ends" { &[][..] } else { &[9] };
        let input = frames(&[9]);
        instance.project("raw", ROWS, &[input.as_ref()], &mut projected);
        let rows = rows_of(&projected.faulted, kind, deed);
        assert_eq!(rows, poison, "{deed}");
        assert_kept(&projected.forms, &input, poison, deed);
        assert!(instance.take_counters().faults[kind as usize] > 0, "{deed}");
    }
}

#[test]
fn a_normal_form_that_is_not_made_of_fields_costs_its_row_alone() {
    let mut instance = parity(r#"{"fields":true}"#, limits());
    let mut input = Packed::default();
    for row in 0..ROWS {
        match row {
            7 => input.push(b""),
            9 => input.push(b"poison"),
            _ => input.push(&[b"\x04i", &[1, 0, 0, 0, 2, 0, 0, 0][..], b"a17"].concat()),
        }
    }
    let mut projected = Projected::default();
    instance.project("raw", ROWS, &[input.as_ref()], &mut projected);
    let rows = rows_of(&projected.faulted, FaultKind::BadOutput, "fields");
    assert_eq!(rows, [9]);
    assert_kept(&projected.forms, &input, &[9], "fields");
}

/// Each row alone is within the limit of an answer; all of them together are not, and a batch that is
/// judged in parts because of one poison row may not answer more than one that is judged at once.
#[test]
fn the_parts_of_a_batch_answer_no_more_together_than_a_batch_may() {
    const ROW_BYTES: usize = 100 << 10;
    let limits = limits();
    let bytes_max = limits.output_bytes_max;
    let mut input = Packed::default();
    for row in 0..ROWS {
        let fill = if row == 0 { "poison" } else { "" };
        let mut text = fill.as_bytes().to_vec();
        text.resize(ROW_BYTES, b'x');
        input.push(&text);
    }
    let Ok(Check::Codec(codec)) =
        load_with("hostile_codec.wasm", &on_poison("trap"), limits.clone())
    else {
        panic!("hostile_codec.wasm is no codec");
    };
    let mut decoded = Decoded::default();
    CheckInstance::new(codec).decode(input.as_ref(), &mut decoded);
    let mut projected = Projected::default();
    parity(&on_poison("trap"), limits).project("raw", ROWS, &[input.as_ref()], &mut projected);
    for (column, faulted) in [
        (&decoded.documents, &decoded.faulted),
        (&projected.forms, &projected.faulted),
    ] {
        assert_eq!(column.as_ref().rows(), ROWS);
        assert!(column.text.len() <= bytes_max, "{}", column.text.len());
        assert_eq!(column.text.len(), bytes_max / ROW_BYTES * ROW_BYTES);
        let beyond: Vec<_> = faulted
            .iter()
            .filter(|rows| rows.fault.kind == FaultKind::BadOutput)
            .collect();
        let rows: usize = beyond.iter().map(|rows| rows.rows).sum();
        assert_eq!(rows, ROWS - 1 - bytes_max / ROW_BYTES);
        let message = &beyond[beyond.len() - 1].fault.message;
        assert!(message.contains("limits.output_bytes_max"), "{message}");
    }
}

#[test]
fn an_explanation_that_loops_is_cut_off_then_left_alone_and_projecting_goes_on() {
    const SHORT: Duration = Duration::from_millis(80);
    let limits = Limits {
        batch_time: SHORT,
        ..limits()
    };
    let mut instance = parity(r#"{"do":"loop","when":"explain"}"#, limits);
    let start = Instant::now();
    let kinds: Vec<FaultKind> = (0..20)
        .map(|_| instance.explain(b"a", b"b").expect_err("it loops").kind)
        .collect();
    assert_eq!(kinds[0], FaultKind::Deadline);
    assert_eq!(kinds[19], FaultKind::Suspended);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(instance.take_counters().suspensions, 1);
    let mut projected = Projected::default();
    let input = frames(&[]);
    instance.project("raw", ROWS, &[input.as_ref()], &mut projected);
    assert!(projected.faulted.is_empty(), "{:?}", projected.faulted);
}

#[test]
fn an_explanation_is_cut_to_its_bounds_or_refused() {
    let long = "é".repeat(1000);
    let told = parity("{}", limits())
        .explain(long.as_bytes(), b"b")
        .expect("an explanation");
    assert_eq!(told[0].raw, "é".repeat(128));
    for deed in ["not_utf8", "huge_output"] {
        let config = format!(r#"{{"do":"{deed}","when":"explain","amount":{HUGE_BYTES}}}"#);
        let fault = parity(&config, limits()).explain(b"a", b"b");
        let kind = fault.expect_err("refused").kind;
        assert_eq!(kind, FaultKind::BadOutput, "{deed}");
    }
}

#[test]
fn a_window_check_that_fails_on_one_schema_judges_the_others() {
    let tallies: Vec<Tally> = (0..ROWS)
        .map(|n| Tally {
            schema: if n == 9 { "poison/1" } else { "fine/1" }.into(),
            ..Tally::default()
        })
        .collect();
    for (deed, kind) in [
        ("trap", FaultKind::Trap),
        ("err", FaultKind::Declined),
        ("wrong_row", FaultKind::BadOutput),
        ("wrong_codes", FaultKind::BadOutput),
        ("not_utf8", FaultKind::BadOutput),
        ("huge_output", FaultKind::BadOutput),
        ("loop", FaultKind::Deadline),
    ] {
        let Ok(Check::Window(check)) = load_with("hostile_window.wasm", &on_poison(deed), limits())
        else {
            panic!("hostile_window.wasm is no window check");
        };
        let judged = CheckInstance::new(check).judge_windows(&tallies);
        assert_eq!(rows_of(&judged.faulted, kind, deed), [9], "{deed}");
        let about: Vec<usize> = judged.findings.iter().map(|f| f.tally).collect();
        let wanted: Vec<usize> = (0..ROWS).filter(|&tally| tally != 9).collect();
        assert_eq!(about, wanted, "{deed}");
        assert!(judged.findings.iter().all(|f| f.text == "fine/1"), "{deed}");
    }
}
