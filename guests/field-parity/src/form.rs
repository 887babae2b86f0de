//! The bytes of a normal form.
//!
//! `2`, then how many fields with rules of their own there are (4 bytes, little endian), these in the
//! order of the configuration, and all others sorted by name. A field is the length of its name (4
//! bytes), the name, the kind (1 byte), the length of its value (4 bytes), the value. Lengths, so
//! that no name or value can look like the boundary between two.

use landfall_guest::Value;

use crate::flatten::{Scanned, Visitor};
use crate::name::{FlatName, WHOLE_BYTES_MAX};
use crate::normal::{Kind, Rule};
use crate::out::{Out, Piece};
use crate::plan::Names;

/// The first byte; a form is never empty, because an empty one says that there is none.
const VERSION: u8 = 2;

/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();

/// Bytes behind a name: the kind, and the length of the value.
const HEAD: usize = 1 + LENGTH;

/// Room for the beginning of a name, and for copying it in strides.
const BASE_BYTES: usize = WHOLE_BYTES_MAX + 16;

/// Writes forms; the memory is kept for the next.
pub struct Writer {
    out: Out,
    /// The flattened fields written so far.
    fields: Vec<Place>,
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
            fields: Vec::new(),
            is_sorted: true,
            base: [0; BASE_BYTES],
            base_bytes: 0,
        }
    }
}

/// Where a field lies in what is written.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    name_bytes: usize,
    end: usize,
}

impl Place {
    fn name<'a>(&self, out: &'a Out) -> &'a [u8] {
        let start = self.start + LENGTH;
        out.part(start, start + self.name_bytes)
    }

    fn kind_and_value<'a>(&self, out: &'a Out) -> (&'a [u8], &'a [u8]) {
        let kind = self.start + LENGTH + self.name_bytes;
        (out.part(kind, kind + 1), out.part(kind + HEAD, self.end))
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
        self.fields.clear();
        self.is_sorted = true;
        let out = &mut self.out;
        out.truncate(0);
        out.push_byte(VERSION);
        let count_at = out.len();
        out.push_u32(0);
        let mut count = 0;
        for (place, name) in fields.enumerate() {
            let start = out.len();
            out.push_u32(name.len() as u32);
            out.push(name.as_bytes());
            if value(out, |out| write(place, out)).is_some() {
                count += 1;
            } else {
                out.truncate(start);
            }
        }
        out.put_u32(count_at, count);
    }

    /// What adds the members of an object.
    pub fn members<'a>(&'a mut self, skipped: &'a Names, rule: &'a Rule) -> Members<'a> {
        Members {
            writer: self,
            skipped,
            rule,
            field: 0,
            name_bytes: 0,
        }
    }

    /// Appends the form to `form`. Two fields of one name (`a_b` beside `a` holding `b`) are both there,
    /// in the order of their values.
    pub fn end(&mut self, form: &mut Vec<u8>) {
        let out = &self.out;
        if self.is_sorted {
            form.extend_from_slice(out.written());
            return;
        }
        // Members were sorted in their objects, so the fields are a few runs: the stable sort finds them.
        self.fields.sort_by(|one, other| {
            let names = one.name(out).cmp(other.name(out));
            names.then_with(|| one.kind_and_value(out).cmp(&other.kind_and_value(out)))
        });
        let others: usize = self
            .fields
            .iter()
            .map(|field| field.end - field.start)
            .sum();
        form.extend_from_slice(out.part(0, out.len() - others));
        for field in &self.fields {
            form.extend_from_slice(out.part(field.start, field.end));
        }
    }
}

/// Adds the members of an object to a form.
pub struct Members<'a> {
    writer: &'a mut Writer,
    skipped: &'a Names,
    rule: &'a Rule,
    /// Where the field in hand begins, and the length of its name.
    field: usize,
    name_bytes: usize,
}

