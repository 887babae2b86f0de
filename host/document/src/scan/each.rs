//! Byte by byte: for architectures without a version of their own, and to test the others against.

use super::{STRIDE, StrideScan};

/// What is among the bytes of a stride.
pub fn look(stride: &[u8; STRIDE]) -> StrideScan {
    let mut special = 0;
    for (place, byte) in stride.iter().enumerate() {
        special |= u32::from(matches!(byte, 0..0x20 | b'"' | b'\\')) << place;
    }
    StrideScan {
        special,
        is_ascii: stride.is_ascii(),
    }
}

/// Whether two strides equal `text` in all bits that `mask` has. `text` is 0 where the mask is.
pub fn is_masked(
    bytes: &[u8; 2 * STRIDE],
    mask: &[u8; 2 * STRIDE],
    text: &[u8; 2 * STRIDE],
) -> bool {
    let masked = bytes.iter().zip(mask).map(|(byte, mask)| byte & mask);
    masked.eq(text.iter().copied())
}
