//! Walks an object's canonical JSON text and gives every value that is no object its flattened name.
//!
//! One pass over the text, whatever its nesting: depth is the event's author's choice.

use std::borrow::Cow;

use landfall_guest::unquote;

use crate::name::{FlatName, Mark};
use crate::out::Piece;

/// A value that is no object.
#[derive(Clone, Copy)]
pub enum Scanned<'a> {
    /// A string without quotes and escapes, and with them.
    Text(Piece<'a>, &'a str),
    /// Any other, as canonical JSON text.
    Json(Piece<'a>),
}

/// Who hears of the members.
pub trait Visitor {
    /// A member of the object whose members' names begin with `base`. Whether its value, and all
    /// that is in it, is wanted. `follows`: the last member told is of the same object, so that this
    /// one's name is greater: members are sorted.
    fn member(&mut self, base: &mut FlatName, name: Piece<'_>, follows: bool) -> bool;

    /// It is an object: its members are told instead.
    fn is_object(&mut self);

    /// It is not.
    fn value(&mut self, value: Scanned<'_>);
}

/// Tells `visitor` of every value of `object` that is no object itself. `name` holds the beginning of
/// its members' names. None if the text is no canonical object.
pub fn flatten(
    object: &str,
    separator: &str,
    name: &mut FlatName,
    visitor: &mut impl Visitor,
) -> Option<()> {
    let mut cursor = Cursor {
        text: object,
        at: 0,
    };
    // For each open object, where the beginning of its members' names ends.
    let mut open: Vec<Mark> = Vec::new();
    cursor.take(b'{')?;
    let mut first = true;
    let mut follows = false;
    loop {
        if cursor.peek()? == b'}' {
            cursor.at += 1;
            match open.pop() {
                None => return (cursor.at == object.len()).then_some(()),
                Some(outer) => name.back_to(outer),
            }
            (first, follows) = (false, false);
            continue;
        }
        if !first {
            cursor.take(b',')?;
        }
        first = false;
        let literal = cursor.string()?;
        let decoded;
        let member = if literal.has_escapes {
            decoded = literal.unescaped(object)?;
            Piece::of(decoded.as_bytes())
        } else {
            literal.inner(object)
        };
        cursor.take(b':')?;
        if !visitor.member(name, member, follows) {
            cursor.value()?;
            continue;
        }
        match cursor.peek()? {
            b'{' => {
                visitor.is_object();
                cursor.at += 1;
                open.push(name.mark());
                // Names are UTF-8, as all of the text is.
                name.push(std::str::from_utf8(member.bytes()).ok()?);
                name.push(separator);
                (first, follows) = (true, false);
                continue;
            }
            b'"' => {
                let literal = cursor.string()?;
                let whole = object.get(literal.start..literal.end)?;
                if literal.has_escapes {
                    let text = literal.unescaped(object)?;
                    visitor.value(Scanned::Text(Piece::of(text.as_bytes()), whole));
                } else {
                    visitor.value(Scanned::Text(literal.inner(object), whole));
                }
            }
            _ => {
                let start = cursor.at;
                cursor.value()?;
                visitor.value(Scanned::Json(Piece {
                    whole: object.as_bytes(),
                    start,
                    len: cursor.at - start,
                }));
            }
        }
        follows = true;
    }
}

/// How many bytes come before a quote or a backslash, eight at a time: strings are short.
#[inline(always)]
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Exact for the lowest byte that is found, and no other is asked for.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        let found = quote | backslash;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\\');
    at + rest.iter().position(is_end).unwrap_or(rest.len())
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// Where a string literal stands in the text, with its quotes.
struct Literal {
    start: usize,
    end: usize,
    has_escapes: bool,
}

impl Literal {
    /// What is between the quotes.
    #[inline(always)]
    fn inner<'a>(&self, text: &'a str) -> Piece<'a> {
        Piece {
            whole: text.as_bytes(),
            start: self.start + 1,
            len: self.end - self.start - 2,
        }
    }

