//! Incidents as rows of the store and as lines of the log.

use std::collections::BTreeMap;

use landfall_ledger::{Change, Found, Incident, IncidentId, Scope};
use landfall_store::{FoundRow, IncidentRow, ShareRow};

use super::samples;
use crate::judge::plan::Plan;

/// What window checks said of the last window of each incident that is open.
pub(super) type Details = BTreeMap<IncidentId, String>;

pub(super) fn row(plan: &Plan, incident: &Incident, details: &Details) -> IncidentRow {
    let (scope, subject) = match incident.scope {
        Scope::Pipeline => ("pipeline", String::new()),
        Scope::Schema(schema) => ("schema", plan.labels.name(schema).to_owned()),
        Scope::Others => ("others", String::new()),
        Scope::Stream(stream) => ("stream", stream.as_str().to_owned()),
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
        found: incident
            .found
            .map(|found| found_row(plan, found, details.get(&incident.id)))
            .unwrap_or_default(),
    }
}

/// The check and its reason by name. What the reason means is empty if the check is no longer configured.
fn found_row(plan: &Plan, found: Found, detail: Option<&String>) -> FoundRow {
    let reason = samples::reason_of(plan, found.reason);
    let check = plan.windows.iter().find(|check| check.name == reason.check);
    let help = check
        .and_then(|check| {
            check
                .manifest
                .reasons
                .iter()
                .find(|one| one.id == reason.id)
        })
        .map_or_else(String::new, |reason| reason.help.clone());
    FoundRow {
        check_name: reason.check,
        reason: reason.id,
        help,
        severity: found.severity.as_str().to_owned(),
        detail: detail.cloned().unwrap_or_default(),
    }
}

/// The opening and the end of an incident are told in the log; its growth is in the store.
pub(super) fn log(plan: &Plan, change: &Change, details: &Details) {
    let row = row(plan, change.incident(), details);
    let (cause, scope, subject) = (row.cause.as_str(), row.scope.as_str(), row.subject.as_str());
    let found = change.incident().found.is_some().then_some(&row.found);
    let check = found.map(|found| found.check_name.as_str());
    let reason = found.map(|found| found.reason.as_str());
    let severity = found.map(|found| found.severity.as_str());
    let detail = found.map(|found| found.detail.as_str());
    match change {
        Change::Opened(_) => {
            tracing::warn!(
                incident = row.id,
                cause,
                scope,
                subject,
                check,
                reason,
                severity,
                detail,
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
                check,
                reason,
                severity,
                events = row.events,
                landed_late = row.landed_late,
                start_ms = row.start_ms,
                end_ms = row.end_ms,
                "incident closed"
            );
        }
    }
}
