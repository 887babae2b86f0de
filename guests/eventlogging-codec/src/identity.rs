//! The uuid of an event: version 5 in the URL namespace, of an URL made from host, sequence number
//! and time. So the raw line alone gives the key of its row.

use std::borrow::Cow;

use landfall_guest::time::{CIVIL_BYTES, format_civil, parse_civil};
use landfall_guest::{Value, python, unquote};

use crate::config::Formula;

/// RFC 4122, appendix C: 6ba7b811-9dad-11d1-80b4-00c04fd430c8.
const URL_NAMESPACE: [u8; 16] = [
    0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
];

/// The characters of a timestamp's text that count: whole seconds, until the year 2286.
const TIMESTAMP_CHARS: usize = 10;

/// The members that identify an event, as JSON texts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// `recvFrom`, a string.
    pub host: Option<&'a str>,
    /// `seqId`, a number or a string.
    pub sequence: Option<&'a str>,
    /// `timestamp`, Unix seconds or milliseconds, a number or a string.
    pub timestamp: Option<&'a str>,
    /// `dt`, ISO 8601, a string.
    pub dt: Option<&'a str>,
}

/// Appends the uuid, 32 lower-case hexadecimal digits, to `out`. `url` is a scratch buffer. The error is
/// the id of a reason: which part is missing, or cannot be in an URL of this form.
pub fn uuid_into(
    parts: &Parts<'_>,
    formula: Formula,
    url: &mut String,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    let host = unquote(parts.host.ok_or("missing_host")?).ok_or("missing_host")?;
    let sequence = word(parts.sequence.ok_or("missing_sequence")?).ok_or("bad_sequence")?;
    url.clear();
    for part in ["event://", &*host, "/?seqId=", &*sequence, "&"] {
        url.push_str(part);
    }
    match (formula, parts.dt, parts.timestamp) {
        (Formula::Dt, Some(dt), _) => {
            url.push_str("dt=");
            url.push_str(&seconds_of_dt(dt).ok_or("bad_time")?);
        }
        (Formula::Dt, None, Some(timestamp)) => {
            let timestamp = first_ten(timestamp).ok_or("bad_time")?;
            let whole = timestamp.split('.').next().unwrap_or_default();
            let seconds = whole.parse().map_err(|_| "bad_time")?;
            url.push_str("dt=");
            url.push_str(&format_civil(seconds).ok_or("bad_time")?);
        }
        (Formula::Timestamp, _, Some(timestamp)) => {
            url.push_str("timestamp=");
            url.push_str(&first_ten(timestamp).ok_or("bad_time")?);
        }
        (Formula::Timestamp, Some(dt), None) => {
            let dt = unquote(dt).ok_or("bad_time")?;
            let seconds = parse_civil(&dt).ok_or("bad_time")?;
            url.push_str("timestamp=");
            url.push_str(&seconds.to_string());
        }
        (_, None, None) => return Err("missing_time"),
    }
    hex_into(&version_5(url), out);
    Ok(())
}

/// A number as Python's `str` writes it, or a string's content.
fn word(text: &str) -> Option<Cow<'_, str>> {
    match Value::from_text(text) {
        Value::Number(number) => Some(python::number(number)),
        Value::String(string) => Some(string),
        _ => None,
    }
}

/// The first 10 characters of a timestamp, as `%(timestamp).10s` cuts it and never rounds. With
/// milliseconds (13 digits, or a fraction) these are the seconds.
fn first_ten(text: &str) -> Option<Cow<'_, str>> {
    let mut whole = word(text)?;
    if let Some((end, _)) = whole.char_indices().nth(TIMESTAMP_CHARS) {
        whole = match whole {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(..end)?),
            Cow::Owned(mut text) => {
                text.truncate(end);
                Cow::Owned(text)
            }
        };
    }
    Some(whole)
}

/// `dt` in whole seconds and with its `Z`: a fraction is cut, a missing zone is UTC. A time that is
/// not in UTC, or has another form, is used unchanged.
fn seconds_of_dt(text: &str) -> Option<Cow<'_, str>> {
    let dt = unquote(text)?;
    let (Some(_), Some((civil, rest))) = (parse_civil(&dt), dt.split_at_checked(CIVIL_BYTES))
    else {
        return Some(dt);
    };
    let fraction = rest.strip_prefix('.').unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let zone = match digits {
        0 => rest,
        _ => fraction.get(digits..)?,
    };
    match zone {
        "Z" if digits == 0 => Some(dt),
        "" | "Z" | "z" | "+00:00" | "+0000" => Some(Cow::Owned(format!("{civil}Z"))),
        _ => Some(dt),
    }
}

/// RFC 4122, section 4.3, with SHA-1.
fn version_5(name: &str) -> [u8; 16] {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(&URL_NAMESPACE);
    sha1.update(name.as_bytes());
    let digest = sha1.digest().bytes();
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&digest[..16]);
    uuid[6] = uuid[6] & 0x0f | 0x50;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    uuid
}

