//! Columns of members: the members of objects, packed for checks that go through all of them, as `column` in
//! wit/check.wit defines it. Iterative: no document can overflow the stack.

use std::ops::Range;

use crate::canonical::{self, CanonicalWriter};
use crate::number::Number;
use crate::tape::Tape;
use crate::tape::name_orders::NameOrders;
use crate::tape::node::NodeKind;
use crate::value::Value;

/// Bytes of the length of a name or of a value: a `u32`, little-endian.
const LENGTH: usize = size_of::<u32>();

/// Bytes of an entry before its name: the kind, the length of the name, and that of the value.
const HEAD: usize = 1 + 2 * LENGTH;

/// Bytes that are copied at once. Most names and values are shorter, and this is faster than to call `memcpy`.
const STRIDE: usize = 32;

/// Bytes by which the output grows beyond what is needed, so that it seldom has to.
const ROOM_BYTES: usize = 1024;

/// Writes values. Its memory is reused from value to value.
#[derive(Default)]
pub(crate) struct MembersWriter {
    open: Vec<OpenObject>,
    /// Names of the open objects, each object's sorted.
    names: Vec<u32>,
    orders: NameOrders,
    values: EntryWriter,
}

/// Writes entries whose values are no objects.
#[derive(Default)]
pub(crate) struct EntryWriter {
    /// For what stays JSON text.
    text: CanonicalWriter,
    number: Vec<u8>,
}

/// An object whose end is not written yet: `names[start..]` are its names; `next` is the index of the next one
/// to write.
struct OpenObject {
    start: usize,
    next: usize,
    value: UnfinishedValue,
}

/// A value whose length is not known yet.
#[derive(Clone, Copy)]
pub(crate) struct UnfinishedValue {
    length_at: usize,
    value_at: usize,
}

impl MembersWriter {
    /// Appends a value, as an entry without a name.
    pub fn write(&mut self, value: Value<'_>, out: &mut Vec<u8>) {
        let tape = value.tape();
        self.open.clear();
        self.names.clear();
        let mut row = RowWriter::behind(out);
        self.entry(tape, 0..0, value.place(), &mut row);
        while let Some(open) = self.open.last_mut() {
            if let Some(&name) = self.names.get(open.next) {
                open.next += 1;
                self.entry(tape, tape.node(name).range(), name + 1, &mut row);
            } else {
                row.finish(open.value);
                self.names.truncate(open.start);
                self.open.pop();
            }
        }
        row.end();
    }

    /// Writes a scalar or an array, or opens an object.
    #[inline]
    fn entry(&mut self, tape: &Tape, name: Range<usize>, at: u32, row: &mut RowWriter<'_>) {
        if tape.node(at).kind() != NodeKind::Object {
            self.values.write(tape, name, at, row);
            return;
        }
        let value = row.begin(b'o', &tape.bytes, name, 0);
        let start = self.names.len();
        canonical::names(tape, at, &mut self.names, &mut self.orders);
        self.open.push(OpenObject {
            start,
            next: start,
            value,
        });
    }
}

impl EntryWriter {
    /// Writes an entry whose name is the bytes `name` of the tape. An object is written as an array is: as JSON
    /// text.
    #[inline]
    pub fn write(&mut self, tape: &Tape, name: Range<usize>, at: u32, row: &mut RowWriter<'_>) {
        let node = tape.node(at);
        let names = &tape.bytes;
        match node.kind() {
            NodeKind::Null => row.write_entry(b'z', names, name, &[0; STRIDE], 0..0),
            NodeKind::False => row.write_entry(b'f', names, name, &[0; STRIDE], 0..0),
            NodeKind::True => row.write_entry(b't', names, name, &[0; STRIDE], 0..0),
            NodeKind::String | NodeKind::OddString | NodeKind::Name | NodeKind::OddName => {
                row.write_entry(b's', names, name, &tape.bytes, node.range());
            }
            kind @ (NodeKind::Int
            | NodeKind::Uint
            | NodeKind::Digits
            | NodeKind::Float
            | NodeKind::NotFinite) => {
                let is_float = matches!(kind, NodeKind::Float | NodeKind::NotFinite);
                self.number.clear();
                if let Some(number) = Number::of(tape, node) {
                    number.write(&mut self.number);
                }
                let bytes = self.number.len();
                // Zeros behind a short number, so that a whole stride can be copied.
                self.number.resize(bytes.max(STRIDE), 0);
                let kind = if is_float { b'd' } else { b'i' };
                row.write_entry(kind, names, name, &self.number, 0..bytes);
            }
            NodeKind::Array | NodeKind::Object => {
                let value = row.begin(b'a', names, name, 0);
                row.end();
                self.text.write(tape, at, row.out);
                row.at = row.out.len();
                row.finish(value);
            }
        }
    }
}

