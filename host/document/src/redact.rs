//! Documents for people's eyes: without the values that the operator calls private.

use crate::canonical::CanonicalWriter;
use crate::lenient;
use crate::pointer::Pointer;

/// Appends the canonical text of the document, the values at these pointers replaced by the string
/// `(redacted)`. Odd values are written as Python's json writes them. Of a text that is undecodable
/// nothing is written: where its values are cannot be told.
pub fn redact(json: &[u8], pointers: &[Pointer], out: &mut Vec<u8>) {
    let Ok(tape) = lenient::read_alone(json) else {
        return;
    };
    let redacted: Vec<u32> = pointers
        .iter()
        .filter_map(|pointer| pointer.resolve(&tape, 0))
        .collect();
    CanonicalWriter::default().write_redacted(&tape, 0, &redacted, out);
}
