//! The bytes of a normal form.
//!
//! `2`, then how many fields with rules of their own there are (4 bytes, little endian), these in the
//! order of the configuration, and all others sorted by name. A field is the length of its name (4
//! bytes), the name, the kind (1 byte), the length of its value (4 bytes), the value. Lengths, so
//! that no name or value can look like the boundary between two.

use crate::flatten::Visitor;
use crate::name::{FlatName, WHOLE_BYTES_MAX};
use crate::normal::{Kind, Rule};
use crate::plan::Names;
use landfall_guest::Value;

/// The first byte; a form is never empty, because an empty one says that there is none.
const VERSION: u8 = 2;

/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();

/// Writes forms; the memory is kept for the next.
#[derive(Default)]
pub struct Writer {
    /// The flattened fields written so far.
    fields: Vec<Place>,
    /// Their names rise.
    is_sorted: bool,
    scratch: Vec<u8>,
}

/// Where a field lies in the form.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    name_bytes: usize,
    end: usize,
}

impl Place {
    fn name<'a>(&self, form: &'a [u8]) -> &'a [u8] {
        let start = self.start + LENGTH;
        form.get(start..start + self.name_bytes).unwrap_or_default()
    }

    fn kind_and_value<'a>(&self, form: &'a [u8]) -> (Option<&'a u8>, &'a [u8]) {
        let kind = self.start + LENGTH + self.name_bytes;
        let value = form.get(kind + 1 + LENGTH..self.end);
        (form.get(kind), value.unwrap_or_default())
    }
}

impl Writer {
    /// Begins a form with the fields that have rules of their own, each written by `write` or, if it
    /// says None, left out.
    pub fn begin<'a>(
        &mut self,
        form: &mut Vec<u8>,
        fields: impl Iterator<Item = &'a str>,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Option<Kind>,
    ) {
        self.fields.clear();
        self.is_sorted = true;
        form.push(VERSION);
        let count_at = form.len();
        form.extend_from_slice(&[0; LENGTH]);
        let mut count = 0u32;
        for (place, name) in fields.enumerate() {
            let start = form.len();
            push_length(form, name.len());
            push(form, name.as_bytes());
            if value(form, |out| write(place, out)).is_some() {
                count += 1;
            } else {
                form.truncate(start);
            }
        }
        put(form, count_at, &count.to_le_bytes());
    }

    /// What adds the members of an object.
    pub fn members<'a>(
        &'a mut self,
        form: &'a mut Vec<u8>,
        skipped: &'a Names,
        rule: &'a Rule,
    ) -> Members<'a> {
        Members {
            writer: self,
            form,
            skipped,
            rule,
            field: 0,
            name_bytes: 0,
        }
    }

    /// Ends a form. Two fields of one name (`a_b` beside `a` holding `b`) are both there, in the order
    /// of their values.
    pub fn end(&mut self, form: &mut Vec<u8>) {
        let (Some(first), false) = (self.fields.first().copied(), self.is_sorted) else {
            return;
        };
        // Members were sorted in their objects, so the fields are a few runs: the stable sort finds them.
        self.fields.sort_by(|one, other| {
            let names = one.name(form).cmp(other.name(form));
            names.then_with(|| one.kind_and_value(form).cmp(&other.kind_and_value(form)))
        });
        self.scratch.clear();
        for field in &self.fields {
            let bytes = form.get(field.start..field.end);
            self.scratch.extend_from_slice(bytes.unwrap_or_default());
        }
        put(form, first.start, &self.scratch);
    }
}

/// Adds the members of an object to a form.
pub struct Members<'a> {
    writer: &'a mut Writer,
    form: &'a mut Vec<u8>,
    skipped: &'a Names,
    rule: &'a Rule,
    /// Where the field in hand begins, and the length of its name.
    field: usize,
    name_bytes: usize,
}

