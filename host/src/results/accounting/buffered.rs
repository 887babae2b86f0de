//! What waits for the next flush: what was reported, and is not decided or written yet.

use landfall_ledger::{Counts, PayloadRef, SchemaGauge, SchemaId};
use landfall_store::SampleRow;

use super::SettledKeys;
use crate::messages::Described;

/// What waits for the next flush.
#[derive(Default)]
pub(in crate::results) struct Buffered {
    pub events: Vec<Described>,
    /// Bytes of the frames of the events.
    pub(super) bytes: usize,
    pub(super) samples: Vec<SampleRow>,
    /// Frames that are no longer needed once the flush is written.
    pub(super) released: Vec<PayloadRef>,
    pub(super) settled_keys: Vec<SettledKeys>,
    /// What metrics will show once the flush is written.
    pub(super) counts: Vec<(SchemaId, Counts)>,
    pub(super) latency: Vec<SchemaGauge>,
}
