//! Rows of a batch: typed access to the columns that a check declared.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::bindings::event_check::landfall::check::types;
use crate::column::{Packed, PackedText};
use crate::fields::FIELDS;
use crate::members::{Member, Members};
use crate::value::{Value, unquote};

/// Which stream a batch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What enters the pipeline.
    Raw,
    /// What the writer reports as written.
    Written,
}

/// All rows of one batch.
pub struct Rows<'a> {
    side: Side,
    rows: usize,
    pointers: &'a [String],
    columns: Vec<Column<'a>>,
}

/// A column as it was declared.
enum Column<'a> {
    /// By a JSON pointer.
    Text(PackedText<'a>),
    /// By `members:` and a JSON pointer, or by `fields:` and their definition.
    Members(Packed<'a>),
}

/// The prefix of the pointer of a column of members.
const MEMBERS: &str = "members:";

impl<'a> Rows<'a> {
    /// Checks a batch against the columns that were declared for its stream.
    pub(crate) fn new(
        side: Side,
        batch: &'a types::Batch,
        pointers: &'a [String],
    ) -> Result<Self, String> {
        if batch.columns.len() != pointers.len() {
            return Err(format!(
                "a batch came with {} columns where {} are declared",
                batch.columns.len(),
                pointers.len()
            ));
        }
        let rows = batch.rows as usize;
        let mut columns = Vec::with_capacity(pointers.len());
        for (pointer, column) in pointers.iter().zip(&batch.columns) {
            if column.ends.len() != rows {
                return Err(format!(
                    "`{pointer}`: a column has {} rows in a batch of {rows}",
                    column.ends.len()
                ));
            }
            let column = if pointer.starts_with(MEMBERS) || pointer.starts_with(FIELDS) {
                Packed::new(column).map(Column::Members)
            } else {
                PackedText::new(column).map(Column::Text)
            };
            columns.push(column.map_err(|error| format!("`{pointer}`: {error}"))?);
        }
        Ok(Self {
            side,
            rows,
            pointers,
            columns,
        })
    }

    /// The stream that the rows come from.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows).map(move |index| Row { rows: self, index })
    }
}

/// One document of a batch: the columns that the check declared.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows<'a>,
    index: usize,
}

impl<'a> Row<'a> {
    /// Its place in the batch, from 0.
    pub fn index(&self) -> u32 {
        self.index as u32
    }

    /// The stream that it comes from.
    pub fn side(&self) -> Side {
        self.rows.side
    }

