//! The event's own time, in the forms that pipelines write it. Used as the clock of an audit.

use landfall_document::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Numbers from here on are milliseconds: as seconds they would lie beyond the year 5000.
const SECONDS_MAX: f64 = 1e11;

/// Milliseconds since the epoch, of a number (Unix seconds or milliseconds) or a text (the same as
/// digits, ISO 8601 with or without a zone, or `YYYYMMDDHHMMSS`).
pub fn event_time_ms(value: Value<'_>) -> Option<i64> {
    match value.as_str() {
        Some(text) => text_ms(text),
        None => value.as_f64().and_then(number_ms),
    }
}

fn number_ms(number: f64) -> Option<i64> {
    let ms = if number.abs() < SECONDS_MAX {
        number * 1000.0
    } else {
        number
    };
    // Beyond this a float no longer tells milliseconds apart.
    (ms.abs() < 9e15).then_some(ms as i64)
}

fn text_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit()) {
        let format = format_description!("[year][month][day][hour][minute][second]");
        return PrimitiveDateTime::parse(text, format)
            .ok()
            .map(|t| ms(t.assume_utc()));
    }
    if let Ok(number) = text.parse::<f64>() {
        return number_ms(number);
    }
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(ms(moment));
    }
    OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339)
        .ok()
        .map(ms)
}

fn ms(moment: OffsetDateTime) -> i64 {
    (moment.unix_timestamp_nanos() / 1_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_same_moment_is_read_alike() {
        for text in [
            "2014-11-18T02:12:00Z",
            "2014-11-18T02:12:00",
            "2014-11-18T02:12:00.000Z",
            "2014-11-18T03:12:00+01:00",
            "20141118021200",
            "1416276720",
            "1416276720000",
        ] {
            assert_eq!(text_ms(text), Some(1_416_276_720_000), "{text}");
        }
        assert_eq!(number_ms(1_416_276_720.5), Some(1_416_276_720_500));
        for text in ["", "yesterday", "2014-13-01T00:00:00Z", "20141318021200"] {
            assert_eq!(text_ms(text), None, "{text}");
        }
    }
}
