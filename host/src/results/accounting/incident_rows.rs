//! Incidents as rows of the store.

use std::collections::BTreeMap;

use landfall_ledger::{Incident, IncidentFinding, IncidentId, Scope};
use landfall_store::{FindingRow, IncidentRow, ShareRow};

use super::samples;
use crate::judge::plan::Plan;

/// The details that window checks gave for the last window of each open incident.
pub(in crate::results) type FindingDetails = BTreeMap<IncidentId, String>;

pub(super) fn row(plan: &Plan, incident: &Incident, details: &FindingDetails) -> IncidentRow {
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

/// The check and its reason by name. The help is empty if the check is no longer configured.
fn found_row(plan: &Plan, found: IncidentFinding, detail: Option<&String>) -> FindingRow {
    let reason = samples::reason_of(plan, found.reason);
    let check = plan
        .windows
        .iter()
        .find(|check| check.name() == reason.check);
    let help = check
        .and_then(|check| {
            check
                .manifest()
                .reasons
                .iter()
                .find(|one| one.id == reason.id)
        })
        .map_or_else(String::new, |reason| reason.help.clone());
    FindingRow {
        check_name: reason.check,
        reason: reason.id,
        help,
        severity: found.severity.as_str().to_owned(),
        detail: detail.cloned().unwrap_or_default(),
    }
}
