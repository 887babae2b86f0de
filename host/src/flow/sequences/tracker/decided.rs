//! What a tracker decided since it was last asked.

use crate::flow::sequences::counts::LeftOut;

/// What was decided.
#[derive(Debug)]
pub(in crate::flow::sequences) struct Decided<G> {
    /// Intervals in which frames were missed, each with the guard that was given with the number behind the gap.
    pub holes: Vec<(i64, i64, G)>,
    /// By the instant at which they must have come, in milliseconds.
    pub counts: Vec<(i64, LeftOut)>,
    /// Sources that are followed no longer.
    pub forgotten: u64,
    /// Numbers of which it is not known whether they are copies.
    pub unproven: u64,
    /// Landings that are not known later.
    pub landings_unknown: u64,
}

impl<G> Default for Decided<G> {
    fn default() -> Self {
        Self {
            holes: Vec::new(),
            counts: Vec::new(),
            forgotten: 0,
            unproven: 0,
            landings_unknown: 0,
        }
    }
}
