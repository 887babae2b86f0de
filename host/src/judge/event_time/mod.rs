//! Reads the event's own time, in the forms that pipelines write it. It is the clock of an audit.
//!
//! A text or number is read in one way only. If it could mean two moments, or means a moment that
//! no event of a pipeline can have, it is refused with a reason. It is never read as another time.

mod calendar;
mod number;
mod text;

use landfall_document::{Kind, Value};

/// The moments that an event may have: from 1990, before the Web, to 2200. A clock that was never
/// set gives 1970, and a number in a wrong unit gives a year far away.
pub(crate) const PLAUSIBLE_MS: std::ops::Range<i64> = 631_152_000_000..7_258_118_400_000;

/// A longer text is not a time.
const TEXT_BYTES_MAX: usize = 128;

/// Why an event has no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeDefect {
    /// None of the pointers leads to a value.
    Absent,
    /// A moment before 1990 or from 2200 on, in whatever unit.
    Implausible,
    /// The form is not one that Landfall reads.
    Unreadable,
}

impl TimeDefect {
    pub const ALL: [Self; 3] = [Self::Absent, Self::Implausible, Self::Unreadable];

    /// Its name in answers and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Implausible => "implausible",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Milliseconds since the epoch; finer parts are cut off. The forms are listed in
/// `config/default.toml`, at `event.time`.
///
/// # Errors
/// The value is no time that can be read; the defect is the reason.
pub fn event_time_ms(value: Value<'_>) -> Result<i64, TimeDefect> {
    let read = match (value.kind(), value.as_str()) {
        (_, Some(text)) => text_ms(text)?,
        (Kind::Number, None) => {
            let mut digits = Vec::new();
            value
                .exact_number(&mut digits)
                .ok_or(TimeDefect::Unreadable)?;
            number::of_number(&digits)?
        }
        (Kind::Null, None) => return Err(TimeDefect::Absent),
        _ => return Err(TimeDefect::Unreadable),
    };
    plausible(read)
}

fn text_ms(text: &str) -> Result<i64, TimeDefect> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TimeDefect::Absent);
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(TimeDefect::Unreadable);
    }
    match number::digits(text.as_bytes()) {
        Some(parts) => number::of_digits(parts),
        None => text::read(text).ok_or(TimeDefect::Unreadable),
    }
}

fn plausible(ms: i64) -> Result<i64, TimeDefect> {
    if PLAUSIBLE_MS.contains(&ms) {
        Ok(ms)
    } else {
        Err(TimeDefect::Implausible)
    }
}

#[cfg(test)]
mod tests;
