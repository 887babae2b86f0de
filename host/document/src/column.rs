//! What a check wants to see of each document: a value, and how it is packed.

use std::fmt;

use crate::pointer::{Pointer, PointerError};

/// Before the pointer of a column of members. No JSON pointer begins so.
const MEMBERS: &str = "members:";

/// A column as wit/check.wit's `column` defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub at: Pointer,
    pub packing: Packing,
}

/// How a value is written to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Canonical JSON text.
    Text,
    /// An object's members without quotes, escapes and white space.
    Members,
}

impl Column {
    /// A column by its name in a manifest: a JSON pointer, or `members:` and a JSON pointer.
    pub fn parse(name: &str) -> Result<Self, PointerError> {
        let (packing, pointer) = match name.strip_prefix(MEMBERS) {
            Some(pointer) => (Packing::Members, pointer),
            None => (Packing::Text, name),
        };
        Ok(Self {
            at: Pointer::parse(pointer)?,
            packing,
        })
    }
}

impl From<Pointer> for Column {
    fn from(at: Pointer) -> Self {
        Self {
            at,
            packing: Packing::Text,
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.packing == Packing::Members {
            out.write_str(MEMBERS)?;
        }
        self.at.fmt(out)
    }
}