impl Members<'_> {
    fn push_name(&mut self, base: &mut FlatName, name: &str) -> bool {
        let bytes = base.as_str().len() + name.len();
        if bytes <= WHOLE_BYTES_MAX {
            push_length(self.form, bytes);
            let start = self.form.len();
            push(self.form, base.as_str().as_bytes());
            push(self.form, name.as_bytes());
            let whole = self.form.get(start..).unwrap_or_default();
            self.name_bytes = bytes;
            return !self.skipped.has(whole);
        }
        let mark = base.mark();
        base.push(name);
        let is_wanted = !self.skipped.has(base.as_str().as_bytes());
        let bounded = base.bounded();
        self.name_bytes = bounded.len();
        push_length(self.form, bounded.len());
        self.form.extend_from_slice(bounded.as_bytes());
        base.back_to(mark);
        // It ends in a hash, which has an order of its own.
        self.writer.is_sorted = false;
        is_wanted
    }
}

impl Visitor for Members<'_> {
    fn member(&mut self, base: &mut FlatName, name: &str, follows: bool) -> bool {
        self.field = self.form.len();
        let is_wanted = self.push_name(base, name);
        if !is_wanted {
            self.form.truncate(self.field);
        } else if !follows
            && self.writer.is_sorted
            && let Some(last) = self.writer.fields.last()
        {
            let name = self.form.get(self.field + LENGTH..).unwrap_or_default();
            // A member of an object may come to what is not told at all, but never to less.
            self.writer.is_sorted = last.name(self.form) < name;
        }
        is_wanted
    }

    fn is_object(&mut self) {
        self.form.truncate(self.field);
    }

    fn value(&mut self, text: &str, value: Value<'_>) {
        let rule = self.rule;
        if self::value(self.form, |out| rule.apply(text, value, out)).is_some() {
            self.writer.fields.push(Place {
                start: self.field,
                name_bytes: self.name_bytes,
                end: self.form.len(),
            });
        } else {
            self.form.truncate(self.field);
        }
    }
}

/// Appends kind and value behind a name.
fn value(form: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Option<Kind>) -> Option<()> {
    let kind_at = form.len();
    form.extend_from_slice(&[0; 1 + LENGTH]);
    let start = form.len();
    let kind = write(form)?;
    // A row is far below 4 GiB: so is a guest's memory.
    let bytes = (form.len() - start) as u32;
    if let Some(head) = form.get_mut(kind_at..start) {
        head[0] = kind as u8;
        head[1..].copy_from_slice(&bytes.to_le_bytes());
    }
    Some(())
}

/// Copies of more bytes are left to `memory.copy`, which is a call of the host.
const SHORT_BYTES_MAX: usize = 48;

/// Appends bytes; a few of them faster than `extend_from_slice`.
#[inline]
pub fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > SHORT_BYTES_MAX {
        out.extend_from_slice(bytes);
        return;
    }
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        out.extend_from_slice(eight);
        rest = after;
    }
    if let Some((four, after)) = rest.split_first_chunk::<4>() {
        out.extend_from_slice(four);
        rest = after;
    }
    for &byte in rest {
        out.push(byte);
    }
}

fn push_length(form: &mut Vec<u8>, bytes: usize) {
    form.extend_from_slice(&(bytes as u32).to_le_bytes());
}

fn put(form: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = form.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
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
    let mut entries = Vec::new();
    let Some((&VERSION, rest)) = form.split_first() else {
        return entries;
    };
    let mut rest = rest.get(LENGTH..).unwrap_or_default();
    while let Some(entry) = read_entry(&mut rest) {
        entries.push(entry);
    }
    entries.sort();
    entries
}

fn read_entry<'a>(rest: &mut &'a [u8]) -> Option<Entry<'a>> {
    let name = read_bytes(rest)?;
    let (&kind, after) = rest.split_first()?;
    *rest = after;
    Some(Entry {
        name: std::str::from_utf8(name).ok()?,
        kind: Kind::from_byte(kind)?,
        value: std::str::from_utf8(read_bytes(rest)?).ok()?,
    })
}

fn read_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<LENGTH>()?;
    let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}
