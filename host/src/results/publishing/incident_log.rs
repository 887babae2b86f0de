//! Incidents as lines of the log.

use landfall_ledger::Change;
use landfall_store::IncidentRow;

/// Logs that an incident opens, reopens or closes. Its growth is only in the store.
pub(super) fn log(change: &Change, row: &IncidentRow) {
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
