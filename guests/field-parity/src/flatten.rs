//! Walks an object's canonical JSON text and gives every value that is no object its flattened name.
//!
//! One pass over the text, whatever its nesting: depth is the event's author's choice.

use landfall_guest::unquote;

use crate::name::{FlatName, Mark};

/// Calls `each` with the flattened name and the JSON text of every value of `object` that is no
/// object itself. What `wanted` refuses by its name is passed over, with all that is in it. None if
/// the text is no canonical object.
pub fn flatten(
    object: &str,
    prefix: &str,
    separator: &str,
    name: &mut FlatName,
    wanted: impl Fn(&str) -> bool,
    mut each: impl FnMut(&FlatName, &str),
) -> Option<()> {
    name.clear();
    name.push(prefix);
    let mut cursor = Cursor {
        text: object,
        at: 0,
    };
    // For each open object, where its own name ends, without the separator behind it.
    let mut open: Vec<Mark> = Vec::new();
    cursor.take(b'{')?;
    let mut first = true;
    let mut base = name.mark();
    loop {
        if cursor.peek()? == b'}' {
            cursor.at += 1;
            match open.pop() {
                None => return (cursor.at == object.len()).then_some(()),
                Some(outer) => base = outer,
            }
            first = false;
            continue;
        }
        if !first {
            cursor.take(b',')?;
        }
        first = false;
        let member = unquote(cursor.string()?)?;
        cursor.take(b':')?;
        name.back_to(base);
        if !open.is_empty() {
            name.push(separator);
        }
        name.push(&member);
        if !wanted(name.as_str()) {
            cursor.value()?;
        } else if cursor.peek()? == b'{' {
            cursor.at += 1;
            open.push(base);
            base = name.mark();
            first = true;
        } else {
            each(name, cursor.value()?);
        }
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

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A string literal with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.take(b'"')?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at)
    }

    /// Any value; an array or object to its closing bracket.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    if depth == 0 {
                        break;
                    }
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' if depth == 1 => {
                    self.at += 1;
                    break;
                }
                b',' | b'}' if depth == 0 => break,
                b']' if depth == 0 => return None,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        (self.at > start).then(|| self.text.get(start..self.at))?
    }
}

#[cfg(test)]
mod tests {
    use super::{FlatName, flatten};

    fn names(object: &str, prefix: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let each = |name: &FlatName, value: &str| found.push(format!("{}={value}", name.as_str()));
        let wanted = |name: &str| name != "x";
        flatten(object, prefix, "_", &mut FlatName::default(), wanted, each)?;
        Some(found)
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
