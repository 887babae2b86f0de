//! The verdicts. Every raw event ends in exactly one.

use serde::{Deserialize, Serialize};

/// See docs/ARCHITECTURE.md, "The words".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Verdict {
    Delivered,
    Late,
    Altered,
    Missing,
    Unconfirmed,
    Rejected,
    Leaked,
    Repeated,
    Unjudged,
}

impl Verdict {
    /// All of them, in the order of their numbers.
    pub const ALL: [Verdict; 9] = [
        Verdict::Delivered,
        Verdict::Late,
        Verdict::Altered,
        Verdict::Missing,
        Verdict::Unconfirmed,
        Verdict::Rejected,
        Verdict::Leaked,
        Verdict::Repeated,
        Verdict::Unjudged,
    ];

    /// The name in metrics, the store and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Delivered => "delivered",
            Verdict::Late => "late",
            Verdict::Altered => "altered",
            Verdict::Missing => "missing",
            Verdict::Unconfirmed => "unconfirmed",
            Verdict::Rejected => "rejected",
            Verdict::Leaked => "leaked",
            Verdict::Repeated => "repeated",
            Verdict::Unjudged => "unjudged",
        }
    }
}

/// How the deciding checks judged a raw event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Judgement {
    /// It is to land.
    Expected,
    /// It must not land: invalid, or properly filtered.
    Rejected,
    /// A deciding check could not judge it.
    Unjudged,
}
