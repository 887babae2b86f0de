//! All documents of a batch: packed text in, states and values out. Nothing is allocated per
//! document once the memory has grown to the size of a batch.

use crate::canonical::CanonicalWriter;
use crate::column::{Column, Packing};
use crate::fast::{FastReader, PADDING_BYTES};
use crate::fields::{FieldHasher, FieldsDigest, FieldsWriter};
use crate::lenient::LenientReader;
use crate::members::MembersWriter;
use crate::pointer::Pointer;
use crate::schema::Schema;
use crate::state::{Defect, RowState};
use crate::tape::Tape;
use crate::validate::{self, Explanation, Validity, Violation};
use crate::value::Value;

/// A document with no more levels than this is validated on the caller's stack.
const SHALLOW_LEVELS_MAX: usize = 64;

/// The documents of one batch; reused for the next. `Default` is empty and allocates nothing.
#[derive(Default)]
pub struct Documents {
    tape: Tape,
    rows: Vec<ParsedRow>,
    readers: Option<Box<Readers>>,
}

#[derive(Default)]
struct Readers {
    fast: FastReader,
    lenient: LenientReader,
}

#[derive(Clone, Copy)]
struct ParsedRow {
    root: u32,
    state: RowState,
    is_deep: bool,
}

impl Documents {
    /// Parses a packed column: row `i` is `text[ends[i-1]..ends[i]]`. Replaces what was there. A row
    /// whose ends do not lie in `text` in order is empty, and so undecodable.
    pub fn parse(&mut self, text: &[u8], ends: &[u32]) {
        self.tape.clear();
        self.rows.clear();
        self.tape.bytes.reserve(text.len() + PADDING_BYTES);
        self.tape.bytes.extend_from_slice(text);
        self.tape.bytes.resize(text.len() + PADDING_BYTES, b' ');
        let readers = self.readers.get_or_insert_default();
        let mut start = 0;
        for end in ends {
            let end = *end as usize;
            let row = text.get(start..end).unwrap_or_default();
            let root = self.tape.nodes.len();
            let (state, is_deep) = readers.read(&mut self.tape, root, start, row);
            self.rows.push(ParsedRow {
                root: root as u32,
                state,
                is_deep,
            });
            // Never back: a row may not unescape its strings where an earlier one has its own.
            start = start.max(end);
        }
    }

    /// Number of rows of the batch.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The state of a row; `Undecodable(Empty)` if there is no such row.
    pub fn state(&self, row: usize) -> RowState {
        self.rows
            .get(row)
            .map_or(RowState::Undecodable(Defect::Empty), |row| row.state)
    }

    /// The value at the pointer; `None` if there is none, or the row is undecodable. Of an unjudged
    /// row all values can be found, odd ones too ([`Value::is_odd`]).
    pub fn value(&self, row: usize, at: &Pointer) -> Option<Value<'_>> {
        let row = self.rows.get(row)?;
        if matches!(row.state, RowState::Undecodable(_)) {
            return None;
        }
        at.resolve(&self.tape, row.root)
            .map(|at| Value::new(&self.tape, at))
    }

    /// Appends a packed column, one row per document, as wit/check.wit's `column` defines it. A row
    /// is empty if there is no value, or if the value itself is odd, for then it has no JSON text.
    /// `ends` counts from the beginning of `text`. In a column of fields all of them are there.
    pub fn write_column(&self, column: &Column, text: &mut Vec<u8>, ends: &mut Vec<u32>) {
        ColumnWriter::default().write(self, column, text, ends, None);
    }

    /// Validates the value at the pointer. Only good rows have a verdict; of others the answer is
    /// [`Validity::NoValue`], so ask [`Documents::state`] first.
    pub fn validate(&self, row: usize, at: &Pointer, schema: &Schema) -> Validity {
        match self.good_value(row, at) {
            Some((value, is_deep)) => validate::validity(schema, value, is_deep),
            None => Validity::NoValue,
        }
    }

    /// The first `errors_max` violations of the value at the pointer, in the schema's order, without
    /// any value of the document. None if it is valid, or there is none.
    pub fn explain(
        &self,
        row: usize,
        at: &Pointer,
        schema: &Schema,
        errors_max: usize,
    ) -> Vec<Violation> {
        self.explanation(row, at, schema, errors_max).violations
    }

    /// The same, and whether telling them took more steps than there are.
    pub fn explanation(
        &self,
        row: usize,
        at: &Pointer,
        schema: &Schema,
        errors_max: usize,
    ) -> Explanation {
        let value = self.good_value(row, at);
        value.map_or_else(Explanation::default, |(value, is_deep)| {
            validate::explanation(schema, value, is_deep, errors_max)
        })
    }

    fn good_value(&self, row: usize, at: &Pointer) -> Option<(Value<'_>, bool)> {
        let found = self
            .rows
            .get(row)
            .filter(|row| row.state == RowState::Good)?;
        Some((self.value(row, at)?, found.is_deep))
    }

    /// Memory held, in bytes; about 25 times the text of the largest batch at the worst (`{"":1,"":1...`),
    /// 3 times for common events.
    pub fn memory_bytes(&self) -> usize {
        let readers = self.readers.as_ref();
        self.tape.memory_bytes()
            + self.rows.capacity() * size_of::<ParsedRow>()
            + readers.map_or(0, |readers| {
                readers.fast.memory_bytes() + readers.lenient.memory_bytes()
            })
    }
}

