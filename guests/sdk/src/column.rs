//! Packed columns: one buffer and the end of each row in it.
//!
//! The only place that reads or writes the packing of `wit/check.wit`. Reading checks the packing
//! once for a whole column, so that rows are then plain slices.

use crate::bindings::event_check::landfall::check::types;

/// A packed column whose ends have been checked, as bytes (frames are not always text).
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    bytes: &'a [u8],
    ends: &'a [u32],
}

impl<'a> Packed<'a> {
    /// Checks that the ends never fall and that the last is the length of the buffer.
    pub fn new(column: &'a types::Column) -> Result<Self, String> {
        let mut before = 0;
        for (row, &end) in column.ends.iter().enumerate() {
            if end < before {
                return Err(format!("row {row} of a column ends before it starts"));
            }
            before = end;
        }
        if before as usize != column.text.len() {
            return Err(format!(
                "a column's last row ends at {before}, but its text has {} bytes",
                column.text.len()
            ));
        }
        Ok(Self {
            bytes: &column.text,
            ends: &column.ends,
        })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Where row `row` lies in the buffer; an empty range if there is no such row.
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let start = match row {
            0 => 0,
            _ => self.ends.get(row - 1).map_or(0, |&end| end as usize),
        };
        match self.ends.get(row) {
            Some(&end) => start..end as usize,
            None => 0..0,
        }
    }

    /// The bytes of row `row`, empty if there is no such row.
    pub fn row(&self, row: usize) -> &'a [u8] {
        self.bytes.get(self.range(row)).unwrap_or_default()
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let packed = *self;
        (0..packed.len()).map(move |row| packed.row(row))
    }
}

/// A packed column of text: UTF-8 checked once, over the whole buffer.
#[derive(Clone, Copy)]
pub struct PackedText<'a> {
    packed: Packed<'a>,
    text: &'a str,
}

impl<'a> PackedText<'a> {
    /// Checks the packing and the UTF-8.
    pub fn new(column: &'a types::Column) -> Result<Self, String> {
        let packed = Packed::new(column)?;
        let text = std::str::from_utf8(packed.bytes)
            .map_err(|error| format!("a column is not UTF-8: {error}"))?;
        Ok(Self { packed, text })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// The text of row `row`, empty if there is no such row.
    pub fn row(&self, row: usize) -> &'a str {
        self.text.get(self.packed.range(row)).unwrap_or_default()
    }
}

/// A packed column in the making.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Writer {
    /// A writer with room for `rows` rows and `bytes` bytes.
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(rows),
        }
    }

    /// Writes one row with `fill`, which may only append. If it fails, the row is left empty and
    /// its error returned.
    pub fn row<E>(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let start = self.bytes.len();
        let filled = fill(&mut self.bytes);
        if filled.is_err() {
            self.bytes.truncate(start);
        }
        // The host's limit on a batch's output is far below 4 GiB, and so is a guest's memory.
        self.ends.push(self.bytes.len() as u32);
        filled
    }

    /// The finished column.
    pub fn finish(self) -> types::Column {
        types::Column {
            text: self.bytes,
            ends: self.ends,
        }
    }
}
