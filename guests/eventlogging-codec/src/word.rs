//! Eight bytes at a time: the place of the first byte of some kind in a word.
//!
//! A guest pays for every turn of a loop (its deadline is checked there), so the two loops that see
//! every byte of a line take eight per turn. The tests are those of "Bit Twiddling Hacks" (Sean
//! Eron Anderson): they are exact for the first match, and only that one is used.

/// Bytes of a word.
pub const BYTES: usize = 8;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The word at `at`, the first byte lowest; None if fewer bytes are left.
pub fn at(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..)?.first_chunk::<BYTES>()?;
    Some(u64::from_le_bytes(*word))
}

/// The high bit of the first byte that equals `byte`, and perhaps of some behind it.
pub fn equal(word: u64, byte: u8) -> u64 {
    zero(word ^ (LOW_BITS * u64::from(byte)))
}

/// The high bit of the first byte that is less than `limit` (at most 128), and perhaps of some
/// behind it.
pub fn less(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(LOW_BITS * u64::from(limit)) & !word & HIGH_BITS
}

/// The number of bytes before the first marked one.
pub fn before(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

fn zero(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::{at, before, equal, less};

    proptest::proptest! {
        #[test]
        fn the_first_match_is_exact(bytes in proptest::array::uniform8(0x1eu8..0x28)) {
            let word = at(&bytes, 0).expect("eight bytes");
            let place = |found: Option<usize>| found.unwrap_or(8);
            let first = bytes.iter().position(|&b| b == b'%');
            proptest::prop_assert_eq!(before(equal(word, b'%')), place(first));
            let first = bytes.iter().position(|&b| b < 0x21);
            proptest::prop_assert_eq!(before(less(word, 0x21)), place(first));
        }
    }
}
