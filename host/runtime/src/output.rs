//! Checks what a guest hands back, before anything uses it.

use crate::fault::{Fault, clip};
use crate::packed::PackedRef;
use crate::results::Finding;

/// Longest detail that is kept, in bytes; `wit/check.wit` promises it.
const DETAIL_BYTES_MAX: usize = 1024;

/// Details that are kept of one batch: samples are for people. `wit/check.wit` promises it.
const DETAILS_PER_BATCH_MAX: usize = 64;

/// Most findings about one tally: a manifest has as many reasons. `wit/check.wit` promises it.
const FINDINGS_PER_TALLY_MAX: usize = 64;

/// Longest text of a finding that is kept, in bytes; `wit/check.wit` promises it.
const FINDING_BYTES_MAX: usize = 256;

/// One code per row, each a reason of the manifest or 0.
pub(crate) fn codes(codes: &[u16], rows: usize, reasons: usize) -> Result<(), Fault> {
    if codes.len() != rows {
        return Err(Fault::bad_output(format!(
            "{} codes for {rows} rows",
            codes.len()
        )));
    }
    match codes.iter().position(|&code| usize::from(code) > reasons) {
        Some(row) => Err(Fault::bad_output(format!(
            "code {} of row {row} is beyond the {reasons} reasons of the manifest",
            codes[row]
        ))),
        None => Ok(()),
    }
}

/// A column has one end per row, they never fall, and the last is the length of the text.
pub(crate) fn column(text: &[u8], ends: &[u32], rows: usize) -> Result<(), Fault> {
    if ends.len() != rows {
        return Err(Fault::bad_output(format!(
            "a column of {} ends for {rows} rows",
            ends.len()
        )));
    }
    if let Some(at) = ends.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(Fault::bad_output(format!(
            "the ends of a column fall from {} to {} at row {}",
            ends[at],
            ends[at + 1],
            at + 1
        )));
    }
    let last = ends.last().map_or(0, |&end| end as usize);
    if last != text.len() {
        return Err(Fault::bad_output(format!(
            "the last end of a column is {last}, its text has {} bytes",
            text.len()
        )));
    }
    Ok(())
}

/// Every row of the column is UTF-8 on its own.
pub(crate) fn utf8_rows(column: PackedRef<'_>) -> Result<(), Fault> {
    if std::str::from_utf8(column.text).is_ok_and(|text| {
        column
            .ends
            .iter()
            .all(|&end| text.is_char_boundary(end as usize))
    }) {
        return Ok(());
    }
    match (0..column.rows()).find(|&row| std::str::from_utf8(column.row(row)).is_err()) {
        Some(row) => Err(Fault::bad_output(format!(
            "row {row} of a column is not UTF-8"
        ))),
        None => Ok(()),
    }
}

/// Every row of the column is empty, or a byte and fields.
pub(crate) fn fields_rows(column: PackedRef<'_>) -> Result<(), Fault> {
    (0..column.rows()).try_for_each(|row| {
        landfall_document::check_fields(column.row(row))
            .map_err(|error| Fault::bad_output(format!("row {row} of the normal forms: {error}")))
    })
}

/// Details name rows of the batch; too many and too long ones are cut, not refused. A refused answer
/// leaves none.
pub(crate) fn details(
    details: impl Iterator<Item = (u32, String)>,
    rows: usize,
    first_row: usize,
    out: &mut Vec<(usize, String)>,
) -> Result<(), Fault> {
    let before = out.len();
    for (row, text) in details {
        let row = row as usize;
        if row >= rows {
            out.truncate(before);
            return Err(Fault::bad_output(format!(
                "a detail about row {row} of {rows}"
            )));
        }
        if out.len() < DETAILS_PER_BATCH_MAX {
            out.push((first_row + row, clip(text, DETAIL_BYTES_MAX)));
        }
    }
    Ok(())
}

