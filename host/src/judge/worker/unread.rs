//! Notes which frames of a batch gave no key: they may be any events. Many of them are a hole in what was seen.

use std::sync::PoisonError;

use landfall_document::{Documents, RowState};
use landfall_ledger::Stream;

use super::Judge;
use crate::flow::{FrameBatch, UnreadFrame};

impl Judge {
    /// Goes through a batch whose rows are finished. `unread_rows` has those that gave no key, in their order;
    /// `keyed_rows` is how many gave one. Rows that are kept for another try are neither.
    pub(super) fn note_unread(&self, stream: Stream, frames: &FrameBatch) {
        let readability = &self.options.readable.readability[stream];
        let mut readability = readability.lock().unwrap_or_else(PoisonError::into_inner);
        // If some are kept, nobody knows which are between two others.
        let no_gaps = self.keyed_rows + self.unread_rows.len() == frames.rows();
        let (mut next, mut left) = (0, self.keyed_rows);
        for &row in &self.unread_rows {
            let arrived_ms = frames.arrived_ms[row];
            if no_gaps {
                readability.read(row - next, arrived_ms);
                left = left.saturating_sub(row - next);
            }
            next = row + 1;
            let is_keyless = is_document(&self.documents, row);
            if !is_keyless {
                frames.guard.unread(arrived_ms, 1);
            }
            let unread = UnreadFrame {
                earliest_ms: frames.earliest_ms[row],
                arrived_ms,
                is_keyless,
            };
            if let Some(hole) = readability.unread(unread) {
                frames.guard.unseen(hole);
            }
        }
        let last_ms = frames.arrived_ms.last().copied().unwrap_or_default();
        readability.read(left, last_ms);
    }
}

/// Whether a row that gave no key is a document all the same: it is of another kind than events.
fn is_document(documents: &Documents, row: usize) -> bool {
    !matches!(documents.state(row), RowState::Undecodable(_))
}
