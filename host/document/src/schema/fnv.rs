//! FNV-1a with 64 bits: the same in every build. Only for telling a changed file from an unchanged one, for
//! anybody can make two texts with one hash.

/// Where a hash begins: the offset basis.
pub(super) const OFFSET_BASIS: u64 = 0xCBF2_9CE4_8422_2325;

/// The hash of what `hash` is of and of `bytes` behind it.
pub(super) fn extend(hash: u64, bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}
