//! Packed columns: many byte strings in one buffer. Row `i` is `text[ends[i-1] .. ends[i]]`.

use crate::fault::Fault;

/// The longest text that a 32-bit end can reach.
const TEXT_BYTES_MAX: usize = u32::MAX as usize;

/// A borrowed column. Its ends never fall and the last is the length of its text.
#[derive(Clone, Copy, Debug)]
pub struct PackedRef<'a> {
    pub text: &'a [u8],
    pub ends: &'a [u32],
}

impl<'a> PackedRef<'a> {
    /// How many rows the column has.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    fn start(&self, row: usize) -> usize {
        if row == 0 {
            0
        } else {
            self.ends[row - 1] as usize
        }
    }

    /// The bytes of a row, from 0. Panics if there is no such row.
    pub fn row(&self, row: usize) -> &'a [u8] {
        &self.text[self.start(row)..self.ends[row] as usize]
    }
}

/// An owned column, reused from batch to batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    pub text: Vec<u8>,
    pub ends: Vec<u32>,
}

impl Packed {
    /// Removes all rows, and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Appends a row; one that no 32-bit end can reach is left empty.
    pub fn push(&mut self, row: &[u8]) {
        if row.len() <= TEXT_BYTES_MAX - self.text.len() {
            self.text.extend_from_slice(row);
        }
        self.ends.push(self.text.len() as u32);
    }

    /// The column, borrowed.
    pub fn as_ref(&self) -> PackedRef<'_> {
        PackedRef {
            text: &self.text,
            ends: &self.ends,
        }
    }

    /// Appends the rows of another column, rebased, if the whole stays within `bytes_max`: a batch
    /// that is judged in parts may not answer more than one that is judged at once.
    pub(crate) fn append(
        &mut self,
        text: &[u8],
        ends: &[u32],
        bytes_max: usize,
    ) -> Result<(), Fault> {
        let base = self.text.len();
        if text.len() > bytes_max.min(TEXT_BYTES_MAX).saturating_sub(base) {
            return Err(Fault::bad_output(format!(
                "{} bytes after {base} for other rows of the batch; limits.output_bytes_max is {bytes_max}",
                text.len()
            )));
        }
        self.text.extend_from_slice(text);
        self.ends.extend(ends.iter().map(|end| base as u32 + end));
        Ok(())
    }
}

/// A contiguous part of a column with its ends rebased; the whole column is borrowed as it is.
pub(crate) fn part<'a>(
    column: PackedRef<'a>,
    first: usize,
    rows: usize,
    rebased: &'a mut Vec<u32>,
) -> PackedRef<'a> {
    if first == 0 && rows == column.rows() {
        return column;
    }
    let start = column.start(first);
    let ends = &column.ends[first..first + rows];
    rebased.clear();
    rebased.extend(ends.iter().map(|&end| end - start as u32));
    let end = ends.last().map_or(start, |&end| end as usize);
    PackedRef {
        text: &column.text[start..end],
        ends: rebased,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_column_has_the_same_rows() {
        let mut column = Packed::default();
        for row in [&b"a"[..], b"", b"bcd", b"ef"] {
            column.push(row);
        }
        let mut rebased = Vec::new();
        for first in 0..4 {
            for rows in 0..=4 - first {
                let part = part(column.as_ref(), first, rows, &mut rebased);
                assert_eq!(part.rows(), rows);
                for row in 0..rows {
                    assert_eq!(part.row(row), column.as_ref().row(first + row));
                }
            }
        }
    }

    #[test]
    fn parts_that_together_are_too_large_are_refused_and_leave_the_column_as_it_was() {
        let mut column = Packed::default();
        assert!(column.append(b"abcd", &[1, 4], 6).is_ok());
        let before = column.clone();
        let fault = column.append(b"efg", &[3], 6).expect_err("too large");
        assert!(
            fault.message.contains("3 bytes after 4"),
            "{}",
            fault.message
        );
        assert_eq!(column, before);
        assert!(column.append(b"ef", &[0, 2], 6).is_ok());
        assert_eq!(column.ends, [1, 4, 4, 6]);
    }
}
