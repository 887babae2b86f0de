//! The differences between two normal forms, for people.

use std::cmp::Ordering;

use landfall_guest::Difference;

use crate::form::{Entry, read};
use crate::normal::Kind;

/// The maximum number of differences; the contract keeps no more.
const DIFFERENCES_MAX: usize = 32;

/// The maximum bytes of a name or a value; the contract keeps no more.
const TEXT_BYTES_MAX: usize = 256;

/// How much of the common beginning of two long values is shown before their first difference.
const LEAD_BYTES: usize = 64;

/// The fields that differ, by name.
pub fn explain(raw: &[u8], written: &[u8]) -> Vec<Difference> {
    let (raw, written) = (read(raw), read(written));
    let (mut left, mut right) = (raw.iter().peekable(), written.iter().peekable());
    let mut differences = Vec::new();
    while differences.len() < DIFFERENCES_MAX {
        let order = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.name.as_bytes().cmp(other.name.as_bytes()),
        };
        let one = (order != Ordering::Greater).then(|| left.next()).flatten();
        let other = (order != Ordering::Less).then(|| right.next()).flatten();
        if one != other {
            differences.push(difference(one, other));
        }
    }
    differences
}

fn difference(one: Option<&Entry<'_>>, other: Option<&Entry<'_>>) -> Difference {
    let (raw, written) = (
        one.map(show).unwrap_or_default(),
        other.map(show).unwrap_or_default(),
    );
    let common = raw
        .bytes()
        .zip(written.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let skipped = if common >= TEXT_BYTES_MAX {
        common - LEAD_BYTES
    } else {
        0
    };
    Difference {
        field: bounded(one.or(other).map_or("", |entry| entry.name), 0),
        raw: bounded(&raw, skipped),
        written: bounded(&written, skipped),
    }
}

/// Strings in quotes, so that an empty one does not look like an absent value, nor "12" like 12.
fn show(entry: &Entry<'_>) -> String {
    match entry.kind {
        Kind::Null => "null".into(),
        Kind::False => "0".into(),
        Kind::True => "1".into(),
        Kind::Text => format!("\"{}\"", entry.value),
        Kind::Number | Kind::Json | Kind::Time => entry.value.into(),
    }
}

/// At most the bytes allowed, from `skipped` on, never cut inside a character.
fn bounded(text: &str, skipped: usize) -> String {
    let start = text.floor_char_boundary(skipped);
    let before = if start > 0 { "…" } else { "" };
    let end = text.floor_char_boundary(start + TEXT_BYTES_MAX - before.len());
    format!("{before}{}", &text[start..end])
}

#[cfg(test)]
mod tests {
    use super::{TEXT_BYTES_MAX, bounded};

    #[test]
    fn texts_are_bounded_between_characters() {
        assert_eq!(bounded("short", 0), "short");
        let long = "é".repeat(300);
        for skipped in 0..9 {
            let text = bounded(&long, skipped);
            assert!(text.len() <= TEXT_BYTES_MAX, "{}", text.len());
            assert!(text.len() > TEXT_BYTES_MAX - 4);
        }
    }
}
