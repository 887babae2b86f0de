//! Into the log: values of a line for people, and whole lines of JSON.

use std::fmt::Display;

use crate::escaper::Escaped;

/// Longest message or value of a field, in bytes: the longest that is meant, a refusal that lists what is
/// wrong, has some hundreds; more is what somebody else wrote.
pub const VALUE_BYTES_MAX: usize = 8 << 10;

/// A message or a field's value as it may stand in a line of the log.
pub fn value<T: Display>(value: T) -> Escaped<T> {
    Escaped::new(value, VALUE_BYTES_MAX)
}
