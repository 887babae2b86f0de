//! What the threads of the engine hand to each other. All of it flows one way, judges to shards to
//! the describer to the results; only the describer's answer to a comparison goes back.

use std::sync::Arc;

use landfall_ledger::{
    Activity, Fingerprint, Generation, RawObservation, RejectedBy, SchemaId, WrittenObservation,
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

/// What a shard tells, in the order in which it happened, in pieces of bounded size.
pub struct ShardTold {
    pub shard: usize,
    /// What came and landed: before the verdicts of the same moment, for stalls are judged by it.
    pub activity: Vec<Activity>,
    pub told: Vec<Told>,
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
    /// It was missing, and landed after all.
    LandedLate {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
    },
    /// The hashes of the two sides differ.
    Altered {
        key: Fingerprint,
        schema: SchemaId,
        arrived_ms: i64,
        raw: Vec<u8>,
        written: Vec<u8>,
        generation: Generation,
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
    /// It landed more often than it came in.
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
    /// Bytes of its frames.
    pub fn bytes(&self) -> usize {
        match self {
            Told::Missing { frame, .. } => frame.len(),
            Told::Altered { raw, written, .. } | Told::Compare { raw, written, .. } => {
                raw.len() + written.len()
            }
            Told::Leaked { written, .. }
            | Told::Duplicate { written, .. }
            | Told::Unexpected { written, .. } => written.len(),
            Told::LandedLate { .. } => 0,
        }
    }
}

/// The answer to `Told::Compare`, back to its shard.
pub struct Compared {
    pub key: Fingerprint,
    pub equal: Option<bool>,
}

/// What reaches the results.
pub enum Message {
    /// Sent before the batch's observations go to any shard.
    Judged(JudgeReport),
    /// What a shard told, described.
    Shard {
        shard: usize,
        activity: Vec<Activity>,
        told: Vec<Described>,
        /// What the describer's checks did at that.
        checks: Vec<CheckActivity>,
        flush: Option<ShardFlush>,
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
