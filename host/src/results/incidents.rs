//! Incidents as rows of the store and as lines of the log.

use landfall_ledger::{Change, Incident, Scope};
use landfall_store::{IncidentRow, ShareRow};

use crate::judge::plan::{Plan, STREAM_NAMES};

pub(super) fn row(plan: &Plan, incident: &Incident) -> IncidentRow {
    let (scope, subject) = match incident.scope {
        Scope::Pipeline => ("pipeline", String::new()),
        Scope::Schema(schema) => ("schema", plan.labels.name(schema).to_owned()),
        Scope::Others => ("others", String::new()),
        Scope::Stream(stream) => (
            "stream",
            STREAM_NAMES
                .get(usize::from(stream))
                .copied()
                .unwrap_or("stream")
                .to_owned(),
        ),
    };
    IncidentRow {
        id: incident.id.0,
        cause: incident.cause.as_str().to_owned(),
        scope: scope.to_owned(),
        subject,
        start_ms: incident.start_ms,
        end_ms: incident.end_ms,
        opened_ms: incident.opened_ms,
        resumed_ms: incident.resumed_ms,
        closed_ms: incident.closed_ms,
        events: incident.events,
        landed_late: incident.landed_late,
        shares: incident
            .shares
            .iter()
            .map(|share| ShareRow {
                schema: plan.labels.name(share.schema).to_owned(),
                events: share.events,
                landed_late: share.landed_late,
                first_ms: share.first_ms,
                last_ms: share.last_ms,
            })
            .collect(),
    }
}

/// The opening and the end of an incident are told in the log; its growth is in the store.
pub(super) fn log(plan: &Plan, change: &Change) {
    let row = row(plan, change.incident());
    let (cause, scope, subject) = (row.cause.as_str(), row.scope.as_str(), row.subject.as_str());
    match change {
        Change::Opened(_) => {
            tracing::warn!(
                incident = row.id,
                cause,
                scope,
                subject,
                start_ms = row.start_ms,
                "incident opened"
            );
        }
        Change::Updated(_) => {
            tracing::debug!(
                incident = row.id,
                cause,
                events = row.events,
                "incident goes on"
            );
        }
        Change::Closed(_) => {
            tracing::warn!(
                incident = row.id,
                cause,
                scope,
                subject,
                events = row.events,
                landed_late = row.landed_late,
                start_ms = row.start_ms,
                end_ms = row.end_ms,
                "incident closed"
            );
        }
    }
}
