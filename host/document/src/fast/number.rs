//! Reads numbers of plain JSON: integers of 64 bits, and doubles. Others are for the lenient reader.

use std::ops::Range;

use super::FastRefused;
use crate::scan::digits;
use crate::tape::node::Node;

/// A number of so many digits always fits `u64`.
const DIGITS_MAX: u32 = 19;

/// Powers of ten that are exact as a double.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Integers up to this are exact as a double.
const EXACT_MAX: u64 = 1 << 53;

/// Reads the number at byte `begin`, which is `-` or a digit. Answers its node, and the byte behind it; that is
/// beyond `end` if digits of the next document follow there.
#[inline]
pub(super) fn read(bytes: &[u8], begin: usize, end: usize) -> Result<(Node, usize), FastRefused> {
    let is_negative = bytes.get(begin) == Some(&b'-');
    let mut run = Digits {
        at: begin + usize::from(is_negative),
        ..Digits::default()
    };
    let first = bytes.get(run.at);
    run.read(bytes, end)?;
    if run.count == 0 || run.count > 1 && first == Some(&b'0') {
        return Err(FastRefused);
    }
    if let Some(b'.' | b'e' | b'E') = bytes.get(run.at) {
        return float(bytes, begin..end, run, is_negative);
    }
    if run.count > DIGITS_MAX {
        return long_integer(bytes, begin, run.at);
    }
    let node = if is_negative {
        let value = 0_i64.checked_sub_unsigned(run.value).ok_or(FastRefused)?;
        Node::int(value)
    } else {
        Node::uint(run.value)
    };
    Ok((node, run.at))
}

/// Digits that were read, in one run or in two (before and behind the point).
#[derive(Clone, Copy, Default)]
struct Digits {
    /// Correct only if at most `DIGITS_MAX` were read.
    value: u64,
    count: u32,
    at: usize,
}

impl Digits {
    #[inline]
    fn read(&mut self, bytes: &[u8], end: usize) -> Result<(), FastRefused> {
        const BY_COUNT: [u64; 9] = [
            1,
            10,
            100,
            1_000,
            10_000,
            100_000,
            1_000_000,
            10_000_000,
            100_000_000,
        ];
        loop {
            let eight = bytes.get(self.at..).and_then(|rest| rest.first_chunk());
            let (count, value) = digits(*eight.ok_or(FastRefused)?);
            let power = BY_COUNT.get(count as usize).copied().unwrap_or(1);
            self.value = self.value.wrapping_mul(power).wrapping_add(value);
            self.count = self.count.saturating_add(count);
            self.at += count as usize;
            // At the end of the document, so that digits of those behind it are not read on and on.
            if count < 8 || self.at >= end {
                return Ok(());
            }
        }
    }
}

/// An integer of twenty digits, which may fit `u64`; a longer one is refused.
#[cold]
fn long_integer(bytes: &[u8], begin: usize, end: usize) -> Result<(Node, usize), FastRefused> {
    let value = text(bytes, begin, end)?.parse().map_err(|_| FastRefused)?;
    Ok((Node::uint(value), end))
}

/// Reads the rest of a number with a fraction or an exponent; `run` are the digits before them.
fn float(
    bytes: &[u8],
    Range { start: begin, end }: Range<usize>,
    mut run: Digits,
    is_negative: bool,
) -> Result<(Node, usize), FastRefused> {
    let mut exponent = 0_i64;
    if bytes.get(run.at) == Some(&b'.') {
        let before = run.count;
        run.at += 1;
        run.read(bytes, end)?;
        exponent -= i64::from(run.count - before);
        if run.count == before {
            return Err(FastRefused);
        }
    }
    if let Some(b'e' | b'E') = bytes.get(run.at) {
        let sign = bytes.get(run.at + 1);
        let mut power = Digits {
            at: run.at + 1 + usize::from(matches!(sign, Some(b'+' | b'-'))),
            ..Digits::default()
        };
        power.read(bytes, end)?;
        if power.count == 0 {
            return Err(FastRefused);
        }
        run.at = power.at;
        // Too many digits: any huge exponent will do, for the text is then parsed in the other way.
        let power = i64::from(power.count <= DIGITS_MAX) * (power.value.min(1 << 32) as i64)
            + i64::from(power.count > DIGITS_MAX) * (1 << 32);
        exponent += if sign == Some(&b'-') { -power } else { power };
    }
    let value = match POWERS.get(exponent.unsigned_abs() as usize) {
        // Both are exact, so their product or quotient is rounded only once (Clinger 1990).
        Some(power) if run.count <= DIGITS_MAX && run.value <= EXACT_MAX => {
            let value = run.value as f64;
            let value = if exponent < 0 {
                value / power
            } else {
                value * power
            };
            if is_negative { -value } else { value }
        }
        _ => text(bytes, begin, run.at)?
            .parse()
            .map_err(|_| FastRefused)?,
    };
    if !value.is_finite() {
        return Err(FastRefused);
    }
    Ok((Node::float_at(value, begin), run.at))
}

fn text(bytes: &[u8], begin: usize, end: usize) -> Result<&str, FastRefused> {
    let bytes = bytes.get(begin..end).ok_or(FastRefused)?;
    std::str::from_utf8(bytes).map_err(|_| FastRefused)
}