    #[cold]
    fn unescaped<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        unquote(text.get(self.start..self.end)?)
    }
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline(always)]
    fn string(&mut self) -> Option<Literal> {
        let start = self.at;
        self.take(b'"')?;
        let mut has_escapes = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            self.at += plain_bytes(rest);
            if self.peek()? == b'"' {
                break;
            }
            has_escapes = true;
            self.at += 2;
        }
        self.at += 1;
        Some(Literal {
            start,
            end: self.at,
            has_escapes,
        })
    }

    /// Passes any value; an array or object to its closing bracket.
    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'[' | b'{' => self.container(),
            _ => {
                let start = self.at;
                while !matches!(self.peek()?, b',' | b'}' | b']') {
                    self.at += 1;
                }
                (self.at > start).then_some(())
            }
        }
    }

    fn container(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FlatName, Piece, Scanned, Visitor, flatten};
    use landfall_guest::unquote;

    /// Writes down `name=value`; members `x` are not wanted.
    #[derive(Default)]
    struct Told {
        found: Vec<String>,
        /// Name of the member in hand, and of the last that was told.
        names: [String; 2],
    }

    impl Visitor for Told {
        fn member(&mut self, base: &mut FlatName, name: Piece<'_>, follows: bool) -> bool {
            let name = std::str::from_utf8(name.bytes()).expect("UTF-8");
            self.names[0] = format!("{}{name}", base.as_str());
            assert!(
                !follows || self.names[0] > self.names[1],
                "{:?}",
                self.names
            );
            self.names[0] != "x"
        }

        fn is_object(&mut self) {}

        fn value(&mut self, value: Scanned<'_>) {
            let text = match value {
                Scanned::Text(text, literal) => {
                    let unquoted = unquote(literal).expect("a literal");
                    assert_eq!(text.bytes(), unquoted.as_bytes());
                    literal
                }
                Scanned::Json(text) => std::str::from_utf8(text.bytes()).expect("UTF-8"),
            };
            self.found.push(format!("{}={text}", self.names[0]));
            self.names.swap(0, 1);
        }
    }

    fn names(object: &str, prefix: &str) -> Option<Vec<String>> {
        let mut told = Told::default();
        let mut name = FlatName::default();
        name.push(prefix);
        flatten(object, "_", &mut name, &mut told)?;
        assert_eq!(name.as_str(), prefix, "it is as it was");
        Some(told.found)
    }

    #[test]
    fn nested_members_get_flat_names() {
        let cases = [
            ("{}", "", vec![]),
            (r#"{"a":1}"#, "", vec!["a=1"]),
            (r#"{"a":{},"b":2}"#, "", vec!["b=2"]),
            (
                r#"{"a":{"b":{"c":"x"},"d":[{"e":1},"]"]},"f":null,"g":{"h":true}}"#,
                "",
                vec!["a_b_c=\"x\"", "a_d=[{\"e\":1},\"]\"]", "f=null", "g_h=true"],
            ),
            (
                r#"{"a":{"x":1},"x":{"y":[{}],"z":{}},"y":2}"#,
                "",
                vec!["a_x=1", "y=2"],
            ),
            (r#"{"a":{"b":-1.5}}"#, "event_", vec!["event_a_b=-1.5"]),
            (
                r#"{"a\"}":"\\","é":"{\"x\":1}"}"#,
                "",
                vec![r#"a"}="\\""#, r#"é="{\"x\":1}""#],
            ),
        ];
        for (object, prefix, expected) in cases {
            let expected: Vec<String> = expected.into_iter().map(String::from).collect();
            assert_eq!(names(object, prefix), Some(expected), "{object}");
        }
    }

    #[test]
    fn what_is_no_object_has_no_names() {
        for text in [
            "",
            "1",
            "[]",
            "{",
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":1"#,
            r#"{"a":"1"#,
            r#"{"a":"1\"#,
            r#"{"a":"1\""#,
            r#"{"a":[1}"#,
            "{}x",
        ] {
            assert_eq!(names(text, ""), None, "{text}");
        }
    }

    #[test]
    fn deep_nesting_takes_one_pass() {
        let depth = 990;
        let object = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let found = names(&object, "").expect("an object");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].len(), depth * 2 - 1 + "=1".len());
    }
}