/// The stride that begins at `at`, if there is a whole one.
#[inline]
fn stride(from: &[u8], at: usize) -> Option<&[u8; STRIDE]> {
    from.get(at..)?.first_chunk()
}

/// The head of an entry. Lengths fit 32 bits, for a column has at most 4 GiB: its ends are `u32`.
#[inline]
fn kind_and_lengths(kind: u8, name_bytes: usize, value_bytes: usize) -> [u8; HEAD] {
    let mut head = [kind; HEAD];
    head[1..1 + LENGTH].copy_from_slice(&(name_bytes as u32).to_le_bytes());
    head[1 + LENGTH..].copy_from_slice(&(value_bytes as u32).to_le_bytes());
    head
}

/// An entry as it lies in a row.
pub(crate) struct PackedEntry<'a> {
    pub kind: u8,
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// The byte where the next one begins.
    pub end: usize,
}

/// The entry that begins at byte `at`; `None` if there is no whole one.
pub(crate) fn entry_at(bytes: &[u8], at: usize) -> Option<PackedEntry<'_>> {
    let (head, rest) = bytes.get(at..)?.split_first_chunk::<HEAD>()?;
    let &[kind, n0, n1, n2, n3, v0, v1, v2, v3] = head;
    let length = |bytes| usize::try_from(u32::from_le_bytes(bytes)).ok();
    let (name, rest) = rest.split_at_checked(length([n0, n1, n2, n3])?)?;
    let (value, rest) = rest.split_at_checked(length([v0, v1, v2, v3])?)?;
    Some(PackedEntry {
        kind,
        name,
        value,
        end: bytes.len() - rest.len(),
    })
}

/// Writes one row: `out[..at]` is written, the rest of `out` is room for more.
pub(crate) struct RowWriter<'a> {
    out: &'a mut Vec<u8>,
    at: usize,
}

impl<'a> RowWriter<'a> {
    /// A row behind what `out` has.
    pub fn behind(out: &'a mut Vec<u8>) -> Self {
        Self { at: out.len(), out }
    }
}

