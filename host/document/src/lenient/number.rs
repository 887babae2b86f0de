//! Reads numbers as Python's json does: an integer of up to `INTEGER_DIGITS_MAX` digits, a float as a double.

use super::{Cursor, put};
use crate::INTEGER_DIGITS_MAX;
use crate::state::{Defect, Oddity};
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};

/// Reads the number at the cursor, which stands on `-` or a digit.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    tape: &mut Tape,
    start: usize,
) -> Result<(Node, Option<Oddity>), Defect> {
    let begin = cursor.at;
    if cursor.peek() == Some(b'-') {
        cursor.at += 1;
    }
    let digits = match cursor.peek() {
        // No digit may follow a leading zero; if one does, it is refused as what follows a number.
        Some(b'0') => {
            cursor.at += 1;
            1
        }
        _ => skip_digits(cursor),
    };
    if digits == 0 {
        return Err(cursor.syntax());
    }
    let is_float = skip_fraction(cursor)?;
    let text = &cursor.text[begin..cursor.at];
    if is_float {
        return Ok(float(text, start + begin));
    }
    if digits > INTEGER_DIGITS_MAX {
        return Err(Defect::IntegerTooLong);
    }
    let node = match (text.parse::<i64>(), text.parse::<u64>()) {
        (Ok(value), _) => Node::int(value),
        (_, Ok(value)) => Node::uint(value),
        // SAFETY: `text` is a `str`.
        _ => unsafe { put(tape, NodeKind::Digits, start + begin, text.as_bytes()) },
    };
    Ok((node, None))
}

fn float(text: &str, at: usize) -> (Node, Option<Oddity>) {
    // The grammar was checked above, and Rust parses all that it allows.
    let value = text.parse::<f64>().unwrap_or(f64::NAN);
    (
        Node::float_at(value, at),
        (!value.is_finite()).then_some(Oddity::FloatOverflow),
    )
}

fn skip_digits(cursor: &mut Cursor<'_>) -> usize {
    let begin = cursor.at;
    while let Some(b'0'..=b'9') = cursor.peek() {
        cursor.at += 1;
    }
    cursor.at - begin
}

/// Skips a fraction and an exponent; whether there was one of them.
fn skip_fraction(cursor: &mut Cursor<'_>) -> Result<bool, Defect> {
    let begin = cursor.at;
    if cursor.peek() == Some(b'.') {
        cursor.at += 1;
        if skip_digits(cursor) == 0 {
            return Err(cursor.syntax());
        }
    }
    if let Some(b'e' | b'E') = cursor.peek() {
        cursor.at += 1;
        if let Some(b'+' | b'-') = cursor.peek() {
            cursor.at += 1;
        }
        if skip_digits(cursor) == 0 {
            return Err(cursor.syntax());
        }
    }
    Ok(cursor.at > begin)
}
