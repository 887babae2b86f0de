//! What guests answer: columns, codes, details, findings and manifests. The input says which, and what the
//! answer is.
//!
//! An answer that is taken can be used as the contract says, without a look outside of it; one that is refused
//! leaves nothing behind; what is kept is bounded.

use landfall_runtime::fuzzing as checks;
use landfall_runtime::{Finding, Manifest, Outcome, Packed, PackedRef, Reason, Severity};

use crate::input::Input;

/// The bounds that wit/check.wit tells.
const DETAIL_BYTES_MAX: usize = 1024;
const DETAILS_MAX: usize = 64;
const FINDINGS_PER_TALLY_MAX: usize = 64;
const FINDING_BYTES_MAX: usize = 256;
const ERROR_BYTES_MAX: usize = 1024;

pub fn guest_answer(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 6 {
        0 => codes(&mut input),
        1 => column(&mut input),
        2 => details(&mut input),
        3 => findings(&mut input),
        4 => manifest(&mut input),
        _ => appended(&mut input),
    }
}

fn codes(input: &mut Input<'_>) {
    let (rows, reasons) = (input.small(), input.small());
    let codes = input.list(|input| input.number() as u16);
    let is_right = codes.len() == rows && codes.iter().all(|&code| usize::from(code) <= reasons);
    assert_eq!(checks::codes(&codes, rows, reasons).is_ok(), is_right);
}

fn column(input: &mut Input<'_>) {
    let rows = input.small();
    let ends = input.list(Input::number);
    let text = input.rest();
    if checks::column(text, &ends, rows).is_err() {
        return;
    }
    let column = PackedRef { text, ends: &ends };
    assert_eq!(column.rows(), rows);
    let all: Vec<&[u8]> = (0..rows).map(|row| column.row(row)).collect();
    assert_eq!(all.concat(), text, "all rows are all of the text");
    let are_utf8 = all.iter().all(|row| std::str::from_utf8(row).is_ok());
    assert_eq!(checks::utf8_rows(column).is_ok(), are_utf8);
    let are_fields = checks::fields_rows(column).is_ok();
    for pair in all.windows(2).filter(|_| are_fields) {
        let hasher = landfall_document::FieldHasher::new([7; 16]);
        let is_same = landfall_document::are_same_fields(pair[0], pair[1]);
        // Of what begins with a byte: the empty row is no form.
        if is_same && pair.iter().all(|row| !row.is_empty()) {
            assert_eq!(hasher.answered(pair[0]), hasher.answered(pair[1]));
        }
    }
}

fn details(input: &mut Input<'_>) {
    let (rows, first) = (input.small(), input.small());
    let details = input.list(|input| (input.number(), long(input)));
    let before = input.small().min(DETAILS_MAX);
    let mut kept = vec![(0, String::new()); before];
    let are_right = details.iter().all(|(row, _)| (*row as usize) < rows);
    let count = details.len();
    let taken = checks::details(details.into_iter(), rows, first, &mut kept);
    assert_eq!(taken.is_ok(), are_right);
    let expected = if are_right {
        (before + count).min(DETAILS_MAX)
    } else {
        before
    };
    assert_eq!(kept.len(), expected);
    for (row, text) in &kept[before..] {
        assert!((first..first + rows).contains(row));
        assert!(text.len() <= DETAIL_BYTES_MAX);
    }
}

fn findings(input: &mut Input<'_>) {
    let (tallies, reasons, first) = (input.small(), input.small(), input.small());
    let findings = input.list(|input| Finding {
        tally: input.number() as usize,
        reason: input.number() as usize,
        severity: Severity::Info,
        text: long(input),
    });
    let is_right =
        |finding: &Finding| finding.tally < tallies && (1..=reasons).contains(&finding.reason);
    let are_right =
        findings.len() <= tallies * FINDINGS_PER_TALLY_MAX && findings.iter().all(is_right);
    let mut kept = Vec::new();
    let taken = checks::findings(
        findings.clone().into_iter(),
        tallies,
        reasons,
        first,
        &mut kept,
    );
    assert_eq!(taken.is_ok(), are_right);
    assert_eq!(kept.len(), if are_right { findings.len() } else { 0 });
    for finding in kept {
        assert!((first..first + tallies).contains(&finding.tally));
        assert!(finding.reason < reasons);
        assert!(finding.text.len() <= FINDING_BYTES_MAX);
    }
}

/// A text that may be longer than what is kept of it.
fn long(input: &mut Input<'_>) -> String {
    let times = input.small();
    input.text().repeat(times)
}

fn manifest(input: &mut Input<'_>) {
    let (name, version) = (input.text(), input.text());
    let columns = input.list(Input::text);
    let written = input.list(Input::text);
    let reasons = input.list(|input| Reason {
        id: input.text(),
        help: long(input),
        outcome: Outcome::Violation,
    });
    let checked = checks::manifest(name, version, &columns, &written, reasons);
    match checked {
        Ok(manifest) => is_within_the_contract(&manifest, &columns, &written),
        Err(error) => assert!(error.to_string().len() <= ERROR_BYTES_MAX + 64, "{error}"),
    }
}

fn is_within_the_contract(manifest: &Manifest, columns: &[String], written: &[String]) {
    let is_label = |text: &str, extra: char| {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == extra;
        (1..=48).contains(&text.len()) && text.chars().all(is_allowed)
    };
    assert!(is_label(&manifest.name, '-'));
    assert!((1..=32).contains(&manifest.version.len()));
    assert!(manifest.version.chars().all(|c| c.is_ascii_graphic()));
    assert!(manifest.reasons.len() <= 64);
    let mut ids: Vec<&str> = manifest.reasons.iter().map(|r| r.id.as_str()).collect();
    assert!(ids.iter().all(|id| is_label(id, '_')));
    assert!(
        !ids.iter()
            .any(|id| id.starts_with("fault_") || *id == "no_key")
    );
    assert!(
        manifest
            .reasons
            .iter()
            .all(|reason| reason.help.len() <= 256)
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), manifest.reasons.len(), "no id stands twice");
    let names = |columns: &[landfall_document::Column]| -> Vec<String> {
        columns.iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(&manifest.columns), columns);
    assert_eq!(names(&manifest.written_columns), written);
    assert!(columns.len() <= 64 && written.len() <= 64);
}

fn appended(input: &mut Input<'_>) {
    let bytes_max = input.small();
    let mut whole = Packed::default();
    let mut rows: Vec<Vec<u8>> = Vec::new();
    while !input.is_empty() {
        let part = input.list(|input| input.sized().to_vec());
        let mut packed = Packed::default();
        for row in &part {
            packed.push(row);
        }
        let before = whole.clone();
        if checks::append(&mut whole, packed.as_ref(), bytes_max).is_ok() {
            rows.extend(part);
        } else {
            assert_eq!(whole, before, "what is refused changes nothing");
        }
        assert!(whole.text.len() <= bytes_max);
        let column = whole.as_ref();
        let kept: Vec<&[u8]> = (0..column.rows()).map(|row| column.row(row)).collect();
        assert_eq!(kept, rows);
    }
}
