//! JSON: what serde writes is right for machines, but has characters in it that a terminal acts on.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::chars::is_shown;

/// JSON text with the same meaning, in which every character that is not shown is an escape (`\u202e`, by
/// surrogates beyond 16 bits). It would also escape line ends and tabs between values, so the JSON has to be written
/// without them: it is one line.
pub fn escaped(json: &str) -> Cow<'_, str> {
    let Some(first) = json.find(|char| !is_shown(char)) else {
        return Cow::Borrowed(json);
    };
    let mut out = String::with_capacity(json.len() + 16);
    out.push_str(&json[..first]);
    for char in json[first..].chars() {
        if is_shown(char) {
            out.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            // Writing to a String does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}
