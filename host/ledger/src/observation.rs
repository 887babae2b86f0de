//! The inputs: one observation per event of a stream, and the frontiers.

use crate::identity::{Fingerprint, Form, Generation, PayloadRef, ReasonId, SchemaId};
use crate::verdict::Judgement;

/// A raw event. Times are milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawObservation {
    pub key: Fingerprint,
    pub form: Form,
    pub arrived_ms: i64,
    pub payload: PayloadRef,
    pub schema: SchemaId,
    pub judgement: Judgement,
    pub reason: ReasonId,
    pub generation: Generation,
}

/// A row that landed, as the written stream reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenObservation {
    pub key: Fingerprint,
    pub form: Form,
    /// The earliest instant at which it can have landed: no later than `arrived_ms`.
    pub earliest_ms: i64,
    /// When it had been read: it landed no later.
    pub arrived_ms: i64,
    pub schema: SchemaId,
    /// The row in the batch in hand; effects name it.
    pub row: u32,
    /// Where its frame is, or `PayloadRef::NONE`. It is held until what became of the row is known.
    pub payload: PayloadRef,
    pub generation: Generation,
}

/// Everything that arrived up to and including these instants has been applied, by stream.
/// `i64::MAX` is the end of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontier {
    pub raw_ms: i64,
    pub written_ms: i64,
}
