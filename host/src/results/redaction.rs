//! Documents as they may be shown: with the configured pointers redacted.

use landfall_document::{Pointer, redact};

/// Longest document kept as a sample, in bytes.
const DOCUMENT_BYTES_MAX: usize = 16 << 10;

/// Redacted canonical JSON; empty if the bytes are no JSON document (a frame of some codec).
pub(super) fn document(bytes: &[u8], pointers: &[Pointer]) -> String {
    let mut text = Vec::new();
    redact(bytes, pointers, &mut text);
    let mut text = String::from_utf8(text).unwrap_or_default();
    text.truncate(text.floor_char_boundary(DOCUMENT_BYTES_MAX));
    text
}
