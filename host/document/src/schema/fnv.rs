//! The hash FNV-1a with 64 bits, which is the same in every build. It only tells changed files from unchanged
//! ones, for two texts with one hash are easily made.

/// The hash of no bytes.
pub(super) const OFFSET_BASIS: u64 = 0xCBF2_9CE4_8422_2325;

/// The hash of some bytes, of which `hash` is the hash, followed by `bytes`.
pub(super) fn extend(hash: u64, bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}
