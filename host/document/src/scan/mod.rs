//! Looks at many bytes at once: with SIMD where every processor of the architecture has it, else byte by byte.
//! Knows bytes alone, no JSON values and no tape.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod each;
#[cfg(target_arch = "x86_64")]
mod sse2;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use each::{is_masked, look};
#[cfg(target_arch = "x86_64")]
pub(crate) use sse2::{is_masked, look};

/// Bytes that are looked at together.
pub(crate) const STRIDE: usize = 16;

/// Bytes that are compared in one go.
pub(crate) const STRIDES_BYTES: usize = 2 * STRIDE;

/// What is among the bytes of a stride of a JSON string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StrideScan {
    /// Bit n is set if byte n is a quote, a backslash or a control character.
    pub special: u32,
    /// Whether all bytes are below 0x80.
    pub is_ascii: bool,
}

/// Reads the decimal digits at the beginning of eight bytes. Answers how many there are before the first other
/// byte, and the number that they make (0 if there are none).
#[inline]
pub(crate) fn digits(eight: [u8; 8]) -> (u32, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let values = u64::from_le_bytes(eight) ^ (ONES * u64::from(b'0'));
    // The high bit of a byte is set if it is greater than nine, or not ASCII. Carries only reach bytes behind
    // the first such byte.
    let others = (values.wrapping_add(ONES * 0x76) | values) & HIGH;
    let count = others.trailing_zeros() / 8;
    // Fewer digits are moved to the end, with zeros before them.
    let digits = if count == 0 {
        0
    } else {
        values << (64 - 8 * count)
    };
    (count, parse_eight(digits))
}

/// The number that the values of eight digits make, the first digit in the lowest byte: by pairs, then fours,
/// then all (after Lemire, "Quickly parsing eight digits", 2018).
#[inline]
fn parse_eight(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul(100 + (1_000_000 << 32));
    let high = (pairs >> 16 & 0x0000_00FF_0000_00FF).wrapping_mul(1 + (10_000 << 32));
    low.wrapping_add(high) >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{STRIDE, digits, each, is_masked, look};

    proptest! {
        #[test]
        fn a_stride_holds_what_each_of_its_bytes_is(
            stride in prop::array::uniform16(prop_oneof![any::<u8>(), Just(b'"'), Just(b'a'), Just(b'\\'), Just(0x1F), Just(0x20)]),
        ) {
            let (found, each) = (look(&stride), each::look(&stride));
            prop_assert_eq!(found, each);
        }

        #[test]
        fn bytes_are_compared_where_the_mask_says(
            text in prop::array::uniform32(0_u8..2), other in prop::array::uniform32(0_u8..2), len in 0_usize..=32,
        ) {
            let mask = std::array::from_fn(|place| if place < len { u8::MAX } else { 0 });
            let masked = std::array::from_fn(|place| text[place] & mask[place]);
            // Often equal in all but the last bytes.
            let bytes = std::array::from_fn(|place| if place + 2 < len { text[place] } else { other[place] });
            let is_text = is_masked(&bytes, &mask, &masked);
            prop_assert_eq!(is_text, bytes[..len] == text[..len]);
            prop_assert_eq!(is_text, each::is_masked(&bytes, &mask, &masked));
        }

        #[test]
        fn digits_are_read_up_to_what_is_none(text in "[0-9]{0,8}", rest in prop::array::uniform8(any::<u8>())) {
            prop_assume!(!rest[0].is_ascii_digit());
            let mut eight = [0; 8];
            for (place, byte) in eight.iter_mut().zip(text.bytes().chain(rest)) {
                *place = byte;
            }
            prop_assert_eq!(digits(eight), (text.len() as u32, text.parse().unwrap_or(0)));
        }
    }

    #[test]
    fn every_byte_is_seen_for_what_it_is_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..STRIDE {
                let mut stride = [b'a'; STRIDE];
                stride[place] = byte;
                let (found, each) = (look(&stride), each::look(&stride));
                assert_eq!(found, each, "{byte} at {place}");
            }
        }
    }
}