fn hex_into(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::{Formula, Parts, first_ten, uuid_into};

    fn uuid(parts: &Parts<'_>, formula: Formula) -> Result<String, &'static str> {
        let mut out = Vec::new();
        uuid_into(parts, formula, &mut String::new(), &mut out)?;
        Ok(String::from_utf8(out).expect("hexadecimal digits"))
    }

    fn parts<'a>(host: &'a str, sequence: &'a str, timestamp: &'a str, dt: &'a str) -> Parts<'a> {
        let some = |text: &'a str| (!text.is_empty()).then_some(text);
        Parts {
            host: some(host),
            sequence: some(sequence),
            timestamp: some(timestamp),
            dt: some(dt),
        }
    }

    const ESAMS: &str = "\"cp3022.esams.wikimedia.org\"";
    const SRV0: &str = "\"srv0.example.org\"";
    const BY_TIMESTAMP: &str = "799341a01ba957c79b15dc4d2d950864";
    const BY_DT: &str = "749684341abf513186c71f74c6a09502";

    #[test]
    fn the_published_vectors_hold() {
        let cases = [
            (
                parts("\"cp3040.esams.wmnet\"", "20380146", "1445442531", ""),
                Formula::Timestamp,
                "98f80637d7385fc88468b5203417b9f1",
            ),
            (
                parts("\"fenari\"", "99", "1358627115", ""),
                Formula::Timestamp,
                "67cc2c1afa5752ba80bbbd7c5fc41f28",
            ),
            (
                parts(ESAMS, "132073", "1358637398", ""),
                Formula::Timestamp,
                BY_TIMESTAMP,
            ),
            (
                parts(SRV0, "132073", "", "\"2013-01-19T23:16:38Z\""),
                Formula::Dt,
                BY_DT,
            ),
        ];
        for (parts, formula, expected) in cases {
            assert_eq!(uuid(&parts, formula).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_timestamp_counts_by_its_first_ten_characters() {
        for timestamp in [
            "1358637398.5",
            "1358637398000",
            "1358637398999",
            "\"1358637398\"",
            "1.358637398e9",
            "1.3586373989e9",
            "1358637398.999999",
        ] {
            let parts = parts(ESAMS, "132073", timestamp, "");
            assert_eq!(
                uuid(&parts, Formula::Timestamp).as_deref(),
                Ok(BY_TIMESTAMP),
                "{timestamp}"
            );
        }
    }

    #[test]
    fn a_timestamp_is_cut_as_python_cuts_it() {
        let cases = [
            ("1.4162761239e9", "1416276123"),
            ("1e5", "100000.0"),
            ("12.50", "12.5"),
            ("1e400", "inf"),
            ("NaN", "nan"),
            ("-0", "0"),
            ("\"ééééééééééé\"", "éééééééééé"),
        ];
        for (timestamp, expected) in cases {
            assert_eq!(
                first_ten(timestamp).as_deref(),
                Some(expected),
                "{timestamp}"
            );
        }
    }

    #[test]
    fn a_dt_counts_by_its_whole_seconds_in_utc() {
        for dt in [
            "\"2013-01-19T23:16:38\"",
            "\"2013-01-19T23:16:38.999Z\"",
            "\"2013-01-19T23:16:38.1\"",
            "\"2013-01-19T23:16:38+00:00\"",
        ] {
            let parts = parts(SRV0, "132073", "", dt);
            assert_eq!(uuid(&parts, Formula::Dt).as_deref(), Ok(BY_DT), "{dt}");
        }
        let elsewhere = parts(SRV0, "132073", "", "\"2013-01-19T23:16:38+01:00\"");
        assert_ne!(uuid(&elsewhere, Formula::Dt).as_deref(), Ok(BY_DT));
    }

    #[test]
    fn a_formula_holds_whichever_time_the_capsule_has() {
        const DT: &str = "\"2013-01-19T23:16:38Z\"";
        for (timestamp, dt) in [("1358637398", DT), ("1358637398", ""), ("", DT)] {
            let esams = parts(ESAMS, "132073", timestamp, dt);
            let by_timestamp = uuid(&esams, Formula::Timestamp);
            assert_eq!(
                by_timestamp.as_deref(),
                Ok(BY_TIMESTAMP),
                "{timestamp} {dt}"
            );
            let srv0 = parts(SRV0, "132073", timestamp, dt);
            let by_dt = uuid(&srv0, Formula::Dt);
            assert_eq!(by_dt.as_deref(), Ok(BY_DT), "{timestamp} {dt}");
        }
        for timestamp in ["1358637398.999", "1358637398999", "1.3586373989e9"] {
            let srv0 = parts(SRV0, "132073", timestamp, "");
            assert_eq!(
                uuid(&srv0, Formula::Dt).as_deref(),
                Ok(BY_DT),
                "{timestamp}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let cases = [
            (parts("", "1", "1", ""), "missing_host"),
            (parts("\"\\ud800\"", "1", "1", ""), "missing_host"),
            (parts("null", "1", "1", ""), "missing_host"),
            (parts(ESAMS, "", "1", ""), "missing_sequence"),
            (parts(ESAMS, "true", "1", ""), "bad_sequence"),
            (parts(ESAMS, "1", "", ""), "missing_time"),
            (parts(ESAMS, "1", "null", ""), "bad_time"),
            (parts(ESAMS, "1", "", "7"), "bad_time"),
        ];
        for (parts, expected) in cases {
            assert_eq!(uuid(&parts, Formula::Timestamp), Err(expected), "{parts:?}");
        }
    }
}
