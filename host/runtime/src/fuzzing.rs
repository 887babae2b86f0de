//! The checks of what guests answer, for who holds them to made-up answers without a guest. No part of what
//! the crate promises: names and arguments are those of its inside.

use crate::fault::Fault;
use crate::manifest::{Manifest, ManifestError, Reason};
use crate::output;
use crate::packed::{Packed, PackedRef};
use crate::results::Finding;

/// What an event check or a codec answers: one code per row.
pub fn codes(codes: &[u16], rows: usize, reasons: usize) -> Result<(), Fault> {
    output::codes(codes, rows, reasons)
}

/// What a codec or a parity check answers.
pub fn column(text: &[u8], ends: &[u32], rows: usize) -> Result<(), Fault> {
    output::column(text, ends, rows)
}

/// What a codec answers, beside that.
pub fn utf8_rows(column: PackedRef<'_>) -> Result<(), Fault> {
    output::utf8_rows(column)
}

/// What a parity check of fields answers, beside that.
pub fn fields_rows(column: PackedRef<'_>) -> Result<(), Fault> {
    output::fields_rows(column)
}

/// Checks the details that a guest answers about rows.
pub fn details(
    details: impl Iterator<Item = (u32, String)>,
    rows: usize,
    first_row: usize,
    out: &mut Vec<(usize, String)>,
) -> Result<(), Fault> {
    output::details(details, rows, first_row, out)
}

/// What a window check answers.
pub fn findings(
    findings: impl ExactSizeIterator<Item = Finding>,
    tallies: usize,
    reasons: usize,
    first: usize,
    out: &mut Vec<Finding>,
) -> Result<(), Fault> {
    output::findings(findings, tallies, reasons, first, out)
}

/// What a parity check says of itself; of others it has no written columns and no columns of fields.
pub fn manifest(
    name: String,
    version: String,
    columns: &[String],
    written_columns: &[String],
    reasons: Vec<Reason>,
) -> Result<Manifest, ManifestError> {
    Manifest::checked(name, version, columns, written_columns, reasons)?.with_fields_on_both_sides()
}

/// Answers for parts of a batch, put together.
pub fn append(whole: &mut Packed, part: PackedRef<'_>, bytes_max: usize) -> Result<(), Fault> {
    whole.append(part.text, part.ends, bytes_max)
}
