//! Times and durations as people write them. Times are always in UTC.

/// Days from civil date algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month + 2) / 5 + 1) as u32;
    let month = if month < 10 { month + 3 } else { month - 9 } as u32;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Milliseconds since the epoch as `YYYY-MM-DD HH:MM:SS`.
pub fn utc_second(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Milliseconds since the epoch as `YYYY-MM-DD HH:MM`.
pub fn utc_minute(ms: i64) -> String {
    let mut text = utc_second(ms);
    text.truncate(16);
    text
}

/// Milliseconds as `25 min`, `2 h 41 min`, `48 s`, `120 ms`.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{} s", ms / 1000),
        60_000..3_600_000 => match ms / 1000 % 60 {
            0 => format!("{} min", ms / 60_000),
            seconds => format!("{} min {seconds} s", ms / 60_000),
        },
        _ => match ms / 60_000 % 60 {
            0 => format!("{} h", ms / 3_600_000),
            minutes => format!("{} h {minutes} min", ms / 3_600_000),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(utc_second(1_416_276_720_000), "2014-11-18 02:12:00");
        assert_eq!(utc_second(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(utc_second(-1), "1969-12-31 23:59:59");
        assert_eq!(utc_minute(1_416_276_720_000), "2014-11-18 02:12");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (ms, text) in [
            (-5, "0 ms"),
            (999, "999 ms"),
            (48_999, "48 s"),
            (60_000, "1 min"),
            (61_000, "1 min 1 s"),
            (1_500_000, "25 min"),
            (3_600_000, "1 h"),
            (9_660_000, "2 h 41 min"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }
}