impl Members<'_> {
    /// Writes the name of the field in hand; whether it is wanted.
    #[inline(always)]
    fn push_name(&mut self, base: &mut FlatName, name: Piece<'_>, follows: bool) -> bool {
        if !follows {
            self.take_base(base);
        }
        let writer = &mut *self.writer;
        let bytes = writer.base_bytes + name.len;
        if bytes > WHOLE_BYTES_MAX {
            return self.push_long_name(base, name);
        }
        self.name_bytes = bytes;
        writer.out.push_u32(bytes as u32);
        if writer.base_bytes > 0 {
            writer.out.push_piece(Piece {
                whole: &writer.base,
                start: 0,
                len: writer.base_bytes,
            });
        }
        writer.out.push_piece(name);
        let start = self.field + LENGTH;
        !self.skipped.has(writer.out.part(start, start + bytes))
    }

    /// Keeps the beginning of the names to come. Of a long one only that it is long.
    fn take_base(&mut self, base: &FlatName) {
        let bytes = base.as_str().as_bytes();
        self.writer.base_bytes = bytes.len();
        if let Some(place) = self.writer.base.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    #[cold]
    fn push_long_name(&mut self, base: &mut FlatName, name: Piece<'_>) -> bool {
        let mark = base.mark();
        base.push(std::str::from_utf8(name.bytes()).unwrap_or_default());
        let is_wanted = !self.skipped.has(base.as_str().as_bytes());
        let bounded = base.bounded();
        self.name_bytes = bounded.len();
        self.writer.out.push_u32(bounded.len() as u32);
        self.writer.out.push(bounded.as_bytes());
        base.back_to(mark);
        // It ends in a hash, which has an order of its own.
        self.writer.is_sorted = false;
        is_wanted
    }

    /// The value in its normal form, by the way that most values take.
    #[inline(always)]
    fn plain(&mut self, value: Scanned<'_>) -> Option<Kind> {
        if !self.rule.is_plain() {
            return None;
        }
        let out = &mut self.writer.out;
        match value {
            Scanned::Text(text, _) if self.rule.keeps(text) => {
                out.push_piece(text);
                Some(Kind::Text)
            }
            Scanned::Json(text) if is_integer(text) => {
                out.push_piece(text);
                Some(Kind::Number)
            }
            Scanned::Text(..) | Scanned::Json(_) => None,
        }
    }

    /// By any rule.
    fn by_rule(&mut self, value: Scanned<'_>) -> Option<Kind> {
        // All of it is text.
        fn text(piece: Piece<'_>) -> &str {
            std::str::from_utf8(piece.bytes()).unwrap_or_default()
        }
        let out = &mut self.writer.out;
        match value {
            Scanned::Text(piece, literal) => {
                let value = Value::String(text(piece).into());
                self.rule.apply(literal, value, out)
            }
            Scanned::Json(piece) => {
                let json = text(piece);
                self.rule.apply(json, Value::from_text(json), out)
            }
        }
    }
}

/// Whether a number's JSON text is that of an integer.
#[inline(always)]
fn is_integer(number: Piece<'_>) -> bool {
    let bytes = number.bytes();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

impl Visitor for Members<'_> {
    #[inline(always)]
    fn member(&mut self, base: &mut FlatName, name: Piece<'_>, follows: bool) -> bool {
        self.field = self.writer.out.len();
        let is_wanted = self.push_name(base, name, follows);
        if !is_wanted {
            self.writer.out.truncate(self.field);
        } else if !follows
            && self.writer.is_sorted
            && let Some(last) = self.writer.fields.last()
        {
            let out = &self.writer.out;
            // A name that is not told in the end may be taken for one out of order, which costs a
            // sort; never the other way round.
            self.writer.is_sorted = last.name(out) < out.part(self.field + LENGTH, out.len());
        }
        is_wanted
    }

    fn is_object(&mut self) {
        self.writer.out.truncate(self.field);
    }

    #[inline(always)]
    fn value(&mut self, value: Scanned<'_>) {
        let out = &mut self.writer.out;
        let kind_at = out.len();
        out.push_byte(0);
        out.push_u32(0);
        let kind = match self.plain(value) {
            Some(kind) => Some(kind),
            None => self.by_rule(value),
        };
        let out = &mut self.writer.out;
        match kind {
            Some(kind) => {
                put_head(out, kind_at, kind);
                self.writer.fields.push(Place {
                    start: self.field,
                    name_bytes: self.name_bytes,
                    end: self.writer.out.len(),
                });
            }
            None => out.truncate(self.field),
        }
    }
}

/// Appends kind and value behind a name.
fn value(out: &mut Out, write: impl FnOnce(&mut Out) -> Option<Kind>) -> Option<()> {
    let kind_at = out.len();
    out.push_byte(0);
    out.push_u32(0);
    let kind = write(out)?;
    put_head(out, kind_at, kind);
    Some(())
}

#[inline(always)]
fn put_head(out: &mut Out, kind_at: usize, kind: Kind) {
    // A row is far below 4 GiB: so is a guest's memory.
    let bytes = (out.len() - kind_at - HEAD) as u32;
    out.put_byte(kind_at, kind as u8);
    out.put_u32(kind_at + 1, bytes);
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
