//! The bytes of a normal form.
//!
//! `3`, then how many fields with rules of their own there are (4 bytes, little endian), these in the
//! order of the configuration, and all others sorted by name. A field is laid out as an entry of a
//! column of members (wit/check.wit): the kind (1 byte), the lengths of name and value (4 bytes
//! each), the name, the value; so most are copied as they came. Lengths, so that no name or value can
//! look like the boundary between two.

use landfall_guest::{HEAD_BYTES, Member, MemberKind, Members, Value};

use crate::flatten::Visitor;
use crate::name::{FlatName, WHOLE_BYTES_MAX};
use crate::normal::{Kind, Rule};
use crate::out::{Out, Piece};
use crate::plan::Names;
use crate::run::{self, From, Plain};

/// The first byte; a form is never empty, because an empty one says that there is none.
const VERSION: u8 = 3;

/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();

/// Room that is made at once for many members.
const ROOM_BYTES_MAX: usize = 64 << 10;

/// Room for the beginning of a name, and for copying it in strides.
const BASE_BYTES: usize = WHOLE_BYTES_MAX + 16;

/// Writes forms; the memory is kept for the next.
pub struct Writer {
    out: Out,
    /// Where the flattened fields begin, and the last one of them.
    flattened: usize,
    last: Option<usize>,
    /// Their names rise.
    is_sorted: bool,
    /// The beginning of the names in hand, for as long as they follow each other.
    base: [u8; BASE_BYTES],
    base_bytes: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: Out::default(),
            flattened: 0,
            last: None,
            is_sorted: true,
            base: [0; BASE_BYTES],
            base_bytes: 0,
        }
    }
}

impl Writer {
    /// Begins a form with the fields that have rules of their own, each written by `write` or, if it
    /// says None, left out.
    pub fn begin<'a>(
        &mut self,
        fields: impl Iterator<Item = &'a str>,
        mut write: impl FnMut(usize, &mut Out) -> Option<Kind>,
    ) {
        self.is_sorted = true;
        self.last = None;
        let out = &mut self.out;
        out.truncate(0);
        out.push_byte(VERSION);
        out.push_u32(0);
        let mut count = 0;
        for (place, name) in fields.enumerate() {
            let start = out.len();
            push_head(out, 0, name.len(), 0);
            out.push(name.as_bytes());
            if value(out, start, name.len(), |out| write(place, out)) {
                count += 1;
            }
        }
        out.put_u32(1, count);
        self.flattened = out.len();
    }

    /// What adds the members of an object.
    pub fn fields<'a>(&'a mut self, skipped: &'a Names, rule: &'a Rule) -> Flattened<'a> {
        Flattened {
            plain: Plain {
                text_bytes: match rule.truncate {
                    0 => usize::MAX,
                    characters => characters,
                },
                doubtful_names: skipped.lengths(),
            },
            writer: self,
            skipped,
            rule,
        }
    }

    /// Appends the form to `form`. Two fields of one name (`a_b` beside `a` holding `b`) are both there,
    /// in the order of their values.
    pub fn end(&mut self, form: &mut Vec<u8>) {
        let written = self.out.written();
        if self.is_sorted {
            form.extend_from_slice(written);
            return;
        }
        let (before, flattened) = written.split_at(self.flattened.min(written.len()));
        let mut fields: Vec<Field<'_>> = Fields(flattened).collect();
        // Members were sorted in their objects, so the fields are a few runs: the stable sort finds them.
        fields.sort();
        form.extend_from_slice(before);
        for field in fields {
            form.extend_from_slice(field.whole);
        }
    }
}

/// Adds the members of an object to a form.
pub struct Flattened<'a> {
    plain: Plain,
    writer: &'a mut Writer,
    skipped: &'a Names,
    rule: &'a Rule,
}

impl Flattened<'_> {
    /// Keeps the beginning of the names to come. Of a long one only that it is long.
    fn take_base(&mut self, base: &FlatName) {
        let bytes = base.as_str().as_bytes();
        self.writer.base_bytes = bytes.len();
        if let Some(place) = self.writer.base.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// A field whose name is too long to be kept whole.
    #[cold]
    fn long_field(&mut self, base: &mut FlatName, member: &Member<'_>) -> bool {
        let mark = base.mark();
        base.push(member.name());
        let is_wanted = !self.skipped.has(base.as_str().as_bytes());
        if is_wanted {
            let bounded = base.bounded();
            let out = &mut self.writer.out;
            let start = out.len();
            push_head(out, 0, bounded.len(), 0);
            out.push(bounded.as_bytes());
            value(out, start, bounded.len(), |out| {
                by_rule(self.rule, member, out)
            });
            // It ends in a hash, which has an order of its own.
            self.writer.is_sorted = false;
        }
        base.back_to(mark);
        is_wanted
    }

    /// Fields were written, from the one at `start` to the one at `last`: do the names still rise?
    fn rose(&mut self, start: usize, last: usize, follows: bool) {
        let writer = &mut *self.writer;
        if !follows
            && writer.is_sorted
            && let Some(before) = writer.last
        {
            let name = |at| {
                let rest = writer.out.part(at, writer.out.len());
                Fields(rest).next().map(|field| field.name)
            };
            writer.is_sorted = name(before) < name(start);
        }
        writer.last = Some(last);
    }
}

