//! Prometheus' text format, which has three escapes of its own: for backslash, quote and line feed.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::chars::is_shown;

/// A whole exposition in which a label's value holds the escaped text of what it was given: `\u{1b}` for an
/// escape character, `\\` for a backslash, `\n` for a line feed. Different values stay different.
pub fn escaped(exposition: &str) -> Cow<'_, str> {
    let is_plain = |char| char == '\n' || char != '\\' && is_shown(char);
    if exposition.chars().all(is_plain) {
        return Cow::Borrowed(exposition);
    }
    let mut out = String::with_capacity(exposition.len() + 64);
    for line in exposition.split_inclusive('\n') {
        // Lines of help and type have no text of foreign origin.
        if line.starts_with('#') {
            out.push_str(line);
        } else {
            sample(line, &mut out);
        }
    }
    Cow::Owned(out)
}

fn sample(line: &str, out: &mut String) {
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('"') => out.push_str("\\\""),
                Some('n') => out.push_str("\\\\n"),
                // The format has no other.
                _ => out.push_str("\\\\\\\\"),
            },
            '\n' => out.push('\n'),
            '\r' => out.push_str("\\\\r"),
            '\t' => out.push_str("\\\\t"),
            shown if is_shown(shown) => out.push(shown),
            other => {
                // A String takes whatever is written.
                let _ = write!(out, "\\\\u{{{:x}}}", u32::from(other));
            }
        }
    }
}
