//! The incidents of an audit. Lines come in any order of time, so nothing can be decided before
//! everything is known. Then it is all passed to the tracker in the order in which a sidecar would
//! have reported it. Pure.
//!
//! Bounded like the tallies: by windows and schemas, not by events.

use std::collections::BTreeMap;

use landfall_ledger::{
    Cause, IncidentFinding, IncidentId, IncidentTracker, ReasonId, SchemaId, Severity,
};

#[derive(Clone, Debug)]
struct Note {
    events: u64,
    /// For findings: the highest severity.
    severity: Option<Severity>,
    /// For findings: the last detail that the check gave.
    detail: String,
    first_ms: i64,
    last_ms: i64,
    /// When a sidecar would have reported it.
    reported_ms: i64,
}

/// Window, cause, schema, and for findings the reason.
type NoteKey = (i64, Cause, SchemaId, Option<ReasonId>);

/// What happened, by window.
#[derive(Debug, Default)]
pub(super) struct AuditIncidents {
    notes: BTreeMap<NoteKey, Note>,
}

/// The result of passing everything to the tracker.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AuditAttribution {
    pub attributed: Vec<Attributed>,
    /// The details of the incidents that come from findings.
    pub details: Vec<(IncidentId, String)>,
}

/// Missing events of a schema that arrived in an interval, and the incident to which they belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributed {
    pub schema: SchemaId,
    pub first_ms: i64,
    pub last_ms: i64,
    pub incident: IncidentId,
}

impl AuditIncidents {
    /// Adds something that a sidecar would have reported when it happened.
    pub fn note(
        &mut self,
        window: i64,
        cause: Cause,
        schema: SchemaId,
        events: u64,
        first_ms: i64,
        last_ms: i64,
    ) {
        let note = Note {
            events,
            severity: None,
            detail: String::new(),
            first_ms,
            last_ms,
            reported_ms: last_ms,
        };
        self.add((window, cause, schema, None), note);
    }

    /// Adds what a window check found about a schema's window.
    pub fn found(
        &mut self,
        window: i64,
        found: IncidentFinding,
        schema: SchemaId,
        (first_ms, last_ms): (i64, i64),
        detail: String,
    ) {
        let note = Note {
            events: 1,
            severity: Some(found.severity),
            detail,
            first_ms,
            last_ms,
            reported_ms: last_ms,
        };
        self.add((window, Cause::Finding, schema, Some(found.reason)), note);
    }

    /// Adds a missing event, which a sidecar would report when its deadline passes.
    pub fn missing(&mut self, window: i64, schema: SchemaId, arrived_ms: i64, deadline_ms: i64) {
        let note = Note {
            events: 1,
            severity: None,
            detail: String::new(),
            first_ms: arrived_ms,
            last_ms: arrived_ms,
            reported_ms: deadline_ms,
        };
        self.add((window, Cause::Loss, schema, None), note);
    }

    fn add(&mut self, key: NoteKey, note: Note) {
        let known = self.notes.entry(key).or_insert_with(|| Note {
            events: 0,
            ..note.clone()
        });
        known.severity = known.severity.max(note.severity);
        known.events += note.events;
        known.first_ms = known.first_ms.min(note.first_ms);
        known.last_ms = known.last_ms.max(note.last_ms);
        known.reported_ms = known.reported_ms.min(note.reported_ms);
    }

    /// Passes everything to the tracker, in order, and lets it close all that it opened: after the
    /// end of the recording nothing goes on.
    pub fn replay(&mut self, tracker: &mut IncidentTracker, clear_ms: i64) -> AuditAttribution {
        let notes = std::mem::take(&mut self.notes);
        let mut notes: Vec<_> = notes.into_iter().collect();
        notes.sort_by_key(|((_, cause, schema, reason), note)| {
            (note.reported_ms, *cause, *schema, *reason)
        });
        let mut out = AuditAttribution::default();
        let mut last_reported_ms = None;
        for ((_, cause, schema, reason), note) in notes {
            // A quiet incident closes when it has been quiet for long enough, not when the next
            // report comes.
            if let Some(last_reported_ms) = last_reported_ms {
                tracker.advance(
                    note.reported_ms
                        .min(clear_ms.saturating_add(last_reported_ms)),
                );
            }
            tracker.advance(note.reported_ms);
            let (events, first_ms, last_ms) = (note.events, note.first_ms, note.last_ms);
            let incident = match reason.zip(note.severity) {
                Some((reason, severity)) => {
                    let found = IncidentFinding { reason, severity };
                    let incident = tracker.found(found, schema, events, first_ms, last_ms);
                    out.details.push((incident, note.detail));
                    incident
                }
                None => tracker.note(cause, schema, events, first_ms, last_ms),
            };
            if cause == Cause::Loss {
                out.attributed.push(Attributed {
                    schema,
                    first_ms,
                    last_ms,
                    incident,
                });
            }
            last_reported_ms = Some(note.reported_ms);
        }
        if let Some(last_reported_ms) = last_reported_ms {
            tracker.advance(last_reported_ms.saturating_add(clear_ms));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::{Change, IncidentTrackerConfig};

    use super::*;

    const MINUTE: i64 = 60_000;

    fn tracker() -> IncidentTracker {
        let config = IncidentTrackerConfig {
            stall_ms: MINUTE,
            stall_schema_ms: 0,
            clear_ms: 5 * MINUTE,
            deadline_max_ms: 10 * MINUTE,
            unwatched_min_ms: 5_000,
            silence_ms: landfall_ledger::PerStream::default(),
        };
        IncidentTracker::new(config, i64::MIN, 1)
    }

    #[test]
    fn outages_added_in_any_order_are_incidents_by_event_time_and_all_are_closed() {
        let mut audit_incidents = AuditIncidents::default();
        let (start, deadline) = (1_416_276_000_000, 10 * MINUTE);
        // The second outage comes first.
        for minute in [130, 3, 121, 120, 0, 1] {
            let arrived = start + minute * MINUTE;
            audit_incidents.missing(arrived / MINUTE, SchemaId(7), arrived, arrived + deadline);
        }
        let mut tracker = tracker();
        let attribution = audit_incidents.replay(&mut tracker, 5 * MINUTE);
        let mut changes = Vec::new();
        tracker.drain_changes(&mut changes);
        let closed: Vec<_> = changes
            .iter()
            .filter(|change| matches!(change, Change::Closed(_)))
            .map(|change| {
                let incident = change.incident();
                let minute = |ms: i64| (ms - start) / MINUTE;
                let closed = incident.closed_ms.map(minute);
                (
                    minute(incident.start_ms),
                    minute(incident.end_ms),
                    minute(incident.opened_ms),
                    closed,
                    incident.events,
                )
            })
            .collect();
        assert_eq!(
            closed,
            [
                (0, 3, 10, Some(18), 3),
                (120, 121, 130, Some(136), 2),
                (130, 130, 140, Some(145), 1),
            ]
        );
        assert_eq!(attribution.attributed.len(), 6);
        assert_eq!(tracker.open_by_cause()[&Cause::Loss], 0);
    }
}
