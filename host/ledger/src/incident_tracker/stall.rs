//! Incidents of stalls: when they begin, go on and are over, of the whole pipeline and of single schemas.

use super::lifecycle::OPEN_PER_CAUSE_MAX;
use super::stall_watch::StallWatch;
use super::{Cause, IncidentId, IncidentTracker, Scope, TrackedIncident};
use crate::identity::SchemaId;

impl TrackedIncident {
    /// Whether it is an open stall of that scope.
    fn is_stall_of(&self, scope: Scope) -> bool {
        let incident = &self.incident;
        incident.is_open() && incident.cause == Cause::Stalled && incident.scope == scope
    }
}

impl IncidentTracker {
    /// The newest stall that began no later than `before_ms` after an event's arrival, and was not over.
    pub(super) fn stall_around(
        &self,
        schema: SchemaId,
        arrived_ms: i64,
        before_ms: i64,
    ) -> Option<IncidentId> {
        let fits = |tracked: &&TrackedIncident| {
            let incident = &tracked.incident;
            let is_in_scope = matches!(incident.scope, Scope::Pipeline)
                || incident.scope == Scope::Schema(schema);
            let is_over = incident
                .resumed_ms
                .is_some_and(|resumed| arrived_ms > resumed);
            incident.cause == Cause::Stalled
                && is_in_scope
                && arrived_ms >= incident.start_ms.saturating_sub(before_ms)
                && !is_over
        };
        self.tracked
            .values()
            .rev()
            .find(fits)
            .map(|tracked| tracked.incident.id)
    }

    pub(super) fn watch_pipeline(&mut self, now_ms: i64) {
        let stalled = self.pipeline.stalled_since(now_ms, self.config.stall_ms);
        let seen_since_ms = self.landings_seen_since_ms();
        let is_seen = now_ms.saturating_sub(seen_since_ms) > self.config.stall_ms
            && self.pipeline.arrived_since(seen_since_ms);
        let is_known = self.find_stalled(Scope::Pipeline).is_some();
        match stalled {
            // Whether something landed meanwhile nobody saw. A stall that is known goes on.
            Some(_) if !is_seen && !is_known => {}
            Some(since) => {
                let since = if is_known {
                    since
                } else {
                    since.max(seen_since_ms)
                };
                let id = self.stall_of(Scope::Pipeline, since);
                self.still_stalled(id);
            }
            None => {
                if let Some(id) = self.find_stalled(Scope::Pipeline) {
                    self.resumed_ms = self.resumed(id, self.pipeline);
                }
            }
        }
    }

    pub(super) fn watch_schemas(&mut self) {
        if self.config.stall_schema_ms == 0 {
            return;
        }
        let seen_since_ms = self.landings_seen_since_ms();
        let pipeline_stalled = self.find_stalled(Scope::Pipeline).is_some();
        let watched: Vec<(SchemaId, StallWatch)> = self
            .schemas
            .iter()
            .map(|(schema, watch)| (*schema, *watch))
            .collect();
        let mut others_since = None;
        for (schema, watch) in watched {
            let scope = Scope::Schema(schema);
            let open = self.find_stalled(scope);
            let since = watch.stalled_since(self.now_ms, self.config.stall_schema_ms);
            match (open, since) {
                (Some(id), Some(_)) => self.still_stalled(id),
                (Some(id), None) => {
                    self.resumed(id, watch);
                }
                (None, Some(since)) if !pipeline_stalled => {
                    // What came in while the whole pipeline was stalled is that stall's affair.
                    let since = since.max(self.resumed_ms).max(seen_since_ms);
                    let is_long = self.now_ms.saturating_sub(since) > self.config.stall_schema_ms;
                    // Only while others land: else it is the pipeline's stall.
                    let others_land = self.pipeline.landed_since(since).is_some();
                    if !(is_long && others_land && watch.is_unreported_since(since)) {
                        continue;
                    }
                    if self.open_of(Cause::Stalled) < OPEN_PER_CAUSE_MAX {
                        let id = self.stall_of(scope, since);
                        self.still_stalled(id);
                    } else {
                        others_since = others_since.min(Some(since)).or(Some(since));
                    }
                }
                _ => {}
            }
        }
        match (others_since, self.find_stalled(Scope::Others)) {
            (Some(since), _) => {
                let id = self.stall_of(Scope::Others, since);
                self.still_stalled(id);
            }
            (None, Some(id)) => {
                self.resumed(id, StallWatch::default());
            }
            (None, None) => {}
        }
    }

    /// The stall of that scope which goes on.
    fn find_stalled(&self, scope: Scope) -> Option<IncidentId> {
        let fits = |tracked: &&TrackedIncident| {
            tracked.is_stall_of(scope) && tracked.incident.resumed_ms.is_none()
        };
        self.tracked
            .values()
            .rev()
            .find(fits)
            .map(|tracked| tracked.incident.id)
    }

    /// The stall that goes on, or that paused for no longer than flapping does, or a new one.
    fn stall_of(&mut self, scope: Scope, since_ms: i64) -> IncidentId {
        let clear_ms = self.config.clear_ms;
        let goes_on = |tracked: &&TrackedIncident| {
            let paused = tracked.incident.resumed_ms;
            tracked.is_stall_of(scope)
                && paused.is_none_or(|resumed| since_ms <= resumed.saturating_add(clear_ms))
        };
        let found = self.tracked.values().rev().find(goes_on);
        match found.map(|tracked| tracked.incident.id) {
            Some(id) => id,
            None => self.reopen_or_open(Cause::Stalled, scope, None, since_ms),
        }
    }

    fn still_stalled(&mut self, id: IncidentId) {
        let now_ms = self.now_ms;
        if let Some(tracked) = self.tracked.get_mut(&id) {
            if tracked.incident.resumed_ms.take().is_some() {
                tracked.changed = true;
            }
            tracked.updated_ms = now_ms;
        }
    }

    /// Landings resumed; when.
    fn resumed(&mut self, id: IncidentId, watch: StallWatch) -> i64 {
        let now_ms = self.now_ms;
        let Some(tracked) = self.tracked.get_mut(&id) else {
            return now_ms;
        };
        let resumed_ms = watch
            .landed_since(tracked.incident.start_ms)
            .unwrap_or(now_ms);
        tracked.incident.resumed_ms = Some(resumed_ms);
        if tracked.incident.events == 0 {
            tracked.incident.end_ms = resumed_ms;
        }
        tracked.updated_ms = now_ms;
        tracked.changed = true;
        resumed_ms
    }
}
