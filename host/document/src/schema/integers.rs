//! Integers beyond 64 bits in a schema. Its parser reads them as the nearest double, so where exactly
//! their digits count the schema would silently mean another number.

use crate::documents::Documents;
use crate::number::Number;
use crate::pointer::Pointer;
use crate::value::Value;

use super::draft::escaped;
use super::error::Problem;

/// Keywords that are about one very number. Bounds are not: near them the nearest double decides, and
/// docs/JSON.md says so.
const EXACT: [&str; 4] = ["enum", "const", "multipleOf", "divisibleBy"];

/// Digits that are told of a long one.
const DIGITS_TOLD_MAX: usize = 40;

/// Refuses the first that stands in a keyword that is about one very number. `text` is a document of
/// no more levels than the schema's parser takes, which bounds the recursion.
pub(super) fn check(text: &[u8]) -> Result<(), Problem> {
    let mut documents = Documents::default();
    documents.parse(text, &[u32::try_from(text.len()).unwrap_or(0)]);
    match documents.value(0, &Pointer::default()) {
        Some(schema) => look(schema, "", None),
        None => Ok(()),
    }
}

/// `exact` is the keyword around `value` that is about a very number.
fn look(value: Value<'_>, at: &str, exact: Option<&str>) -> Result<(), Problem> {
    for (name, member) in value.members() {
        let exact = exact.or_else(|| EXACT.into_iter().find(|keyword| *keyword == name));
        look(member, &format!("{at}/{}", escaped(name)), exact)?;
    }
    for (index, element) in value.elements().enumerate() {
        look(element, &format!("{at}/{index}"), exact)?;
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
