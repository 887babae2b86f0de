//! A light scan of a JSON object's top level: its members, and the places of their values.
//!
//! Nested values are skipped by their brackets and strings, not parsed. So a document that passes may
//! still be invalid inside, which the host's parser then finds. The result is right for every document
//! that is JSON.

use landfall_guest::unquote;

use crate::capsule::Member;

/// Why a text is no object, as far as the scan looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoObject {
    /// Another JSON value, by its first character.
    OtherValue,
    /// No JSON, or cut off.
    NotJson,
}

/// The top level of an object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Top<'a> {
    values: [Option<&'a str>; Member::COUNT],
    /// The place of its closing brace in the text.
    pub closing: usize,
    /// Whether it has no members.
    pub is_empty: bool,
}

impl<'a> Top<'a> {
    /// The JSON text of a member's value; of equal names the last, as in Python.
    pub fn value(&self, member: Member) -> Option<&'a str> {
        self.values[member as usize]
    }
}

/// Scans `text`, which must be one object with nothing but white space around it.
pub fn scan(text: &str) -> Result<Top<'_>, NoObject> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.skip_space();
    match cursor.peek() {
        Some(b'{') => cursor.at += 1,
        Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I') => {
            return Err(NoObject::OtherValue);
        }
        _ => return Err(NoObject::NotJson),
    }
    let top = cursor.members().ok_or(NoObject::NotJson)?;
    cursor.skip_space();
    match cursor.peek() {
        None => Ok(top),
        Some(_) => Err(NoObject::NotJson),
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The members up to and with the closing brace.
    fn members(&mut self) -> Option<Top<'a>> {
        let mut top = Top::default();
        self.skip_space();
        if self.peek()? == b'}' {
            top.is_empty = true;
        } else {
            loop {
                self.skip_space();
                let name = self.string()?;
                self.skip_space();
                self.take(b':')?;
                self.skip_space();
                let value = self.value()?;
                // A name that cannot be read (a lone surrogate, which Python accepts) is none of ours.
                let member = unquote(name).and_then(|name| Member::from_name(&name));
                if let Some(member) = member {
                    top.values[member as usize] = Some(value);
                }
                self.skip_space();
                match self.peek()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        top.closing = self.at;
        self.at += 1;
        Some(top)
    }

    /// A string literal with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.take(b'"')?;
        let (bytes, mut at) = (self.text.as_bytes(), self.at);
        loop {
            match *bytes.get(at)? {
                b'"' => break,
                // The character after a backslash is not a quote that ends the string.
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        self.text.get(start..self.at)
    }

    /// Any value: strings and brackets are followed to their end; the rest is a run of characters
    /// that occur in no other place of JSON.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.peek()? {
            b'"' => return self.string(),
            b'{' | b'[' => self.nested()?,
            _ => {
                while !matches!(
                    self.peek()?,
                    b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'
                ) {
                    self.at += 1;
                }
            }
        }
        (self.at > start).then(|| self.text.get(start..self.at))?
    }

    /// An array or object, to its closing bracket.
    fn nested(&mut self) -> Option<()> {
        let (bytes, mut at) = (self.text.as_bytes(), self.at);
        let mut depth = 0usize;
        loop {
            let byte = *bytes.get(at)?;
            at += 1;
            if !STRUCTURE[usize::from(byte)] {
                continue;
            }
            match byte {
                b'"' => {
                    self.at = at - 1;
                    self.string()?;
                    at = self.at;
                }
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            if depth == 0 {
                self.at = at;
                return Some(());
            }
        }
    }
}

/// The bytes that matter inside a nested value; most do not.
static STRUCTURE: [bool; 256] = {
    let mut table = [false; 256];
    let mut place = 0;
    while place < STRUCTURAL.len() {
        table[STRUCTURAL[place] as usize] = true;
        place += 1;
    }
    table
};

const STRUCTURAL: &[u8] = b"\"{}[]";

#[cfg(test)]
mod tests {
    use super::{NoObject, scan};
    use crate::capsule::Member;

    #[test]
    fn top_level_members_are_found() {
        let cases = [
            (r#"{"uuid":"x"}"#, Some(r#""x""#)),
            (" {\n \"uuid\" :\t\"x\" } \r\n", Some(r#""x""#)),
            (r#"{"a":{"uuid":"inner"},"b":["uuid",{"uuid":1}]}"#, None),
            (r#"{"a":"}\"{\\","uuid":3}"#, Some("3")),
            (r#"{"uuid":"first","uuid":"last"}"#, Some(r#""last""#)),
            (r#"{"\u0075uid":"x"}"#, Some(r#""x""#)),
            (r#"{"a":"uuid","uuid":null}"#, Some("null")),
            (
                r#"{"a":"é\\","uuid":[1,{"b":"]"}]}"#,
                Some(r#"[1,{"b":"]"}]"#),
            ),
            (r#"{"uuid":-1.5e3,"a":1}"#, Some("-1.5e3")),
            (r#"{"\ud800":1,"uuid":2}"#, Some("2")),
            (r#"{"uuid":2,"uuid\ud800":1}"#, Some("2")),
            (r#"{"a":1e400,"uuid":NaN,"b":-Infinity}"#, Some("NaN")),
            ("{}", None),
        ];
        for (text, expected) in cases {
            let top = scan(text).unwrap_or_else(|why| panic!("{text}: {why:?}"));
            assert_eq!(top.value(Member::Uuid), expected, "{text}");
            assert_eq!(text.as_bytes()[top.closing], b'}', "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let cases = [
            ("", NoObject::NotJson),
            ("x", NoObject::NotJson),
            ("[{}]", NoObject::OtherValue),
            ("\"{}\"", NoObject::OtherValue),
            ("null", NoObject::OtherValue),
            ("-3", NoObject::OtherValue),
            ("{", NoObject::NotJson),
            ("{\"a\"", NoObject::NotJson),
            ("{\"a\":", NoObject::NotJson),
            ("{\"a\":}", NoObject::NotJson),
            ("{\"a\":1", NoObject::NotJson),
            ("{\"a\":1,", NoObject::NotJson),
            ("{\"a\":1,}", NoObject::NotJson),
            ("{,\"a\":1}", NoObject::NotJson),
            ("{\"a\":\"b", NoObject::NotJson),
            ("{\"a\":\"b\\", NoObject::NotJson),
            ("{\"a\":{\"b\":1}", NoObject::NotJson),
            ("{\"a\" 1}", NoObject::NotJson),
            ("{\"a\":1 2}", NoObject::NotJson),
            ("{a:1}", NoObject::NotJson),
            ("{} {}", NoObject::NotJson),
            ("{}x", NoObject::NotJson),
        ];
        for (text, expected) in cases {
            assert_eq!(scan(text).err(), Some(expected), "{text}");
        }
    }
}
