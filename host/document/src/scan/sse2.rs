//! With SSE2, which every x86-64 has.

use std::arch::x86_64::*;

use super::{STRIDE, StrideScan};

/// What is among the bytes of a stride.
#[inline]
pub fn look(stride: &[u8; STRIDE]) -> StrideScan {
    #[inline]
    #[target_feature(enable = "sse2")]
    fn at_once(stride: &[u8; STRIDE]) -> StrideScan {
        let bytes = load(stride);
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        // A byte is at most 0x1F if it is the smaller of the two.
        let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        let special = _mm_or_si128(_mm_or_si128(quotes, backslashes), controls);
        StrideScan {
            special: _mm_movemask_epi8(special) as u32,
            is_ascii: _mm_movemask_epi8(bytes) == 0,
        }
    }
    // SAFETY: every x86-64 has it.
    unsafe { at_once(stride) }
}

/// Whether two strides equal `text` in all bits that `mask` has. `text` is 0 where the mask is.
#[inline]
pub fn is_masked(
    bytes: &[u8; 2 * STRIDE],
    mask: &[u8; 2 * STRIDE],
    text: &[u8; 2 * STRIDE],
) -> bool {
    #[inline]
    #[target_feature(enable = "sse2")]
    fn at_once(bytes: &[u8; 2 * STRIDE], mask: &[u8; 2 * STRIDE], text: &[u8; 2 * STRIDE]) -> bool {
        let (bytes, _) = bytes.as_chunks();
        let (mask, _) = mask.as_chunks();
        let (text, _) = text.as_chunks();
        let same = |half: usize| {
            let masked = _mm_and_si128(load(&bytes[half]), load(&mask[half]));
            _mm_cmpeq_epi8(masked, load(&text[half]))
        };
        _mm_movemask_epi8(_mm_and_si128(same(0), same(1))) == 0xFFFF
    }
    // SAFETY: every x86-64 has it.
    unsafe { at_once(bytes, mask, text) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(stride: &[u8; STRIDE]) -> __m128i {
    let all = u128::from_le_bytes(*stride);
    _mm_set_epi64x((all >> 64) as i64, all as i64)
}
