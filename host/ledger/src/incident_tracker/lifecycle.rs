//! The life of an incident: it is opened or reopened, grows, closes when it is quiet, and is forgotten.

use std::collections::BTreeMap;

use super::{Cause, Found, Held, Incident, IncidentId, IncidentTracker, Scope};
use crate::identity::SchemaId;

/// Open incidents of one cause that name a schema each; further schemas share one (of findings, one for
/// each reason, and those are the reasons of the manifests).
pub const OPEN_PER_CAUSE_MAX: usize = 64;

/// Closed incidents kept in hand, so that what comes late still finds its incident.
const CLOSED_KEPT_MAX: usize = 64;

/// What became of an incident since the last call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Opened(Incident),
    Updated(Incident),
    Closed(Incident),
}

impl Change {
    pub fn incident(&self) -> &Incident {
        match self {
            Change::Opened(incident) | Change::Updated(incident) | Change::Closed(incident) => {
                incident
            }
        }
    }
}

impl IncidentTracker {
    /// Open incidents by cause.
    pub fn open_by_cause(&self) -> BTreeMap<Cause, usize> {
        let mut open: BTreeMap<Cause, usize> =
            Cause::ALL.into_iter().map(|cause| (cause, 0)).collect();
        for held in self.held.values().filter(|held| held.incident.is_open()) {
            *open.entry(held.incident.cause).or_default() += 1;
        }
        open
    }

    /// The incident for something that began at `start_ms`: the open one, one that closed a moment
    /// ago, or a new one; with too many open, the one that takes the rest.
    pub(super) fn incident_of(
        &mut self,
        cause: Cause,
        scope: Scope,
        found: Option<Found>,
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
        found: Option<Found>,
    ) -> Option<IncidentId> {
        let fits =
            |held: &&Held| held.incident.is_open() && held.incident.is_of(cause, scope, found);
        self.held
            .values()
            .rev()
            .find(fits)
            .map(|held| held.incident.id)
    }

    /// Open incidents of a cause.
    pub(super) fn open_of(&self, cause: Cause) -> usize {
        let of_cause = |held: &&Held| held.incident.is_open() && held.incident.cause == cause;
        self.held.values().filter(of_cause).count()
    }

    pub(super) fn reopen_or_open(
        &mut self,
        cause: Cause,
        scope: Scope,
        found: Option<Found>,
        start_ms: i64,
    ) -> IncidentId {
        let clear_ms = self.config.clear_ms;
        let recent = self.held.values_mut().rev().find(|held| {
            let incident = &held.incident;
            !incident.is_open()
                && incident.is_of(cause, scope, found)
                && start_ms
                    <= incident
                        .resumed_ms
                        .unwrap_or(incident.end_ms)
                        .saturating_add(clear_ms)
                && start_ms >= incident.start_ms.saturating_sub(clear_ms)
        });
        if let Some(held) = recent {
            held.incident.closed_ms = None;
            held.incident.resumed_ms = None;
            held.touched_ms = self.now_ms;
            held.changed = true;
            return held.incident.id;
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
        self.held.insert(
            id,
            Held {
                incident,
                touched_ms: self.now_ms,
                changed: true,
                said_open: false,
                said_ever: false,
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
        if let Some(held) = self.held.get_mut(&id) {
            held.incident.add(schema, events, first_ms, last_ms);
            held.touched_ms = now_ms;
            held.changed = true;
        }
    }

    /// What changed since the last call.
    pub fn drain_changes(&mut self, out: &mut Vec<Change>) {
        for held in self.held.values_mut().filter(|held| held.changed) {
            held.changed = false;
            if !held.said_ever {
                // By another stream's clock it may have begun a moment later.
                let incident = &mut held.incident;
                incident.opened_ms = incident.opened_ms.max(incident.start_ms);
            }
            let incident = held.incident.clone();
            match (held.said_open, incident.is_open()) {
                // One that closed a moment ago goes on: flapping is one incident.
                (false, true) if held.said_ever => out.push(Change::Updated(incident)),
                (false, true) => out.push(Change::Opened(incident)),
                (true, true) => out.push(Change::Updated(incident)),
                (true, false) => out.push(Change::Closed(incident)),
                (false, false) => {
                    // It came and went between two looks, or grew after it had closed.
                    if !held.said_ever {
                        out.push(Change::Opened(incident.clone()));
                    }
                    out.push(Change::Closed(incident));
                }
            }
            held.said_ever = true;
            held.said_open = held.incident.is_open();
        }
    }

    /// Closes what had nothing new for long enough.
    pub(super) fn close_quiet(&mut self) {
        let (now_ms, clear_ms) = (self.now_ms, self.config.clear_ms);
        for held in self
            .held
            .values_mut()
            .filter(|held| held.incident.is_open())
        {
            let quiet = now_ms.saturating_sub(held.touched_ms) >= clear_ms;
            let settled = match held.incident.cause {
                // What turns out missing later is counted in it all the same.
                Cause::Stalled | Cause::Silent => held.incident.resumed_ms.is_some(),
                _ => true,
            };
            if quiet && settled {
                held.incident.closed_ms = Some(now_ms);
                held.changed = true;
            }
        }
    }

    /// Keeps the closed ones to which something may still have to be counted: first those with
    /// deadlines yet to pass, then the newest.
    pub(super) fn forget_old(&mut self) {
        let (now_ms, deadline_max_ms) = (self.now_ms, self.config.deadline_max_ms);
        let mut closed: Vec<(bool, IncidentId)> = self
            .held
            .values()
            .filter(|held| !held.incident.is_open() && !held.changed)
            .map(|held| {
                let ended_ms = held.incident.resumed_ms.unwrap_or(held.incident.end_ms);
                let may_grow = now_ms <= ended_ms.saturating_add(deadline_max_ms);
                (may_grow, held.incident.id)
            })
            .collect();
        closed.sort_unstable();
        let excess = closed.len().saturating_sub(CLOSED_KEPT_MAX);
        for (_, id) in closed.into_iter().take(excess) {
            self.held.remove(&id);
        }
    }
}