    /// The canonical JSON text of a column; empty if absent.
    ///
    /// `column` is the pointer as declared (found by comparing it with each) or, faster with many
    /// columns, its place among the declared ones.
    ///
    /// # Panics
    /// If the check did not declare the column, or declared one of members: that is a mistake in the check, and its
    /// first test shows it. (The host survives it: the rows are unjudged.)
    pub fn text(&self, column: impl ColumnRef) -> &'a str {
        let place = column.place(self.rows.pointers);
        match self.rows.columns.get(place) {
            Some(Column::Text(column)) => column.row(self.index),
            Some(Column::Members(_)) => panic!("column {place} is one of members, not of text"),
            None => panic!("column {place} is not declared"),
        }
    }

    /// The value of a column of members or of fields: one that was declared as `members:` and a JSON
    /// pointer, or by [`Fields::column`](crate::Fields::column). None if it is absent. To go through all members of a large object, this
    /// is far faster than reading its text.
    ///
    /// # Panics
    /// As [`text`](Self::text), and if the column was declared by a pointer alone.
    pub fn member(&self, column: impl ColumnRef) -> Option<Member<'a>> {
        let place = column.place(self.rows.pointers);
        match self.rows.columns.get(place) {
            Some(Column::Members(column)) => {
                let range = column.range(self.index);
                Members::between(column.bytes(), range.start, range.end).next()
            }
            Some(Column::Text(_)) => panic!("column {place} is one of text, not of members"),
            None => panic!("column {place} is not declared"),
        }
    }

    /// The value of a column by its kind.
    pub fn value(&self, column: impl ColumnRef) -> Value<'a> {
        Value::from_text(self.text(column))
    }

    /// The document has no value there.
    pub fn is_absent(&self, column: impl ColumnRef) -> bool {
        self.text(column).is_empty()
    }

    /// The value there is `null` (which is not absent).
    pub fn is_null(&self, column: impl ColumnRef) -> bool {
        self.text(column) == "null"
    }

    /// The string there; borrowed where it holds no escape. None if it is absent or no string.
    pub fn str(&self, column: impl ColumnRef) -> Option<Cow<'a, str>> {
        unquote(self.text(column))
    }

    /// The number there. None if it is absent or no number.
    pub fn f64(&self, column: impl ColumnRef) -> Option<f64> {
        match self.value(column) {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The integer there. None if it is absent, no integer (`1.0` is none), or beyond 64 bits.
    pub fn i64(&self, column: impl ColumnRef) -> Option<i64> {
        self.text(column).parse().ok()
    }

    /// The boolean there. None if it is absent or no boolean.
    pub fn bool(&self, column: impl ColumnRef) -> Option<bool> {
        match self.text(column) {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The value there as any type that serde reads; `Ok(None)` if it is absent.
    ///
    /// # Errors
    /// The value is there and is not of that type; the text is that of serde.
    pub fn json<T: DeserializeOwned>(&self, column: impl ColumnRef) -> Result<Option<T>, String> {
        match self.text(column) {
            "" => Ok(None),
            text => serde_json::from_str(text)
                .map(Some)
                .map_err(|error| error.to_string()),
        }
    }
}

/// Identifies a column: by its place among the declared ones, or by its pointer.
pub trait ColumnRef {
    /// The place among `declared`.
    fn place(self, declared: &[String]) -> usize;
}

impl ColumnRef for usize {
    fn place(self, _declared: &[String]) -> usize {
        self
    }
}

impl ColumnRef for &str {
    fn place(self, declared: &[String]) -> usize {
        match declared.iter().position(|pointer| pointer == self) {
            Some(place) => place,
            None => panic!("column `{self}` is not declared: add it to columns()"),
        }
    }
}

impl ColumnRef for &String {
    fn place(self, declared: &[String]) -> usize {
        self.as_str().place(declared)
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Rows, Side, types};
    use crate::value::Value;

    fn batch(rows: u32, columns: &[&[&str]]) -> types::Batch {
        let pack = |texts: &&[&str]| {
            let end = |sum: &mut u32, text: &&str| {
                *sum += text.len() as u32;
                Some(*sum)
            };
            types::Column {
                text: texts.concat().into_bytes(),
                ends: texts.iter().scan(0, end).collect(),
            }
        };
        types::Batch {
            stream: "raw".into(),
            rows,
            columns: columns.iter().map(pack).collect(),
        }
    }

    fn pointers(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    fn with_value<T>(text: &str, look: impl FnOnce(&Row<'_>) -> T) -> T {
        let (batch, pointers) = (batch(1, &[&[text]]), pointers(&["/a"]));
        let rows = Rows::new(Side::Raw, &batch, &pointers).expect("rows");
        let row = rows.iter().next().expect("a row");
        look(&row)
    }

    #[test]
    fn every_reading_is_of_its_own_type() {
        // Text, then what f64, i64, bool and str read of it.
        let cases = [
            ("", None, None, None, None),
            ("null", None, None, None, None),
            ("true", None, None, Some(true), None),
            ("12", Some(12.0), Some(12), None, None),
            ("12.0", Some(12.0), None, None, None),
            ("-1e3", Some(-1000.0), None, None, None),
            (
                "9223372036854775808",
                Some(9_223_372_036_854_775_808.0),
                None,
                None,
                None,
            ),
            ("\"12\"", None, None, None, Some("12")),
            ("\"\\u00e9\"", None, None, None, Some("é")),
            ("[1]", None, None, None, None),
        ];
        for (text, float, integer, truth, string) in cases {
            with_value(text, |row| {
                assert_eq!(row.f64(0), float, "{text}");
                assert_eq!(row.i64("/a"), integer, "{text}");
                assert_eq!(row.bool(0), truth, "{text}");
                assert_eq!(row.str(0).as_deref(), string, "{text}");
                assert_eq!(row.is_absent(0), text.is_empty(), "{text}");
                assert_eq!(row.is_null(0), text == "null", "{text}");
                assert_eq!(row.text(0), text);
                assert_eq!(row.value(0), Value::from_text(text));
            });
        }
    }

    #[test]
    fn any_type_of_serde_is_read() {
        with_value("[1,2]", |row| {
            assert_eq!(row.json::<Vec<u8>>(0), Ok(Some(vec![1, 2])));
            assert!(row.json::<String>(0).is_err());
        });
        with_value("", |row| assert_eq!(row.json::<Vec<u8>>(0), Ok(None)));
        // One of the doubles that an inexact reader misses by one.
        with_value("51.24817837550540", |row| {
            assert_eq!(row.json::<f64>(0), Ok(row.f64(0)));
        });
    }

    #[test]
    fn rows_keep_their_place_and_side() {
        let (batch, pointers) = (
            batch(2, &[&["1", "22"], &["\"x\"", ""]]),
            pointers(&["/a", "/b"]),
        );
        let rows = Rows::new(Side::Written, &batch, &pointers).expect("rows");
        assert_eq!(
            (rows.len(), rows.is_empty(), rows.side()),
            (2, false, Side::Written)
        );
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.index(), row.side(), row.text("/a"), row.text(1)))
            .collect();
        let side = Side::Written;
        assert_eq!(seen, [(0, side, "1", "\"x\""), (1, side, "22", "")]);
    }

    #[test]
    fn a_batch_that_does_not_fit_the_manifest_is_refused() {
        let one = pointers(&["/a"]);
        let refused = |batch: &types::Batch| Rows::new(Side::Raw, batch, &one).err();
        assert_eq!(
            refused(&batch(1, &[])).as_deref(),
            Some("a batch came with 0 columns where 1 are declared")
        );
        assert_eq!(
            refused(&batch(2, &[&["1"]])).as_deref(),
            Some("`/a`: a column has 1 rows in a batch of 2")
        );
        let mut odd = batch(1, &[&["x"]]);
        odd.columns[0].text[0] = 0xff;
        assert!(refused(&odd).is_some_and(|error| error.contains("UTF-8")));
    }

    #[test]
    #[should_panic(expected = "column `/b` is not declared")]
    fn a_column_that_was_not_declared_is_a_mistake_of_the_check() {
        with_value("1", |row| row.is_null("/b"));
    }
}
