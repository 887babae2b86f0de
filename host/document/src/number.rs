//! A number of a document, exact whatever its size; how numbers compare (as numbers, so that `1` and `1.0`
//! are equal), and their texts.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::decimal;
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};

/// The range of integers that are `Int` or `Uint`; all others are `Digits`.
const IN_64_BITS: std::ops::RangeInclusive<i128> = i64::MIN as i128..=u64::MAX as i128;

/// An integer is `Int` if it fits, else `Uint` if that fits, else its digits. `Float` is a number that was
/// written with a fraction or an exponent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number<'a> {
    Int(i64),
    Uint(u64),
    Float(f64),
    Digits(&'a str),
}

impl<'a> Number<'a> {
    /// The number of a node; `None` if it is no number.
    pub fn of(tape: &'a Tape, node: Node) -> Option<Self> {
        match node.kind() {
            NodeKind::Int => Some(Self::Int(node.number_bits() as i64)),
            NodeKind::Uint => Some(Self::Uint(node.number_bits())),
            NodeKind::Float | NodeKind::NotFinite => {
                Some(Self::Float(f64::from_bits(node.number_bits())))
            }
            NodeKind::Digits => tape.text(node).map(Self::Digits),
            _ => None,
        }
    }

    /// The number of a value of serde_json, which rounds integers beyond 64 bits.
    pub fn of_serde(number: &serde_json::Number) -> Option<Self> {
        number
            .as_i64()
            .map(Number::Int)
            .or_else(|| number.as_u64().map(Number::Uint))
            .or_else(|| number.as_f64().map(Number::Float))
    }

    /// How many digits are kept of it; 0 if it fits 64 bits.
    pub fn digits(self) -> usize {
        match self {
            Self::Digits(digits) => digits.len(),
            _ => 0,
        }
    }

    pub fn as_i64(self) -> Option<i64> {
        if let Self::Int(value) = self {
            Some(value)
        } else {
            None
        }
    }

    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(value).ok(),
            Self::Uint(value) => Some(value),
            _ => None,
        }
    }

    /// The nearest double; infinite for digits beyond its range.
    pub fn nearest(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Uint(value) => value as f64,
            Self::Float(value) => value,
            Self::Digits(digits) => digits.parse().unwrap_or(f64::NAN),
        }
    }

    fn as_i128(self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(i128::from(value)),
            Self::Uint(value) => Some(i128::from(value)),
            _ => None,
        }
    }

    /// Whether both are the same mathematical number.
    pub fn equals(self, other: Number<'_>) -> bool {
        match (self, other) {
            (Self::Float(left), Number::Float(right)) => left == right,
            (Self::Digits(left), Number::Digits(right)) => left == right,
            (Self::Float(float), integer) | (integer, Number::Float(float)) => {
                integer.equals_float(float)
            }
            // Digits are beyond 64 bits, so they never equal an integer within.
            (left, right) => left.as_i128().is_some() && left.as_i128() == right.as_i128(),
        }
    }

    fn equals_float(self, float: f64) -> bool {
        if !float.is_finite() || float.fract() != 0.0 {
            return false;
        }
        match self {
            // A float in the range of 64-bit integers is exact as `i128`; beyond it the cast
            // saturates far outside that range.
            Self::Int(_) | Self::Uint(_) => self.as_i128() == Some(float as i128),
            // A double without a fraction is printed with all of its digits.
            Self::Digits(digits) => format!("{float:.0}") == digits,
            Self::Float(value) => value == float,
        }
    }

    /// How both compare as mathematical numbers. NaN equals all: no document that is judged has one.
    pub fn compare(self, other: Number<'_>) -> Ordering {
        match (self, other) {
            (Self::Float(left), Number::Float(right)) => {
                left.partial_cmp(&right).unwrap_or(Ordering::Equal)
            }
            (Self::Float(float), integer) => integer.compare_float(float).reverse(),
            (integer, Number::Float(float)) => integer.compare_float(float),
            (Self::Digits(left), Number::Digits(right)) => compare_digits(left, right),
            // Digits are beyond 64 bits, so their sign decides.
            (Self::Digits(left), _) => compare_digits(left, "0"),
            (_, Number::Digits(right)) => compare_digits("0", right),
            (left, right) => left.as_i128().cmp(&right.as_i128()),
        }
    }

    fn compare_float(self, float: f64) -> Ordering {
        // Rounding keeps the order, except of numbers that round to one double: these are compared exactly.
        let nearest = self.nearest();
        match (self, nearest.partial_cmp(&float)) {
            (_, None) => Ordering::Equal,
            (_, Some(Ordering::Less)) => Ordering::Less,
            (_, Some(Ordering::Greater)) => Ordering::Greater,
            (Self::Digits(digits), _) => compare_digits(digits, &format!("{float:.0}")),
            // The float equals the double of an integer of 64 bits, so it is an integer of 65 bits at the most.
            (integer, _) => integer.as_i128().cmp(&Some(float as i128)),
        }
    }

    /// Feeds a hash: equal numbers hash alike. All digits count, for an event's author can easily find any
    /// number of integers that round to one double.
    pub fn hash_into(self, state: &mut impl Hasher) {
        match self {
            Self::Int(value) => i128::from(value).hash(state),
            Self::Uint(value) => i128::from(value).hash(state),
            Self::Digits(digits) => digits.hash(state),
            Self::Float(value) if value.fract() != 0.0 => value.to_bits().hash(state),
            // Exact or saturated, as in `equals_float`.
            Self::Float(value) if IN_64_BITS.contains(&(value as i128)) => {
                (value as i128).hash(state);
            }
            Self::Float(value) => format!("{value:.0}").as_str().hash(state),
        }
    }

    /// Canonical text: digits, or the shortest text that reads back as the same double.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            Self::Uint(value) => {
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes())
            }
            Self::Digits(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::Float(value) if value.is_finite() => {
                out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
            }
            // As Python spells it; only texts for people have it.
            Self::Float(value) if value.is_nan() => out.extend_from_slice(b"NaN"),
            Self::Float(value) if value > 0.0 => out.extend_from_slice(b"Infinity"),
            Self::Float(_) => out.extend_from_slice(b"-Infinity"),
        }
    }
}

/// Appends the number of a node by its exact decimal value. False, and nothing, if the value cannot be told:
/// of an infinity or NaN, of an exponent that is too long, and of what is no number.
pub(crate) fn write_exact(tape: &Tape, node: Node, out: &mut Vec<u8>) -> bool {
    match (Number::of(tape, node), node.number_at()) {
        (Some(Number::Float(_)), Some(at)) => {
            let text = tape.bytes.get(at..).unwrap_or_default();
            decimal::write(decimal::number_at(text), out)
        }
        (Some(Number::Float(value)), None) if !value.is_finite() => false,
        (Some(number), _) => {
            number.write(out);
            true
        }
        (None, _) => false,
    }
}

/// How two integers compare, by their digits.
fn compare_digits(left: &str, right: &str) -> Ordering {
    let parts = |digits| match str::strip_prefix(digits, '-') {
        Some(size) => (true, size),
        None => (false, digits),
    };
    let ((left_is_negative, left), (right_is_negative, right)) = (parts(left), parts(right));
    let by_size = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
    match (left_is_negative, right_is_negative) {
        (true, true) => by_size.reverse(),
        (false, false) => by_size,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}
