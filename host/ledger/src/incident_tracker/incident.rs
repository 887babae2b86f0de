//! An incident: a stretch of time in which something was wrong, with exact counts.

use serde::{Deserialize, Serialize};

use crate::identity::{ReasonId, SchemaId};
use crate::stream::Stream;

/// Number of an incident; each is given once, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentId(pub u64);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Expected events keep coming in and none lands.
    Stalled,
    /// Some events did not land while others did.
    Loss,
    /// The other causes have the names of verdicts and counts: docs/ARCHITECTURE.md, "The words".
    Altered,
    Leaked,
    Duplicate,
    Unexpected,
    Unjudged,
    /// An expected stream brings nothing at all.
    Silent,
    /// A window check found something; the incident has its reason.
    Finding,
    /// Nobody saw a stream: what became of its events is not known.
    Unwatched,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 10] = [
        Cause::Stalled,
        Cause::Loss,
        Cause::Altered,
        Cause::Leaked,
        Cause::Duplicate,
        Cause::Unexpected,
        Cause::Unjudged,
        Cause::Silent,
        Cause::Finding,
        Cause::Unwatched,
    ];

    /// The name in metrics, the store and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Stalled => "stalled",
            Cause::Loss => "loss",
            Cause::Altered => "altered",
            Cause::Leaked => "leaked",
            Cause::Duplicate => "duplicate",
            Cause::Unexpected => "unexpected",
            Cause::Unjudged => "unjudged",
            Cause::Silent => "silent",
            Cause::Finding => "finding",
            Cause::Unwatched => "unwatched",
        }
    }
}

/// How serious a finding of a window check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Warning,
    Critical,
}

impl Severity {
    /// The name in metrics, the store and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// What a window check found; its reason belongs to one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentFinding {
    pub reason: ReasonId,
    /// Of an incident: the highest of its findings.
    pub severity: Severity,
}

/// What an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All schemas.
    Pipeline,
    Schema(SchemaId),
    /// Schemas beyond the bound of open incidents of a cause, taken together.
    Others,
    Stream(Stream),
}

/// One schema's share of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub schema: SchemaId,
    pub events: u64,
    pub landed_late: u64,
    /// Arrival of its first and last event.
    pub first_ms: i64,
    pub last_ms: i64,
}

/// A stretch of time in which something was wrong. Times are milliseconds since the epoch; those of events are
/// their arrivals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    pub cause: Cause,
    pub scope: Scope,
    /// Only of findings. Those of different reasons are different incidents.
    pub found: Option<IncidentFinding>,
    /// Arrival of the first event concerned.
    pub start_ms: i64,
    /// Arrival of the last event concerned; of a stall that lost nothing, when landings resumed.
    pub end_ms: i64,
    /// When it was reported first.
    pub opened_ms: i64,
    pub closed_ms: Option<i64>,
    /// When landings resumed, or the stream brought something again (stalls and silence only).
    pub resumed_ms: Option<i64>,
    /// Events, rows or windows that it is about.
    pub events: u64,
    /// Of these, how many landed after all.
    pub landed_late: u64,
    /// By schema, ascending.
    pub shares: Vec<Share>,
}

impl Incident {
    /// Whether it is about the same; `found` only matters by its reason.
    pub(super) fn is_of(&self, cause: Cause, scope: Scope, found: Option<IncidentFinding>) -> bool {
        let reason = |found: Option<IncidentFinding>| found.map(|found| found.reason);
        self.cause == cause && self.scope == scope && reason(self.found) == reason(found)
    }

    /// Whether it is not closed.
    pub fn is_open(&self) -> bool {
        self.closed_ms.is_none()
    }

    /// The schema by which an event of this one is counted: in an earlier run it may have had no name.
    pub fn counted_as(&self, schema: SchemaId) -> SchemaId {
        let mut open = self
            .shares
            .iter()
            .filter(|share| share.events > share.landed_late);
        if open.clone().any(|share| share.schema == schema) {
            return schema;
        }
        let unnamed = open.find(|share| !share.schema.is_named());
        unnamed.map_or(schema, |share| share.schema)
    }

    pub(super) fn share(&mut self, schema: SchemaId, at_ms: i64) -> &mut Share {
        let place = match self
            .shares
            .binary_search_by_key(&schema, |share| share.schema)
        {
            Ok(place) => place,
            Err(place) => {
                let share = Share {
                    schema,
                    events: 0,
                    landed_late: 0,
                    first_ms: at_ms,
                    last_ms: at_ms,
                };
                self.shares.insert(place, share);
                place
            }
        };
        &mut self.shares[place]
    }

    /// Adds events of a schema that arrived in `[first_ms, last_ms]`.
    pub(super) fn add(&mut self, schema: SchemaId, events: u64, first_ms: i64, last_ms: i64) {
        let share = self.share(schema, first_ms);
        share.events += events;
        share.first_ms = share.first_ms.min(first_ms);
        share.last_ms = share.last_ms.max(last_ms);
        // What nobody saw was there before the first event that is unconfirmed because of it.
        let is_first = self.events == 0 && self.cause != Cause::Unwatched;
        self.start_ms = if is_first && self.cause != Cause::Stalled {
            first_ms
        } else {
            self.start_ms.min(first_ms)
        };
        self.end_ms = if is_first {
            last_ms
        } else {
            self.end_ms.max(last_ms)
        };
        self.events += events;
    }
}
