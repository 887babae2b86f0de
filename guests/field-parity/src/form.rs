//! The bytes of a normal form.
//!
//! `4`, then fields in any order, as wit/check.wit defines it for a check that asks for columns of fields:
//! the kind (1 byte), the lengths of name and value (4 bytes each, little endian), the name, the value.
//! The lengths ensure that no name or value can look like the boundary between two. A field with a
//! separate rule has the highest bit of its kind set, so that it never equals a flattened field of the
//! same name.

use landfall_guest::{Member, MemberKind, Value, write_field};

use crate::flatten::Visitor;
use crate::name::FlatName;
use crate::normal::{Kind, Rule};

/// The first byte; a form is never empty, because an empty one means that there is none.
const VERSION: u8 = 4;

/// Set in the kind of a field with a separate rule.
const OWN: u8 = 0x80;

/// Writes forms; the memory is reused for the next.
#[derive(Default)]
pub struct Writer {
    /// The last field's.
    value: Vec<u8>,
    kind: Option<Kind>,
}

impl Writer {
    /// Begins a form.
    pub fn begin(&self, form: &mut Vec<u8>) {
        form.push(VERSION);
    }

    /// Appends a field with a separate rule. `write` appends its value, unless it is the `same` as that of
    /// the last field. If `write` returns None, nothing is appended.
    pub fn own_field(
        &mut self,
        name: &str,
        form: &mut Vec<u8>,
        same: bool,
        write: impl FnOnce(&mut Vec<u8>) -> Option<Kind>,
    ) {
        if !same {
            self.value.clear();
            self.kind = write(&mut self.value);
        }
        if let Some(kind) = self.kind {
            write_field(kind as u8 | OWN, name.as_bytes(), &self.value, form);
        }
    }

    /// Appends the fields of an object.
    pub fn fields<'a>(&'a mut self, rule: &'a Rule, form: &'a mut Vec<u8>) -> Flattened<'a> {
        Flattened {
            value: &mut self.value,
            rule,
            form,
        }
    }
}

/// Appends the fields of an object to a form.
pub struct Flattened<'a> {
    value: &'a mut Vec<u8>,
    rule: &'a Rule,
    form: &'a mut Vec<u8>,
}

impl Visitor for Flattened<'_> {
    fn field(&mut self, name: &FlatName, member: Member<'_>) {
        self.value.clear();
        if let Some(kind) = by_rule(self.rule, &member, self.value) {
            write_field(kind as u8, name.bounded().as_bytes(), self.value, self.form);
        }
    }
}

/// A value that is no object, by any rule.
fn by_rule(rule: &Rule, member: &Member<'_>, out: &mut Vec<u8>) -> Option<Kind> {
    let text = member.value();
    let value = match member.kind {
        MemberKind::Null => Value::Null,
        MemberKind::False => Value::Bool(false),
        MemberKind::True => Value::Bool(true),
        MemberKind::Integer | MemberKind::Decimal => Value::Number(text),
        MemberKind::String => Value::String(text.into()),
        MemberKind::Array | MemberKind::Object => Value::Array(text),
    };
    rule.column_value(value, out)
}

/// One field of a finished form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<'a> {
    pub name: &'a str,
    pub is_own: bool,
    pub kind: Kind,
    pub value: &'a str,
}

/// The fields of a form, by name; ends early if the bytes are no form.
pub fn read(form: &[u8]) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let Some((&VERSION, mut rest)) = form.split_first() else {
        return entries;
    };
    while let Some((entry, behind)) = first(rest) {
        entries.push(entry);
        rest = behind;
    }
    entries.sort();
    entries
}

/// The first field, and the rest.
fn first(fields: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (&[byte], lengths) = fields.split_first_chunk::<1>()?;
    let (name_bytes, lengths) = lengths.split_first_chunk()?;
    let (value_bytes, texts) = lengths.split_first_chunk()?;
    let (name, rest) = texts.split_at_checked(u32::from_le_bytes(*name_bytes) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_bytes) as usize)?;
    let entry = Entry {
        name: std::str::from_utf8(name).ok()?,
        is_own: byte & OWN != 0,
        kind: Kind::from_byte(byte & !OWN)?,
        value: std::str::from_utf8(value).ok()?,
    };
    Some((entry, rest))
}

#[cfg(test)]
mod tests {
    use landfall_guest::test::with_member;

    use super::{Entry, Writer, read};
    use crate::config::Config;
    use crate::flatten::flatten;
    use crate::name::FlatName;
    use crate::normal::Kind;
    use crate::plan::general_rule;

    fn listed(object: &str) -> String {
        let config = Config {
            truncate: 12,
            ..Config::default()
        };
        let (rule, mut form, mut writer) = (general_rule(&config), Vec::new(), Writer::default());
        writer.begin(&mut form);
        let mut name = FlatName::default();
        let mut fields = writer.fields(&rule, &mut form);
        with_member(object, |object| {
            flatten(object, "_", &mut name, &mut fields);
        });
        let fields = read(&form).into_iter().map(|entry| {
            format!(
                "{}={}{}",
                entry.name,
                char::from(entry.kind as u8),
                entry.value
            )
        });
        fields.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_form_holds_what_is_compared_by_name() {
        let cases = [
            ("{}", ""),
            (r#"{"b":"x","a":7}"#, "a=i7 b=sx"),
            // Absent, cut, and changed.
            (
                r#"{"on":2,"z":null,"t":"123456789012345"}"#,
                "on=i2 t=s123456789012",
            ),
            (
                r#"{"a":true,"b":1,"c":1.0,"d":false,"e":0,"f":-0.0}"#,
                "a=t b=t c=t d=f e=f f=f",
            ),
            (
                r#"{"a":10,"b":"0","c":"","d":[1, 2]}"#,
                "a=i10 b=s0 c=s d=s[1, 2]",
            ),
            // A nested name may equal one that is not nested: both are listed.
            (
                r#"{"a":{"b":1},"a_":2,"a_a":3,"a_b":4}"#,
                "a_=i2 a_a=i3 a_b=i4 a_b=t",
            ),
        ];
        for (object, expected) in cases {
            assert_eq!(listed(object), expected, "{object}");
        }
    }

    #[test]
    fn a_field_of_its_own_is_no_flattened_one() {
        let (mut form, mut writer) = (Vec::new(), Writer::default());
        writer.begin(&mut form);
        writer.own_field("a", &mut form, false, |out| {
            out.push(b'x');
            Some(Kind::Text)
        });
        writer.own_field("b", &mut form, true, |_| None);
        writer.own_field("gone", &mut form, false, |_| None);
        writer.own_field("too", &mut form, true, |_| Some(Kind::Text));
        let entry = |name| Entry {
            name,
            is_own: true,
            kind: Kind::Text,
            value: "x",
        };
        assert_eq!(read(&form), [entry("a"), entry("b")]);
    }
}
