//! Times on the command line: RFC 3339, `YYYY-MM-DD HH:MM[:SS]` in UTC, or how long ago (`2h`).

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::config::units;

/// Milliseconds since the epoch.
pub fn parse(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(ms(moment));
    }
    let spaced = text.replacen('T', " ", 1);
    let second = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let minute = format_description!("[year]-[month]-[day] [hour]:[minute]");
    if let Ok(moment) = PrimitiveDateTime::parse(&spaced, second)
        .or_else(|_| PrimitiveDateTime::parse(&spaced, minute))
    {
        return Ok(ms(moment.assume_utc()));
    }
    if let Some(ago) = units::duration(text) {
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        return Ok(ms(OffsetDateTime::now_utc()).saturating_sub(ago));
    }
    Err(
        "expected 2014-11-18T02:12:00Z, \"2014-11-18 02:12\" (UTC), or how long ago: 2h, 30m"
            .into(),
    )
}

/// Now, for what is shown.
pub fn now_ms() -> i64 {
    ms(OffsetDateTime::now_utc())
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
            assert_eq!(parse(text), Ok(1_416_276_720_000), "{text}");
        }
        assert!(parse("yesterday").is_err());
        assert!(parse("2h").is_ok_and(|ms| (now_ms() - 7_200_000 - ms).abs() < 10_000));
    }
}
