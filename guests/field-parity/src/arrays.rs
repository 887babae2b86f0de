//! Arrays as the text that the database holds.
//!
//! A writer turns an array into text; on the written side that text looks the same as a string that
//! came in as a string. So both sides are compared as text: an array is rendered as the writer renders
//! it, and a string stays unchanged, including its white space.
//!
//! One part of the writer's text cannot be rendered: the order of an object's members, which the
//! host's columns do not keep. So in text that is an array, members of objects are sorted before the
//! comparison. If the text was cut inside an object, the comparison ends before that object.

use std::borrow::Cow;
use std::ops::Range;

use landfall_guest::python;

use crate::config::ArrayText;

/// Canonical JSON text as the writer writes it.
pub fn rendered(text: &str, style: ArrayText) -> Cow<'_, str> {
    match style {
        ArrayText::Compact => Cow::Borrowed(text),
        ArrayText::Python => {
            let mut out = String::with_capacity(text.len() + text.len() / 4);
            python::dumps_into(text, &mut out);
            Cow::Owned(out)
        }
    }
}

/// A text in which the members of every object are sorted, byte for byte the same otherwise. None if
/// it is not one JSON array or object, as far as its brackets, names and commas go, or holds no
/// object.
///
/// If the text `was_cut`, the result may end early: before the outermost object that was left open,
/// because a member that was cut off might have been the first.
pub fn sorted(text: &str, was_cut: bool) -> Option<String> {
    if !text.contains('{') {
        return None;
    }
    let mut walk = Walk {
        out: text.as_bytes().to_vec(),
        at: 0,
        open: Vec::new(),
    };
    let end = match walk.run()? {
        End::Complete => walk.out.len(),
        End::Early if !was_cut => return None,
        End::Early => {
            let object = walk.open.iter().find(|open| open.is_object);
            object.map_or(walk.out.len(), |object| object.start)
        }
    };
    walk.out.truncate(end);
    // Whole members changed places, so it is UTF-8 as before.
    String::from_utf8(walk.out).ok()
}

/// How a text ended.
enum End {
    /// With the bracket that closes the first.
    Complete,
    /// Inside a value.
    Early,
}

/// An array or object that is not closed yet.
struct Open {
    is_object: bool,
    start: usize,
    /// The place of each member, from its name's quote to its value's end.
    members: Vec<Range<usize>>,
}

impl Open {
    /// What may come first in it.
    fn first(&self) -> Expect {
        if self.is_object {
            Expect::FirstName
        } else {
            Expect::FirstItem
        }
    }
}

/// What comes next.
#[derive(Clone, Copy)]
enum Expect {
    Value,
    /// Or the bracket that closes the array.
    FirstItem,
    Name,
    /// Or the brace that closes the object.
    FirstName,
    /// A comma, or what closes the container.
    End,
}

/// One pass over the text, whatever its nesting: the event's author chooses the depth.
struct Walk {
    /// The text; the passed part has its members sorted, which changes no length.
    out: Vec<u8>,
    at: usize,
    open: Vec<Open>,
}

impl Walk {
    /// None if the part of the text that is looked at is no JSON.
    fn run(&mut self) -> Option<End> {
        let mut expect = Expect::Value;
        loop {
            let Some(byte) = self.next() else {
                return Some(End::Early);
            };
            let in_object = self.open.last().map(|open| open.is_object);
            expect = match (expect, byte) {
                (Expect::FirstName | Expect::Name, b'"') => {
                    let start = self.at;
                    if self.skip_string().is_none() || self.next().is_none() {
                        return Some(End::Early);
                    }
                    if self.next() != Some(b':') {
                        return None;
                    }
                    self.at += 1;
                    self.open.last_mut()?.members.push(start..start);
                    Expect::Value
                }
                (Expect::FirstItem | Expect::Value, b'[' | b'{') => {
                    let open = Open {
                        is_object: byte == b'{',
                        start: self.at,
                        members: Vec::new(),
                    };
                    let first = open.first();
                    self.open.push(open);
                    self.at += 1;
                    first
                }
                (Expect::FirstItem | Expect::Value, b'"') => {
                    if self.skip_string().is_none() {
                        return Some(End::Early);
                    }
                    self.end_value()
                }
                (Expect::FirstItem | Expect::Value, byte) if is_scalar(byte) => {
                    while self.out.get(self.at).copied().is_some_and(is_scalar) {
                        self.at += 1;
                    }
                    self.end_value()
                }
                (Expect::End, b',') => {
                    self.at += 1;
                    match in_object? {
                        true => Expect::Name,
                        false => Expect::Value,
                    }
                }
                (Expect::End | Expect::FirstName, b'}') if in_object == Some(true) => {
                    self.close()?
                }
                (Expect::End | Expect::FirstItem, b']') if in_object == Some(false) => {
                    self.close()?
                }
                _ => return None,
            };
            if self.open.is_empty() {
                return self.next().is_none().then_some(End::Complete);
            }
        }
    }

