//! Reads the numbers that a stream's sources give to what they send, and says in which order they came.

use std::sync::Arc;
use std::time::Instant;

use landfall_document::{Documents, Pointer, RowState, Value};
use landfall_ledger::{Fingerprint, Stream};

use super::{Judge, KEPT_FOR_RETRY};
use crate::flow::{FrameBatch, SequenceRow, Sequences};
use crate::judge::identity::Secret;
use crate::judge::plan::Plan;

/// Where a document carries the number that its source gave it.
#[derive(Clone, Debug)]
pub struct SequenceReader {
    /// What names the source; None if there is one only.
    pub source: Option<Pointer>,
    /// A whole number, or a text of decimal digits.
    pub number: Pointer,
    pub sequences: Arc<Sequences>,
}

/// The only source of a stream.
const ONLY: Fingerprint = Fingerprint(0);

impl SequenceReader {
    /// The source and the number of a document.
    fn read(
        &self,
        documents: &Documents,
        row: usize,
        secret: &Secret,
        scratch: &mut Vec<u8>,
    ) -> Option<(Fingerprint, u64)> {
        let number = number_of(documents.value(row, &self.number)?)?;
        let source = match &self.source {
            None => ONLY,
            Some(pointer) => secret.fingerprint(documents.value(row, pointer)?, scratch)?,
        };
        Some((source, number))
    }
}

fn number_of(value: Value<'_>) -> Option<u64> {
    match value.as_str() {
        None => value.as_u64(),
        Some(text) => {
            let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| is_digits)
        }
    }
}

impl Judge {
    /// Takes the numbers of a batch whose rows are finished. A frame that a codec failed on is kept, and its number may
    /// still come when it is tried again.
    pub(super) fn note_sequence(&mut self, plan: &Plan, stream: Stream, frames: &mut FrameBatch) {
        let options = &self.options;
        let own = &options.sequences[stream];
        // The other side has the event's own number.
        let of_raw = match stream {
            Stream::Written => &options.sequences.raw,
            Stream::Raw => &None,
        };
        if own.is_none() && of_raw.is_none() {
            return;
        }
        let (secret, scratch, now) = (&options.secret, &mut self.scratch, self.now);
        let has_codec = plan.streams[stream].codec.is_some();
        let code_of = |row: usize| match has_codec {
            true => self.decoded.codes.get(row).copied().unwrap_or_default(),
            false => 0,
        };
        let (mut rows, mut landed, mut unnumbered) = (Vec::new(), Vec::new(), 0);
        for row in 0..frames.rows() {
            if code_of(row) == KEPT_FOR_RETRY {
                rows.push(SequenceRow::Kept);
                continue;
            }
            let is_unread =
                code_of(row) != 0 || matches!(self.documents.state(row), RowState::Undecodable(_));
            if is_unread {
                rows.push(SequenceRow::Unread);
                continue;
            }
            let mut read =
                |reader: &SequenceReader| reader.read(&self.documents, row, secret, scratch);
            landed.extend(of_raw.as_ref().and_then(&mut read));
            match own.as_ref().map(read) {
                None => {}
                Some(None) => unnumbered += 1,
                Some(Some((source, number))) => rows.push(SequenceRow::Numbered {
                    source,
                    number,
                    earliest_ms: frames.earliest_ms[row],
                    arrived_ms: frames.arrived_ms[row],
                }),
            }
        }
        if let Some(own) = own {
            let sequences = &own.sequences;
            match (frames.ticket.take(), frames.sequence_place) {
                (Some(ticket), _) => sequences.note(ticket, rows, &frames.guard, unnumbered, now),
                (None, Some(place)) => sequences.note_retried(place, rows, unnumbered, now),
                // Frames of an earlier run say nothing of what came in this one.
                (None, None) => {}
            }
        }
        if let Some(of_raw) = of_raw
            && !landed.is_empty()
        {
            of_raw.sequences.landed(&landed);
        }
    }

    /// Decides gaps whose numbers can come no more. True if some are still open.
    pub fn look_at_sequences(&self, now: Instant) -> bool {
        let mut is_open = false;
        for reader in self.options.sequences.values().flatten() {
            is_open |= reader.sequences.look(now);
        }
        is_open
    }

    /// From now on gaps are decided at once.
    pub(super) fn end_sequences(&self) {
        for reader in self.options.sequences.values().flatten() {
            reader.sequences.end(self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<u64> {
        let mut documents = Documents::default();
        documents.parse(json.as_bytes(), &[json.len() as u32]);
        number_of(documents.value(0, &Pointer::default()).expect(json))
    }

    #[test]
    fn a_number_is_whole_and_may_be_a_text_of_digits() {
        for (json, expected) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("1.5", None),
            ("\"42\"", Some(42)),
            ("\"+42\"", None),
            ("\"\"", None),
            ("\" 42\"", None),
            ("\"18446744073709551616\"", None),
            ("null", None),
            ("[1]", None),
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
    }
}
