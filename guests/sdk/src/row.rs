//! Rows of a batch: typed access to the columns that a check declared.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::bindings::event_check::landfall::check::types;
use crate::column::PackedText;
use crate::value::{Value, unquote};

/// Which stream a batch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What enters the pipeline.
    Raw,
    /// What the writer says it wrote.
    Written,
}

/// All rows of one batch.
pub struct Rows<'a> {
    side: Side,
    rows: usize,
    pointers: &'a [String],
    columns: Vec<PackedText<'a>>,
}

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
            let column =
                PackedText::new(column).map_err(|error| format!("`{pointer}`: {error}"))?;
            if column.len() != rows {
                return Err(format!(
                    "`{pointer}`: a column has {} rows in a batch of {rows}",
                    column.len()
                ));
            }
            columns.push(column);
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

/// One document of a batch, as far as the check declared to need it.
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
    /// If the check did not declare the column: that is a mistake in the check, which its first test
    /// shows. (The host survives it: the rows are unjudged.)
    pub fn text(&self, column: impl ColumnRef) -> &'a str {
        let place = column.place(self.rows.pointers);
        match self.rows.columns.get(place) {
            Some(column) => column.row(self.index),
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
    pub fn json<T: DeserializeOwned>(&self, column: impl ColumnRef) -> Result<Option<T>, String> {
        match self.text(column) {
            "" => Ok(None),
            text => serde_json::from_str(text)
                .map(Some)
                .map_err(|error| error.to_string()),
        }
    }
}

/// Names a column: by its place among the declared ones, or by its pointer.
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
