//! Floats as text: the shortest digits that read back as the same double, in the layouts of the host and of
//! Python.

use std::fmt::Write;

/// A finite double as `0.DIGITS` times ten to the power of `point`.
struct Decimal {
    negative: bool,
    digits: String,
    point: i32,
}

impl Decimal {
    fn of(number: f64) -> Self {
        // `d.ddde±x` with the fewest digits that read back.
        let text = format!("{:e}", number.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Self {
            negative: number.is_sign_negative(),
            digits: mantissa.chars().filter(|&c| c != '.').collect(),
            point: exponent.parse::<i32>().unwrap_or(0) + 1,
        }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// Without an exponent, always with a fraction.
    fn plain(&self) -> String {
        let (digits, sign) = (&self.digits, self.sign());
        let length = digits.len() as i32;
        if self.point <= 0 {
            let zeros = "0".repeat(self.point.unsigned_abs() as usize);
            format!("{sign}0.{zeros}{digits}")
        } else if self.point < length {
            let (whole, fraction) = digits.split_at(self.point as usize);
            format!("{sign}{whole}.{fraction}")
        } else {
            let zeros = "0".repeat((self.point - length) as usize);
            format!("{sign}{digits}{zeros}.0")
        }
    }

    /// One digit, the others as its fraction, and the exponent that is left.
    fn scientific(&self) -> (String, i32) {
        let (first, rest) = self.digits.split_at(1);
        let mut text = format!("{}{first}", self.sign());
        if !rest.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(text, ".{rest}");
        }
        (text, self.point - 1)
    }
}

/// As the host writes a float into a column.
pub fn canonical_float(number: f64) -> String {
    let decimal = Decimal::of(number);
    if (-4..=16).contains(&decimal.point) {
        return decimal.plain();
    }
    let (mantissa, exponent) = decimal.scientific();
    format!("{mantissa}e{exponent}")
}

/// As Python's `repr` and `str` write a float.
pub fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    let decimal = Decimal::of(number);
    if (-3..=16).contains(&decimal.point) {
        return decimal.plain();
    }
    let (mantissa, exponent) = decimal.scientific();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use proptest::num::f64 as any;

    use super::{canonical_float, python_float};

    #[test]
    fn floats_are_laid_out_as_the_host_and_as_python_do_it() {
        let cases = [
            (0.0, "0.0", "0.0"),
            (-0.0, "-0.0", "-0.0"),
            (1.0, "1.0", "1.0"),
            (-2.5, "-2.5", "-2.5"),
            (0.1, "0.1", "0.1"),
            (1e5, "100000.0", "100000.0"),
            (0.0001, "0.0001", "0.0001"),
            (0.00012, "0.00012", "0.00012"),
            (0.00001, "0.00001", "1e-05"),
            (0.000012, "0.000012", "1.2e-05"),
            (1e-7, "1e-7", "1e-07"),
            (1.5e-7, "1.5e-7", "1.5e-07"),
            (1e15, "1000000000000000.0", "1000000000000000.0"),
            (1e16, "1e16", "1e+16"),
            (
                123_456_789_012_345_680.0,
                "1.2345678901234568e17",
                "1.2345678901234568e+17",
            ),
            (1e30, "1e30", "1e+30"),
            (-1.5e300, "-1.5e300", "-1.5e+300"),
            (5e-324, "5e-324", "5e-324"),
            (
                f64::MAX,
                "1.7976931348623157e308",
                "1.7976931348623157e+308",
            ),
        ];
        for (number, host, python) in cases {
            assert_eq!(canonical_float(number), host);
            assert_eq!(python_float(number), python);
        }
        assert_eq!(python_float(f64::NAN), "nan");
        assert_eq!(python_float(f64::INFINITY), "inf");
        assert_eq!(python_float(f64::NEG_INFINITY), "-inf");
    }

    proptest::proptest! {
        #[test]
        fn every_float_reads_back(
            // Both signs; infinities are a separate kind.
            float in any::POSITIVE | any::NEGATIVE | any::NORMAL | any::SUBNORMAL | any::ZERO,
        ) {
            for text in [canonical_float(float), python_float(float)] {
                let read = text.parse().map(|read: f64| read.to_bits());
                proptest::prop_assert_eq!(read, Ok(float.to_bits()), "{}", text);
            }
        }
    }
}
