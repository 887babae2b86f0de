//! Frames that could not be read at first, and are tried again: what their numbers say.

use landfall_ledger::Fingerprint;

use super::{RETRIED_MAX, SequenceRow, Tracker};

impl<G: Clone> Tracker<G> {
    /// Takes rows of frames that came in the batch of that place and were tried again, and how many of them have no
    /// number. The batch itself was taken before. They say nothing of the order.
    pub fn note_retried(&mut self, place: u64, rows: &[SequenceRow], unnumbered: u64) {
        // The frame that could not be read was this one, and explains no number.
        let mut known = unnumbered;
        let mut tried = unnumbered;
        for row in rows {
            match *row {
                SequenceRow::Kept => {}
                SequenceRow::Unread => tried += 1,
                SequenceRow::Numbered { source, number, .. } => {
                    tried += 1;
                    known += 1;
                    self.landed_unread.take(source, number);
                    if !self.fills(source, number, true) && !self.came_late(source, number) {
                        self.read_early(place, source, number);
                    }
                }
            }
        }
        self.kept.remove(place, tried);
        self.explained = self.unread.min(self.explained.saturating_add(known));
    }

    /// A frame that was tried again is read before the one behind it: it belongs to the gap that this one reveals.
    fn read_early(&mut self, place: u64, source: Fingerprint, number: u64) {
        let Some(known) = self.sources.get(source) else {
            // The first number of a source reveals no gap.
            return;
        };
        let is_of_now = known.anew_at.is_none_or(|anew_at| place >= anew_at);
        let is_ahead = is_of_now && known.runs.is_ahead(number);
        let is_new = self.retried.get(source, number).is_none();
        if is_ahead && is_new && self.retried.len() < RETRIED_MAX {
            self.retried.add(source, number, number, ());
        }
    }
}
