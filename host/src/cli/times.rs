//! Times on the command line: RFC 3339, `YYYY-MM-DD HH:MM[:SS]` in UTC, or how long ago (`2h`).

use landfall_store::{Reader, StoreError};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::config::units;

/// A point in time as the command line gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Milliseconds since the epoch.
    At(i64),
    /// This many milliseconds before now, by the clock of the store that is asked.
    Ago(i64),
}

impl Moment {
    /// Milliseconds since the epoch.
    pub fn ms(self, now_ms: i64) -> i64 {
        match self {
            Moment::At(at_ms) => at_ms,
            Moment::Ago(ago_ms) => now_ms.saturating_sub(ago_ms),
        }
    }
}

pub fn parse(text: &str) -> Result<Moment, String> {
    let text = text.trim();
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(Moment::At(ms(moment)));
    }
    let spaced = text.replacen('T', " ", 1);
    let second = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let minute = format_description!("[year]-[month]-[day] [hour]:[minute]");
    if let Ok(moment) = PrimitiveDateTime::parse(&spaced, second)
        .or_else(|_| PrimitiveDateTime::parse(&spaced, minute))
    {
        return Ok(Moment::At(ms(moment.assume_utc())));
    }
    if let Some(ago) = units::duration(text) {
        return Ok(Moment::Ago(
            i64::try_from(ago.as_millis()).unwrap_or(i64::MAX),
        ));
    }
    Err(
        "expected 2014-11-18T02:12:00Z, \"2014-11-18 02:12\" (UTC), or how long ago: 2h, 30m"
            .into(),
    )
}

/// The current time for a store: the system's time, or the last known time of the store's own clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a person's `2h ago` is by the time that the person has"
)]
pub fn now_ms(reader: &Reader) -> Result<i64, StoreError> {
    let own = reader.own_time_ms()?;
    Ok(own.unwrap_or_else(|| ms(OffsetDateTime::now_utc())))
}

fn ms(moment: OffsetDateTime) -> i64 {
    (moment.unix_timestamp_nanos() / 1_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_times_are_utc_unless_they_say_otherwise() {
        for text in [
            "2014-11-18T02:12:00Z",
            "2014-11-18 02:12",
            "2014-11-18T02:12",
            "2014-11-18 03:12:00+01:00",
        ] {
            assert_eq!(parse(text), Ok(Moment::At(1_416_276_720_000)), "{text}");
        }
        assert!(parse("yesterday").is_err());
        assert_eq!(parse("2h").map(|ago| ago.ms(10_000_000)), Ok(2_800_000));
    }
}
