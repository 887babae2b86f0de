//! The outputs beside the tallies. The plain case, an event delivered in time, has no effect.

use crate::coverage::HoleCause;
use crate::identity::{Fingerprint, Generation, PayloadRef, ReasonId, SchemaId};

/// One effect. A payload that it names may be read until the `Released` that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An event did not land before its deadline, as far as Landfall saw.
    Missing {
        key: Fingerprint,
        payload: PayloadRef,
        schema: SchemaId,
        arrived_ms: i64,
        deadline_ms: i64,
        generation: Generation,
        /// Nobody watched the written stream all the time: the event is `unconfirmed`, and this is why.
        hole: Option<HoleCause>,
    },
    /// A missing event came in once more, and did not land before its second deadline either. It
    /// has its verdict already.
    MissingAgain {
        key: Fingerprint,
        /// Of the copy.
        schema: SchemaId,
        arrived_ms: i64,
        deadline_ms: i64,
        /// Nobody watched all the time until that deadline: from now on the event is `unconfirmed`.
        hole: Option<HoleCause>,
        /// Where its verdict was counted; there it is `unconfirmed` from now on, if there was a hole. None: by
        /// the store, and it is to be revised there.
        window: Option<i64>,
    },
    /// Missing (or unconfirmed) until now. Its content has not been compared with the first copy's, which the ledger no
    /// longer has.
    LandedLate {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        written: WrittenSide,
        /// Where its verdict was counted; there it has been revised from missing or unconfirmed to late. None: by
        /// the store, in a window of its own, and it is to be revised there.
        window: Option<i64>,
        /// It has the content of a copy that came in after it was missing: it need not be compared.
        is_of_copy: bool,
    },
    /// The ledger no longer knows whether this key is missing: look it up in the store, and answer with
    /// `Shard::recalled`.
    Recall { key: Fingerprint },
    /// The sides differ.
    Altered {
        key: Fingerprint,
        payload: PayloadRef,
        written: WrittenSide,
        schema: SchemaId,
        arrived_ms: i64,
        /// Of the written side, and of both unless the host compared them.
        generation: Generation,
        /// The host found it, in answer to `Compare`.
        compared: bool,
    },
    /// The sides were hashed by different generations: compare them anew, and answer with `Shard::compared`.
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
        /// Which checks judged it so; none if that is no longer known.
        judged: Option<RejectedBy>,
    },
    /// A row more than the one that the key is owed.
    Duplicate {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        written: WrittenSide,
        /// Of the row.
        generation: Generation,
    },
    /// It landed, and its raw event did not come. The payload is the written frame, if the spool has it.
    Unexpected {
        key: Fingerprint,
        schema: SchemaId,
        landed_ms: i64,
        payload: Option<PayloadRef>,
        /// Of the row.
        generation: Generation,
    },
    /// A landing whose frame is not in the spool waits (for its raw event, or for another copy of it): keep its frame,
    /// and call `Shard::attach_written`.
    HoldWritten { key: Fingerprint, row: u32 },
    /// `rows` references into the segment are no longer held. Their frames take about `bytes` bytes.
    Released { segment: u32, rows: u32, bytes: u64 },
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
    /// In the spool.
    Spooled(PayloadRef),
    /// Not kept.
    Gone,
}
