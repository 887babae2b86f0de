//! A prepared flush: rows for the store, and what metrics and log show once the rows are written.

use std::collections::BTreeMap;

use landfall_ledger::{
    Cause, Change, Counts, HoleCause, PayloadRef, SchemaGauge, SchemaId, SettledRecord,
    ShardGauges, Stream,
};
use landfall_store::{
    CoverageRow, GenerationRow, IncidentRow, MissingRow, SampleRow, SequenceGapRow, UnreadRow,
    WindowCounts, WindowRow,
};

use crate::flow::{LeftOut, NotFollowed};
use crate::messages::ShardAnswer;

/// A change to the store's missing events. Changes are applied in the order in which they were
/// reported.
pub(in crate::results) enum MissingChange {
    Missing(MissingRow),
    Landed {
        fingerprint: [u8; 16],
        landed_ms: i64,
    },
    /// Lost once more: the incident, the deadline, and when that was reported.
    Again {
        fingerprint: [u8; 16],
        incident: u64,
        deadline_ms: i64,
        reported_ms: i64,
        /// Why it is unconfirmed from now on; empty if it stays what it is.
        hole: &'static str,
    },
    /// It was missing or unconfirmed in a window of the store until now. The counts have what it is instead, and less
    /// than 0 of what it was.
    Revised {
        arrived_ms: i64,
        schema: String,
        /// When its window begins, if that is known.
        window_start_ms: Option<i64>,
        counts: WindowCounts,
    },
}

/// What a shard remembers of keys that were settled, in this order.
pub(in crate::results) struct SettledKeys {
    pub shard: usize,
    /// The shard had applied what came before, in milliseconds. None: nobody knows.
    pub applied_ms: Option<i64>,
    pub records: Vec<SettledRecord>,
    /// Events of different schemas came under one of its keys, or may have come.
    pub has_claims: bool,
}

/// A prepared flush.
#[derive(Default)]
pub(in crate::results) struct Prepared {
    pub generations: Vec<GenerationRow>,
    /// The first numbers of a generation and of an incident that were never assigned, if any was
    /// assigned.
    pub next_generation: Option<u64>,
    pub next_incident: Option<u64>,
    pub missing_changes: Vec<MissingChange>,
    /// How many of them are missing.
    pub missing: usize,
    /// Late landings for incidents that the tracker no longer holds, with the schema.
    pub landed_of_old: Vec<(u64, String)>,
    /// Events that were lost once more: the incident that counted each, with the schema.
    pub lost_again: Vec<(u64, String)>,
    /// In an audit: missing events by schema, first and last arrival, and their incident.
    pub attributed: Vec<(String, i64, i64, u64)>,
    /// Holes that are new or have grown.
    pub coverage: Vec<CoverageRow>,
    /// By how many milliseconds the holes grew, by stream and cause.
    pub unseen: Vec<(Stream, HoleCause, i64)>,
    /// Frames that could not be read.
    pub unread: Vec<UnreadRow>,
    /// Numbers that were left out.
    pub sequence_gaps: Vec<SequenceGapRow>,
    /// The same in all, and what could not be followed, for each stream whose sources number what they send.
    pub left_out: Vec<(Stream, LeftOut, NotFollowed)>,
    pub windows: Vec<WindowRow>,
    /// Start of the window, schema, generation.
    pub judges: Vec<(i64, String, u64)>,
    /// Windows that closed: their start, and the difference between raw events and verdicts.
    pub closed: Vec<(i64, u64)>,
    pub incidents: Vec<IncidentRow>,
    pub samples: Vec<SampleRow>,
    /// Frames of the spool that are no longer needed once this is written.
    pub released: Vec<PayloadRef>,
    /// What is remembered of keys, in the order in which the shards reported it.
    pub settled_keys: Vec<SettledKeys>,
    /// Everything that came before this instant has been reported, in milliseconds.
    pub complete_ms: i64,
    /// Schemas that have no number in the store yet.
    pub run_schemas: Vec<(u16, String)>,
    pub changes: Vec<Change>,
    /// Altered events, by whether their fields were compared.
    pub altered: Vec<bool>,
    pub counts: Vec<(SchemaId, Counts)>,
    pub latency: Vec<SchemaGauge>,
    pub open_by_cause: BTreeMap<Cause, usize>,
    pub gauges: Vec<ShardGauges>,
    /// Answers for shards, sent once all this is written.
    pub answers: Vec<(usize, ShardAnswer)>,
}

impl Prepared {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.missing_changes.is_empty()
            && self.coverage.is_empty()
            && self.unread.is_empty()
            && self.sequence_gaps.is_empty()
            && self.windows.is_empty()
            && self.judges.is_empty()
            && self.closed.is_empty()
            && self.incidents.is_empty()
            && self.samples.is_empty()
            && self.released.is_empty()
            && self.settled_keys.is_empty()
            && self.answers.is_empty()
            && self.next_generation.is_none()
            && self.next_incident.is_none()
    }

    /// The frames that are no longer needed, by segment.
    pub fn released_by_segment(&self) -> BTreeMap<u32, Vec<PayloadRef>> {
        let mut by_segment: BTreeMap<u32, Vec<PayloadRef>> = BTreeMap::new();
        for payload in &self.released {
            by_segment
                .entry(payload.segment())
                .or_default()
                .push(*payload);
        }
        by_segment
    }

    /// The number of raw events and verdicts that its windows count.
    pub fn count(&self) -> u64 {
        let count = |counts: &Counts| {
            let verdicts = counts.verdicts.iter().copied().filter(|n| *n > 0);
            counts.raw.max(0).unsigned_abs() + verdicts.sum::<i64>().unsigned_abs()
        };
        self.counts.iter().map(|(_, counts)| count(counts)).sum()
    }
}
