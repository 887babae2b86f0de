//! Columns of fields, as `column` in wit/check.wit defines them. Knows names, values and how they are hashed,
//! but not what a check makes of them.
//!
//! A parity check compares all fields of an event, and most of them can be written in one way only. These are
//! hashed here, straight from the tape, and no check sees them. The others are packed for the check, and its
//! answer is hashed in the same way. Equal fields give equal sums, whoever hashed them and in whatever order.

mod digest;
mod known_names;
mod name_set;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;

pub use digest::{FieldHasher, FieldsDigest, FieldsRowError, are_same_fields, check_fields};
use name_set::NameSet;
pub(crate) use writer::FieldsWriter;

use crate::pointer::{Pointer, PointerError};

/// Bytes of a flattened name: a field with a longer one is never hashed here, but always given to the check
/// (`wit/check.wit` promises it). A prefix or a separator is no longer either, for a name has as many parts as
/// its document has levels.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// Names that a column may leave out. The name of each field is compared with all of them, and no limit of a
/// check covers that time. `wit/check.wit` states it.
const WITHOUT_MAX: usize = 256;

/// Which fields a column has, and how their names are flattened.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Unique in the process, also among those that are described alike.
    id: u64,
    /// Stands before each name.
    prefix: Box<str>,
    /// Stands between the name of an object and those of its members.
    separator: Box<str>,
    /// The names that are left out.
    without: NameSet,
    /// A string of fewer bytes is written in one way only.
    text_bytes: usize,
}

/// The description as a manifest has it; wit/check.wit says what the members mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FieldsManifest {
    at: String,
    prefix: Box<str>,
    separator: Box<str>,
    without: Vec<Box<str>>,
    without_beginning: Vec<Box<str>>,
    text_bytes: Option<usize>,
}

impl Default for FieldsManifest {
    fn default() -> Self {
        Self {
            at: String::new(),
            prefix: "".into(),
            separator: "_".into(),
            without: Vec::new(),
            without_beginning: Vec::new(),
            text_bytes: None,
        }
    }
}

/// Why a text describes no column of fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    #[error("what stands behind `fields:` is not as wit/check.wit has it: {0}")]
    Json(String),
    #[error("`at`: {0}")]
    At(#[from] PointerError),
    #[error("{0} names in `without` and `without_beginning`; at most {WITHOUT_MAX} are allowed")]
    NameSet(usize),
    #[error("`{part}` has {bytes} bytes; at most {NAME_BYTES_MAX} are allowed")]
    Long { part: &'static str, bytes: usize },
}

impl Fields {
    fn next_id() -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        LAST.fetch_add(1, Ordering::Relaxed)
    }

    /// Reads what stands behind `fields:` in the name of a column.
    pub(crate) fn parse(text: &str) -> Result<(Pointer, Self), FieldsError> {
        let written: FieldsManifest =
            serde_json::from_str(text).map_err(|error| FieldsError::Json(error.to_string()))?;
        let names = written.without.len() + written.without_beginning.len();
        if names > WITHOUT_MAX {
            return Err(FieldsError::NameSet(names));
        }
        for (part, text) in [
            ("prefix", &written.prefix),
            ("separator", &written.separator),
        ] {
            if text.len() > NAME_BYTES_MAX {
                let bytes = text.len();
                return Err(FieldsError::Long { part, bytes });
            }
        }
        let fields = Self {
            id: Self::next_id(),
            prefix: written.prefix,
            separator: written.separator,
            without: NameSet::new(written.without, written.without_beginning),
            text_bytes: written.text_bytes.unwrap_or(usize::MAX),
        };
        Ok((Pointer::parse(&written.at)?, fields))
    }
}

#[cfg(test)]
mod tests;
