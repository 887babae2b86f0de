//! All documents of a batch: packed text in, states, values, columns and verdicts out. Nothing is allocated
//! per document once the memory has grown to the size of a batch.

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
    /// whose ends do not lie in `text` in ascending order is empty, and so undecodable.
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
            // Never back: a row must not unescape its strings over those of an earlier row.
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

    /// The value at the pointer; `None` if there is none, or the row is undecodable. In an unjudged row all
    /// values can be found, also those that JSON does not have ([`Value::is_odd`]).
    pub fn value(&self, row: usize, at: &Pointer) -> Option<Value<'_>> {
        let row = self.rows.get(row)?;
        if matches!(row.state, RowState::Undecodable(_)) {
            return None;
        }
        at.resolve(&self.tape, row.root)
            .map(|at| Value::new(&self.tape, at))
    }

    /// Appends a packed column, one row per document, as wit/check.wit's `column` defines it. A row
    /// is empty if there is no value, or if the value is odd, for then it has no JSON text. `ends` gets the
    /// end of each row, in bytes from the beginning of `text`. A column of fields has all of its fields.
    pub fn write_column(&self, column: &Column, text: &mut Vec<u8>, ends: &mut Vec<u32>) {
        ColumnWriter::default().write(self, column, text, ends, None);
    }

    /// Validates the value at the pointer. Only good rows have a verdict; for others the answer is
    /// [`Validity::NoValue`], so ask [`Documents::state`] first.
    pub fn validate(&self, row: usize, at: &Pointer, schema: &Schema) -> Validity {
        match self.good_value(row, at) {
            Some((value, is_deep)) => validate::validity(schema, value, is_deep),
            None => Validity::NoValue,
        }
    }

    /// The first `errors_max` violations of the value at the pointer, in the schema's order. They quote no
    /// value of the document. Empty if the value is valid, or if there is no value.
    pub fn explain(
        &self,
        row: usize,
        at: &Pointer,
        schema: &Schema,
        errors_max: usize,
    ) -> Vec<Violation> {
        self.explanation(row, at, schema, errors_max).violations
    }

    /// As [`Documents::explain`], and whether it took more steps than a validation may take.
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

/// Writes columns. Its memory is reused from batch to batch, and it remembers the names and their order in the
/// objects that it wrote. `Default` allocates nothing.
#[derive(Default)]
pub struct ColumnWriter {
    text: CanonicalWriter,
    members: MembersWriter,
    fields: FieldsWriter,
}

/// Hashing of the fields that a check does not have to see, and where the sum of each row goes.
pub struct FieldHashing<'a> {
    /// Hashes the fields that are written in one way only.
    pub hasher: &'a FieldHasher,
    /// Appended to: one digest for each row of a column of fields, none for other columns.
    pub digests: &'a mut Vec<FieldsDigest>,
}

impl ColumnWriter {
    /// Memory held for columns of fields, in bytes; it does not grow with the number of documents.
    pub fn memory_bytes(&self) -> usize {
        self.fields.memory_bytes()
    }

    /// Appends a column as [`Documents::write_column`] does. With `hashing`, a column of fields has only the
    /// fields that may be written in more than one way; the others are hashed and added to the row's digest.
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
    /// Reads the row that begins at byte `start` of the tape; its nodes begin at `root`. Answers its state, and
    /// whether it has too many levels for the caller's stack.
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
