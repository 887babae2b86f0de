//! Typed reading of one value's canonical JSON text, without parsing more than it must.

use std::borrow::Cow;

/// One value of a document, by its kind. Composite values stay text until somebody asks for more.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// The document has no value at this place.
    Absent,
    /// The value `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its canonical text: `3`, `-0.5`, `1.0`, `1e30`.
    Number(&'a str),
    /// A string without its quotes and escapes.
    String(Cow<'a, str>),
    /// An array, as canonical JSON text.
    Array(&'a str),
    /// An object, as canonical JSON text.
    Object(&'a str),
}

impl<'a> Value<'a> {
    /// Reads the text of one row. Text that is no JSON value (the host never sends such) is absent.
    pub fn from_text(text: &'a str) -> Self {
        match text.as_bytes().first() {
            None => Self::Absent,
            Some(b'"') => unquote(text).map_or(Self::Absent, Self::String),
            Some(b'{') => Self::Object(text),
            Some(b'[') => Self::Array(text),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            Some(_) => Self::Number(text),
        }
    }
}

/// The string that a JSON string literal means, borrowed where it holds no escape. None if the text
/// is not a string literal.
pub fn unquote(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    if inner.as_bytes().contains(&b'\\') {
        serde_json::from_str(literal).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, unquote};
    use std::borrow::Cow;

    #[test]
    fn every_kind_of_value_is_distinguished() {
        let cases = [
            ("", Value::Absent),
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("-1.5", Value::Number("-1.5")),
            ("\"\"", Value::String("".into())),
            ("\"a\\n\\u0001\"", Value::String("a\n\u{1}".into())),
            ("[1]", Value::Array("[1]")),
            ("{}", Value::Object("{}")),
        ];
        for (text, expected) in cases {
            assert_eq!(Value::from_text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_string_without_escapes_is_not_copied() {
        assert!(matches!(
            unquote("\"plain é\""),
            Some(Cow::Borrowed("plain é"))
        ));
        assert!(matches!(unquote("\"a\\\\b\""), Some(Cow::Owned(_))));
        assert_eq!(unquote("\""), None);
        assert_eq!(unquote("3"), None);
    }
}
