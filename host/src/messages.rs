//! What the threads of the engine hand to each other. Judges send to shards and to the results, shards to the
//! describer, the describer to the results. Only answers go back to the shards: the describer's to a comparison,
//! and the store's to what was missing long ago.

use std::sync::Arc;

use landfall_ledger::{
    Activity, Effect, Fingerprint, Frontier, Generation, PerStream, RawObservation, SchemaGauge,
    SchemaId, ShardGauges, Stream, TallyDelta, WrittenObservation,
};

use crate::flow::InFlightGuard;
use crate::judge::{CheckActivity, Comparison, JudgeReport, WrittenFrames};

/// One shard's share of a judged batch.
pub struct ShardWork {
    pub raw: Vec<RawObservation>,
    pub written: Vec<WrittenObservation>,
    /// The batch that the written observations came from.
    pub written_frames: Option<Arc<WrittenFrames>>,
    /// Dropped once the share is applied: the frontier waits for it.
    pub guard: InFlightGuard,
}

/// What a shard tells, in the order in which it happened, in pieces of bounded size. On its way to the
/// results the describer puts [`Described`] in the place of [`LedgerEvent`].
pub struct ShardOutput<T = LedgerEvent> {
    pub shard: usize,
    /// What came and landed: before the verdicts of the same moment, for stalls are judged by it.
    pub activity: Vec<Activity>,
    /// The latest landing of any shard, as of these verdicts.
    pub landed_ms: Option<i64>,
    pub events: Vec<T>,
    /// Another piece of the same follows: only the last one has the counts of all, and the store gets
    /// events and their counts at once.
    pub more: bool,
    /// What changed in the counts. There whenever missing events are told, or their landings.
    pub tallies: Vec<TallyDelta>,
    pub flush: Option<ShardFlush>,
}

/// What a shard tells about itself.
#[derive(Debug)]
pub struct ShardFlush {
    pub latency: Vec<SchemaGauge>,
    pub gauges: ShardGauges,
    /// Time has been moved to here.
    pub frontier: Frontier,
}

/// What the ledger says of one event, with the frames that it speaks of: people will want to hear of it.
pub struct LedgerEvent {
    /// The shard that says it.
    pub shard: usize,
    pub effect: Effect,
    /// Byte for byte as they came; empty where there is none, or it could not be read back.
    pub frames: PerStream<Vec<u8>>,
    /// Of the raw frame: rises in the order in which the frames of one source came.
    pub place: u64,
}

impl LedgerEvent {
    /// Whether the store's list of missing events changes by it, and with it what its windows count.
    pub fn is_of_missing(&self) -> bool {
        matches!(
            self.effect,
            Effect::Missing { .. } | Effect::LandedLate { .. }
        )
    }

    /// Bytes of its frames.
    pub fn bytes(&self) -> usize {
        self.frames.values().map(Vec::len).sum()
    }

    /// A frame that bears the key, and its stream.
    pub fn frame(&self) -> Option<(Stream, &[u8])> {
        let stream = match self.effect {
            Effect::Missing { .. } | Effect::Altered { .. } | Effect::Compare { .. } => Stream::Raw,
            _ if self.frames.written.is_empty() => return None,
            _ => Stream::Written,
        };
        Some((stream, &self.frames[stream]))
    }
}

/// An answer to what a shard told, back to it.
pub enum Answer {
    /// To `Effect::Compare`.
    Compared {
        key: Fingerprint,
        equal: Option<bool>,
    },
    /// To `Effect::Recall`: the schema of the missing event, if there is one.
    Recalled {
        key: Fingerprint,
        missing: Option<SchemaId>,
    },
}

/// What reaches the results.
pub enum Message {
    /// Sent before the batch's observations go to any shard.
    Judged(JudgeReport),
    /// What a shard reports, described.
    Shard {
        output: ShardOutput<Described>,
        /// What the describer's checks did at that.
        checks: Vec<CheckActivity>,
    },
}

/// Something told, with the key as text.
pub struct Described {
    pub event: LedgerEvent,
    pub key: String,
    /// Only of altered events, and not of all if there are very many.
    pub comparison: Option<Comparison>,
    /// Of the checks that made the comparison, else that gave the key as text.
    pub generation: Generation,
}