impl Visitor for Flattened<'_> {
    fn enters(&mut self, name: &str) -> bool {
        !self.skipped.has(name.as_bytes())
    }

    fn run(&mut self, base: &FlatName, members: &mut Members<'_>, follows: bool) -> bool {
        if !follows {
            self.take_base(base);
        }
        let (bytes, at, end) = members.rest();
        let from = From { bytes, at, end };
        let writer = &mut *self.writer;
        let start = writer.out.len();
        // Mostly a little more than all of it takes; what has no room is told alone, and makes some.
        writer.out.room(((end - at) * 2).min(ROOM_BYTES_MAX));
        let run = if writer.base_bytes == 0 {
            let run = run::whole(&self.plain, from, start);
            writer.out.push_piece(Piece {
                whole: bytes,
                start: at,
                len: run.at - at,
            });
            run
        } else {
            let base = (writer.base.as_slice(), writer.base_bytes);
            let run = run::renamed(&self.plain, from, base, writer.out.all(), start);
            writer.out.go_on_at(run.to);
            run
        };
        members.go_on_at(run.at);
        if let Some(last) = run.last {
            self.rose(start, last, follows);
        }
        run.last.is_some()
    }

    fn field(&mut self, base: &mut FlatName, member: Member<'_>, follows: bool) -> bool {
        let base_bytes = self.writer.base_bytes;
        let name_bytes = base_bytes + member.name_bytes;
        if name_bytes > WHOLE_BYTES_MAX {
            return self.long_field(base, &member);
        }
        let out = &mut self.writer.out;
        let start = out.len();
        push_head(out, 0, name_bytes, 0);
        out.push_piece(Piece {
            whole: &self.writer.base,
            start: 0,
            len: base_bytes,
        });
        out.push_piece(Piece {
            whole: member.bytes,
            start: member.start + HEAD_BYTES,
            len: member.name_bytes,
        });
        let name = start + HEAD_BYTES;
        if self.skipped.has(out.part(name, name + name_bytes)) {
            out.truncate(start);
            return false;
        }
        let is_there = value(out, start, name_bytes, |out| {
            by_rule(self.rule, &member, out)
        });
        if is_there {
            self.rose(start, start, follows);
        }
        is_there
    }
}

/// A value that is no object, by any rule.
fn by_rule(rule: &Rule, member: &Member<'_>, out: &mut Out) -> Option<Kind> {
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

fn push_head(out: &mut Out, kind: u8, name_bytes: usize, value_bytes: usize) {
    out.push_byte(kind);
    // A row is far below 4 GiB: so is a guest's memory.
    out.push_u32(name_bytes as u32);
    out.push_u32(value_bytes as u32);
}

/// Appends a value behind the name of the field that begins at `start`; whether there is one. If not,
/// the field is gone.
fn value(
    out: &mut Out,
    start: usize,
    name_bytes: usize,
    write: impl FnOnce(&mut Out) -> Option<Kind>,
) -> bool {
    match write(out) {
        Some(kind) => {
            let bytes = out.len() - start - HEAD_BYTES - name_bytes;
            out.put_byte(start, kind as u8);
            out.put_u32(start + 1 + LENGTH, bytes as u32);
            true
        }
        None => {
            out.truncate(start);
            false
        }
    }
}

/// A field as it lies in a form; by name, then kind and value.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Field<'a> {
    name: &'a [u8],
    kind: u8,
    value: &'a [u8],
    whole: &'a [u8],
}

/// Fields behind each other; ends early where the bytes are none.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let (&kind, lengths) = self.0.split_first()?;
        let (name_bytes, lengths) = lengths.split_first_chunk::<LENGTH>()?;
        let (value_bytes, texts) = lengths.split_first_chunk::<LENGTH>()?;
        let (name, rest) = texts.split_at_checked(u32::from_le_bytes(*name_bytes) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_bytes) as usize)?;
        let (whole, _) = self.0.split_at(self.0.len() - rest.len());
        self.0 = rest;
        Some(Field {
            name,
            kind,
            value,
            whole,
        })
    }
}

/// One field of a finished form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<'a> {
    pub name: &'a str,
    pub kind: Kind,
    pub value: &'a str,
}

/// The fields of a form, by name; ends early where the bytes are no form.
pub fn read(form: &[u8]) -> Vec<Entry<'_>> {
    let Some((&VERSION, rest)) = form.split_first() else {
        return Vec::new();
    };
    let fields = Fields(rest.get(LENGTH..).unwrap_or_default());
    let mut entries: Vec<Entry<'_>> = fields
        .map_while(|field| {
            Some(Entry {
                name: std::str::from_utf8(field.name).ok()?,
                kind: Kind::from_byte(field.kind)?,
                value: std::str::from_utf8(field.value).ok()?,
            })
        })
        .collect();
    entries.sort();
    entries
}