    /// The byte after white space; none at the end.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.out.get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                &byte => return Some(byte),
            }
        }
    }

    /// Passes a string literal; none if it does not end.
    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.out.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// A value ends here; if it is a member's, so does the member.
    fn end_value(&mut self) -> Expect {
        let open = self.open.last_mut().filter(|open| open.is_object);
        if let Some(member) = open.and_then(|open| open.members.last_mut()) {
            member.end = self.at;
        }
        Expect::End
    }

    /// Passes the bracket that closes the innermost container.
    fn close(&mut self) -> Option<Expect> {
        let mut open = self.open.pop()?;
        self.at += 1;
        if open.members.len() > 1 {
            self.sort(&mut open.members)?;
        }
        Some(self.end_value())
    }

    /// Sorts the members of an object; the text between them keeps its order.
    fn sort(&mut self, members: &mut [Range<usize>]) -> Option<()> {
        let (start, end) = (members.first()?.start, members.last()?.end);
        let ends = members.iter().map(|member| member.end);
        let starts = members.iter().skip(1).map(|member| member.start);
        let between: Vec<Range<usize>> = ends.zip(starts).map(|(end, start)| end..start).collect();
        members.sort_by(|one, other| self.out[one.clone()].cmp(&self.out[other.clone()]));
        let mut between = between.into_iter();
        let mut text = Vec::with_capacity(end - start);
        for member in members.iter() {
            text.extend_from_slice(self.out.get(member.clone())?);
            if let Some(separator) = between.next() {
                text.extend_from_slice(self.out.get(separator)?);
            }
        }
        self.out.get_mut(start..end)?.copy_from_slice(&text);
        Some(())
    }
}

/// The characters of numbers and literals.
fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn members_are_sorted_and_nothing_else_changes() {
        let cases = [
            (r#"[{"z": 1, "a": 2}]"#, Some(r#"[{"a": 2, "z": 1}]"#)),
            (
                r#"[{"z":1,  "a" : 2 , "b":3}]"#,
                Some(r#"[{"a" : 2,  "b":3 , "z":1}]"#),
            ),
            (
                r#"[1, {"b": {"y": [], "x": {}}, "a": "},{\""}, "é"]"#,
                Some(r#"[1, {"a": "},{\"", "b": {"x": {}, "y": []}}, "é"]"#),
            ),
            (
                r#"{"b": -1.5e+3, "a": null}"#,
                Some(r#"{"a": null, "b": -1.5e+3}"#),
            ),
            (r#"[{}, {"a": 1}] "#, Some(r#"[{}, {"a": 1}] "#)),
            // No object, no order.
            ("[1,  2]", None),
            // No JSON.
            ("[{b, a}]", None),
            (r#"[{"b" 1, "a": 2}]"#, None),
            (r#"[{"b": 1, "a": 2]}"#, None),
            (r#"[{"b": 1, "a": 2}}"#, None),
            (r#"[{"b": 1, "a": 2}] and more"#, None),
            (r#"[{"b": 1, "a": 2}"#, None),
            (r#"{"b": (1), "a": 2}"#, None),
        ];
        for (text, expected) in cases {
            assert_eq!(sorted(text, false).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_cut_text_ends_before_the_object_that_was_left_open() {
        let text = r#"[1, {"b": 2, "a": 1}, "x", {"d": {"f": 1, "e": "é"}, "c": [{"#;
        let whole = r#"[1, {"a": 1, "b": 2}, "x", {"#;
        for end in (0..=text.len()).filter(|&end| text.is_char_boundary(end)) {
            let found = sorted(&text[..end], true);
            let shown = match end {
                // No object yet.
                0..5 => None,
                5..20 => Some("[1, "),
                20..28 => Some(&whole[..end]),
                _ => Some(&whole[..27]),
            };
            assert_eq!(found.as_deref(), shown, "{}", &text[..end]);
            assert_eq!(sorted(&text[..end], false), None, "it is no JSON");
        }
    }

    #[test]
    fn deep_nesting_takes_one_pass() {
        let deep = format!("{}1{}", r#"{"a": "#.repeat(20_000), "}".repeat(20_000));
        assert_eq!(sorted(&deep, false), Some(deep));
    }

    proptest::proptest! {
        /// The comparison is safe for any order of the members and any cut.
        #[test]
        fn the_order_of_members_does_not_matter(
            values in proptest::collection::vec(r#"[0-9]|"[a-z{}:,\[\]]{0,5}"|\[\]|\{"q": 1\}"#, 1..5),
            lead in proptest::collection::vec(r#"[0-9]|\{"one": 1\}"#, 0..3),
            cut in 0usize..80,
        ) {
            let members: Vec<String> = values
                .iter()
                .enumerate()
                .map(|(place, value)| format!("\"m{place}\": {value}"))
                .collect();
            let text = |members: &[String]| {
                let mut items = lead.clone();
                items.push(format!("{{{}}}", members.join(", ")));
                let text: String = format!("[{}]", items.join(", ")).chars().take(cut).collect();
                let was_cut = text.len() == cut;
                sorted(&text, was_cut).unwrap_or(text)
            };
            let mut turned = members.clone();
            turned.reverse();
            proptest::prop_assert_eq!(text(&members), text(&turned));
        }
    }
}
