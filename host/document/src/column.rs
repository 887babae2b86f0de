//! Columns: which value of each document a check gets, and how the value is packed.

use std::fmt;

use crate::fields::{Fields, FieldsError};
use crate::pointer::{Pointer, PointerError};

/// Prefix of the name of a column of members; a JSON pointer follows. No JSON pointer begins like it.
const MEMBERS: &str = "members:";

/// Prefix of the name of a column of fields; a description in JSON follows.
const FIELDS: &str = "fields:";

/// A column as wit/check.wit's `column` defines it.
#[derive(Clone, Debug)]
pub struct Column {
    /// Where the value is in a document.
    pub at: Pointer,
    /// How the value is written to its row.
    pub packing: Packing,
    name: Box<str>,
}

/// How a value is written to its row.
#[derive(Clone, Debug)]
pub enum Packing {
    /// Canonical JSON text.
    Text,
    /// An object's members as entries of kind, lengths, name and value: without quotes, escapes and white
    /// space.
    Members,
    /// As `Members`, but only the fields that `Fields` selects. With a hasher, only those of them that may be
    /// written in more than one way.
    Fields(Fields),
}

/// Why a text names no column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// Its pointer is none.
    #[error(transparent)]
    Pointer(#[from] PointerError),
    /// Its description of fields is none.
    #[error(transparent)]
    Fields(#[from] FieldsError),
}

impl Column {
    /// A column by its name in a manifest: a JSON pointer, `members:` and a JSON pointer, or `fields:` and a
    /// description in JSON (wit/check.wit).
    ///
    /// # Errors
    /// If the pointer is no JSON pointer, or the description of fields is not as wit/check.wit has it.
    pub fn parse(name: &str) -> Result<Self, ColumnError> {
        let (at, packing) = if let Some(pointer) = name.strip_prefix(MEMBERS) {
            (Pointer::parse(pointer)?, Packing::Members)
        } else if let Some(text) = name.strip_prefix(FIELDS) {
            let (at, fields) = Fields::parse(text)?;
            (at, Packing::Fields(fields))
        } else {
            (Pointer::parse(name)?, Packing::Text)
        };
        Ok(Self {
            at,
            packing,
            name: name.into(),
        })
    }

    /// Whether it is a column of fields.
    pub fn is_of_fields(&self) -> bool {
        matches!(self.packing, Packing::Fields(_))
    }
}

impl From<Pointer> for Column {
    fn from(at: Pointer) -> Self {
        Self {
            name: at.as_str().into(),
            at,
            packing: Packing::Text,
        }
    }
}

/// Its name in a manifest.
impl fmt::Display for Column {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}
