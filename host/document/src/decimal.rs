//! The text of a number by its exact decimal value: `10000`, `10000.0`, `1e4` and `1E+4` have one text, and two
//! numbers that differ have two, however many digits it takes to see it. Knows bytes alone.

use crate::INTEGER_DIGITS_MAX;

/// A number of no more digits than this is written out, as every integer that is read can be. A longer one is
/// written with an exponent: `1e999999999` would be too long a text.
const PLAIN_DIGITS_MAX: i64 = INTEGER_DIGITS_MAX as i64;

/// Digits that an exponent may have to be read. Longer ones may not fit 64 bits.
const EXPONENT_DIGITS_MAX: usize = 18;

/// The bytes of the number at the beginning of `text`, without what follows it.
pub(crate) fn number_at(text: &[u8]) -> &[u8] {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let len = text.iter().position(|byte| !is_part(byte));
    text.get(..len.unwrap_or(text.len())).unwrap_or_default()
}

/// Appends the text of a number of JSON. False, and nothing is appended, if its exponent has too many digits.
pub(crate) fn write(number: &[u8], out: &mut Vec<u8>) -> bool {
    let (is_negative, number) = match number {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, number),
    };
    let mut parts = number.splitn(2, |byte| matches!(byte, b'e' | b'E'));
    let mantissa = parts.next().unwrap_or_default();
    let exponent = parts.next();
    let mut parts = mantissa.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or_default();

    let all = whole.len() + fraction.len();
    let digit = |at: usize| match whole.get(at) {
        Some(digit) => *digit,
        None => fraction.get(at - whole.len()).copied().unwrap_or(b'0'),
    };
    let Some(first) = (0..all).find(|&at| digit(at) != b'0') else {
        out.push(b'0');
        return true;
    };
    let end = (first..all).rfind(|&at| digit(at) != b'0').unwrap_or(first) + 1;
    let Some(exponent) = exponent.map_or(Some(0), read_exponent) else {
        return false;
    };
    // The value is 0.DIGITS times ten to the power of `point`.
    let digits = (first..end).map(digit);
    let count = (end - first) as i64;
    let point = whole.len() as i64 - first as i64 + exponent;
    if is_negative {
        out.push(b'-');
    }
    let zeros = |out: &mut Vec<u8>, count: i64| {
        out.resize(out.len() + usize::try_from(count).unwrap_or(0), b'0');
    };
    let plain = if point <= 0 {
        count - point
    } else {
        count.max(point)
    };
    if plain > PLAIN_DIGITS_MAX {
        out.extend(digits);
        out.push(b'e');
        out.extend_from_slice(itoa::Buffer::new().format(point - count).as_bytes());
    } else if point <= 0 {
        out.extend_from_slice(b"0.");
        zeros(out, -point);
        out.extend(digits);
    } else {
        let point = usize::try_from(point).unwrap_or(usize::MAX);
        out.extend(digits.clone().take(point));
        zeros(out, point as i64 - count);
        if end - first > point {
            out.push(b'.');
            out.extend(digits.skip(point));
        }
    }
    true
}

