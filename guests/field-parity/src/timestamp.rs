//! Converts timestamps of any form to `YYYYMMDDHHMMSS`.

use landfall_guest::Value;
use landfall_guest::time::{CIVIL_BYTES, Civil, parse_civil};

/// From here on a number counts milliseconds: 1973 in milliseconds, the year 5138 in seconds.
const MILLISECONDS_FROM: f64 = 1e11;

/// A number with this many digits is less than that.
const SECONDS_DIGITS: usize = 11;

/// The 14 digits of a timestamp's JSON text. None if it is no timestamp.
pub fn fourteen_digits(text: &str) -> Option<[u8; 14]> {
    let seconds = match Value::from_text(text) {
        Value::Number(number) => unix(number)?,
        Value::String(string) => {
            let string = string.trim();
            let digits = string.bytes().all(|byte| byte.is_ascii_digit());
            match (digits, string.len()) {
                (true, 14) => return string.as_bytes().try_into().ok(),
                (true, _) => unix(string)?,
                _ => iso(string)?,
            }
        }
        _ => return None,
    };
    let civil = Civil::of(seconds)?;
    let mut digits = [b'0'; 14];
    let (year, rest) = digits.split_first_chunk_mut::<4>()?;
    put(year, civil.year);
    let parts = [
        civil.month,
        civil.day,
        civil.hour,
        civil.minute,
        civil.second,
    ];
    for (place, part) in rest.chunks_exact_mut(2).zip(parts) {
        put(place, part);
    }
    Some(digits)
}

/// Writes a number into all of `place`.
fn put(place: &mut [u8], mut number: u16) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn unix(number: &str) -> Option<i64> {
    // Whole seconds are by far the most frequent.
    if number.len() <= SECONDS_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.parse().ok();
    }
    let number: f64 = number.parse().ok()?;
    let seconds = if number.abs() >= MILLISECONDS_FROM {
        number / 1000.0
    } else {
        number
    };
    // Saturates; years beyond 9999 have no 14 digits.
    seconds.is_finite().then_some(seconds.floor() as i64)
}

/// `YYYY-MM-DDTHH:MM:SS`, also with a space for the `T`, a fraction, and a zone (none is UTC).
fn iso(text: &str) -> Option<i64> {
    let (civil, rest) = text.split_at_checked(CIVIL_BYTES)?;
    let seconds = match parse_civil(civil) {
        Some(seconds) => seconds,
        None => parse_civil(&civil.replacen(' ', "T", 1))?,
    };
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    Some(seconds - offset(rest)?)
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = zone.get(1..)?.chars().filter(|&c| c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at(2);
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}

#[cfg(test)]
mod tests {
    use super::fourteen_digits;

    #[test]
    fn every_form_of_a_time_comes_to_the_same_digits() {
        for text in [
            "1416276123",
            "1416276123.999",
            "1.416276123e9",
            "1416276123999",
            "\"1416276123\"",
            "\"1416276123999\"",
            "\"20141118020203\"",
            "\"2014-11-18T02:02:03\"",
            "\"2014-11-18T02:02:03Z\"",
            "\"2014-11-18T02:02:03.999Z\"",
            "\"2014-11-18 02:02:03\"",
            "\"2014-11-18T03:02:03+01:00\"",
            "\"2014-11-17T21:32:03-0430\"",
        ] {
            assert_eq!(fourteen_digits(text), Some(*b"20141118020203"), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_has_no_digits() {
        for text in [
            "",
            "null",
            "true",
            "[]",
            "1e300",
            "\"soon\"",
            "\"2014-11-18\"",
            "\"2014-02-30T00:00:00\"",
            "\"2014-11-18T02:02:03 CET\"",
        ] {
            assert_eq!(fourteen_digits(text), None, "{text}");
        }
    }
}
