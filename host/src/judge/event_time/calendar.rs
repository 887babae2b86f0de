//! Converts years, months and days to milliseconds.

use time::{Date, Month};

/// A time of day and its zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TimeOfDay {
    pub hour: u8,
    pub minute: u8,
    /// 60 is a leap second, which is the first second of the next minute, as Unix time has it.
    pub second: u8,
    pub ms: u16,
    /// How far the zone is ahead of UTC.
    pub offset_minutes: i32,
}

pub(super) fn date(year: i32, month: u8, day: u8) -> Option<Date> {
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

/// Milliseconds since the epoch; None if there is no such time of day.
pub(super) fn moment(date: Date, clock: TimeOfDay) -> Option<i64> {
    let TimeOfDay {
        hour,
        minute,
        second,
        ms,
        offset_minutes,
    } = clock;
    let is_day = hour < 24 && minute < 60 && (second < 60 || second == 60 && minute == 59);
    let is_end_of_day = hour == 24 && minute == 0 && second == 0 && ms == 0;
    if !is_day && !is_end_of_day {
        return None;
    }
    let midnight = date.midnight().assume_utc().unix_timestamp();
    let minutes = i64::from(hour) * 60 + i64::from(minute) - i64::from(offset_minutes);
    let seconds = midnight + minutes * 60 + i64::from(second);
    Some(seconds * 1000 + i64::from(ms))
}

/// The first three digits of a fraction of a second.
pub(super) fn thousandths(digits: &[u8]) -> u16 {
    (0..3).fold(0, |ms, at| {
        ms * 10 + u16::from(digits.get(at).map_or(0, |digit| digit - b'0'))
    })
}
