//! What comes out beside the tallies. The plain case, an event delivered in time, has no effect.

use crate::identity::{Fingerprint, Generation, PayloadRef, ReasonId, SchemaId};

/// One effect. A payload that it names may be read until the `Released` that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Missing {
        key: Fingerprint,
        payload: PayloadRef,
        schema: SchemaId,
        arrived_ms: i64,
        deadline_ms: i64,
        generation: Generation,
    },
    /// Missing until now; the tally has been revised to late.
    LandedLate {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
    },
    /// The sides differ; `written` says where the written side is.
    Altered {
        key: Fingerprint,
        payload: PayloadRef,
        written: WrittenSide,
        schema: SchemaId,
        arrived_ms: i64,
        /// Of both sides.
        generation: Generation,
    },
    /// The sides were hashed by different generations: look again and answer with `compared`.
    Compare {
        key: Fingerprint,
        payload: PayloadRef,
        written: WrittenSide,
        schema: SchemaId,
        arrived_ms: i64,
    },
    /// Judged invalid, and it landed.
    Leaked {
        key: Fingerprint,
        schema: SchemaId,
        arrived_ms: i64,
        written: WrittenSide,
        /// Who judged it so; none if that is no longer known.
        judged: Option<RejectedBy>,
    },
    /// It landed more often than it came in.
    Duplicate {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        row: u32,
        /// Of the row.
        generation: Generation,
    },
    /// It landed, and its raw event did not come. The payload is the written frame, if one was attached.
    Unexpected {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        payload: Option<PayloadRef>,
        /// Of the row.
        generation: Generation,
    },
    /// An early landing waits for its raw event: keep its frame and call `attach_written`.
    HoldWritten { key: Fingerprint, row: u32 },
    /// That many references into the segment are no longer held.
    Released { segment: u32, rows: u32 },
}

/// Why a raw event was judged invalid, and by which checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedBy {
    pub reason: ReasonId,
    pub generation: Generation,
}

/// Where the written side of a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenSide {
    /// In the batch in hand.
    Row(u32),
    /// In the spool: it had landed before its raw event was seen.
    Spooled(PayloadRef),
    /// Not kept.
    Gone,
}
