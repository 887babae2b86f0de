//! The log: messages and values of fields in a line.

use std::fmt::Display;

use crate::escaper::Escaped;

/// Longest message or value of a field, in bytes. The longest of Landfall's own, a refusal that lists what is wrong,
/// has some hundreds; what is longer is of foreign origin.
pub const VALUE_BYTES_MAX: usize = 8 << 10;

/// A message or a field's value as it may stand in a line of the log.
pub fn value<T: Display>(value: T) -> Escaped<T> {
    Escaped::new(value, VALUE_BYTES_MAX)
}
