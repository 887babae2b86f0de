//! Arrays as the JSON text that the database holds.
//!
//! Writers differ in white space, and sorting the members of objects is the host's habit, not
//! theirs; so a text that is JSON is compared as JSON. A text that was cut is no JSON any more: there
//! the writer's style must be known, to cut the other side at the same place.

use landfall_guest::canonical;
use serde_json::Value as Json;

use crate::config::ArrayText;

/// The canonical text of the JSON that `text` is, if it is JSON.
pub fn as_json(text: &str) -> Option<String> {
    let value: Json = serde_json::from_str(text).ok()?;
    Some(canonical(&value))
}

/// The text as the writer writes it.
pub fn styled(text: &str, style: ArrayText) -> String {
    match style {
        ArrayText::Compact => text.to_owned(),
        ArrayText::Python => python(text),
    }
}

/// Canonical JSON text as Python's `json.dumps` has it.
fn python(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let (mut in_string, mut escaped) = (false, false);
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            ',' | ':' if !in_string => out.push(' '),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{as_json, python};

    #[test]
    fn text_is_styled_as_python_writes_it() {
        let cases = [
            ("[]", "[]"),
            ("[1,2.5,null]", "[1, 2.5, null]"),
            (
                r#"[{"a":"b,c:d\",\\"},[true]]"#,
                r#"[{"a": "b,c:d\",\\"}, [true]]"#,
            ),
            (r#"["é","𝄞"]"#, r#"["\u00e9", "\ud834\udd1e"]"#),
        ];
        for (compact, expected) in cases {
            assert_eq!(python(compact), expected);
            assert_eq!(as_json(expected).as_deref(), Some(compact));
        }
    }
}