impl RowWriter<'_> {
    /// Bytes of the output that are written.
    pub fn bytes(&self) -> usize {
        self.at
    }

    /// Whether nothing was written of a value yet.
    pub fn is_empty(&self, value: UnfinishedValue) -> bool {
        self.at == value.value_at
    }

    /// Forgets what was written from byte `at` on.
    pub fn back_to(&mut self, at: usize) {
        self.at = self.at.min(at);
    }

    /// Writes an entry: its name is the range `name` of `bytes`, its value the range `value` of `values`.
    #[inline]
    fn write_entry(
        &mut self,
        kind: u8,
        bytes: &[u8],
        name: Range<usize>,
        values: &[u8],
        value: Range<usize>,
    ) {
        if !self.write_short_entry(kind, bytes, &name, values, &value) {
            self.begin(kind, bytes, name, value.len());
            self.copy(values, value);
        }
    }

    /// The same, but only if name and value are short: whole strides are copied, whatever the lengths. False,
    /// and nothing is written, if they are not.
    #[inline]
    fn write_short_entry(
        &mut self,
        kind: u8,
        bytes: &[u8],
        name: &Range<usize>,
        values: &[u8],
        value: &Range<usize>,
    ) -> bool {
        /// The bytes of such an entry at most, with what is copied behind it.
        const SMALL_BYTES_MAX: usize = HEAD + 2 * STRIDE;
        if name.len() > STRIDE || value.len() > STRIDE {
            return false;
        }
        let (Some(name_bytes), Some(value_bytes), Some(to)) = (
            stride(bytes, name.start),
            stride(values, value.start),
            self.out
                .get_mut(self.at..)
                .and_then(|to| to.first_chunk_mut::<SMALL_BYTES_MAX>()),
        ) else {
            return false;
        };
        let head = kind_and_lengths(kind, name.len(), value.len());
        to[..HEAD].copy_from_slice(&head);
        to[HEAD..HEAD + STRIDE].copy_from_slice(name_bytes);
        to[HEAD + name.len()..HEAD + name.len() + STRIDE].copy_from_slice(value_bytes);
        self.at += HEAD + name.len() + value.len();
        true
    }

    /// Writes an entry up to its value, and makes room for `value_bytes` of it.
    #[inline]
    pub fn begin(
        &mut self,
        kind: u8,
        bytes: &[u8],
        name: Range<usize>,
        value_bytes: usize,
    ) -> UnfinishedValue {
        self.reserve(HEAD + name.len() + value_bytes);
        let head = kind_and_lengths(kind, name.len(), value_bytes);
        let place = self.out.get_mut(self.at..);
        if let Some(place) = place.and_then(|place| place.first_chunk_mut::<HEAD>()) {
            *place = head;
        }
        let length_at = self.at + 1 + LENGTH;
        self.at += HEAD;
        self.copy(bytes, name);
        UnfinishedValue {
            length_at,
            value_at: self.at,
        }
    }

    /// Appends bytes, for which there is room.
    #[inline]
    fn copy(&mut self, bytes: &[u8], range: Range<usize>) {
        let from = bytes.get(range.start..).unwrap_or_default();
        let to = self.out.get_mut(self.at..).unwrap_or_default();
        self.at += range.len();
        if range.len() <= STRIDE
            && let Some(from) = from.first_chunk::<STRIDE>()
            && let Some(to) = to.first_chunk_mut::<STRIDE>()
        {
            *to = *from;
            return;
        }
        if let Some(from) = from.get(..range.len())
            && let Some(to) = to.get_mut(..range.len())
        {
            to.copy_from_slice(from);
        }
    }

    /// Makes room for `bytes` and one stride more.
    #[inline]
    fn reserve(&mut self, bytes: usize) {
        let wanted = self.at + bytes + STRIDE;
        if wanted > self.out.len() {
            self.out.resize(wanted + ROOM_BYTES, 0);
        }
    }

    /// Writes the length of a value that has ended.
    pub fn finish(&mut self, value: UnfinishedValue) {
        let bytes = (self.at - value.value_at) as u32;
        let place = self.out.get_mut(value.length_at..);
        if let Some(length) = place.and_then(|place| place.first_chunk_mut::<LENGTH>()) {
            *length = bytes.to_le_bytes();
        }
    }

    /// Gives back the room that was not needed.
    pub fn end(&mut self) {
        self.out.truncate(self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::{HEAD, LENGTH};
    use crate::{Column, Documents};

    /// The members column of some documents, its rows in words.
    fn rows(name: &str, documents: &[&str]) -> Vec<String> {
        let mut ends = Vec::new();
        let text: String = documents.concat();
        for document in documents {
            ends.push(ends.last().unwrap_or(&0) + document.len() as u32);
        }
        let mut parsed = Documents::default();
        parsed.parse(text.as_bytes(), &ends);
        let column = Column::parse(name).unwrap();
        let (mut packed, mut ends) = (Vec::new(), Vec::new());
        parsed.write_column(&column, &mut packed, &mut ends);
        let mut start = 0;
        let rows = ends.iter().map(|&end| {
            let row = &packed[start..end as usize];
            start = end as usize;
            words(row)
        });
        rows.collect()
    }

    /// Entries as `name=kind:value`, read by the contract's words alone.
    fn words(mut entries: &[u8]) -> String {
        let mut told = Vec::new();
        while let Some((head, rest)) = entries.split_at_checked(HEAD) {
            let length = |at: usize| {
                let bytes = head[at..at + LENGTH].try_into().unwrap();
                u32::from_le_bytes(bytes) as usize
            };
            let (name, rest) = rest.split_at(length(1));
            let (value, rest) = rest.split_at(length(1 + LENGTH));
            entries = rest;
            let (name, kind) = (std::str::from_utf8(name).unwrap(), char::from(head[0]));
            let value = match kind {
                'o' => format!("({})", words(value)),
                _ => std::str::from_utf8(value).unwrap().to_owned(),
            };
            told.push(format!("{name}={kind}:{value}"));
        }
        assert!(entries.is_empty(), "nothing is left over");
        told.join(" ")
    }

    #[test]
    fn a_row_is_its_value_with_members_sorted_and_lengths_for_everything() {
        let cases = [
            (
                "members:",
                r#"{"b":1,"a":{"é":"x\n","":null}}"#,
                "=o:(a=o:(=z: é=s:x\n) b=i:1)",
            ),
            (
                "members:",
                r#"{"t":true,"f":false,"n":-0,"d":1.0,"e":1e30}"#,
                "=o:(d=d:1.0 e=d:1e30 f=f: n=i:0 t=t:)",
            ),
            (
                "members:",
                r#"{"big":123456789012345678901234567890,"u":18446744073709551615}"#,
                "=o:(big=i:123456789012345678901234567890 u=i:18446744073709551615)",
            ),
            (
                "members:/a",
                r#"{"a":{"x":[1, {"b":"\"","a":{}}],"o":{}}}"#,
                r#"=o:(o=o:() x=a:[1,{"a":{},"b":"\""}])"#,
            ),
            ("members:/a", r#"{"a":[{}]}"#, "=a:[{}]"),
            ("members:/a", r#"{"a":null}"#, "=z:"),
            ("members:/a", r#"{"b":1}"#, ""),
            ("members:/a", "not JSON", ""),
            // A value that JSON does not have has an empty row, as in a column of text.
            ("members:", r#"{"a":NaN}"#, ""),
            ("members:", r#"{"a":["\ud800"]}"#, ""),
            ("members:/b", r#"{"a":NaN,"b":{"c":2}}"#, "=o:(c=i:2)"),
            // Of members with one name the last one counts.
            ("members:", r#"{"a":1,"a":2}"#, "=o:(a=i:2)"),
        ];
        for (name, document, expected) in cases {
            assert_eq!(rows(name, &[document]), [expected], "{name} {document}");
        }
        assert_eq!(
            rows("members:/a", &[r#"{"a":{"b":1}}"#, "{}", r#"{"a":"x"}"#]),
            ["=o:(b=i:1)", "", "=s:x"]
        );
    }

    #[test]
    fn an_object_of_many_members_and_one_of_many_levels_are_whole() {
        let members: Vec<String> = (0..500).rev().map(|n| format!("\"m{n:03}\":{n}")).collect();
        let wide = format!("{{{}}}", members.join(","));
        let expected: Vec<String> = (0..500).map(|n| format!("m{n:03}=i:{n}")).collect();
        assert_eq!(
            rows("members:", &[&wide]),
            [format!("=o:({})", expected.join(" "))]
        );
        let levels = 900;
        let deep = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        let expected = format!("={}i:1{}", "o:(a=".repeat(levels), ")".repeat(levels));
        assert_eq!(rows("members:", &[&deep]), [expected]);
    }
}
