//! Byte by byte: for processors of other kinds, and what the others are held against.

use super::{STRIDE, StrideScan};

/// What is in a stride.
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

/// Whether the bytes of two strides are `text`, apart from what the mask leaves out.
pub fn is_masked(
    bytes: &[u8; 2 * STRIDE],
    mask: &[u8; 2 * STRIDE],
    text: &[u8; 2 * STRIDE],
) -> bool {
    let masked = bytes.iter().zip(mask).map(|(byte, mask)| byte & mask);
    masked.eq(text.iter().copied())
}