/// The value of an exponent; `None` if it has too many digits.
fn read_exponent(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let first = digits.iter().position(|byte| *byte != b'0');
    let digits = digits.get(first.unwrap_or(digits.len())..)?;
    if digits.len() > EXPONENT_DIGITS_MAX {
        return None;
    }
    let value = digits.iter().try_fold(0_i64, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + i64::from(byte - b'0'))
    })?;
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(number: &str) -> Option<String> {
        let mut out = Vec::new();
        write(number.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn one_value_has_one_text_however_it_is_written() {
        for (texts, expected) in [
            (
                &[
                    "10000",
                    "10000.0",
                    "1e4",
                    "1E+4",
                    "100000e-1",
                    "0.1e5",
                    "10000.000e0",
                    "1e0004",
                ][..],
                "10000",
            ),
            (
                &["0", "-0", "0.0", "-0.0e5", "0e999999999999999999999"],
                "0",
            ),
            (&["0.1", "0.10", "1e-1", "0.01E1", "10e-2"], "0.1"),
            (&["-12.5", "-125e-1", "-0.125e2"], "-12.5"),
            (&["0.00120", "12e-4"], "0.0012"),
            (
                &[
                    "12345678901234567890",
                    "12345678901234567890.0",
                    "1.234567890123456789e19",
                ],
                "12345678901234567890",
            ),
            (&["12345678901234567891"], "12345678901234567891"),
            (
                &["9007199254740993", "9007199254740993.0"],
                "9007199254740993",
            ),
            (
                &["0.1000000000000000055511151231257827"],
                "0.1000000000000000055511151231257827",
            ),
            (
                &["1e999999999", "10e999999998", "0.1e1000000000"],
                "1e999999999",
            ),
            (&["25e-999999999", "2.5e-999999998"], "25e-999999999"),
        ] {
            for text in texts {
                assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
            }
        }
        assert_eq!(canonical("1e9999999999999999999"), None);
        assert_eq!(canonical("1e-9999999999999999999"), None);
        assert_eq!(canonical("1e400").unwrap().len(), 401);
        // Written out up to the limit; beyond it with an exponent, however it was written.
        let long = format!("1{}", "0".repeat(4299));
        assert_eq!(canonical("1e4299"), Some(long.clone()));
        assert_eq!(canonical(&long), Some(long.clone()));
        assert_eq!(canonical(&format!("{long}0")), Some("1e4300".into()));
    }

    #[test]
    fn a_number_ends_where_its_characters_end() {
        for (text, number) in [
            ("1.50,\"", "1.50"),
            ("-1E+4}", "-1E+4"),
            ("7", "7"),
            ("", ""),
        ] {
            assert_eq!(number_at(text.as_bytes()), number.as_bytes());
        }
    }

    /// A number as its digits and the power of ten of the last one: an independent reading.
    fn value(digits: &[u8], exponent: i64) -> (Vec<u8>, i64) {
        let first = digits
            .iter()
            .position(|digit| *digit != 0)
            .unwrap_or(digits.len());
        let mut digits = digits[first..].to_vec();
        let mut exponent = exponent;
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        if digits.is_empty() {
            exponent = 0;
        }
        (digits, exponent)
    }

    /// Writes digits with the point somewhere among them, and an exponent that makes up for it.
    fn spelled(digits: &[u8], exponent: i64, point: usize) -> String {
        let text: String = digits
            .iter()
            .map(|digit| char::from(b'0' + digit))
            .collect();
        let point = point % (text.len() + 1);
        let (whole, fraction) = text.split_at(point);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let exponent = exponent + fraction.len() as i64;
        match fraction {
            "" => format!("{whole}e{exponent}"),
            fraction => format!("{whole}.{fraction}E{exponent:+}"),
        }
    }

    proptest! {
        #[test]
        fn numbers_have_the_same_text_exactly_if_they_are_equal(
            left in prop::collection::vec(0_u8..10, 1..8), left_exponent in -12_i64..12, left_point in 0_usize..9,
            right in prop::collection::vec(0_u8..10, 1..8), right_exponent in -12_i64..12, right_point in 0_usize..9,
        ) {
            let equal = value(&left, left_exponent) == value(&right, right_exponent);
            let one = canonical(&spelled(&left, left_exponent, left_point)).unwrap();
            let other = canonical(&spelled(&right, right_exponent, right_point)).unwrap();
            prop_assert_eq!(one == other, equal, "{} {}", one, other);
            let again = canonical(&spelled(&left, left_exponent, right_point)).unwrap();
            prop_assert_eq!(&one, &again);
            prop_assert_eq!(canonical(&one), Some(one));
        }

        #[test]
        fn an_integer_is_its_digits(value in any::<i128>()) {
            prop_assert_eq!(canonical(&value.to_string()), Some(value.to_string()));
        }

        #[test]
        fn a_double_written_in_any_way_is_one_number(value in -1e300_f64..1e300) {
            let (short, long) = (format!("{value:?}"), format!("{value}"));
            prop_assert_eq!(canonical(&short), canonical(&long));
        }
    }
}
