//! The sum of fields' hashes: the same for the same fields in any order.
//!
//! A field is hashed by XXH3 (Collet; 128 bits), its value under a seed that its name makes. Keyed, so
//! that nobody outside can foresee a hash. It does not stand against a writer that wants its
//! alterations to stay unseen, as little as any check does that such a writer could try out.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use crate::members::{self, PackedEntry};

/// What an integer's kind is in an entry.
const INTEGER: u8 = b'i';

/// An odd constant of high entropy: kinds make seeds that have nothing in common.
const KIND: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hashes fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldHasher {
    names: u64,
    values: u64,
}

/// The sum of the hashes of some fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldsDigest(u128);

/// Bytes that are no fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the byte {at} of a row is in no field: it has to be a byte and then entries, as in a column of members"
)]
pub struct FieldsRowError {
    /// Counted from the row's beginning.
    pub at: usize,
}

impl FieldsDigest {
    pub(super) fn add(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }

    /// As one number.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl std::ops::Add for FieldsDigest {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl FieldHasher {
    /// Under this secret.
    pub fn new(secret: [u8; 16]) -> Self {
        let secret = u128::from_le_bytes(secret);
        Self {
            names: secret as u64,
            values: (secret >> 64) as u64,
        }
    }

    /// What a name makes of the hash of its value.
    #[inline]
    pub(super) fn name(&self, name: &[u8]) -> u64 {
        xxh3_64_with_seed(name, self.names)
    }

    /// The hash of a field; of an integer that fits the value is its eight bytes.
    #[inline]
    pub(super) fn field(&self, name: u64, kind: u8, value: &[u8]) -> u128 {
        let seed = name ^ self.values ^ u64::from(kind).wrapping_mul(KIND);
        xxh3_128_with_seed(value, seed)
    }

    /// The sum of the fields that a check answered for a row: a byte of its own choosing, then
    /// entries. What is behind the last entry does not count: see [`check_fields`].
    pub fn answered(&self, row: &[u8]) -> FieldsDigest {
        let first = row.first().copied().unwrap_or_default();
        let mut sum = FieldsDigest(u128::from(first));
        let mut at = 1;
        while let Some(entry) = members::entry_at(row, at) {
            sum.add(self.entry(&entry));
            at = entry.end;
        }
        sum
    }

    fn entry(&self, entry: &PackedEntry<'_>) -> u128 {
        let name = self.name(entry.name);
        let integer = (entry.kind == INTEGER)
            .then(|| small_integer(entry.value))
            .flatten();
        match integer {
            Some(integer) => self.field(name, INTEGER, &integer.to_le_bytes()),
            // No eight bytes that are an integer: under a seed of its own.
            None if entry.kind == INTEGER => self.field(!name, INTEGER, entry.value),
            None => self.field(name, entry.kind, entry.value),
        }
    }
}

/// Whether a row is empty, or a byte and then entries.
pub fn check_fields(row: &[u8]) -> Result<(), FieldsRowError> {
    let mut at = 1;
    while at < row.len() {
        at = members::entry_at(row, at).ok_or(FieldsRowError { at })?.end;
    }
    Ok(())
}

/// Whether two rows that are a byte and fields are the same, without a hash: for the few that are
/// looked at once more.
pub fn are_same_fields(one: &[u8], other: &[u8]) -> bool {
    let sorted = |row| {
        let mut fields = Vec::new();
        let mut at = 1;
        while let Some(entry) = members::entry_at(row, at) {
            at = entry.end;
            fields.push((entry.name, entry.kind, entry.value));
        }
        fields.sort_unstable();
        fields
    };
    one.first() == other.first() && sorted(one) == sorted(other)
}

/// The integer that has this canonical text, if it fits.
fn small_integer(text: &[u8]) -> Option<i64> {
    let integer: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let canonical = itoa::Buffer::new().format(integer).as_bytes() == text;
    canonical.then_some(integer)
}
