//! What parsing made of a row: its three states, and the reasons for the two that are not good.

/// The state of one row after parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// A JSON document.
    Good,
    /// Python's json reads it, but it holds something that JSON does not have. Its values can be looked up.
    Unjudged(Oddity),
    /// No document: Python's json refuses it, and so does Landfall.
    Undecodable(Defect),
}

/// What Python's json reads and JSON does not have. A row's state has the first one in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Oddity {
    #[error("holds NaN, which JSON does not have")]
    NotANumber,
    #[error("holds Infinity or -Infinity, which JSON does not have")]
    Infinity,
    #[error("holds a number beyond the range of a double, which Python reads as infinite")]
    FloatOverflow,
    #[error("holds a lone surrogate, which no UTF-8 text can hold")]
    LoneSurrogate,
}

impl Oddity {
    /// One of each kind.
    pub const ALL: [Self; 4] = [
        Self::NotANumber,
        Self::Infinity,
        Self::FloatOverflow,
        Self::LoneSurrogate,
    ];

    /// Lower-case identifier, fit for a metric's label.
    pub fn id(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::Infinity => "infinity",
            Self::FloatOverflow => "float_overflow",
            Self::LoneSurrogate => "lone_surrogate",
        }
    }
}

/// Why a row is no document at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Defect {
    #[error("is empty")]
    Empty,
    #[error("is not UTF-8")]
    InvalidUtf8,
    #[error("is no JSON: unexpected at byte {at}")]
    Syntax {
        /// Offset in the row, in bytes.
        at: u32,
    },
    #[error("is nested more than {} levels deep", crate::NESTING_MAX)]
    TooDeep,
    #[error("holds an integer of more than {} digits", crate::INTEGER_DIGITS_MAX)]
    IntegerTooLong,
}

impl Defect {
    /// One of each kind.
    pub const ALL: [Self; 5] = [
        Self::Empty,
        Self::InvalidUtf8,
        Self::Syntax { at: 0 },
        Self::TooDeep,
        Self::IntegerTooLong,
    ];

    /// Lower-case identifier, fit for a metric's label.
    pub fn id(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::Syntax { .. } => "syntax",
            Self::TooDeep => "too_deep",
            Self::IntegerTooLong => "integer_too_long",
        }
    }
}
