//! Documents as people may see them: without the values that the operator declared private.

use crate::canonical::CanonicalWriter;
use crate::lenient;
use crate::pointer::Pointer;

/// Appends the canonical text of the document to `out`, with the values at the pointers replaced by the string
/// `(redacted)`. Values that JSON does not have are written as Python's json writes them. If the document is
/// undecodable, nothing is written: it cannot be told where its private values are.
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
