//! Validation of a value on the tape, and its violations in words that hold no value of the event.

use crate::schema::Schema;
use crate::value::Value;

/// Bytes kept of each text of a violation. Pointers and messages hold names of members, and those
/// are the event's author's choice.
pub const VIOLATION_TEXT_BYTES_MAX: usize = 256;

/// Stack for validating a deep document: a recursive schema takes several frames per level, and
/// this leaves 64 KiB for each of the levels that a document may have. Untouched pages cost nothing.
const DEEP_STACK_BYTES: usize = 64 * 1024 * 1024;

/// What a schema says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    Valid,
    Invalid,
    /// There is no value at the pointer, or its row is not good.
    NoValue,
}

/// One way in which a value breaks its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where in the value, as a JSON pointer.
    pub pointer: String,
    /// The keyword that is broken, as a JSON pointer into the schema.
    pub schema_pointer: String,
    /// What is wrong, without values of the event.
    pub message: String,
}

/// `NoValue` only if a deep value was to be validated and the system gave no thread for it.
pub(crate) fn validity(schema: &Schema, value: Value<'_>, is_deep: bool) -> Validity {
    match with_stack(is_deep, || schema.is_valid(value)) {
        Some(true) => Validity::Valid,
        Some(false) => Validity::Invalid,
        None => Validity::NoValue,
    }
}

pub(crate) fn violations(
    schema: &Schema,
    value: Value<'_>,
    is_deep: bool,
    errors_max: usize,
) -> Vec<Violation> {
    with_stack(is_deep, || {
        let errors = schema.validator().iter_errors(value).take(errors_max);
        errors
            .map(|error| Violation {
                pointer: bounded(error.instance_path().as_str()),
                schema_pointer: bounded(error.schema_path().as_str()),
                message: bounded(&error.masked().to_string()),
            })
            .collect()
    })
    .unwrap_or_default()
}

/// Runs `work` here, or with a large stack if the document is deep. `None` if there is no thread.
fn with_stack<T: Send>(is_deep: bool, work: impl FnOnce() -> T + Send) -> Option<T> {
    if !is_deep {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(DEEP_STACK_BYTES)
            .spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

/// Cut at a character's boundary, the cut marked; control characters, which could forge lines of a
/// log, replaced.
fn bounded(text: &str) -> String {
    const MARK: &str = "...";
    let mut out = String::with_capacity(text.len().min(VIOLATION_TEXT_BYTES_MAX));
    for character in text.chars() {
        let character = if character.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        };
        if out.len() + character.len_utf8() + MARK.len() > VIOLATION_TEXT_BYTES_MAX {
            out.push_str(MARK);
            break;
        }
        out.push(character);
    }
    out
}
