//! What a check wants to see of each document: a value, and how it is packed.

use std::fmt;

use crate::fields::{Fields, FieldsError};
use crate::pointer::{Pointer, PointerError};

/// Before the pointer of a column of members. No JSON pointer begins so.
const MEMBERS: &str = "members:";

/// Before what a column of fields is of.
const FIELDS: &str = "fields:";

/// A column as wit/check.wit's `column` defines it.
#[derive(Clone, Debug)]
pub struct Column {
    pub at: Pointer,
    pub packing: Packing,
    name: Box<str>,
}

/// How a value is written to its row.
#[derive(Clone, Debug)]
pub enum Packing {
    /// Canonical JSON text.
    Text,
    /// An object's members without quotes, escapes and white space.
    Members,
    /// The same of those fields alone that may be written in more than one way.
    Fields(Fields),
}

/// A text that names no column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    #[error(transparent)]
    Pointer(#[from] PointerError),
    #[error(transparent)]
    Fields(#[from] FieldsError),
}

impl Column {
    /// A column by its name in a manifest: a JSON pointer, `members:` and a JSON pointer, or `fields:`
    /// and what they are of.
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
