//! What a guest hands back is checked here before anything uses it.

use crate::fault::{Fault, clip};
use crate::packed::PackedRef;

/// Longest detail that is kept, in bytes; `wit/check.wit` promises it.
const DETAIL_BYTES_MAX: usize = 1024;

/// Details kept of one batch: samples are for people.
const DETAILS_PER_BATCH_MAX: usize = 64;

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

/// Details name rows of the batch; too many and too long ones are cut, not refused.
pub(crate) fn details(
    details: impl Iterator<Item = (u32, String)>,
    rows: usize,
    first_row: usize,
    out: &mut Vec<(usize, String)>,
) -> Result<(), Fault> {
    for (row, text) in details {
        let row = row as usize;
        if row >= rows {
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_detail_about_a_row_that_is_not_there_is_a_fault_and_many_are_cut() {
        let mut out = Vec::new();
        assert!(details([(2, "x".into())].into_iter(), 2, 0, &mut out).is_err());
        details((0..1000).map(|_| (0, "é".repeat(1000))), 1, 5, &mut out).unwrap();
        assert_eq!(out.len(), DETAILS_PER_BATCH_MAX);
        assert_eq!(out[0].0, 5);
        assert!(out[0].1.len() <= DETAIL_BYTES_MAX);
    }
}
