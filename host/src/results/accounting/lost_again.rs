//! A missing event came in once more and was lost once more. From then on it belongs to the
//! incident of the second loss, and to that one alone. The tracker knows no events, so it counts
//! the event in both incidents. For the first incident, what is shown and stored is one less.

use std::collections::BTreeMap;

use landfall_ledger::{
    Change, Counts, Generation, HoleCause, Incident, IncidentId, SchemaId, Verdict,
};
use landfall_store::{LandedRow, MissingRow, WindowCounts};

use super::{Accounting, KnownMissing, MissingChange, Prepared};
use crate::judge::plan::Plan;

/// Incidents whose moved events are known: many more than the tracker holds. For the incidents that
/// it no longer holds, only the store keeps the count.
const INCIDENTS_MAX: usize = 4096;

/// The second loss of an event.
pub(super) struct LostAgain {
    pub fingerprint: [u8; 16],
    /// The schema of the copy that was lost.
    pub schema: SchemaId,
    pub arrived_ms: i64,
    pub deadline_ms: i64,
    pub reported_ms: i64,
    /// The generation in force when the second loss was reported.
    pub generation: Generation,
    /// Nobody saw all until that deadline: the event is unconfirmed from now on.
    pub hole: Option<HoleCause>,
    /// The window in which the ledger counts it; None if the store does.
    pub window: Option<i64>,
}

impl Accounting {
    pub(super) fn lost_again(
        &mut self,
        plan: &Plan,
        again: LostAgain,
        known: &mut KnownMissing,
        out: &mut Prepared,
    ) {
        let LostAgain {
            fingerprint,
            schema,
            arrived_ms,
            deadline_ms,
            reported_ms,
            generation,
            hole,
            window,
        } = again;
        // The schema of its row in the store, because its late landing will be counted under that
        // schema.
        let of_row = known.get(&fingerprint);
        let counted = of_row.map_or(schema, |row| plan.labels.find(row.schema.as_bytes()));
        // What was unconfirmed stays so: that the copy was lost in sight says nothing of the first one.
        let is_unconfirmed = hole.is_some() || of_row.is_some_and(|row| row.is_unconfirmed);
        let Some(incident) =
            self.incidents
                .missing_again(counted, arrived_ms, deadline_ms, is_unconfirmed)
        else {
            return;
        };
        if let Some(row) = known.get_mut(&fingerprint) {
            let first = std::mem::replace(&mut row.incident, incident.0);
            self.moved.record(IncidentId(first), counted, &row.schema);
            out.missing_changes.push(MissingChange::Again {
                fingerprint,
                incident: incident.0,
                deadline_ms,
                reported_ms,
                hole: hole.map_or("", HoleCause::as_str),
            });
            if hole.is_some()
                && !std::mem::replace(&mut row.is_unconfirmed, true)
                && window.is_none()
            {
                self.unconfirmed_in_store(plan, counted, row, out);
            }
            return;
        }
        // Retention removed its row and its frame. It is still owed, and reported all the same.
        let row = MissingRow {
            fingerprint,
            key: String::new(),
            schema: plan.labels.name(schema).to_owned(),
            arrived_ms,
            place: 0,
            deadline_ms,
            reported_ms,
            incident: incident.0,
            generation: self.number(generation),
            frame: Vec::new(),
            hole: hole.map_or("", HoleCause::as_str),
            window_start_ms: window.map(|window| window.saturating_mul(self.window_ms)),
        };
        let known_row = LandedRow {
            key: row.key.clone(),
            schema: row.schema.clone(),
            arrived_ms,
            incident: row.incident,
            is_unconfirmed: hole.is_some(),
            window_start_ms: row.window_start_ms,
        };
        known.insert(fingerprint, known_row);
        out.missing += 1;
        out.missing_changes.push(MissingChange::Missing(row));
    }

    /// A missing event that the store counts is unconfirmed from now on.
    fn unconfirmed_in_store(
        &mut self,
        plan: &Plan,
        counted: SchemaId,
        row: &LandedRow,
        out: &mut Prepared,
    ) {
        let mut counts = Counts::default();
        counts.verdicts[Verdict::Missing as usize] -= 1;
        counts.verdicts[Verdict::Unconfirmed as usize] += 1;
        self.count(plan, counted, &counts);
        out.missing_changes.push(MissingChange::Revised {
            arrived_ms: row.arrived_ms,
            schema: row.schema.clone(),
            window_start_ms: row.window_start_ms,
            counts: WindowCounts {
                missing: -1,
                unconfirmed: 1,
                ..WindowCounts::default()
            },
        });
    }
}

/// Events that moved from their incidents to others.
#[derive(Debug, Default)]
pub(super) struct MovedEvents {
    by_incident: BTreeMap<IncidentId, BTreeMap<SchemaId, u64>>,
    /// The moves since the last flush: the incident, and the schema by name.
    new: Vec<(IncidentId, String)>,
}

impl MovedEvents {
    fn record(&mut self, from: IncidentId, schema: SchemaId, name: &str) {
        let schemas = self.by_incident.entry(from).or_default();
        *schemas.entry(schema).or_default() += 1;
        self.new.push((from, name.to_owned()));
        if self.by_incident.len() > INCIDENTS_MAX {
            self.by_incident.pop_first();
        }
    }

    /// Subtracts the moved events from the incidents that are written in this flush. For the other
    /// incidents the store subtracts them: they go into `stored`.
    pub(super) fn settle(&mut self, changes: &mut [Change], stored: &mut Vec<(u64, String)>) {
        if self.by_incident.is_empty() {
            return;
        }
        for change in changes.iter_mut() {
            let (Change::Opened(incident) | Change::Updated(incident) | Change::Closed(incident)) =
                change;
            self.subtract_from(incident);
        }
        let is_put = |id| changes.iter().any(|change| change.incident().id == id);
        for (id, schema) in self.new.drain(..) {
            if !is_put(id) {
                stored.push((id.0, schema));
            }
        }
    }

    fn subtract_from(&self, incident: &mut Incident) {
        for (schema, events) in self.by_incident.get(&incident.id).into_iter().flatten() {
            incident.events = incident.events.saturating_sub(*events);
            for _ in 0..*events {
                let schema = incident.counted_as(*schema);
                let mut shares = incident.shares.iter_mut();
                if let Some(share) = shares.find(|share| share.schema == schema) {
                    share.events = share.events.saturating_sub(1);
                }
            }
        }
    }
}
