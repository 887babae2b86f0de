//! Every documented form of a moment reads as that moment, and nothing reads as another.

use landfall_document::{Documents, Pointer};
use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;

/// 2023-11-14T22:13:20.000Z
const MOMENT: i64 = 1_700_000_000_000;

/// Reads a JSON value.
fn read(json: &str) -> Result<i64, TimeDefect> {
    let mut documents = Documents::default();
    documents.parse(json.as_bytes(), &[json.len() as u32]);
    let value = documents.value(0, &Pointer::default()).expect(json);
    event_time_ms(value)
}

fn read_text(text: &str) -> Result<i64, TimeDefect> {
    read(&serde_json::to_string(text).unwrap())
}

#[test]
fn every_documented_form_of_a_moment_is_that_moment() {
    for text in [
        // ISO 8601 and RFC 3339.
        "2023-11-14T22:13:20Z",
        "2023-11-14t22:13:20z",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13:20.000Z",
        "2023-11-14T22:13:20,000Z",
        "2023-11-14T22:13:20.000999999999999999999999Z",
        "2023-11-14T22:13:20.0Z",
        "2023-11-14T22:13:20 Z",
        "2023-11-14T22:13:20+00:00",
        "2023-11-14T22:13:20-00:00",
        "2023-11-15T00:13:20+0200",
        "2023-11-15T00:13:20+02",
        "2023-11-15T00:13:20+02:00",
        "2023-11-15T00:13:20.000+02:00",
        "2023-11-15 00:13:20 +0200",
        "2023-11-14T17:13:20-05:00",
        "2023-11-14T17:13:20\u{2212}05:00",
        "2023-11-15T03:58:20+05:45",
        "2023-11-14 22:13:20 UTC",
        "2023-11-14 22:13:20 GMT",
        "2023-11-14 22:13:20UTC",
        "2023-11-14 22:13:20.000 utc",
        "2023-11-14T23:13:20+01:00[Europe/Paris]",
        "2023-11-14T22:13:20Z[UTC]",
        "2023/11/14 22:13:20",
        // Its basic form, and mixtures.
        "20231114T221320Z",
        "20231114T221320.000Z",
        "20231115T001320+0200",
        "20231114 22:13:20",
        "2023-11-14T221320Z",
        "  2023-11-14T22:13:20Z\n",
        // Mail, HTTP, web servers.
        "Tue, 14 Nov 2023 22:13:20 GMT",
        "14 Nov 2023 22:13:20 +0000",
        "Wed, 15 Nov 2023 00:13:20 +0200",
        "14/Nov/2023:22:13:20 +0000",
        "[15/Nov/2023:00:13:20 +0200]",
        // Digits.
        "1700000000",
        "1700000000.000",
        "1700000000000",
        "1700000000000.5",
        "1700000000000000",
        "1700000000000000000",
        "20231114221320",
        "20231114221320.000",
        "20231114221320000",
    ] {
        assert_eq!(read_text(text), Ok(MOMENT), "{text}");
    }
    for json in [
        "1700000000",
        "1700000000.0",
        "1.7e9",
        "1700000000000",
        "1.7E12",
        "1700000000000000",
        "1700000000000000000",
        "1.7e18",
        "1700000000000000999",
        "20231114221320",
    ] {
        assert_eq!(read(json), Ok(MOMENT), "{json}");
    }
}

