//! Validates a value on the tape, and describes its violations without quoting a value of the event.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;

use crate::budget::{self, BudgetExhausted};
use crate::representation::on_a_tape_of_its_own;
use crate::schema::Schema;
use crate::stack::guarded;
use crate::value::Value;

/// Bytes that are kept of each text of a violation. Pointers and messages have names of members in them, and
/// the author of an event chooses these.
pub const VIOLATION_TEXT_BYTES_MAX: usize = 256;

const UNJUDGED: &str = "could not be judged: a pattern with look-around or back-references takes too \
    many steps on a text of it, or the host ran out of memory";

const EXHAUSTED: &str = "could not be judged: the schema takes more steps on it than a validation may take, \
    as alternatives that lead back to their own schema do; distinguish them by a property (`if`, `const`)";

const EXPLANATION_EXHAUSTED: &str = "is not valid; finding the place would take too many steps";

/// What a schema says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// The schema accepts the value.
    Valid,
    /// The schema does not accept the value.
    Invalid,
    /// There is no value at the pointer, or its row is not [`crate::RowState::Good`].
    NoValue,
    /// The validation takes more steps than it may. That is the schema's fault, not the event's.
    Exhausted,
    /// Unknown: a pattern with look-around or back-references gave up on a text, or the host had no thread for
    /// a deep document, or failed. None of this is the event's fault.
    Unjudged,
}

/// One way in which a value violates its schema. Each text has at most [`VIOLATION_TEXT_BYTES_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where in the value, as a JSON pointer from the validated value on.
    pub pointer: String,
    /// The keyword that is violated, as a JSON pointer into the schema as its author wrote it.
    pub schema_pointer: String,
    /// What is wrong, without values of the event.
    pub message: String,
}

/// Whether the value is valid. `is_deep`: it has many levels, and needs a large stack. A failure of the host is
/// never anything but `Unjudged`.
pub(crate) fn validity(schema: &Schema, value: Value<'_>, is_deep: bool) -> Validity {
    if schema.accepts(value) {
        return Validity::Valid;
    }
    let is_deep = is_deep || schema.takes_much_stack();
    let budget = schema.budget(value);
    if is_deep {
        // It runs on another thread, whose notes of the time do not reach this one.
        budget::note_long();
    }
    match guarded(is_deep, || budget.run(|| schema.judge(value))) {
        Some(Ok(Some(true))) => Validity::Valid,
        Some(Ok(Some(false))) => Validity::Invalid,
        Some(Err(BudgetExhausted)) => Validity::Exhausted,
        Some(Ok(None)) | None => Validity::Unjudged,
    }
}

/// What is wrong with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// In the schema's order; empty if the value is valid.
    pub violations: Vec<Violation>,
    /// Whether the validation, or finding the violations, took more steps than it may. The only violation says
    /// so.
    pub is_exhausted: bool,
}

/// The first `errors_max` violations of the value.
pub(crate) fn explanation(
    schema: &Schema,
    value: Value<'_>,
    is_deep: bool,
    errors_max: usize,
) -> Explanation {
    let is_deep = is_deep || schema.takes_much_stack();
    let budget = schema.budget(value);
    if is_deep {
        budget::note_long();
    }
    let tell = || {
        if schema.may_give_up() {
            on_a_tape_of_its_own(value, |value| violations_of(schema, value, errors_max))
        } else {
            violations_of(schema, value, errors_max)
        }
    };
    let complete = |violations| Explanation {
        violations,
        is_exhausted: false,
    };
    let exhausted = |message| Explanation {
        violations: vec![of_the_whole(message)],
        is_exhausted: true,
    };
    let explanation = guarded(is_deep, || match budget.run(|| schema.judge(value)) {
        Ok(Some(true)) => complete(Vec::new()),
        Ok(Some(false)) => match budget.for_explanation().run(tell) {
            Ok(violations) => complete(violations),
            Err(BudgetExhausted) => exhausted(EXPLANATION_EXHAUSTED),
        },
        Ok(None) => complete(vec![of_the_whole(UNJUDGED)]),
        Err(BudgetExhausted) => exhausted(EXHAUSTED),
    });
    explanation.unwrap_or_else(|| complete(vec![of_the_whole(UNJUDGED)]))
}

fn violations_of(schema: &Schema, value: Value<'_>, errors_max: usize) -> Vec<Violation> {
    let errors = schema.validator().iter_errors(value).take(errors_max);
    errors
        .map(|error| Violation {
            pointer: bounded(error.instance_path().as_str()),
            schema_pointer: bounded(&schema.authors_pointer(error.schema_path().as_str())),
            message: bounded(&message(schema, &error)),
        })
        .collect()
}

/// The message of an error, without values of the event, and with patterns as their author wrote them.
fn message(schema: &Schema, error: &ValidationError<'_>) -> String {
    let message = error.masked().to_string();
    let mut kind = error.kind();
    while let ValidationErrorKind::PropertyNames { error } = kind {
        kind = error.kind();
    }
    match kind {
        ValidationErrorKind::Pattern { pattern } => {
            message.replace(pattern.as_str(), schema.authors_pattern(pattern))
        }
        _ => message,
    }
}

/// A violation of the value as a whole.
fn of_the_whole(message: &str) -> Violation {
    Violation {
        pointer: String::new(),
        schema_pointer: String::new(),
        message: message.to_owned(),
    }
}

/// The text, cut between characters if it is long, with `...` at the cut. Control characters are replaced, for
/// they could forge lines of a log.
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
