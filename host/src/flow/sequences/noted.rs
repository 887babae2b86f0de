//! Batches that wait to be taken, until all that were read before them are.

use super::tracker::SequenceRow;
use crate::flow::InFlightGuard;

/// A batch that was judged or given up, and is not taken yet.
#[derive(Debug)]
pub(super) enum Noted {
    Rows {
        rows: Vec<SequenceRow>,
        guard: InFlightGuard,
        /// Frames of it that were tried again meanwhile.
        retried: Vec<Retried>,
    },
    /// It is never judged: which numbers it has, nobody knows.
    Lost,
}

impl Noted {
    /// At least one: each batch has a guard.
    pub fn rows(&self) -> usize {
        match self {
            Self::Rows { rows, retried, .. } => {
                rows.len().max(1) + retried.iter().map(Retried::len).sum::<usize>()
            }
            Self::Lost => 1,
        }
    }
}

/// What came of frames that were tried again.
#[derive(Debug)]
pub(super) struct Retried {
    pub rows: Vec<SequenceRow>,
    pub unnumbered: u64,
}

impl Retried {
    pub fn len(&self) -> usize {
        self.rows.len().max(1)
    }
}