/// Findings name tallies of the part at `first`, from 0, and reasons of the manifest, from 1; both
/// are made indices of the whole. A refused answer leaves none.
pub(crate) fn findings(
    found: impl ExactSizeIterator<Item = Finding>,
    tallies: usize,
    reasons: usize,
    first: usize,
    out: &mut Vec<Finding>,
) -> Result<(), Fault> {
    if found.len() > tallies.saturating_mul(FINDINGS_PER_TALLY_MAX) {
        return Err(Fault::bad_output(format!(
            "{} findings about {tallies} tallies; the most is {FINDINGS_PER_TALLY_MAX} about each",
            found.len()
        )));
    }
    let before = out.len();
    for finding in found {
        let Finding { tally, reason, .. } = finding;
        if tally >= tallies || reason == 0 || reason > reasons {
            out.truncate(before);
            return Err(Fault::bad_output(format!(
                "a finding about tally {tally} of {tallies} with reason {reason} of {reasons}"
            )));
        }
        out.push(Finding {
            tally: first + tally,
            reason: reason - 1,
            severity: finding.severity,
            text: clip(finding.text, FINDING_BYTES_MAX),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Severity;

    #[test]
    fn codes_are_one_per_row_and_within_the_manifest() {
        assert!(codes(&[0, 1, 2], 3, 2).is_ok());
        assert!(codes(&[], 0, 0).is_ok());
        assert!(
            codes(&[0, 1], 3, 2)
                .unwrap_err()
                .message
                .contains("2 codes for 3 rows")
        );
        assert!(
            codes(&[0, 3, 0], 3, 2)
                .unwrap_err()
                .message
                .contains("code 3 of row 1")
        );
    }

    #[test]
    fn columns_have_monotone_ends_that_reach_the_end() {
        assert!(column(b"abc", &[1, 1, 3], 3).is_ok());
        assert!(column(b"", &[], 0).is_ok());
        for (text, ends, rows) in [
            (&b"abc"[..], &[1u32, 3][..], 3),
            (b"abc", &[2, 1, 3], 3),
            (b"abc", &[1, 2, 2], 3),
            (b"abc", &[1, 2, 4], 3),
            (b"a", &[], 0),
        ] {
            assert!(column(text, ends, rows).is_err(), "{ends:?}");
        }
    }

    #[test]
    fn a_character_split_between_two_rows_is_not_utf8() {
        let text = "aé".as_bytes();
        assert!(
            utf8_rows(PackedRef {
                text,
                ends: &[1, 3]
            })
            .is_ok()
        );
        assert!(
            utf8_rows(PackedRef {
                text,
                ends: &[2, 3]
            })
            .is_err()
        );
        assert!(
            utf8_rows(PackedRef {
                text: b"\xff",
                ends: &[1]
            })
            .is_err()
        );
    }

    #[test]
    fn a_form_of_fields_is_whole_entries() {
        let entry = [b"i".as_slice(), &[1, 0, 0, 0, 2, 0, 0, 0], b"a17"].concat();
        let row = [b"\x04".as_slice(), &entry, &entry].concat();
        let check = |row: &[u8]| {
            fields_rows(PackedRef {
                text: row,
                ends: &[0, row.len() as u32],
            })
        };
        assert!(check(&row).is_ok());
        assert!(check(b"\x04").is_ok() && check(b"").is_ok());
        for cut in 1..entry.len() {
            let fault = check(&row[..row.len() - cut]).unwrap_err();
            let place = format!("row 1 of the normal forms: byte {}", 1 + entry.len());
            assert!(fault.message.starts_with(&place), "{}", fault.message);
        }
    }

    #[test]
    fn a_detail_about_a_row_that_is_not_there_is_a_fault_and_many_are_cut() {
        let mut out = Vec::new();
        let rows = |last| (0..10).chain([last]).map(|row| (row, "x".to_owned()));
        assert!(details(rows(0), 10, 0, &mut out).is_ok());
        assert!(details(rows(10), 10, 0, &mut out).is_err());
        assert_eq!(out.len(), 11, "a refused answer leaves no details");
        out.clear();
        details((0..1000).map(|_| (0, "é".repeat(1000))), 1, 5, &mut out).unwrap();
        assert_eq!(out.len(), DETAILS_PER_BATCH_MAX);
        assert_eq!(out[0].0, 5);
        assert!(out[0].1.len() <= DETAIL_BYTES_MAX);
    }

    #[test]
    fn findings_are_about_tallies_and_reasons_that_there_are() {
        let finding = |tally, reason| Finding {
            tally,
            reason,
            severity: Severity::Info,
            text: "é".repeat(500),
        };
        let mut out = Vec::new();
        let found = [finding(1, 2)];
        findings(found.into_iter(), 2, 2, 10, &mut out).unwrap();
        assert_eq!((out[0].tally, out[0].reason), (11, 1));
        assert!(out[0].text.len() <= FINDING_BYTES_MAX);
        for (tally, reason) in [(2, 1), (0, 0), (0, 3)] {
            let found = [finding(0, 1), finding(tally, reason)];
            assert!(findings(found.into_iter(), 2, 2, 10, &mut out).is_err());
        }
        let flood = vec![finding(0, 1); 2 * FINDINGS_PER_TALLY_MAX + 1];
        assert!(findings(flood.into_iter(), 2, 2, 10, &mut out).is_err());
        assert_eq!(out.len(), 1, "refused answers leave no findings");
    }
}