#[cfg(test)]
mod tests {
    use landfall_guest::test::with_member;
    use proptest::prelude::*;

    use super::{Entry, Field, Fields, LENGTH, Writer, read};
    use crate::config::Config;
    use crate::flatten::flatten;
    use crate::name::FlatName;
    use crate::plan::{Names, general_rule};

    /// The form of an object's members; `by_one` without runs.
    fn form(object: &str, prefix: &str, skipped: &[String], by_one: bool) -> Vec<u8> {
        let config = Config {
            truncate: 12,
            ..Config::default()
        };
        let (rule, skipped) = (general_rule(&config), Names::new(skipped));
        let mut writer = Writer::default();
        writer.begin(std::iter::empty(), |_, _| None);
        let mut name = FlatName::default();
        name.push(prefix);
        let mut fields = writer.fields(&skipped, &rule);
        if by_one {
            fields.plain.doubtful_names = u64::MAX;
        }
        with_member(object, |object| {
            flatten(object, "_", &mut name, &mut fields)
        });
        let mut form = Vec::new();
        writer.end(&mut form);
        form
    }

    /// Whether the fields come by name, and those of one name by their values.
    fn is_sorted(form: &[u8]) -> bool {
        let fields: Vec<Field<'_>> = Fields(&form[1 + LENGTH..]).collect();
        fields.is_sorted()
    }

    fn told(object: &str) -> Vec<String> {
        let form = form(object, "", &["no".into()], false);
        assert!(is_sorted(&form), "{object}");
        let told = read(&form)
            .into_iter()
            .map(|Entry { name, kind, value }| format!("{name}={}{value}", char::from(kind as u8)));
        told.collect()
    }

    #[test]
    fn a_form_holds_what_is_compared_by_name() {
        let cases = [
            ("{}", ""),
            (r#"{"b":"x","a":7}"#, "a=i7 b=sx"),
            // Not compared, absent, cut, no longer what it was.
            (
                r#"{"no":1,"on":2,"z":null,"t":"123456789012345"}"#,
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
            // A member that is not told says nothing of the order.
            (r#"{"ab":{"d":7},"ab_":null,"ab_c":3}"#, "ab_c=i3 ab_d=i7"),
            (r#"{"n":{"z":7},"no":1,"n_a":3}"#, "n_a=i3 n_z=i7"),
            // A nested name may come before one that was told already, or be the same.
            (
                r#"{"a":{"b":1},"a_":2,"a_a":3,"a_b":4}"#,
                "a_=i2 a_a=i3 a_b=i4 a_b=t",
            ),
        ];
        for (object, expected) in cases {
            assert_eq!(told(object).join(" "), expected, "{object}");
        }
    }

    fn any_object() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            (-3i64..12).prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            (-1.0f64..2.0).prop_map(serde_json::Value::from),
            "[a\\[\"é]{0,20}".prop_map(serde_json::Value::from),
            Just(serde_json::json!([1, {"a": 2}])),
        ];
        let name = prop_oneof![4 => "[a_]{1,3}", 4 => "[a-c_]{0,3}", 1 => "[a-c]{60,140}"];
        leaf.prop_recursive(3, 40, 9, move |inner| {
            prop::collection::vec((name.clone(), inner), 0..9)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect()))
        })
    }

    /// The members of an object and of those in it, by their flattened names; none if two are the same.
    fn flat(
        prefix: &str,
        object: &serde_json::Value,
        out: &mut serde_json::Map<String, serde_json::Value>,
    ) -> Option<()> {
        for (name, value) in object.as_object()? {
            let name = format!("{prefix}{name}");
            if value.is_object() {
                flat(&format!("{name}_"), value, out)?;
            } else if out.insert(name, value.clone()).is_some() {
                return None;
            }
        }
        Some(())
    }

    proptest! {
        #[test]
        fn nested_members_have_the_form_of_flat_ones(
            object in any_object(),
            skipped in prop::collection::vec("[a_]{1,4}", 0..3),
        ) {
            let mut row = serde_json::Map::new();
            prop_assume!(flat("", &object, &mut row).is_some());
            // What is in a member that is not compared is not, either.
            let within = |name: &String| skipped.iter().any(|no| name.starts_with(&format!("{no}_")));
            prop_assume!(!row.keys().any(within));
            let row = serde_json::Value::Object(row).to_string();
            let nested = form(&object.to_string(), "", &skipped, false);
            prop_assert!(is_sorted(&nested));
            prop_assert_eq!(nested, form(&row, "", &skipped, false));
        }

        #[test]
        fn many_at_once_are_the_same_as_one_by_one(
            object in any_object(),
            prefix in prop_oneof![Just(String::new()), Just("x_".to_owned()), "[a-c]{90,130}"],
            skipped in prop::collection::vec("[a-c_]{0,3}\\*?", 0..3),
        ) {
            let object = object.to_string();
            let one = form(&object, &prefix, &skipped, true);
            prop_assert_eq!(form(&object, &prefix, &skipped, false), one);
        }
    }
}
