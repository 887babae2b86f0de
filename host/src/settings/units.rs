//! Durations and sizes as people write them: `5m`, `1h30m`, `250ms`; `64MiB`, `500kB`, `4096`.
//!
//! This is own code, because the crates for this are not safe enough here: `humantime` reads `5M` as five
//! months, and `bytesize` writes rounded sizes, which do not read back equal.

use std::time::Duration;

/// Units of a duration, longest first, in milliseconds.
const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Units of a size, in bytes.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// The longest duration: 100 years, so that sums with a time never overflow.
pub const DURATION_MAX: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Parses `1h30m`. None if it is not a duration, or too long.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let (mut sum_ms, mut any) = (0_u64, false);
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| c.is_ascii_alphabetic());
        let (_, unit_ms) = DURATION_UNITS.into_iter().find(|&(name, _)| name == unit)?;
        sum_ms = sum_ms.checked_add(number.parse::<u64>().ok()?.checked_mul(unit_ms)?)?;
        rest = after.trim_start();
        any = true;
    }
    let sum = Duration::from_millis(sum_ms);
    (any && sum <= DURATION_MAX).then_some(sum)
}

/// Writes a duration so that it reads back equal, to the millisecond.
pub fn duration_text(duration: Duration) -> String {
    let mut left_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, unit_ms) in DURATION_UNITS {
        if left_ms >= unit_ms {
            text += &format!("{}{unit}", left_ms / unit_ms);
            left_ms %= unit_ms;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// Parses `64MiB`; a bare number is bytes. None if it is not a size, or too large.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text.trim(), |c| c.is_ascii_digit());
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "" => Some(number),
        unit => {
            let (_, unit_bytes) = SIZE_UNITS.into_iter().find(|&(name, _)| name == unit)?;
            number.checked_mul(unit_bytes)
        }
    }
}

/// Writes a size in the largest unit that divides it.
pub fn size_text(bytes: u64) -> String {
    let units = [
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1_u64 << 10),
    ];
    match units
        .into_iter()
        .find(|&(_, unit)| bytes > 0 && bytes.is_multiple_of(unit))
    {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [
            ("0s", 0),
            ("5ms", 5),
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            (" 1d 2h ", 93_600_000),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "5 minutes",
            "1.5h",
            "5M",
            "999999999999d",
            "5m3",
            "١s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1MiB", 1 << 20),
            ("500kB", 500_000),
            ("8 GiB", 8 << 30),
            ("12B", 12),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5GiB", "1mib", "99999999999TiB", "1MiB2"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal(ms in 0..4_000_000_000_000_u64, bytes: u64) {
            prop_assume!(Duration::from_millis(ms) <= DURATION_MAX);
            prop_assert_eq!(duration(&duration_text(Duration::from_millis(ms))), Some(Duration::from_millis(ms)));
            prop_assert_eq!(size(&size_text(bytes)), Some(bytes));
        }
    }
}
