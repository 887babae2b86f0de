//! The rows of the store, as plain values: times in milliseconds since the epoch, names as text.

use serde::{Deserialize, Serialize};

/// An event that did not land in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRow {
    pub fingerprint: [u8; 16],
    pub key: String,
    pub schema: String,
    pub arrived_ms: i64,
    /// Its order among those that came at the same time.
    pub place: u64,
    pub deadline_ms: i64,
    /// When the verdict was given.
    pub reported_ms: i64,
    /// 0 if it belongs to none yet.
    pub incident: u64,
    pub generation: u64,
    /// The raw frame, byte for byte; empty if it could not be read back.
    pub frame: Vec<u8>,
    /// Why it is `unconfirmed`; empty if all was seen, and it is `missing`.
    pub hole: &'static str,
    /// When the window begins that counts it, if that is known.
    pub window_start_ms: Option<i64>,
}

/// What is known of a missing event that landed after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandedRow {
    pub key: String,
    pub schema: String,
    pub arrived_ms: i64,
    pub incident: u64,
    /// It was not `missing` until then, but `unconfirmed`.
    pub is_unconfirmed: bool,
    /// When the window begins that counts it, if that is known.
    pub window_start_ms: Option<i64>,
}

/// A stretch of time in which nobody saw a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageRow {
    pub stream: String,
    pub from_ms: i64,
    /// Inclusive. So far, if it goes on.
    pub to_ms: i64,
    pub cause: String,
}

/// Frames of a stream that came in a window and could not be read: each may be any event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadRow {
    pub start_ms: i64,
    /// Exclusive.
    pub end_ms: i64,
    pub stream: String,
    pub frames: u64,
}

/// Numbers of a stream's sources that were left out, to be added to those of a window; as read, those of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SequenceGapRow {
    pub start_ms: i64,
    /// Exclusive.
    pub end_ms: i64,
    pub stream: String,
    /// Numbers that did not come.
    pub numbers: u64,
    /// Of them: their events landed.
    pub landed: u64,
    /// Of them: as many frames came meanwhile and could not be read.
    pub unread: u64,
    /// Of them: their frames came after all, too late to fill the gap.
    pub came_late: u64,
}

/// Counts to be added to a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowRow {
    pub start_ms: i64,
    /// Exclusive.
    pub end_ms: i64,
    pub schema: String,
    pub counts: WindowCounts,
}

/// Counts of a window, in events; as deltas they may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCounts {
    pub raw: i64,
    pub pending: i64,
    pub delivered: i64,
    pub late: i64,
    pub altered: i64,
    pub missing: i64,
    pub unconfirmed: i64,
    pub rejected: i64,
    pub leaked: i64,
    pub repeated: i64,
    pub unjudged: i64,
    pub duplicate: i64,
    pub unexpected: i64,
    /// Of `delivered`: those that may have been late, which cannot be known.
    pub doubtful: i64,
    /// Rows that landed while nobody watched the raw stream.
    pub unwatched: i64,
    /// Of `rejected`: those whose row may have landed unseen.
    pub rejected_unseen: i64,
}

/// An incident as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncidentRow {
    pub id: u64,
    pub cause: String,
    pub scope: String,
    pub subject: String,
    pub start_ms: i64,
    pub end_ms: i64,
    pub opened_ms: i64,
    pub resumed_ms: Option<i64>,
    pub closed_ms: Option<i64>,
    pub events: u64,
    pub landed_late: u64,
    pub shares: Vec<ShareRow>,
    /// Empty unless a window check found it.
    #[serde(flatten)]
    pub found: FindingRow,
}

/// What a window check found. Empty if none did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    #[serde(rename = "check")]
    pub check_name: String,
    pub reason: String,
    /// The help that the check's manifest has for the reason.
    pub help: String,
    /// The highest severity of its windows: `warning` or `critical`.
    pub severity: String,
    /// The check's text about the last of them.
    pub detail: String,
}

/// One schema's share of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRow {
    pub schema: String,
    pub events: u64,
    pub landed_late: u64,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// An example of what happened, for people to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleRow {
    /// The generation of the checks that judged it: which digest to replay it with. None: no longer known.
    pub generation: Option<u64>,
    /// `violation`, `undecodable`, `fault`, `altered`, `leaked`, `duplicate` or `unexpected`.
    pub kind: String,
    pub check_name: String,
    pub reason: String,
    pub stream: String,
    pub schema: String,
    pub key: String,
    pub at_ms: i64,
    pub detail: String,
    /// Redacted JSON, or empty.
    pub document: String,
    /// The whole frame, of those that could not be decoded or judged: to replay them.
    pub frame: Option<Vec<u8>>,
}

/// A check of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationRow {
    pub generation: u64,
    pub since_ms: i64,
    pub check_name: String,
    pub version: String,
    pub digest: String,
}
