//! The bytes of a normal form: the fields of an event, sorted by name.
//!
//! `1`, then for each field: length of the name (4 bytes, little endian), the name, the kind (1
//! byte), length of the value (4 bytes), the value. Lengths, so that no name or value can look like
//! the boundary between two.

use std::ops::Range;

use crate::normal::Kind;

/// The first byte; a form is never empty, because an empty one says that there is none.
const VERSION: u8 = 1;

/// The fields of one event in the making; the memory is kept for the next.
#[derive(Default)]
pub struct Fields {
    text: String,
    fields: Vec<(Range<usize>, Kind, Range<usize>)>,
}

impl Fields {
    /// Forgets the fields.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
    }

    /// Adds a field whose value `write` appends; nothing if it says None.
    pub fn push(&mut self, name: &str, write: impl FnOnce(&mut String) -> Option<Kind>) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        match write(&mut self.text) {
            Some(kind) => {
                let end = self.text.len();
                self.fields.push((start..middle, kind, middle..end));
            }
            None => self.text.truncate(start),
        }
    }

    /// Appends the form to `form`. Two fields of one name (`a_b` beside `a` holding `b`) are both
    /// there, in the order of their values.
    pub fn write(&mut self, form: &mut Vec<u8>) {
        let text = self.text.as_bytes();
        let key = |field: &(Range<usize>, Kind, Range<usize>)| {
            (&text[field.0.clone()], field.1, &text[field.2.clone()])
        };
        self.fields
            .sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        form.push(VERSION);
        for (name, kind, value) in &self.fields {
            push_bytes(form, &text[name.clone()]);
            form.push(*kind as u8);
            push_bytes(form, &text[value.clone()]);
        }
    }
}

fn push_bytes(form: &mut Vec<u8>, bytes: &[u8]) {
    // A row is far below 4 GiB: so is a guest's memory.
    form.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    form.extend_from_slice(bytes);
}

/// One field of a finished form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub name: &'a str,
    pub kind: Kind,
    pub value: &'a str,
}

/// The fields of a form, in order; ends early where the bytes are no form.
pub fn read(form: &[u8]) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let Some((&VERSION, mut rest)) = form.split_first() else {
        return entries;
    };
    while let Some(entry) = read_entry(&mut rest) {
        entries.push(entry);
    }
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
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}
