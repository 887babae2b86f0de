//! JSON documents of a batch, parsed once, and the schemas against which they are validated.
//!
//! The only crate of the program that knows jsonschema. It knows nothing of streams, checks and incidents. Where
//! parsers of JSON differ, it follows Python's json: docs/JSON.md has the cases.

// Input that somebody else wrote must not end what runs unattended, and output goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc
)]

mod budget;
mod canonical;
mod column;
mod decimal;
mod documents;
mod escape;
mod fast;
mod fields;
mod format;
mod key;
mod lenient;
mod lines;
mod members;
mod number;
mod pattern;
mod pointer;
mod redact;
mod representation;
mod scan;
mod schema;
mod stack;
mod state;
mod tape;
mod validate;
mod value;

pub use budget::{processor_time, validation_was_long};
pub use column::{Column, ColumnError, Packing};
pub use documents::{ColumnWriter, Documents, FieldHashing};
pub use fields::{
    FieldHasher, Fields, FieldsDigest, FieldsError, FieldsRowError, are_same_fields, check_fields,
};
pub use format::{FORMAT_HEAD_BYTES, Format, UTF8_MARK, is_zstd_skippable};
pub use lines::{LinesError, Summary, validate_lines};
pub use pattern::{EnginePattern, PatternDialect, PatternError, translate as translate_pattern};
pub use pointer::{Pointer, PointerError};
pub use redact::redact;
pub use schema::{Problem, Schema, SchemaError, SchemaHint, SchemaRules, SchemaSet};
pub use state::{Defect, Oddity, RowState};
pub use validate::{Explanation, VIOLATION_TEXT_BYTES_MAX, Validity, Violation};
pub use value::{Elements, Kind, Members, Value};

/// Levels of nesting that a document may have. Python's json gives up at its recursion limit: 996
/// levels when called from an empty stack (Python 3.11), and the frames of the calling program take a few of
/// them.
pub const NESTING_MAX: usize = 990;

/// Decimal digits that an integer may have: Python's own limit (`sys.int_info`).
pub const INTEGER_DIGITS_MAX: usize = 4300;
