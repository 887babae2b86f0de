//! Packed columns: many byte strings in one buffer. Row `i` is `text[ends[i-1] .. ends[i]]`.

/// A borrowed column. Its ends never fall and the last is the length of its text.
#[derive(Clone, Copy, Debug)]
pub struct PackedRef<'a> {
    pub text: &'a [u8],
    pub ends: &'a [u32],
}

impl<'a> PackedRef<'a> {
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
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub fn push(&mut self, row: &[u8]) {
        self.text.extend_from_slice(row);
        self.ends.push(self.text.len() as u32);
    }

    pub fn as_ref(&self) -> PackedRef<'_> {
        PackedRef {
            text: &self.text,
            ends: &self.ends,
        }
    }

    /// Appends the rows of another column, rebased.
    pub(crate) fn append(&mut self, text: &[u8], ends: &[u32]) {
        let base = self.text.len() as u32;
        self.text.extend_from_slice(text);
        self.ends.extend(ends.iter().map(|end| base + end));
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
}
