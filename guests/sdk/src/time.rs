//! Times as pipelines write them: `YYYY-MM-DDTHH:MM:SS` in UTC, and Unix seconds. A check has no
//! clock; these are the times that events carry.
//!
//! Civil dates by the algorithms of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

/// Length in bytes of `YYYY-MM-DDTHH:MM:SS`.
pub const CIVIL_BYTES: usize = 19;

/// strptime takes two leap seconds; timegm then counts on.
const SECOND_MAX: i64 = 61;

const SECONDS_PER_DAY: i64 = 86_400;

/// Unix seconds of a time that begins with `YYYY-MM-DDTHH:MM:SS`, read as UTC, whatever follows.
/// None if it does not begin so, or names no day of the calendar.
pub fn parse_civil(text: &str) -> Option<i64> {
    let bytes = text.as_bytes().get(..CIVIL_BYTES)?;
    for (place, separator) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        if bytes[place] != separator {
            return None;
        }
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0i64, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let day_exists = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    // strptime knows no year 0.
    if year == 0 || !day_exists || hour > 23 || minute > 59 || second > SECOND_MAX {
        return None;
    }
    Some(days(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second)
}

/// A moment in UTC, as a calendar and a clock show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u16,
    /// 1 to 31.
    pub day: u16,
    pub hour: u16,
    pub minute: u16,
    pub second: u16,
}

/// `YYYY-MM-DDTHH:MM:SSZ` of Unix seconds. None outside the years 1 to 9999.
pub fn format_civil(seconds: i64) -> Option<String> {
    Civil::of(seconds).map(|civil| {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
        )
    })
}

impl Civil {
    /// The moment of Unix seconds. None outside the years 1 to 9999.
    pub fn of(seconds: i64) -> Option<Self> {
        let (day, second) = (
            seconds.div_euclid(SECONDS_PER_DAY),
            seconds.rem_euclid(SECONDS_PER_DAY),
        );
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        if !(1..=9999).contains(&year) {
            return None;
        }
        let [year, month, day, hour, minute, second] =
            [year, month, day, hour, minute, second].map(|part| part as u16);
        Some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        })
    }
}

/// Days from 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{format_civil, parse_civil};

    #[test]
    fn civil_times_are_utc_seconds() {
        let cases = [
            ("1970-01-01T00:00:00", Some(0)),
            ("2013-01-19T23:16:38", Some(1_358_637_398)),
            ("2013-01-19T23:16:38.999Z", Some(1_358_637_398)),
            ("2016-02-29T00:00:00", Some(1_456_704_000)),
            ("2016-12-31T23:59:60", Some(1_483_228_800)),
            ("1969-12-31T23:59:59", Some(-1)),
            ("2015-02-29T00:00:00", None),
            ("1900-02-29T00:00:00", None),
            ("2015-13-01T00:00:00", None),
            ("2015-00-01T00:00:00", None),
            ("2015-01-32T00:00:00", None),
            ("2015-01-01T24:00:00", None),
            ("2015-01-01T00:60:00", None),
            ("2015-01-01T00:00:62", None),
            ("2015-01-01 00:00:00", None),
            ("2015-1-1T0:0:0", None),
            ("0000-01-01T00:00:00", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_civil(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_formatted_is_parsed_back() {
        // A prime step, so that every time of day and day of year comes up over the years 1 to 9999.
        for seconds in (-62_135_596_800i64..=253_402_300_799).step_by(86_399 * 37) {
            let text = format_civil(seconds).expect("years 1 to 9999");
            assert_eq!(parse_civil(&text), Some(seconds), "{text}");
        }
        assert_eq!(format_civil(253_402_300_800), None);
        assert_eq!(format_civil(-62_135_596_801), None);
    }
}
