//! The life of an incident: it is opened or reopened, grows, closes when it is quiet, and is forgotten.

use std::collections::BTreeMap;

use super::{
    Cause, Incident, IncidentFinding, IncidentId, IncidentTracker, Scope, TrackedIncident,
};
use crate::identity::SchemaId;

/// Most open incidents of one cause that name a schema each. Further schemas share one incident (of findings,
/// one for each reason of the checks' manifests).
pub const OPEN_PER_CAUSE_MAX: usize = 64;

/// Closed incidents that are kept here, so that what comes late still finds its incident.
const CLOSED_KEPT_MAX: usize = 64;

/// What became of an incident since the last call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Opened(Incident),
    Updated(Incident),
    Closed(Incident),
}

impl Change {
    /// The incident, as it stands now.
    pub fn incident(&self) -> &Incident {
        match self {
            Change::Opened(incident) | Change::Updated(incident) | Change::Closed(incident) => {
                incident
            }
        }
    }
}

impl IncidentTracker {
    /// How many incidents are open, by cause; each cause is there.
    pub fn open_by_cause(&self) -> BTreeMap<Cause, usize> {
        let mut open: BTreeMap<Cause, usize> =
            Cause::ALL.into_iter().map(|cause| (cause, 0)).collect();
        for tracked in self
            .tracked
            .values()
            .filter(|tracked| tracked.incident.is_open())
        {
            *open.entry(tracked.incident.cause).or_default() += 1;
        }
        open
    }

    /// The incident for something that began at `start_ms`: the open one, one that closed a moment
    /// ago, or a new one; with too many open, the one that takes the rest.
    pub(super) fn incident_of(
        &mut self,
        cause: Cause,
        scope: Scope,
        found: Option<IncidentFinding>,
        start_ms: i64,
    ) -> IncidentId {
        if let Some(id) = self.find_open(cause, scope, found) {
            return id;
        }
        let scope = if self.open_of(cause) >= OPEN_PER_CAUSE_MAX {
            Scope::Others
        } else {
            scope
        };
        match self.find_open(cause, scope, found) {
            Some(id) => id,
            None => self.reopen_or_open(cause, scope, found, start_ms),
        }
    }

    pub(super) fn find_open(
        &self,
        cause: Cause,
        scope: Scope,
        found: Option<IncidentFinding>,
    ) -> Option<IncidentId> {
        let fits = |tracked: &&TrackedIncident| {
            tracked.incident.is_open() && tracked.incident.is_of(cause, scope, found)
        };
        self.tracked
            .values()
            .rev()
            .find(fits)
            .map(|tracked| tracked.incident.id)
    }

    /// Open incidents of a cause.
    pub(super) fn open_of(&self, cause: Cause) -> usize {
        let of_cause = |tracked: &&TrackedIncident| {
            tracked.incident.is_open() && tracked.incident.cause == cause
        };
        self.tracked.values().filter(of_cause).count()
    }

    pub(super) fn reopen_or_open(
        &mut self,
        cause: Cause,
        scope: Scope,
        found: Option<IncidentFinding>,
        start_ms: i64,
    ) -> IncidentId {
        let clear_ms = self.config.clear_ms;
        let recent = self.tracked.values_mut().rev().find(|tracked| {
            let incident = &tracked.incident;
            !incident.is_open()
                && incident.is_of(cause, scope, found)
                && start_ms
                    <= incident
                        .resumed_ms
                        .unwrap_or(incident.end_ms)
                        .saturating_add(clear_ms)
                && start_ms >= incident.start_ms.saturating_sub(clear_ms)
        });
        if let Some(tracked) = recent {
            tracked.incident.closed_ms = None;
            tracked.incident.resumed_ms = None;
            tracked.updated_ms = self.now_ms;
            tracked.changed = true;
            return tracked.incident.id;
        }
        let id = IncidentId(self.next_id);
        self.next_id += 1;
        let incident = Incident {
            id,
            cause,
            scope,
            found,
            start_ms,
            end_ms: start_ms,
            opened_ms: self.now_ms,
            closed_ms: None,
            resumed_ms: None,
            events: 0,
            landed_late: 0,
            shares: Vec::new(),
        };
        self.tracked.insert(
            id,
            TrackedIncident {
                incident,
                updated_ms: self.now_ms,
                changed: true,
                reported_open: false,
                was_reported: false,
            },
        );
        id
    }

    pub(super) fn add(
        &mut self,
        id: IncidentId,
        schema: SchemaId,
        events: u64,
        first_ms: i64,
        last_ms: i64,
    ) {
        let now_ms = self.now_ms;
        if let Some(tracked) = self.tracked.get_mut(&id) {
            tracked.incident.add(schema, events, first_ms, last_ms);
            tracked.updated_ms = now_ms;
            tracked.changed = true;
        }
    }

    /// Appends what changed since the last call to `out`.
    pub fn drain_changes(&mut self, out: &mut Vec<Change>) {
        for tracked in self.tracked.values_mut().filter(|tracked| tracked.changed) {
            tracked.changed = false;
            if !tracked.was_reported {
                // By another stream's clock it may have begun a moment later.
                let incident = &mut tracked.incident;
                incident.opened_ms = incident.opened_ms.max(incident.start_ms);
            }
            let incident = tracked.incident.clone();
            match (tracked.reported_open, incident.is_open()) {
                // One that closed a moment ago goes on: flapping is one incident.
                (false, true) if tracked.was_reported => out.push(Change::Updated(incident)),
                (false, true) => out.push(Change::Opened(incident)),
                (true, true) => out.push(Change::Updated(incident)),
                (true, false) => out.push(Change::Closed(incident)),
                (false, false) => {
                    // It came and went between two looks, or grew after it had closed.
                    if !tracked.was_reported {
                        out.push(Change::Opened(incident.clone()));
                    }
                    out.push(Change::Closed(incident));
                }
            }
            tracked.was_reported = true;
            tracked.reported_open = tracked.incident.is_open();
        }
    }

    /// Closes what had nothing new for long enough.
    pub(super) fn close_quiet(&mut self) {
        let (now_ms, clear_ms) = (self.now_ms, self.config.clear_ms);
        for tracked in self
            .tracked
            .values_mut()
            .filter(|tracked| tracked.incident.is_open())
        {
            let quiet = now_ms.saturating_sub(tracked.updated_ms) >= clear_ms;
            let settled = match tracked.incident.cause {
                // What turns out missing later is counted in it all the same.
                Cause::Stalled | Cause::Silent => tracked.incident.resumed_ms.is_some(),
                _ => true,
            };
            if quiet && settled {
                tracked.incident.closed_ms = Some(now_ms);
                tracked.changed = true;
            }
        }
    }

    /// Keeps the closed ones to which something may still have to be counted: first those with
    /// deadlines yet to pass, then the newest.
    pub(super) fn forget_old(&mut self) {
        let (now_ms, deadline_max_ms) = (self.now_ms, self.config.deadline_max_ms);
        let mut closed: Vec<(bool, IncidentId)> = self
            .tracked
            .values()
            .filter(|tracked| !tracked.incident.is_open() && !tracked.changed)
            .map(|tracked| {
                let ended_ms = tracked
                    .incident
                    .resumed_ms
                    .unwrap_or(tracked.incident.end_ms);
                let may_grow = now_ms <= ended_ms.saturating_add(deadline_max_ms);
                (may_grow, tracked.incident.id)
            })
            .collect();
        closed.sort_unstable();
        let excess = closed.len().saturating_sub(CLOSED_KEPT_MAX);
        for (_, id) in closed.into_iter().take(excess) {
            self.tracked.remove(&id);
        }
    }
}
