//! JSON documents of a batch, parsed once, and the schemas they are validated against.
//!
//! The only crate that knows jsonschema. It knows nothing of streams, checks or
//! verdicts. Where parsers of JSON differ, it follows Python's json: docs/JSON.md has the cases.

// Input that somebody else wrote must not end what runs unattended, and what it says goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

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
mod schema;
mod stack;
mod state;
mod steps;
mod tape;
mod validate;
mod value;

pub use column::{Column, ColumnError, Packing};
pub use documents::{ColumnWriter, Documents, Taking};
pub use fields::{FieldHasher, Fields, FieldsDigest, FieldsError, NoFields, are_fields, are_same};
pub use format::{FORMAT_HEAD_BYTES, Format, UTF8_MARK, is_zstd_skippable};
pub use lines::{LinesError, Summary, validate_lines};
pub use pattern::{EnginePattern, PatternDialect, PatternError, translate as translate_pattern};
pub use pointer::{Pointer, PointerError};
pub use redact::redact;
pub use schema::{Problem, Schema, SchemaError, SchemaHint, SchemaRules, SchemaSet};
pub use state::{Defect, Oddity, RowState};
pub use steps::{processor_time, was_long};
pub use validate::{Explanation, VIOLATION_TEXT_BYTES_MAX, Validity, Violation};
pub use value::{Elements, Kind, Members, Value};

/// Levels of nesting that a document may have. Python's json gives up at its recursion limit: 996
/// levels when called from an empty stack (Python 3.11), and a processor's own frames take a few.
pub const NESTING_MAX: usize = 990;

/// Decimal digits that an integer may have: Python's own limit (`sys.int_info`).
pub const INTEGER_DIGITS_MAX: usize = 4300;
