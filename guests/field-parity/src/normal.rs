//! The normal form of one value: what is left of it without the changes that the writer is declared to
//! make.

use std::io::Write;

use landfall_guest::{Value, canonical};

use crate::arrays::{rendered, sorted};
use crate::config::{ArrayText, As, Float};
use crate::timestamp::fourteen_digits;

/// How much `Trimmed` may remove from a string that was cut: one double quote at its front, and
/// another one at its end.
const TRIMMED_MAX: usize = 2;

/// How one value is converted to its normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub form: As,
    pub truncate: usize,
    pub float: Float,
    pub null_as_absent: bool,
    pub arrays: ArrayText,
}

/// The kind of a normal value; values of different kinds differ. For a kind whose values mostly stay
/// unchanged, the byte is that of wit/check.wit's column of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    Null = b'z',
    /// Also 0, because a column keeps it as 0.
    False = b'f',
    /// Also 1.
    True = b't',
    Number = b'i',
    Text = b's',
    Json = b'j',
    Time = b'T',
}

impl Kind {
    /// The kind of a form's byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{False, Json, Null, Number, Text, Time, True};
        [Null, False, True, Number, Text, Json, Time]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

impl Rule {
    /// Appends what a column makes of a value of its own type, and returns its kind. None if the value
    /// counts as absent.
    pub fn column_value(&self, value: Value<'_>, out: &mut Vec<u8>) -> Option<Kind> {
        match value {
            Value::Absent => None,
            Value::Null if self.null_as_absent => None,
            value => Some(self.value(value, out)),
        }
    }

    /// Appends the normal form of a value, whose canonical JSON text is `text`, to `out` and returns its kind.
    /// None if the value counts as absent.
    pub fn apply(&self, text: &str, value: Value<'_>, out: &mut Vec<u8>) -> Option<Kind> {
        match (self.form, value) {
            (_, Value::Absent) => None,
            (As::Exact, _) => {
                out.extend_from_slice(text.as_bytes());
                Some(Kind::Json)
            }
            (_, Value::Null) if self.null_as_absent => None,
            (_, Value::Null) => Some(Kind::Null),
            (As::Timestamp, value) => match fourteen_digits(text) {
                Some(digits) => {
                    out.extend_from_slice(&digits);
                    Some(Kind::Time)
                }
                None => Some(self.value(value, out)),
            },
            (As::JsonText, Value::String(string)) => Some(self.json_text(&string, out)),
            (As::JsonText, _) => Some(self.json(text, out)),
            (As::Trimmed, Value::String(string)) => {
                self.trimmed(&string, out);
                Some(Kind::Text)
            }
            (_, value) => self.column_value(value, out),
        }
    }

    fn value(&self, value: Value<'_>, out: &mut Vec<u8>) -> Kind {
        match value {
            Value::Absent | Value::Null => Kind::Null,
            Value::Bool(true) => Kind::True,
            Value::Bool(false) => Kind::False,
            Value::Number(number) => {
                let start = out.len();
                self.number(number, out);
                match out.get(start..).unwrap_or_default() {
                    b"0" => {
                        out.truncate(start);
                        Kind::False
                    }
                    b"1" => {
                        out.truncate(start);
                        Kind::True
                    }
                    _ => Kind::Number,
                }
            }
            Value::String(string) => self.text(&string, out),
            Value::Array(text) | Value::Object(text) => {
                self.text(&rendered(text, self.arrays), out)
            }
        }
    }

    /// Text as the column keeps it. If it may have been an array, the order of members is removed.
    fn text(&self, string: &str, out: &mut Vec<u8>) -> Kind {
        let (kept, was_cut) = cut(string, self.truncate);
        let sorted = match self.form {
            As::JsonText => sorted(kept, was_cut),
            _ if kept.starts_with('[') => sorted(kept, was_cut),
            _ => None,
        };
        out.extend_from_slice(sorted.as_deref().unwrap_or(kept).as_bytes());
        Kind::Text
    }

    /// A value that the column holds as JSON text: if it fits, it is compared as JSON.
    fn json(&self, text: &str, out: &mut Vec<u8>) -> Kind {
        let written = rendered(text, self.arrays);
        if self.truncate > 0 && written.chars().count() > self.truncate {
            return self.text(&written, out);
        }
        out.extend_from_slice(text.as_bytes());
        Kind::Json
    }

    /// A string in such a column.
    fn json_text(&self, string: &str, out: &mut Vec<u8>) -> Kind {
        match canonical(cut(string, self.truncate).0) {
            Some(json) => {
                out.extend_from_slice(json.as_bytes());
                Kind::Json
            }
            None => self.text(string, out),
        }
    }

    /// Cut a little shorter than by the writer: it may have cut before or after the quotes and the newline
    /// were removed, and these make the difference.
    fn trimmed(&self, string: &str, out: &mut Vec<u8>) {
        let inner = string.trim();
        let inner = inner.strip_prefix('"').unwrap_or(inner);
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        let cut = match self.truncate {
            0 => inner,
            characters => cut(inner, characters.saturating_sub(TRIMMED_MAX).max(1)).0,
        };
        out.extend_from_slice(cut.trim().as_bytes());
    }

    /// Integers stay unchanged, of any size, so that no digit of an identifier can change unseen; numbers
    /// with a fraction or an exponent are as the column keeps them.
    ///
    /// Only `As::Float` accepts an integer that a FLOAT column rounded (16777217, landed as 16777216.0). If
    /// the general form made these two equal, it would also have to make 16777217 and 16777216 equal,
    /// because equality of forms is transitive.
    fn number(&self, text: &str, out: &mut Vec<u8>) {
        if self.form != As::Float && is_integer(text) {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        if !number.is_finite() {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        let kept = kept(number, self.float);
        // A float that is an integer is that integer, to its last digit; minus zero is zero. Writing
        // to memory cannot fail.
        let _ = match kept {
            0.0 => write!(out, "0"),
            whole if whole.fract() == 0.0 => write!(out, "{whole:.0}"),
            other => write!(out, "{other}"),
        };
    }
}

fn is_integer(number: &str) -> bool {
    number
        .bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_digit())
}

/// What a column keeps of a number. A number that a 32-bit float cannot hold at all stays unchanged.
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

/// The first characters up to this number (all of them for 0), and whether there are that many, so that
/// more may have been cut.
fn cut(text: &str, characters: usize) -> (&str, bool) {
    // A character has at least one byte.
    if text.len() < characters {
        return (text, false);
    }
    let Some(last) = characters.checked_sub(1) else {
        return (text, false);
    };
    match text.char_indices().nth(last) {
        Some((start, last)) => (text.get(..start + last.len_utf8()).unwrap_or(text), true),
        None => (text, false),
    }
}
