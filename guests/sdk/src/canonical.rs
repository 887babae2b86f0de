//! Converts JSON text to the contract's canonical text, digit by digit: a number passes through a
//! double only if it was written as one.

use std::collections::BTreeMap;

use crate::number::canonical_float;
use crate::value::unquote;

/// The deepest nesting that is read. Reading recurses, and a guest's stack is small; columns of the
/// host are canonical already and do not have to be read.
const DEPTH_MAX: usize = 128;

/// A JSON value whose scalars are canonical text.
pub enum Node {
    Scalar(String),
    Array(Vec<Node>),
    /// Sorted by the bytes of the names; of equal names the last is kept, as in Python.
    Object(BTreeMap<String, Node>),
}

/// The canonical text of the JSON in `text`: no white space, members sorted by the bytes of their
/// names, integers of any size as their digits. None if it is no JSON, or nested more than 128
/// levels.
pub fn canonical(text: &str) -> Option<String> {
    let mut out = String::new();
    Node::read(text)?.write(&mut out);
    Some(out)
}

impl Node {
    /// Reads one value with nothing but white space around it.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.skip_space();
        (reader.at == text.len()).then_some(value)
    }

    /// Appends its canonical text.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::Array(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (place, (name, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    out.push_str(&quote(name));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// Appends it in the form of a row of a column of members, under a name.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn write_members(&self, name: &str, out: &mut Vec<u8>) {
        use crate::members::{MemberKind, write};
        match self {
            Self::Object(members) => {
                let mut value = Vec::new();
                for (name, member) in members {
                    member.write_members(name, &mut value);
                }
                write(MemberKind::Object, name, &value, out);
            }
            Self::Array(_) => {
                let mut text = String::new();
                self.write(&mut text);
                write(MemberKind::Array, name, text.as_bytes(), out);
            }
            Self::Scalar(text) => match text.as_str() {
                "null" => write(MemberKind::Null, name, b"", out),
                "false" => write(MemberKind::False, name, b"", out),
                "true" => write(MemberKind::True, name, b"", out),
                text => match unquote(text) {
                    Some(string) => write(MemberKind::String, name, string.as_bytes(), out),
                    None if text.contains(['.', 'e']) => {
                        write(MemberKind::Decimal, name, text.as_bytes(), out);
                    }
                    None => write(MemberKind::Integer, name, text.as_bytes(), out),
                },
            },
        }
    }

    /// The value at a JSON pointer.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        pointer.split('/').skip(1).try_fold(self, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match node {
                Self::Scalar(_) => None,
                Self::Object(members) => members.get(&step),
                Self::Array(_) if step.starts_with('0') && step != "0" => None,
                Self::Array(items) => items.get(step.parse::<usize>().ok()?),
            }
        })
    }
}

/// A string literal with the shortest escapes.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, text: &str) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        rest.starts_with(text).then(|| self.at += text.len())
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        self.skip_space();
        let scalar = match self.peek()? {
            b'{' | b'[' if depth == DEPTH_MAX => return None,
            b'{' => return self.object(depth + 1),
            b'[' => return self.array(depth + 1),
            b'"' => quote(&self.string()?),
            b't' => self.take("true").map(|()| "true".into())?,
            b'f' => self.take("false").map(|()| "false".into())?,
            b'n' => self.take("null").map(|()| "null".into())?,
            _ => self.number()?,
        };
        Some(Node::Scalar(scalar))
    }

    fn array(&mut self, depth: usize) -> Option<Node> {
        let mut items = Vec::new();
        self.take("[")?;
        self.skip_space();
        if self.take("]").is_some() {
            return Some(Node::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_space();
            if self.take(",").is_none() {
                self.take("]")?;
                return Some(Node::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node> {
        let mut members = BTreeMap::new();
        self.take("{")?;
        self.skip_space();
        if self.take("}").is_some() {
            return Some(Node::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?.into_owned();
            self.skip_space();
            self.take(":")?;
            members.insert(name, self.value(depth)?);
            self.skip_space();
            if self.take(",").is_none() {
                self.take("}")?;
                return Some(Node::Object(members));
            }
        }
    }

    fn string(&mut self) -> Option<std::borrow::Cow<'a, str>> {
        let start = self.at;
        self.take("\"")?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                0..b' ' => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        unquote(self.text.get(start..self.at)?)
    }

    fn number(&mut self) -> Option<String> {
        let start = self.at;
        let _ = self.take("-");
        if self.take("0").is_none() {
            self.digits()?;
        }
        let whole = self.at;
        if self.take(".").is_some() {
            self.digits()?;
        }
        if self.take("e").or_else(|| self.take("E")).is_some() {
            let _ = self.take("+").or_else(|| self.take("-"));
            self.digits()?;
        }
        let text = self.text.get(start..self.at)?;
        if self.at > whole {
            let float: f64 = text.parse().ok()?;
            return float.is_finite().then(|| canonical_float(float));
        }
        Some(if text == "-0" { "0" } else { text }.into())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, Node, canonical};

    #[test]
    fn text_is_canonical() {
        let cases = [
            (
                r#" { "b" : [ 1 , 1.0, 1e30 ], "a" : "\u00e9\n\u002f" } "#,
                r#"{"a":"é\n/","b":[1,1.0,1e30]}"#,
            ),
            (
                r#"{"a":{"y":null,"x":true},"B":""}"#,
                r#"{"B":"","a":{"x":true,"y":null}}"#,
            ),
            (r#"{"a":1,"a":2,"\u0061":false}"#, r#"{"a":false}"#),
            (
                "[1180591620717411303424,-9223372036854775809,-0,-0.0,1E5]",
                "[1180591620717411303424,-9223372036854775809,0,-0.0,100000.0]",
            ),
            ("\t[ ]\r\n", "[]"),
            ("{ }", "{}"),
        ];
        for (text, expected) in cases {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
            assert_eq!(canonical(expected).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_json_has_no_canonical_text() {
        for text in [
            "",
            " ",
            "x",
            "NaN",
            "-",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "1e400",
            "tru",
            "[1,]",
            "[1 2]",
            "[",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":}",
            "\"",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\",
            "1 2",
            "[]]",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(canonical(&nested(DEPTH_MAX)).is_some());
        assert!(canonical(&nested(DEPTH_MAX + 1)).is_none());
    }

    #[test]
    fn pointers_lead_into_objects_and_arrays() {
        let node = Node::read(r#"{"a/b":[{"~":1},2],"":3}"#).expect("JSON");
        let cases = [
            ("/a~1b/0/~0", Some("1")),
            ("/a~1b/1", Some("2")),
            ("/a~1b/01", None),
            ("/a~1b/2", None),
            ("/", Some("3")),
            ("/a~1b/1/x", None),
            ("", Some(r#"{"":3,"a/b":[{"~":1},2]}"#)),
        ];
        for (pointer, expected) in cases {
            let text = node.at(pointer).map(|node| {
                let mut out = String::new();
                node.write(&mut out);
                out
            });
            assert_eq!(text.as_deref(), expected, "{pointer}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"([\[\]{}:,0-9eE.+ -]|"[a\\u0-9]{0,6}"|null|true){0,20}"#) {
            if let Some(once) = canonical(&text) {
                proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&once).is_ok());
                proptest::prop_assert_eq!(canonical(&once), Some(once));
            }
        }
    }
}
