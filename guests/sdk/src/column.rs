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

    /// The whole buffer.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The place of row `row` in the buffer; an empty range if there is no such row.
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
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

    /// The text of row `row`, empty if there is no such row.
    pub fn row(&self, row: usize) -> &'a str {
        self.text.get(self.packed.range(row)).unwrap_or_default()
    }
}

/// Writes a packed column.
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
    /// its error is returned.
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

#[cfg(test)]
mod tests {
    use super::{Packed, PackedText, Writer, types};

    fn column(text: &[u8], ends: &[u32]) -> types::Column {
        types::Column {
            text: text.to_vec(),
            ends: ends.to_vec(),
        }
    }

    #[test]
    fn a_wrong_packing_is_refused() {
        let cases: [(&[u8], &[u32], Option<&str>); 6] = [
            (b"", &[], None),
            (b"abc", &[0, 1, 1, 3], None),
            (
                b"abc",
                &[2, 1, 3],
                Some("row 1 of a column ends before it starts"),
            ),
            (
                b"abc",
                &[1],
                Some("a column's last row ends at 1, but its text has 3 bytes"),
            ),
            (
                b"abc",
                &[4],
                Some("a column's last row ends at 4, but its text has 3 bytes"),
            ),
            (
                b"a",
                &[],
                Some("a column's last row ends at 0, but its text has 1 bytes"),
            ),
        ];
        for (text, ends, expected) in cases {
            let column = column(text, ends);
            assert_eq!(Packed::new(&column).err().as_deref(), expected, "{ends:?}");
        }
    }

    #[test]
    fn text_is_utf8_and_split_between_characters() {
        let whole = column("aé".as_bytes(), &[1, 3]);
        let text = PackedText::new(&whole).expect("text");
        assert_eq!((text.row(0), text.row(1), text.row(2)), ("a", "é", ""));
        assert!(PackedText::new(&column(b"\xff", &[1])).is_err());
        let split = column("é".as_bytes(), &[1, 2]);
        let text = PackedText::new(&split).expect("the whole is UTF-8");
        assert_eq!(
            (text.row(0), text.row(1)),
            ("", ""),
            "no half of a character"
        );
    }

    #[test]
    fn a_row_that_fails_is_left_empty() {
        let mut writer = Writer::with_capacity(3, 8);
        let fill = |text: &'static str, result: Result<(), u8>| {
            move |bytes: &mut Vec<u8>| {
                bytes.extend_from_slice(text.as_bytes());
                result
            }
        };
        assert_eq!(writer.row(fill("one", Ok(()))), Ok(()));
        assert_eq!(writer.row(fill("half", Err(7))), Err(7));
        assert_eq!(writer.row(fill("three", Ok(()))), Ok(()));
        let column = writer.finish();
        assert_eq!(
            (column.text.as_slice(), column.ends.as_slice()),
            (&b"onethree"[..], &[3, 3, 8][..])
        );
    }

    proptest::proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(
            rows in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..9), 0..20),
        ) {
            let mut writer = Writer::default();
            for row in &rows {
                let filled: Result<(), ()> = writer.row(|bytes| { bytes.extend_from_slice(row); Ok(()) });
                proptest::prop_assert!(filled.is_ok());
            }
            let column = writer.finish();
            let packed = Packed::new(&column).expect("a packing");
            proptest::prop_assert_eq!(packed.len(), rows.len());
            let read: Vec<&[u8]> = packed.iter().collect();
            proptest::prop_assert_eq!(read, rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
            proptest::prop_assert_eq!(packed.row(rows.len()), b"");
        }
    }
}
