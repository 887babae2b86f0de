//! Reads times that are texts: ISO 8601 in its usual variants, mail and HTTP headers, logs of web
//! servers.

use time::Weekday;

use super::calendar::{self, TimeOfDay};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Milliseconds since the epoch; None if the text has none of these forms.
pub(super) fn read(text: &str) -> Option<i64> {
    iso(Cursor(text))
        .or_else(|| mail(Cursor(text)))
        .or_else(|| web_log(text))
}

/// The unread rest of a text. Each step reads all of its part or nothing.
#[derive(Clone, Copy)]
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn is_at_end(self) -> bool {
        self.0.is_empty()
    }

    /// One of these characters, if it is next.
    fn one_of(&mut self, chars: &[char]) -> Option<char> {
        let next = self.0.chars().next()?;
        if !chars.contains(&next) {
            return None;
        }
        self.0 = self.0.get(next.len_utf8()..)?;
        Some(next)
    }

    fn spaces(&mut self) -> usize {
        let before = self.0.len();
        self.0 = self.0.trim_start_matches(' ');
        before - self.0.len()
    }

    /// Reads the next digits: at least `min`, at most `max`.
    fn digits(&mut self, min: usize, max: usize) -> Option<&'a str> {
        let end = self
            .0
            .bytes()
            .take(max)
            .take_while(u8::is_ascii_digit)
            .count();
        if end < min {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(digits)
    }

    fn number(&mut self, digits: usize) -> Option<u8> {
        self.digits(digits, digits)?.parse().ok()
    }

    fn year(&mut self) -> Option<i32> {
        self.digits(4, 4)?.parse().ok()
    }

    fn letters(&mut self) -> &'a str {
        let end = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (letters, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        letters
    }

    fn month(&mut self) -> Option<u8> {
        let name = self.letters();
        let place = MONTHS
            .iter()
            .position(|month| month.eq_ignore_ascii_case(name))?;
        u8::try_from(place + 1).ok()
    }
}

/// `YYYY-MM-DD`, `YYYY/MM/DD` or `YYYYMMDD`; `T`, `t` or a space; a time of day; a zone or none (UTC).
fn iso(mut at: Cursor<'_>) -> Option<i64> {
    let year = at.year()?;
    let separator = at.one_of(&['-', '/']);
    let month = at.number(2)?;
    if at.one_of(&['-', '/']) != separator {
        return None;
    }
    let date = calendar::date(year, month, at.number(2)?)?;
    at.one_of(&['T', 't', ' '])?;
    let mut clock = time_of_day(&mut at)?;
    clock.offset_minutes = match zone(&mut at)? {
        Some(offset) => {
            zone_name(&mut at)?;
            offset
        }
        None => 0,
    };
    if !at.is_at_end() {
        return None;
    }
    calendar::moment(date, clock)
}

/// `hh:mm`, `hh:mm:ss`, or the same without colons. After seconds a fraction of any length may
/// follow.
fn time_of_day(at: &mut Cursor<'_>) -> Option<TimeOfDay> {
    let hour = at.number(2)?;
    let has_colons = at.one_of(&[':']).is_some();
    let minute = at.number(2)?;
    let mut clock = TimeOfDay {
        hour,
        minute,
        ..TimeOfDay::default()
    };
    let has_seconds = if has_colons {
        at.one_of(&[':']).is_some()
    } else {
        at.0.starts_with(|next: char| next.is_ascii_digit())
    };
    if has_seconds {
        clock.second = at.number(2)?;
        if at.one_of(&['.', ',']).is_some() {
            clock.ms = calendar::thousandths(at.digits(1, usize::MAX)?.as_bytes());
        }
    }
    Some(clock)
}

/// Minutes ahead of UTC, with or without spaces before; `Some(None)` if there is no zone.
fn zone(at: &mut Cursor<'_>) -> Option<Option<i32>> {
    at.spaces();
    if at.is_at_end() {
        return Some(None);
    }
    // U+2212 is the minus that ISO 8601 asks for.
    if let Some(sign) = at.one_of(&['+', '-', '\u{2212}']) {
        let hours = at.number(2)?;
        let minutes = if at.one_of(&[':']).is_some() || !at.is_at_end() && !at.0.starts_with('[') {
            at.number(2)?
        } else {
            0
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let offset = i32::from(hours) * 60 + i32::from(minutes);
        return Some(Some(if sign == '+' { offset } else { -offset }));
    }
    let name = at.letters();
    ["z", "utc", "gmt", "ut"]
        .iter()
        .any(|utc| utc.eq_ignore_ascii_case(name))
        .then_some(Some(0))
}

/// Skips `[Europe/Paris]` after an offset: the offset is all that is needed.
fn zone_name(at: &mut Cursor<'_>) -> Option<()> {
    if at.one_of(&['[']).is_some() {
        let (_, rest) = at.0.split_once(']')?;
        at.0 = rest;
    }
    Some(())
}

/// `Tue, 14 Nov 2023 22:13:20 GMT` (RFC 5322, HTTP): the weekday and the seconds may be missing, the
/// zone may not.
fn mail(mut at: Cursor<'_>) -> Option<i64> {
    let weekday = match at.letters() {
        "" => None,
        name => {
            let known = WEEKDAYS
                .iter()
                .find(|(day, _)| day.eq_ignore_ascii_case(name));
            at.one_of(&[','])?;
            at.spaces();
            Some(known?.1)
        }
    };
    let day = at.digits(1, 2)?.parse().ok()?;
    at.one_of(&[' '])?;
    let month = at.month()?;
    at.one_of(&[' '])?;
    let date = calendar::date(at.year()?, month, day)?;
    at.one_of(&[' '])?;
    let mut clock = time_of_day(&mut at)?;
    clock.offset_minutes = zone(&mut at)??;
    let is_that_day = weekday.is_none_or(|weekday| weekday == date.weekday());
    if !is_that_day || !at.is_at_end() {
        return None;
    }
    calendar::moment(date, clock)
}

/// `14/Nov/2023:22:13:20 +0000`, with or without brackets.
fn web_log(text: &str) -> Option<i64> {
    let text = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let mut at = Cursor(text);
    let day = at.number(2)?;
    at.one_of(&['/'])?;
    let month = at.month()?;
    at.one_of(&['/'])?;
    let date = calendar::date(at.year()?, month, day)?;
    at.one_of(&[':'])?;
    let mut clock = time_of_day(&mut at)?;
    clock.offset_minutes = zone(&mut at)??;
    if !at.is_at_end() {
        return None;
    }
    calendar::moment(date, clock)
}
