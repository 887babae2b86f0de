//! `multipleOf` as Python computes it: by an integer exactly, by a float in doubles.

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value as SerdeValue};

use super::CompiledKeyword;
use crate::number::Number;
use crate::representation::OnTape;
use crate::value::Value;

pub(super) fn compile<'a>(
    _: &'a Map<String, SerdeValue>,
    divisor: &'a SerdeValue,
    _: Location,
) -> CompiledKeyword<'a> {
    let divisor = match (divisor.as_u64(), divisor.as_f64()) {
        (Some(0), _) | (_, None) => None,
        (Some(integer), _) => Some(Divisor::Integer(integer)),
        (None, Some(float)) => Some(Divisor::Float(float)).filter(|_| float > 0.0),
    };
    match divisor {
        Some(divisor) => Ok(Box::new(MultipleOf(divisor))),
        None => Err(ValidationError::custom(
            "the divisor must be a number greater than 0",
        )),
    }
}

/// A divisor as it was written, for Python divides by an integer otherwise than by a float.
enum Divisor {
    Integer(u64),
    Float(f64),
}

struct MultipleOf(Divisor);

impl MultipleOf {
    fn divides(&self, number: Number<'_>) -> bool {
        match (&self.0, number) {
            (Divisor::Integer(divisor), Number::Int(value)) => {
                i128::from(value) % i128::from(*divisor) == 0
            }
            (Divisor::Integer(divisor), Number::Uint(value)) => value % divisor == 0,
            (Divisor::Integer(divisor), Number::Digits(digits)) => remainder(digits, *divisor) == 0,
            (Divisor::Integer(divisor), Number::Float(value)) => value % *divisor as f64 == 0.0,
            // Python: `int(quotient) != quotient`; with fractions if the quotient is too large for a double.
            (Divisor::Float(divisor), number) => {
                let quotient = number.nearest() / divisor;
                if quotient.is_finite() {
                    quotient.fract() == 0.0
                } else {
                    divides_exactly(*divisor, number)
                }
            }
        }
    }
}

/// Whether a positive double divides a larger number without remainder, both by their exact values.
fn divides_exactly(divisor: f64, number: Number<'_>) -> bool {
    // The divisor is `odd` times a power of two. An integer is a multiple of that power: the quotient is too
    // large for a double, so the power is less than one.
    let (odd, divisor_exponent) = odd_part(divisor);
    match number {
        Number::Int(value) => value.unsigned_abs() % odd == 0,
        Number::Uint(value) => value % odd == 0,
        Number::Digits(digits) => number.nearest().is_finite() && remainder(digits, odd) == 0,
        Number::Float(value) => {
            let (value, exponent) = odd_part(value.abs());
            exponent >= divisor_exponent && value % odd == 0
        }
    }
}

/// A positive double as an odd number times a power of two: the odd number, and the exponent of the power.
fn odd_part(value: f64) -> (u64, i32) {
    const FRACTION_BITS: u32 = 52;
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION_BITS) as i32 & 0x7FF;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let (significand, exponent) = match exponent {
        0 => (fraction, -1074),
        _ => (fraction | 1 << FRACTION_BITS, exponent - 1075),
    };
    let zeros = significand.trailing_zeros().min(FRACTION_BITS);
    ((significand >> zeros).max(1), exponent + zeros as i32)
}

/// The remainder of an integer by its digits, by long division. The sign is left out, for it does not change
/// whether there is a remainder.
fn remainder(digits: &str, divisor: u64) -> u64 {
    let digits = digits.bytes().filter(u8::is_ascii_digit);
    digits.fold(0, |remainder, digit| {
        let carried = u128::from(remainder) * 10 + u128::from(digit - b'0');
        (carried % u128::from(divisor)) as u64
    })
}

impl<'i> Keyword<'i, OnTape> for MultipleOf {
    fn validate(&self, instance: Value<'i>) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            return Ok(());
        }
        Err(ValidationError::custom(match self.0 {
            Divisor::Integer(divisor) => format!("value is not a multiple of {divisor}"),
            Divisor::Float(divisor) => format!("value is not a multiple of {divisor}"),
        }))
    }

    fn is_valid(&self, instance: Value<'i>) -> bool {
        instance.number().is_none_or(|number| self.divides(number))
    }
}