/// Writes columns; its memory serves many batches, and it learns the shapes of their objects.
/// `Default` allocates nothing.
#[derive(Default)]
pub struct ColumnWriter {
    text: CanonicalWriter,
    members: MembersWriter,
    fields: FieldsWriter,
}

/// What hashes the fields that a check does not have to see, and where the sum of each row goes.
pub struct FieldHashing<'a> {
    pub hasher: &'a FieldHasher,
    /// Appended to: one for each row of a column of fields, none of others.
    pub digests: &'a mut Vec<FieldsDigest>,
}

impl ColumnWriter {
    /// Memory held for fields, in bytes; it does not depend on how many documents there were.
    pub fn memory_bytes(&self) -> usize {
        self.fields.memory_bytes()
    }

    /// Appends a column as [`Documents::write_column`] does; but with `hashing`, those fields that are
    /// written in one way only are not in a column of fields: they are taken.
    pub fn write(
        &mut self,
        documents: &Documents,
        column: &Column,
        text: &mut Vec<u8>,
        ends: &mut Vec<u32>,
        mut hashing: Option<FieldHashing<'_>>,
    ) {
        ends.reserve(documents.rows.len());
        for row in 0..documents.rows.len() {
            let is_good = documents.state(row) == RowState::Good;
            let mut digest = FieldsDigest::default();
            if let Some(value) = documents
                .value(row, &column.at)
                .filter(|value| is_good || !value.is_odd())
            {
                match &column.packing {
                    Packing::Text => self.text.write(value.tape(), value.place(), text),
                    Packing::Members => self.members.write(value, text),
                    Packing::Fields(fields) => {
                        let hasher = hashing.as_ref().map(|hashing| hashing.hasher);
                        digest = self.fields.write(value, fields, hasher, text);
                    }
                }
            }
            if let Some(hashing) = &mut hashing
                && column.is_of_fields()
            {
                hashing.digests.push(digest);
            }
            ends.push(text.len() as u32);
        }
    }
}

impl Readers {
    /// The state of the row at `start`, and whether it is deep. Its nodes begin at `root`.
    fn read(&mut self, tape: &mut Tape, root: usize, start: usize, row: &[u8]) -> (RowState, bool) {
        if let Ok(levels) = self.fast.read(tape, start, row.len())
            && tape.seal().is_ok()
        {
            return (RowState::Good, levels > SHALLOW_LEVELS_MAX);
        }
        tape.nodes.truncate(root);
        match self.lenient.read_sealed(tape, start, row) {
            Ok(read) => {
                let state = read.oddity.map_or(RowState::Good, RowState::Unjudged);
                (state, read.depth > SHALLOW_LEVELS_MAX)
            }
            Err(defect) => (RowState::Undecodable(defect), false),
        }
    }
}
