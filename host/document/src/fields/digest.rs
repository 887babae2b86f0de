//! Hashes of fields, and their sum: the same for the same fields in any order.
//!
//! The value of a field is hashed by XXH3 (128 bits) with a seed that is made of its name and of a secret, so
//! that nobody outside can foresee a hash. XXH3 is no cryptographic hash: it does not protect against a writer
//! that hides its changes on purpose and can try out what a check notices.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use crate::members::{self, PackedEntry};

/// The kind of an integer in an entry.
const INTEGER: u8 = b'i';

/// An odd constant of high entropy: seeds of different kinds have nothing in common.
const KIND: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hashes fields with two secret seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldHasher {
    names: u64,
    values: u64,
}

/// The sum of the hashes of fields, modulo 2^128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldsDigest(u128);

/// A row of a column of fields whose bytes are no fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "byte {at} of a row is in no field: a row is one byte and then entries, as in a column of members"
)]
pub struct FieldsRowError {
    /// The first byte that is in no field, counted from the row's beginning.
    pub at: usize,
}

impl FieldsDigest {
    pub(super) fn add(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }

    /// The sum as a number.
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
    /// A hasher with this secret.
    pub fn new(secret: [u8; 16]) -> Self {
        let secret = u128::from_le_bytes(secret);
        Self {
            names: secret as u64,
            values: (secret >> 64) as u64,
        }
    }

    /// The part of a value's seed that is made of its flattened name.
    #[inline]
    pub(super) fn name(&self, name: &[u8]) -> u64 {
        xxh3_64_with_seed(name, self.names)
    }

    /// The hash of a field, of which `name` is what [`Self::name`] made of its name. The value of an integer
    /// that fits 64 bits is its eight bytes, little-endian.
    #[inline]
    pub(super) fn field(&self, name: u64, kind: u8, value: &[u8]) -> u128 {
        let seed = name ^ self.values ^ u64::from(kind).wrapping_mul(KIND);
        xxh3_128_with_seed(value, seed)
    }

    /// The sum of the fields that a check answered for a row: one byte that the check chooses, then entries.
    /// What is behind the last entry does not count: see [`check_fields`].
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
            // Another seed, so that a text of eight bytes is not taken for an integer's eight bytes.
            None if entry.kind == INTEGER => self.field(!name, INTEGER, entry.value),
            None => self.field(name, entry.kind, entry.value),
        }
    }
}

/// Checks that a row is empty, or one byte and then entries.
///
/// # Errors
/// If something else stands behind the first byte or behind an entry.
pub fn check_fields(row: &[u8]) -> Result<(), FieldsRowError> {
    let mut at = 1;
    while at < row.len() {
        at = members::entry_at(row, at).ok_or(FieldsRowError { at })?.end;
    }
    Ok(())
}

/// Whether two rows, each one byte and then entries, have the same byte and the same fields in any order.
/// Compares all bytes, and no hashes: for the few rows that are looked at once more.
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

/// The integer that has this canonical text, if it fits 64 bits.
fn small_integer(text: &[u8]) -> Option<i64> {
    let integer: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let canonical = itoa::Buffer::new().format(integer).as_bytes() == text;
    canonical.then_some(integer)
}
