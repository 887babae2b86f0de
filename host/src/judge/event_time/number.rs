//! Reads times that are numbers, or texts of digits.
//!
//! The size of a number shows its unit: for the years that an event may have, the ranges of all
//! units are apart from each other, with gaps between them. A number in a gap is refused.

use super::calendar::{self, TimeOfDay};
use super::{PLAUSIBLE_MS, TimeDefect};

/// The years of [`PLAUSIBLE_MS`].
const YEARS: std::ops::Range<u16> = 1990..2200;

/// No time has more digits.
const DIGITS_MAX: usize = 20;

/// The digits before and after the point.
pub(super) type NumberParts<'a> = (&'a [u8], &'a [u8]);

/// Splits a text of digits, with or without a fraction. A sign is refused: no time that can be
/// read has one.
pub(super) fn digits(text: &[u8]) -> Option<NumberParts<'_>> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (text.get(..point)?, text.get(point + 1..)?),
        None => (text, &b"0"[..]),
    };
    let are_digits = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    (are_digits(whole) && are_digits(fraction)).then_some((whole, fraction))
}

/// Reads a number by its exact decimal value.
pub(super) fn of_number(number: &[u8]) -> Result<i64, TimeDefect> {
    // Otherwise it is before the epoch, or so large or small that it is written with an exponent.
    let (whole, fraction) = digits(number).ok_or(TimeDefect::Implausible)?;
    of_digits((whole, fraction))
}

pub(super) fn of_digits((whole, fraction): NumberParts<'_>) -> Result<i64, TimeDefect> {
    let first = whole.iter().position(|digit| *digit != b'0');
    let whole = whole
        .get(first.unwrap_or(whole.len())..)
        .unwrap_or_default();
    if whole.len() > DIGITS_MAX {
        return Err(TimeDefect::Implausible);
    }
    let value = whole
        .iter()
        .fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let is_in = |per_second: i128| {
        let second = |ms: i64| i128::from(ms) / 1000 * per_second;
        (second(PLAUSIBLE_MS.start)..second(PLAUSIBLE_MS.end)).contains(&value)
    };
    let ms = if is_in(1) {
        value * 1000 + i128::from(calendar::thousandths(fraction))
    } else if is_in(1000) {
        value
    } else if is_in(1_000_000) {
        value / 1000
    } else if is_in(1_000_000_000) {
        value / 1_000_000
    } else {
        return of_calendar(whole, fraction);
    };
    i64::try_from(ms).map_err(|_| TimeDefect::Implausible)
}

/// Reads `YYYYMMDDHHMM`, also with seconds, also with milliseconds. In no unit is a time of this
/// size.
fn of_calendar(whole: &[u8], fraction: &[u8]) -> Result<i64, TimeDefect> {
    let number = |from: usize, to: usize| {
        whole
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .fold(0_u16, |value, digit| value * 10 + u16::from(digit - b'0'))
    };
    let two = |from: usize| number(from, from + 2) as u8;
    let has_fraction = fraction.iter().any(|digit| *digit != b'0');
    let (second, ms) = match whole.len() {
        12 if !has_fraction => (0, 0),
        12 => return Err(TimeDefect::Unreadable),
        14 => (two(12), calendar::thousandths(fraction)),
        17 => (two(12), number(14, 17)),
        _ => return Err(TimeDefect::Implausible),
    };
    let clock = TimeOfDay {
        hour: two(8),
        minute: two(10),
        second,
        ms,
        offset_minutes: 0,
    };
    let year = number(0, 4);
    if !YEARS.contains(&year) {
        return Err(TimeDefect::Implausible);
    }
    calendar::date(i32::from(year), two(4), two(6))
        .and_then(|date| calendar::moment(date, clock))
        .ok_or(TimeDefect::Unreadable)
}
