//! Events over which JSON parsers disagree. The original's was Python's.

use crate::truth::Nature;

use super::kinds::Kind;

/// What is odd about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// `NaN`, which Python reads; the row holds NULL.
    NotANumber,
    /// Two members of one name: the last wins.
    EqualNames,
    /// An integer beyond 64 bits: valid, and a FLOAT in the row.
    HugeInteger,
}

impl Odd {
    pub const ALL: [Self; 3] = [Self::NotANumber, Self::EqualNames, Self::HugeInteger];

    pub fn kind(self) -> Kind {
        Kind::PageTiming
    }

    pub fn nature(self) -> Nature {
        match self {
            Self::NotANumber => Nature::Unjudgeable,
            Self::EqualNames | Self::HugeInteger => Nature::Valid,
        }
    }

    /// The `event`'s JSON text as the producer sends it.
    pub fn sent(self) -> &'static str {
        match self {
            Self::NotANumber => r#"{"responseStart":12,"loadEventEnd":NaN}"#,
            Self::EqualNames => {
                r#"{"responseStart":"first","responseStart":12,"loadEventEnd":3.5}"#
            }
            Self::HugeInteger => r#"{"responseStart":12,"loadEventEnd":1180591620717411303424}"#,
        }
    }

    /// The text that the pipeline passes on, if it differs from that of this crate's JSON library.
    pub fn carried(self) -> Option<&'static str> {
        match self {
            Self::NotANumber => Some(r#"{"responseStart":12,"loadEventEnd":null}"#),
            Self::EqualNames | Self::HugeInteger => None,
        }
    }
}
