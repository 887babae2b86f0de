//! Integers beyond 64 bits in a schema. Its parser reads them as the nearest double, so where exactly
//! their digits count the schema would silently mean another number.

use serde_json::Value as SerdeValue;

use crate::lenient;
use crate::number::Number;
use crate::value::Value;

use super::error::Problem;
use super::locations::escaped;

/// Keywords that are about one very number.
const EXACT: [&str; 4] = ["enum", "const", "multipleOf", "divisibleBy"];

/// Begins what stands in a document for an integer that its parser would round: its digits follow.
const DIGITS_MARK: &str = "\0integer:";

/// Keywords that compare with a number: one beyond 64 bits is kept by its digits.
const BOUNDS: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/// Digits that are told of a long one.
const DIGITS_TOLD_MAX: usize = 40;

/// Refuses the first that stands in a keyword that is about one very number, and has bounds stand in
/// `document` by their digits, where its parser rounds them. `text` is that document, of no more levels
/// than the parser takes, which bounds the recursion.
pub(super) fn keep(text: &[u8], document: &mut SerdeValue) -> Result<(), Problem> {
    let mut rounded = Vec::new();
    if let Ok(tape) = lenient::read_alone(text) {
        look(Value::new(&tape, 0), "", None, &mut rounded)?;
    }
    for (at, digits) in rounded {
        if let Some(bound) = document.pointer_mut(&at) {
            *bound = format!("{DIGITS_MARK}{digits}").into();
        }
    }
    Ok(())
}

/// The digits of an integer that stands in a document by them.
pub(super) fn digits_of(value: &SerdeValue) -> Option<&str> {
    value.as_str()?.strip_prefix(DIGITS_MARK)
}

/// `exact` is the keyword around `value` that is about a very number.
fn look(
    value: Value<'_>,
    at: &str,
    exact: Option<&str>,
    rounded: &mut Vec<(String, String)>,
) -> Result<(), Problem> {
    for (name, member) in value.members() {
        let exact = exact.or_else(|| EXACT.into_iter().find(|keyword| *keyword == name));
        let at = format!("{at}/{}", escaped(name));
        if exact.is_none()
            && BOUNDS.contains(&name)
            && let Some(Number::Digits(digits)) = member.number()
        {
            rounded.push((at.clone(), digits.to_owned()));
        }
        look(member, &at, exact, rounded)?;
    }
    for (index, element) in value.elements().enumerate() {
        look(element, &format!("{at}/{index}"), exact, rounded)?;
    }
    match exact {
        Some(keyword) if matches!(value.number(), Some(Number::Digits(_))) => {
            let mut digits = Vec::new();
            value.write_canonical(&mut digits);
            digits.truncate(DIGITS_TOLD_MAX);
            Err(Problem::LongInteger {
                pointer: at.to_owned(),
                keyword: keyword.to_owned(),
                digits: String::from_utf8_lossy(&digits).into_owned(),
            })
        }
        _ => Ok(()),
    }
}
