//! What the threads of the engine send to each other. Judges send to shards and to the results,
//! shards to the describer, the describer to the results. Only answers go back to the shards: the
//! describer's answer to a comparison, and the store's answer about an event that went missing long
//! ago.

use std::sync::Arc;

use landfall_ledger::{
    Activity, Effect, Fingerprint, Frontier, Generation, PerStream, RawObservation, SchemaGauge,
    SchemaId, SettledLog, ShardGauges, Stream, TallyDelta, WrittenObservation,
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

/// What a shard reports, in the order in which it happened, in pieces of bounded size. On the way
/// to the results, the describer replaces each [`LedgerEvent`] by a [`Described`].
pub struct ShardOutput<T = LedgerEvent> {
    pub shard: usize,
    /// What came and landed. It is applied before the verdicts of the same moment, because stalls
    /// are judged by it.
    pub activity: Vec<Activity>,
    /// The latest landing of any shard at the time of these verdicts, in milliseconds.
    pub landed_ms: Option<i64>,
    pub events: Vec<T>,
    /// Another piece of the same report follows. Only the last piece has the counts of all pieces,
    /// and the store gets events and their counts at once.
    pub more: bool,
    /// What changed in the counts. Always there when missing events or their late landings are
    /// reported.
    pub tallies: Vec<TallyDelta>,
    /// What was settled, and is counted in these tallies.
    pub settled: SettledLog,
    pub flush: Option<ShardFlush>,
}

/// What a shard reports about itself.
#[derive(Debug)]
pub struct ShardFlush {
    pub latency: Vec<SchemaGauge>,
    pub gauges: ShardGauges,
    /// Time has been moved to this frontier.
    pub frontier: Frontier,
}

/// What the ledger reports of one event that is shown to people, with its frames.
pub struct LedgerEvent {
    /// The shard that reports it.
    pub shard: usize,
    pub effect: Effect,
    /// Byte for byte as they came. Empty if there is none, or if it could not be read back.
    pub frames: PerStream<Vec<u8>>,
    /// The place of the raw frame. It rises in the order in which the frames of one source came.
    pub place: u64,
}

impl LedgerEvent {
    /// Bytes of its frames.
    pub fn bytes(&self) -> usize {
        self.frames.values().map(Vec::len).sum()
    }

    /// A frame that has the key, and its stream.
    pub fn frame(&self) -> Option<(Stream, &[u8])> {
        let stream = match self.effect {
            Effect::Missing { .. } | Effect::Altered { .. } | Effect::Compare { .. } => Stream::Raw,
            _ if self.frames.written.is_empty() => return None,
            _ => Stream::Written,
        };
        Some((stream, &self.frames[stream]))
    }
}

/// An answer to what a shard reported, sent back to that shard.
pub enum ShardAnswer {
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

/// What the results receive.
pub enum Message {
    /// Sent before the batch's observations go to any shard.
    Judged(JudgeReport),
    /// What a shard reports, described.
    Shard {
        output: ShardOutput<Described>,
        /// What the describer's checks did meanwhile.
        checks: Vec<CheckActivity>,
    },
}

/// A reported event, with its key as text.
pub struct Described {
    pub event: LedgerEvent,
    pub key: String,
    /// Only for altered events, and not for all of them if there are very many.
    pub comparison: Option<Comparison>,
    /// The generation of the checks that made the comparison; if there is none, of those that gave
    /// the key as text.
    pub generation: Generation,
}
