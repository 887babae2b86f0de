//! Text as Python writes it, for pipelines whose keys and rows come from Python.

use std::borrow::Cow;

use crate::number::python_float;

/// The result of `str()` for a number that Python's json read: integers keep their digits, floats become
/// the shortest text that reads back. Also for `NaN` and `Infinity`, which that json accepts.
pub fn number(literal: &str) -> Cow<'_, str> {
    let digits = literal.strip_prefix('-').unwrap_or(literal);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let negative_zero = digits == "0";
        return Cow::Borrowed(if negative_zero { digits } else { literal });
    }
    match literal.parse() {
        Ok(float) => Cow::Owned(python_float(float)),
        Err(_) => Cow::Borrowed(literal),
    }
}

/// Appends the result of `json.dumps` for a value's canonical JSON text: a space after `,` and `:`, all
/// beyond printable ASCII escaped, floats as by `repr`. Members keep the order of the text.
pub fn dumps_into(canonical: &str, out: &mut String) {
    let mut rest = canonical;
    while let Some(byte) = rest.bytes().next() {
        rest = match byte {
            b'"' => string_into(rest, out),
            b'-' | b'0'..=b'9' => {
                let inside =
                    |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
                let (literal, after) = split_where(rest, |c| !inside(c));
                out.push_str(&number(literal));
                after
            }
            b',' | b':' => {
                out.push_str(if byte == b',' { ", " } else { ": " });
                rest.get(1..).unwrap_or_default()
            }
            _ => {
                let ends = |c: char| matches!(c, '"' | '-' | '0'..='9' | ',' | ':');
                let (run, after) = split_where(rest, ends);
                out.push_str(run);
                after
            }
        };
    }
}

/// Takes the string literal at the beginning of `text`, and returns the rest.
fn string_into<'a>(text: &'a str, out: &mut String) -> &'a str {
    out.push('"');
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        let plain = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
        let (run, after) = split_where(rest, |c| !plain(c));
        out.push_str(run);
        let mut left = after.chars();
        match left.next() {
            None => return after,
            Some('"') => {
                out.push('"');
                return left.as_str();
            }
            // Canonical escapes are Python's own.
            Some('\\') => {
                out.push('\\');
                out.extend(left.next());
            }
            Some(other) => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        rest = left.as_str();
    }
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::{dumps_into, number};

    #[test]
    fn numbers_are_as_str_writes_them() {
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("-7", "-7"),
            ("1180591620717411303424", "1180591620717411303424"),
            ("1358637398.50", "1358637398.5"),
            ("1.4162761239e9", "1416276123.9"),
            ("1e5", "100000.0"),
            ("1E-7", "1e-07"),
            ("-0.0", "-0.0"),
            ("NaN", "nan"),
            ("1e400", "inf"),
            ("-Infinity", "-inf"),
        ];
        for (literal, expected) in cases {
            assert_eq!(number(literal), expected, "{literal}");
        }
    }

    /// The right side was printed by CPython 3.11.
    #[test]
    fn text_is_as_json_dumps_writes_it() {
        let cases = [
            ("[]", "[]"),
            ("{}", "{}"),
            ("[1,2.5,null,true]", "[1, 2.5, null, true]"),
            (
                r#"[{"a":"b,c:d\",\\"},[true]]"#,
                r#"[{"a": "b,c:d\",\\"}, [true]]"#,
            ),
            (
                "[1e-7,1e16,1e30,1.0,0.00001,-0.0]",
                "[1e-07, 1e+16, 1e+30, 1.0, 1e-05, -0.0]",
            ),
            (
                "[1180591620717411303424,-9223372036854775809]",
                "[1180591620717411303424, -9223372036854775809]",
            ),
            (
                "[\"é\",\"𝄞\",\"\u{7f}\",\"~ \"]",
                r#"["\u00e9", "\ud834\udd1e", "\u007f", "~ "]"#,
            ),
            (
                r#"["\n\t\b\f\r\u0001\u001f"]"#,
                r#"["\n\t\b\f\r\u0001\u001f"]"#,
            ),
            (r#"{"-1,2":"3:4"}"#, r#"{"-1,2": "3:4"}"#),
        ];
        for (canonical, expected) in cases {
            let mut out = String::new();
            dumps_into(canonical, &mut out);
            assert_eq!(out, expected);
        }
    }
}
