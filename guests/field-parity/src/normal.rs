//! The normal form of one value: what is left of it when all is forgotten that the writer is
//! declared to change.

use std::fmt::Write;

use landfall_guest::Value;

use crate::arrays::{as_json, styled};
use crate::config::{ArrayText, As, Float};
use crate::timestamp::fourteen_digits;

/// Beyond this not every integer is a 64-bit float: 2 to the 53rd.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What `Trimmed` may take from the front of a string that was cut: one double quote, and what may
/// be lost at its end: another.
const TRIMMED_MAX: usize = 2;

/// How one value is brought to its normal form.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub form: As,
    pub truncate: usize,
    pub float: Float,
    pub null_as_absent: bool,
    pub arrays: ArrayText,
}

/// The kind of a normal value; values of different kinds differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    Null = b'z',
    Number = b'n',
    Text = b's',
    Json = b'j',
    Time = b't',
}

impl Kind {
    /// The kind that a form's byte says.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::Null, Self::Number, Self::Text, Self::Json, Self::Time]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

impl Rule {
    /// Appends the normal form of a value's canonical JSON text to `out` and says its kind. None if
    /// the value counts as absent.
    pub fn apply(&self, text: &str, out: &mut String) -> Option<Kind> {
        match (self.form, Value::from_text(text)) {
            (_, Value::Absent) => None,
            (As::Exact, _) => {
                out.push_str(text);
                Some(Kind::Json)
            }
            (_, Value::Null) if self.null_as_absent => None,
            (_, Value::Null) => Some(Kind::Null),
            (As::Timestamp, value) => match fourteen_digits(text) {
                Some(digits) => {
                    out.push_str(&digits);
                    Some(Kind::Time)
                }
                None => Some(self.value(value, out)),
            },
            (As::JsonText, Value::String(string)) => Some(match as_json(&string) {
                Some(json) => self.json(&json, out),
                None => self.text(&string, out),
            }),
            (As::JsonText, _) => Some(self.json(text, out)),
            (As::Trimmed, Value::String(string)) => {
                self.trimmed(&string, out);
                Some(Kind::Text)
            }
            (_, value) => Some(self.value(value, out)),
        }
    }

    fn value(&self, value: Value<'_>, out: &mut String) -> Kind {
        match value {
            Value::Absent | Value::Null => Kind::Null,
            Value::Bool(truth) => {
                out.push(if truth { '1' } else { '0' });
                Kind::Number
            }
            Value::Number(number) => {
                self.number(number, out);
                Kind::Number
            }
            Value::String(string) => match array_text(&string) {
                Some(json) => self.json(&json, out),
                None => self.text(&string, out),
            },
            Value::Array(text) | Value::Object(text) => self.json(text, out),
        }
    }

    /// JSON that is kept as text: whole if it fits, else cut as the writer cuts it.
    fn json(&self, text: &str, out: &mut String) -> Kind {
        let json = as_json(text);
        let text = json.as_deref().unwrap_or(text);
        if self.truncate == 0 {
            out.push_str(text);
            return Kind::Json;
        }
        let written = styled(text, self.arrays);
        match written.char_indices().nth(self.truncate) {
            None => {
                out.push_str(text);
                Kind::Json
            }
            Some((end, _)) => {
                out.push_str(written.get(..end).unwrap_or_default());
                Kind::Text
            }
        }
    }

    fn text(&self, string: &str, out: &mut String) -> Kind {
        out.push_str(cut(string, self.truncate));
        Kind::Text
    }

    /// Cut a little shorter than the writer does: it may have cut before or after the quotes and the
    /// newline were gone, and the difference is theirs.
    fn trimmed(&self, string: &str, out: &mut String) {
        let inner = string.trim();
        let inner = inner.strip_prefix('"').unwrap_or(inner);
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        let cut = match self.truncate {
            0 => inner,
            characters => cut(inner, characters.saturating_sub(TRIMMED_MAX).max(1)),
        };
        out.push_str(cut.trim());
    }

    /// Integers as they are, so that no digit of an identifier can change unseen; a float that is
    /// an integer is that integer; the rest as the column keeps it.
    fn number(&self, text: &str, out: &mut String) {
        let force = self.form == As::Float;
        if !force && let Ok(integer) = text.parse::<i64>() {
            // Writing to a String cannot fail.
            let _ = write!(out, "{integer}");
            return;
        }
        let Ok(number) = text.parse::<f64>() else {
            out.push_str(text);
            return;
        };
        let exact = !force && number.fract() == 0.0 && number.abs() <= EXACT_MAX;
        let kept = if exact {
            number
        } else {
            kept(number, self.float)
        };
        // Minus zero is zero.
        let _ = write!(out, "{}", if kept == 0.0 { 0.0 } else { kept });
    }
}

/// What a column keeps of a number. What a 32-bit float cannot hold at all is left as it is.
fn kept(number: f64, float: Float) -> f64 {
    let single = f64::from(number as f32);
    match float {
        _ if !single.is_finite() => number,
        Float::F64 => number,
        Float::F32 => single,
        Float::Digits(digits) => {
            let places = usize::from(digits.max(1)) - 1;
            format!("{single:.places$e}").parse().unwrap_or(single)
        }
    }
}

/// The first so many characters; all of them for 0.
fn cut(text: &str, characters: usize) -> &str {
    match characters {
        0 => text,
        _ => match text.char_indices().nth(characters) {
            Some((end, _)) => text.get(..end).unwrap_or(text),
            None => text,
        },
    }
}

/// A string that is an array's JSON text, as the database holds arrays.
fn array_text(string: &str) -> Option<String> {
    string.starts_with('[').then(|| as_json(string))?
}
