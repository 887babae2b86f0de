//! What the threads of the engine hand to each other. All of it flows one way, judges to shards to
//! the describer to the results; only answers go back to the shards: the describer's to a comparison,
//! and the store's to what was missing long ago.

use std::sync::Arc;

use landfall_ledger::{
    Activity, Fingerprint, Generation, RawObservation, RejectedBy, SchemaId, TallyDelta,
    WrittenObservation,
};

use super::sharding::ShardFlush;
use crate::judge::{CheckActivity, Comparison, JudgeReport, WrittenHand};
use crate::sources::Flight;

/// One shard's share of a judged batch.
pub struct ShardWork {
    pub raw: Vec<RawObservation>,
    pub written: Vec<WrittenObservation>,
    /// The batch that the written observations came from.
    pub hand: Option<Arc<WrittenHand>>,
    /// Dropped once the share is applied: the frontier waits for it.
    pub flight: Flight,
}

/// What a shard tells, in the order in which it happened, in pieces of bounded size. On its way to the
/// results the describer puts [`Described`] in the place of [`Told`].
pub struct ShardTold<T = Told> {
    pub shard: usize,
    /// What came and landed: before the verdicts of the same moment, for stalls are judged by it.
    pub activity: Vec<Activity>,
    /// The latest landing of any shard, as of these verdicts.
    pub landed_ms: Option<i64>,
    pub told: Vec<T>,
    /// Another piece of the same follows: only the last one has the counts of all, and the store gets
    /// events and their counts at once.
    pub more: bool,
    /// What changed in the counts. There whenever missing events are told, or their landings.
    pub tallies: Vec<TallyDelta>,
    pub flush: Option<ShardFlush>,
}

/// Something that people will want to hear of.
pub enum Told {
    /// Expected, its deadline passed, and it is not there. With the frame byte for byte; empty if it
    /// could not be read back.
    Missing {
        key: Fingerprint,
        /// Rises in the order in which the frames of one source came.
        place: u64,
        frame: Vec<u8>,
        schema: SchemaId,
        arrived_ms: i64,
        deadline_ms: i64,
        generation: Generation,
    },
    /// A missing event came in once more and was lost once more.
    MissingAgain {
        key: Fingerprint,
        schema: SchemaId,
        arrived_ms: i64,
        deadline_ms: i64,
    },
    /// It was missing, and landed after all. With the row's frame: it has not been compared yet.
    LandedLate {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        written: Vec<u8>,
        /// Where the ledger counts it as late; none if the store is to.
        window: Option<i64>,
        /// It has the content of a copy that came in since: it need not be compared.
        is_of_copy: bool,
    },
    /// Whether the key is missing from longer ago than the ledger remembers: the store is asked.
    Recall { shard: usize, key: Fingerprint },
    /// The hashes of the two sides differ.
    Altered {
        key: Fingerprint,
        schema: SchemaId,
        arrived_ms: i64,
        raw: Vec<u8>,
        written: Vec<u8>,
        generation: Generation,
        /// They were compared before, for they had been hashed by different checks.
        compared: bool,
    },
    /// The two sides were hashed by different checks: somebody must look again.
    Compare {
        shard: usize,
        key: Fingerprint,
        schema: SchemaId,
        arrived_ms: i64,
        raw: Vec<u8>,
        written: Vec<u8>,
    },
    /// Judged invalid, and it landed.
    Leaked {
        key: Fingerprint,
        schema: SchemaId,
        arrived_ms: i64,
        /// None: that is no longer known.
        judged: Option<RejectedBy>,
        written: Vec<u8>,
    },
    /// A row more than the one that its key is owed.
    Duplicate {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        written: Vec<u8>,
        generation: Generation,
    },
    /// It landed, and no raw event of that key was seen.
    Unexpected {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        written: Vec<u8>,
        generation: Generation,
    },
}

impl Told {
    /// Whether the store's list of missing events changes by it, and with it what its windows count.
    pub fn is_of_missing(&self) -> bool {
        matches!(self, Told::Missing { .. } | Told::LandedLate { .. })
    }

    /// Bytes of its frames.
    pub fn bytes(&self) -> usize {
        match self {
            Told::Missing { frame, .. } => frame.len(),
            Told::Altered { raw, written, .. } | Told::Compare { raw, written, .. } => {
                raw.len() + written.len()
            }
            Told::Leaked { written, .. }
            | Told::Duplicate { written, .. }
            | Told::LandedLate { written, .. }
            | Told::Unexpected { written, .. } => written.len(),
            Told::MissingAgain { .. } | Told::Recall { .. } => 0,
        }
    }
}

/// An answer to what a shard told, back to it.
pub enum Answer {
    /// To `Told::Compare`.
    Compared {
        key: Fingerprint,
        equal: Option<bool>,
    },
    /// To `Told::Recall`: the schema of the missing event, if there is one.
    Recalled {
        key: Fingerprint,
        missing: Option<SchemaId>,
    },
}

/// What reaches the results.
pub enum Message {
    /// Sent before the batch's observations go to any shard.
    Judged(JudgeReport),
    /// What a shard told, described.
    Shard {
        told: ShardTold<Described>,
        /// What the describer's checks did at that.
        checks: Vec<CheckActivity>,
    },
}

/// Something told, with the key as text.
pub struct Described {
    pub told: Told,
    pub key: String,
    /// Only of altered events, and not of all if there are very many.
    pub comparison: Option<Comparison>,
    /// Of the checks that made the comparison, else that gave the key as text.
    pub generation: Generation,
}
