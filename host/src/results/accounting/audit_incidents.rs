//! The incidents of an audit. Lines come in any order of time, so nothing can be said before all is
//! told; then it is gone through in the order in which a sidecar would have said it. Pure.
//!
//! Bounded as the tallies are: by windows and schemas, not by events.

use std::collections::BTreeMap;

use landfall_ledger::{Cause, Found, IncidentId, IncidentTracker, ReasonId, SchemaId, Severity};

#[derive(Clone, Debug)]
struct Note {
    events: u64,
    /// Of findings, the highest.
    severity: Option<Severity>,
    /// Of findings, what the check said last.
    detail: String,
    first_ms: i64,
    last_ms: i64,
    /// When it would have been said.
    said_ms: i64,
}

/// Window, cause, schema, and of findings the reason.
type Place = (i64, Cause, SchemaId, Option<ReasonId>);

/// What happened, by window.
#[derive(Debug, Default)]
pub(super) struct AuditIncidents {
    notes: BTreeMap<Place, Note>,
}

/// What came of telling it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AuditAttribution {
    pub attributed: Vec<Attributed>,
    /// What was said of the incidents of findings.
    pub details: Vec<(IncidentId, String)>,
}

/// Missing events of a schema that arrived in a stretch of time, and the incident they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributed {
    pub schema: SchemaId,
    pub first_ms: i64,
    pub last_ms: i64,
    pub incident: IncidentId,
}

impl AuditIncidents {
    /// Something that is seen as it happens.
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
            said_ms: last_ms,
        };
        self.add((window, cause, schema, None), note);
    }

    /// A window check found something about a schema's window.
    pub fn found(
        &mut self,
        window: i64,
        found: Found,
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
            said_ms: last_ms,
        };
        self.add((window, Cause::Finding, schema, Some(found.reason)), note);
    }

    /// A missing event, which is said to be when its deadline passes.
    pub fn missing(&mut self, window: i64, schema: SchemaId, arrived_ms: i64, deadline_ms: i64) {
        let note = Note {
            events: 1,
            severity: None,
            detail: String::new(),
            first_ms: arrived_ms,
            last_ms: arrived_ms,
            said_ms: deadline_ms,
        };
        self.add((window, Cause::Loss, schema, None), note);
    }

    fn add(&mut self, place: Place, note: Note) {
        let known = self.notes.entry(place).or_insert_with(|| Note {
            events: 0,
            ..note.clone()
        });
        known.severity = known.severity.max(note.severity);
        known.events += note.events;
        known.first_ms = known.first_ms.min(note.first_ms);
        known.last_ms = known.last_ms.max(note.last_ms);
        known.said_ms = known.said_ms.min(note.said_ms);
    }

    /// Tells everything to the overseer, in order, and lets it close all that it opened: after the
    /// end of the recording nothing goes on.
    pub fn tell(&mut self, tracker: &mut IncidentTracker, clear_ms: i64) -> AuditAttribution {
        let notes = std::mem::take(&mut self.notes);
        let mut notes: Vec<_> = notes.into_iter().collect();
        notes.sort_by_key(|((_, cause, schema, reason), note)| {
            (note.said_ms, *cause, *schema, *reason)
        });
        let mut out = AuditAttribution::default();
        let mut told_ms = None;
        for ((_, cause, schema, reason), note) in notes {
            // What is quiet closes when it has been quiet for long enough, not when the next comes.
            if let Some(told_ms) = told_ms {
                tracker.advance(note.said_ms.min(clear_ms.saturating_add(told_ms)));
            }
            tracker.advance(note.said_ms);
            let (events, first_ms, last_ms) = (note.events, note.first_ms, note.last_ms);
            let incident = match reason.zip(note.severity) {
                Some((reason, severity)) => {
                    let found = Found { reason, severity };
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
            told_ms = Some(note.said_ms);
        }
        if let Some(told_ms) = told_ms {
            tracker.advance(told_ms.saturating_add(clear_ms));
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
            silence_ms: landfall_ledger::PerStream::default(),
        };
        IncidentTracker::new(config, i64::MIN, 1)
    }

    #[test]
    fn outages_told_in_any_order_are_incidents_by_event_time_and_all_are_closed() {
        let mut audit_incidents = AuditIncidents::default();
        let (start, deadline) = (1_416_276_000_000, 10 * MINUTE);
        // The second outage is told first.
        for minute in [130, 3, 121, 120, 0, 1] {
            let arrived = start + minute * MINUTE;
            audit_incidents.missing(arrived / MINUTE, SchemaId(7), arrived, arrived + deadline);
        }
        let mut tracker = tracker();
        let told = audit_incidents.tell(&mut tracker, 5 * MINUTE);
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
        assert_eq!(told.attributed.len(), 6);
        assert_eq!(tracker.open_by_cause()[&Cause::Loss], 0);
    }
}
