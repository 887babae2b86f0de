//! The ledger: joins the streams by key and gives verdicts, counts them by window, and tracks incidents
//! (stalls, losses, silence).
//!
//! Pure and deterministic: no clock, no I/O, no thread, no other crate of Landfall. Time is an input
//! (the frontiers), and the same inputs give the same effects.

// Input that somebody else wrote must not end what runs unattended, and output goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc
)]

mod config;
mod coverage;
mod deadlines;
mod effect;
mod identity;
mod incident_tracker;
mod index;
mod keys;
mod observation;
mod pending;
mod settled;
mod shard;
mod stream;
mod tally;
mod unlanded;
mod verdict;

pub use config::{Deadlines, ShardConfig};
pub use coverage::{Coverage, HOLES_MAX, Hole, HoleCause, Readings};
pub use effect::{Effect, RejectedBy, WrittenSide};
pub use identity::{Fingerprint, Form, Generation, PayloadRef, ReasonId, SchemaId};
pub use incident_tracker::{
    Cause, Change, Incident, IncidentFinding, IncidentId, IncidentTracker, IncidentTrackerConfig,
    OPEN_PER_CAUSE_MAX, Scope, Severity, Share,
};
pub use observation::{Frontier, RawObservation, WrittenObservation};
pub use settled::SettledRecord;
pub use shard::{Activity, STAMPS_APART_MS, SchemaGauge, SettledLog, Shard, ShardGauges};
pub use stream::{PerStream, Stream};
pub use tally::{Counts, TallyDelta};
pub use verdict::{Judgement, Verdict};