#[test]
fn what_is_finer_than_a_minute_or_coarser_is_read_as_it_is_written() {
    for (text, ms) in [
        ("2023-11-14T22:13Z", MOMENT - 20_000),
        ("2023-11-14 22:13", MOMENT - 20_000),
        ("20231114T2213Z", MOMENT - 20_000),
        ("202311142213", MOMENT - 20_000),
        ("Tue, 14 Nov 2023 22:13 GMT", MOMENT - 20_000),
        ("2023-11-14T22:13:20.5Z", MOMENT + 500),
        ("2023-11-14T22:13:20,1239Z", MOMENT + 123),
        ("1700000000.123", MOMENT + 123),
        ("1700000000.1239", MOMENT + 123),
        ("1700000000123456", MOMENT + 123),
        ("1700000000123456789", MOMENT + 123),
        ("20231114221320123", MOMENT + 123),
        ("20231114221320.123", MOMENT + 123),
        ("2023-11-14T24:00:00Z", 1_700_006_400_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2017-01-01T00:59:60+01:00", 1_483_228_800_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ] {
        assert_eq!(read_text(text), Ok(ms), "{text}");
    }
    assert_eq!(read("1700000000.123"), Ok(MOMENT + 123));
    assert_eq!(read("1700000000.0009"), Ok(MOMENT));
}

#[test]
fn what_no_event_can_have_is_implausible_and_no_other_time() {
    for text in [
        "0",
        "0.0",
        "-1",
        "1",
        "631151999",
        "7258118400",
        "100000000000",
        "99999999999999999999",
        "999999999999999999999999999",
        "20231114",
        "231114221320",
        "1970-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1989-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "-1700000000",
    ] {
        let expected = if text.starts_with('-') {
            // A text with a sign is no form of digits; a number with one is before the epoch.
            TimeDefect::Unreadable
        } else {
            TimeDefect::Implausible
        };
        assert_eq!(read_text(text), Err(expected), "{text}");
    }
    for json in [
        "0",
        "-0.0",
        "-1700000000",
        "1e400",
        "1e-400",
        "1e99999",
        "0.5",
        "170000000",
        "20231114",
    ] {
        assert_eq!(read(json), Err(TimeDefect::Implausible), "{json}");
    }
}

#[test]
fn what_is_in_no_known_form_is_unreadable() {
    for text in [
        "yesterday",
        "now",
        "NaN",
        "inf",
        "1e9",
        "0x65",
        "+1700000000",
        "1700000000,5",
        "1_700_000_000",
        // A day is no moment, nor is an hour.
        "2023-11-14",
        "2023-11-14T22Z",
        "2023-11",
        "2023-11-14T",
        // Week dates and ordinal dates.
        "2023-W46-2T22:13:20Z",
        "2023W462T221320Z",
        "2023-318T22:13:20Z",
        "2023318T221320Z",
        // No such time.
        "2023-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2023-11-14T25:00:00Z",
        "2023-11-14T24:00:01Z",
        "2023-11-14T22:60:00Z",
        "2023-11-14T22:13:60Z",
        "2023-11-14T22:13:61Z",
        "20231318221320",
        "20231114251320",
        // Zones that are not known, or not given.
        "2023-11-14T22:13:20 CET",
        "2023-11-14T22:13:20 EST",
        "2023-11-14T22:13:20+2",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20+02:60",
        "2023-11-14T22:13:20[Europe/Paris]",
        "2023-11-14T22:13:20 UTC+2",
        "Tue, 14 Nov 2023 22:13:20",
        "14/Nov/2023:22:13:20",
        "Tue Nov 14 22:13:20 2023",
        // Which is the day, and which the month?
        "11/12/2023 22:13:20",
        "12-11-2023 22:13:20",
        "14.11.2023 22:13:20",
        // The weekday is not that of the date.
        "Mon, 14 Nov 2023 22:13:20 GMT",
        "Tuesday, 14-Nov-23 22:13:20 GMT",
        "2023-11/14T22:13:20Z",
        "2023-11-14T22:13:20Zulu",
        "2023-11-14T22:13:20Z trailing",
        "2023-11-14T22:13.5Z",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T2:13:20Z",
        "2023-1-4T22:13:20Z",
        "12023-11-14T22:13:20Z",
        "+2023-11-14T22:13:20Z",
        "-2023-11-14T22:13:20Z",
        "23-11-14T22:13:20Z",
        "٢٠٢٣-11-14T22:13:20Z",
        "20231114221320Z",
        "\u{2212}",
    ] {
        assert_eq!(read_text(text), Err(TimeDefect::Unreadable), "{text}");
    }
    for json in [
        "true",
        "[1700000000]",
        "{}",
        "\"\\ud800\"",
        "NaN",
        "Infinity",
    ] {
        assert_eq!(read(json), Err(TimeDefect::Unreadable), "{json}");
    }
    for json in ["null", "\"\"", "\"  \""] {
        assert_eq!(read(json), Err(TimeDefect::Absent), "{json}");
    }
    let long = format!("2023-11-14T22:13:20.{}Z", "0".repeat(100_000));
    assert_eq!(read_text(&long), Err(TimeDefect::Unreadable));
}

/// Each documented form of a moment, written by another library than the one that reads it.
fn forms(ms: i64, offset_minutes: i32) -> Vec<String> {
    let utc = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap();
    let offset = time::UtcOffset::from_whole_seconds(offset_minutes * 60).unwrap();
    let local = utc.to_offset(offset);
    let date = |t: OffsetDateTime, s: &str| {
        format!(
            "{:04}{s}{:02}{s}{:02}",
            t.year(),
            u8::from(t.month()),
            t.day()
        )
    };
    let clock = |t: OffsetDateTime, s: &str| {
        format!("{:02}{s}{:02}{s}{:02}", t.hour(), t.minute(), t.second())
    };
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let (h, m) = (offset_minutes.abs() / 60, offset_minutes.abs() % 60);
    let month = &utc.month().to_string()[..3];
    let weekday = &local.weekday().to_string()[..3];
    let local_month = &local.month().to_string()[..3];
    let (frac, seconds) = (ms.rem_euclid(1000), ms.div_euclid(1000));
    let mut forms = vec![
        format!("{}T{}.{frac:03}Z", date(utc, "-"), clock(utc, ":")),
        format!("{}t{},{frac:03}567z", date(utc, "-"), clock(utc, ":")),
        format!("{} {}.{frac:03} UTC", date(utc, "-"), clock(utc, ":")),
        format!(
            "{}T{}.{frac:03}{sign}{h:02}:{m:02}",
            date(local, "-"),
            clock(local, ":")
        ),
        format!(
            "{} {}.{frac:03} {sign}{h:02}{m:02}",
            date(local, "/"),
            clock(local, ":")
        ),
        format!(
            "{}T{}.{frac:03}{sign}{h:02}{m:02}",
            date(local, ""),
            clock(local, "")
        ),
        format!("{}{}{frac:03}", date(utc, ""), clock(utc, "")),
        format!("{}{}.{frac:03}", date(utc, ""), clock(utc, "")),
        format!("{seconds}.{frac:03}"),
        format!("{ms}"),
        format!("{ms}123"),
        format!("{ms}123456"),
    ];
    if frac == 0 {
        forms.push(format!(
            "{:02} {month} {} {} GMT",
            utc.day(),
            utc.year(),
            clock(utc, ":")
        ));
        forms.push(format!(
            "{weekday}, {} {local_month} {} {} {sign}{h:02}{m:02}",
            local.day(),
            local.year(),
            clock(local, ":")
        ));
        forms.push(format!(
            "{:02}/{local_month}/{}:{} {sign}{h:02}{m:02}",
            local.day(),
            local.year(),
            clock(local, ":")
        ));
    }
    forms
}

proptest! {
    #[test]
    fn a_moment_reads_back_from_each_form(
        ms in PLAUSIBLE_MS,
        offset in -14 * 60..=14 * 60_i32,
        whole in any::<bool>(),
    ) {
        let ms = if whole { ms / 1000 * 1000 } else { ms };
        for form in forms(ms, offset) {
            prop_assert_eq!(read_text(&form), Ok(ms), "{}", form);
            if form.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
                prop_assert_eq!(read(&form), Ok(ms), "{}", form);
            }
        }
    }

    #[test]
    fn no_text_breaks_the_reader_and_none_gives_a_time_beyond_the_range(text in "[-0-9TtZz:+., /UTCGMTNov\\[\\]]{0,40}") {
        if let Ok(ms) = read_text(&text) {
            prop_assert!(PLAUSIBLE_MS.contains(&ms));
        }
    }
}
