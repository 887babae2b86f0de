//! Notes which frames of a batch gave no key: they may be any events. Many of them are a hole in what was seen.

use std::sync::atomic::Ordering;

use landfall_document::{Documents, RowState};
use landfall_ledger::Stream;

use super::Judge;
use crate::flow::FrameBatch;

impl Judge {
    /// Goes through a batch whose rows are finished. `unread_rows` has those that gave no key, in their order; rows
    /// that are kept for another try are read by then.
    ///
    /// A document without a key is of another kind than events, unless no document ever had one: then the key's place
    /// is not where the configuration says.
    pub(super) fn note_unread(&mut self, stream: Stream, frames: &FrameBatch) {
        let rows = frames.rows();
        let keyed = &self.options.readable.keyed[stream];
        let was_keyed = keyed.load(Ordering::Relaxed);
        let any_keyed = was_keyed || self.unread_rows.len() < rows;
        if any_keyed && !was_keyed {
            keyed.store(true, Ordering::Relaxed);
        }
        let readability = &mut self.readability[stream];
        let mut next = 0;
        for &row in &self.unread_rows {
            readability.read(row - next);
            next = row + 1;
            let arrived_ms = frames.arrived_ms[row];
            frames.guard.unread(arrived_ms, 1);
            if any_keyed && is_document(&self.documents, row) {
                continue;
            }
            if let Some(hole) = readability.unread(frames.earliest_ms[row], arrived_ms) {
                frames.guard.unseen(hole);
            }
        }
        readability.read(rows - next);
    }
}

/// Whether a row that gave no key is a document all the same.
fn is_document(documents: &Documents, row: usize) -> bool {
    !matches!(documents.state(row), RowState::Undecodable(_))
}
