//! Integers beyond 64 bits in a schema. The schema's parser (serde_json) reads them as the nearest double, so
//! the schema would silently mean another number. Here they are kept by their digits, or refused.

use serde_json::Value as SerdeValue;

use crate::lenient;
use crate::number::Number;
use crate::value::Value;

use super::error::Problem;
use super::locations::escaped;

/// Keywords that compare with exact numbers, for which an integer beyond 64 bits is refused.
const EXACT: [&str; 4] = ["enum", "const", "multipleOf", "divisibleBy"];

/// Prefix of the string that stands in a document for an integer beyond 64 bits; its digits follow.
const DIGITS_MARK: &str = "\0integer:";

/// Keywords for which an integer beyond 64 bits is kept by its digits.
const BOUNDS: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/// Digits of a refused integer that the message quotes.
const DIGITS_TOLD_MAX: usize = 40;

/// Replaces bounds beyond 64 bits in `document` by strings with their digits. `text` is the text of that
/// document; the parser has limited its levels, and so the recursion here.
///
/// # Errors
/// If such an integer stands in a keyword that compares with exact numbers.
pub(super) fn keep(text: &[u8], document: &mut SerdeValue) -> Result<(), Problem> {
    let mut bounds = Vec::new();
    if let Ok(tape) = lenient::read_alone(text) {
        look(Value::new(&tape, 0), "", None, &mut bounds)?;
    }
    for (at, digits) in bounds {
        if let Some(bound) = document.pointer_mut(&at) {
            *bound = format!("{DIGITS_MARK}{digits}").into();
        }
    }
    Ok(())
}

/// The digits of an integer that stands in a document as such a string.
pub(super) fn digits_of(value: &SerdeValue) -> Option<&str> {
    value.as_str()?.strip_prefix(DIGITS_MARK)
}

/// Collects the bounds beyond 64 bits: pointers and digits. `exact` is the keyword around `value` that compares
/// with exact numbers, if there is one.
fn look(
    value: Value<'_>,
    at: &str,
    exact: Option<&str>,
    bounds: &mut Vec<(String, String)>,
) -> Result<(), Problem> {
    for (name, member) in value.members() {
        let exact = exact.or_else(|| EXACT.into_iter().find(|keyword| *keyword == name));
        let at = format!("{at}/{}", escaped(name));
        if exact.is_none()
            && BOUNDS.contains(&name)
            && let Some(Number::Digits(digits)) = member.number()
        {
            bounds.push((at.clone(), digits.to_owned()));
        }
        look(member, &at, exact, bounds)?;
    }
    for (index, element) in value.elements().enumerate() {
        look(element, &format!("{at}/{index}"), exact, bounds)?;
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
