//! Numbers that the sources of a stream gave to what they sent.

use prometheus::{IntCounterVec, Result};

use super::registrar::Registrar;
use crate::flow::LeftOut;

#[derive(Debug)]
pub struct SequenceMetrics {
    left_out: IntCounterVec,
    landed: IntCounterVec,
    came_late: IntCounterVec,
    unnumbered: IntCounterVec,
}

const STREAM: [&str; 1] = ["stream"];

impl SequenceMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        Ok(Self {
            left_out: r.counters("sequence_numbers_left_out_total", &STREAM, "Numbers that a source of the stream gave and that Landfall did not read, of streams with sequence_number.")?,
            landed: r.counters("sequence_numbers_landed_total", &STREAM, "Numbers of the raw stream that were left out and whose events landed: Landfall missed their frames. Of the others, nobody knows whether they reached the place where Landfall reads.")?,
            came_late: r.counters("sequence_numbers_late_total", &STREAM, "Numbers that were left out and came after all, later than sequence_reorder.")?,
            unnumbered: r.counters("unnumbered_documents_total", &STREAM, "Documents without a number or without a source, of streams with sequence_number.")?,
        })
    }

    /// Adds what was counted. The series of a stream begin with the first call.
    pub fn add(&self, stream: &str, left_out: &LeftOut, unnumbered: u64) {
        for (counter, count) in [
            (&self.left_out, left_out.numbers),
            (&self.landed, left_out.landed),
            (&self.came_late, left_out.came_late),
            (&self.unnumbered, unnumbered),
        ] {
            counter.with_label_values(&[stream]).inc_by(count);
        }
    }
}
