//! Numbers that the sources of a stream gave to what they sent.

use prometheus::{IntCounterVec, Result};

use super::registrar::Registrar;
use crate::flow::{LeftOut, NotFollowed};
use landfall_ledger::Stream;

#[derive(Debug)]
pub struct SequenceMetrics {
    left_out: IntCounterVec,
    landed: IntCounterVec,
    came_late: IntCounterVec,
    unread: IntCounterVec,
    unproven: IntCounterVec,
    unnumbered: IntCounterVec,
    sources_forgotten: IntCounterVec,
    landings_unknown: IntCounterVec,
}

const STREAM: [&str; 1] = ["stream"];

impl SequenceMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        let metrics = Self {
            left_out: r.counters("sequence_numbers_left_out_total", &STREAM, "Numbers that a source of the stream gave and that Landfall did not read, of streams with sequence_number.")?,
            landed: r.counters("sequence_numbers_landed_total", &STREAM, "Numbers of the raw stream that were left out and whose events landed. Of the others, nobody knows whether they reached the place where Landfall reads.")?,
            unread: r.counters("sequence_numbers_unread_total", &STREAM, "Numbers that were left out while as many frames came that could not be read.")?,
            came_late: r.counters("sequence_numbers_late_total", &STREAM, "Numbers that were left out and came after all, later than sequence_reorder.")?,
            unproven: r.counters("sequence_numbers_unproven_total", &STREAM, "Numbers that may be copies of old ones, or those of a source that began anew: what is left out between them is not noticed.")?,
            unnumbered: r.counters("unnumbered_documents_total", &STREAM, "Documents without a number or without a source, of streams with sequence_number.")?,
            sources_forgotten: r.counters("sequence_sources_forgotten_total", &STREAM, "Sources of numbers that are followed no longer, because there are too many: what such a source leaves out then is not noticed.")?,
            landings_unknown: r.counters("sequence_landings_unknown_total", &STREAM, "Landings of which it is not known whether their raw frames were read, because too many landed before their frames came.")?,
        };
        // Also of streams without numbers: a query has an answer.
        for stream in Stream::ALL {
            metrics.add(
                stream.as_str(),
                &LeftOut::default(),
                &NotFollowed::default(),
            );
        }
        Ok(metrics)
    }

    /// Adds what was counted.
    pub fn add(&self, stream: &str, left_out: &LeftOut, unknown: &NotFollowed) {
        for (counter, count) in [
            (&self.left_out, left_out.numbers),
            (&self.landed, left_out.landed),
            (&self.came_late, left_out.came_late),
            (&self.unread, left_out.unread),
            (&self.unproven, unknown.numbers),
            (&self.unnumbered, unknown.documents),
            (&self.sources_forgotten, unknown.sources),
            (&self.landings_unknown, unknown.landings),
        ] {
            counter.with_label_values(&[stream]).inc_by(count);
        }
    }
}
