//! The incidents of a run: beside a pipeline as they happen, over recordings at the end, because
//! lines come in any order of time.

use landfall_ledger::{
    Activity, Cause, Hole, IncidentFinding, IncidentId, IncidentTracker, IncidentTrackerConfig,
    SchemaId, Stream,
};

use super::audit_incidents::{AuditAttribution, AuditIncidents};

/// The incidents of a run.
pub(super) struct Incidents {
    tracker: IncidentTracker,
    /// What belongs to the incidents of a recording, until all is known; None beside a pipeline.
    recorded: Option<AuditIncidents>,
    clear_ms: i64,
    window_ms: i64,
}

impl Incidents {
    /// Without `clock_ms`, times are the events' own.
    pub fn new(
        config: IncidentTrackerConfig,
        next_id: u64,
        clock_ms: Option<i64>,
        window_ms: i64,
    ) -> Self {
        Self {
            clear_ms: config.clear_ms,
            tracker: IncidentTracker::new(config, clock_ms.unwrap_or(i64::MIN), next_id),
            recorded: clock_ms.is_none().then(AuditIncidents::default),
            window_ms,
        }
    }

    /// Sets new bounds of incidents and deadlines.
    pub fn reconfigure(&mut self, config: IncidentTrackerConfig) {
        self.tracker.reconfigure(config);
    }

    /// The tracker of the ledger.
    pub fn tracker(&self) -> &IncidentTracker {
        &self.tracker
    }

    /// The tracker of the ledger, to change it.
    pub fn tracker_mut(&mut self) -> &mut IncidentTracker {
        &mut self.tracker
    }

    /// What came and landed, and the time of the last landing. For recordings this is ignored: it
    /// cannot be known what waited for how long.
    pub fn activity(&mut self, activity: &[Activity], landed_ms: Option<i64>) {
        if self.recorded.is_some() {
            return;
        }
        activity.iter().for_each(|one| self.tracker.activity(one));
        if let Some(landed_ms) = landed_ms {
            self.tracker.landed(landed_ms);
        }
    }

    /// A frame of the stream came.
    pub fn seen(&mut self, stream: Stream, at_ms: i64) {
        if self.recorded.is_none() {
            self.tracker.seen(stream, at_ms);
        }
    }

    /// Landings are known up to this time. What is reported from now on is judged by that.
    pub fn landed_up_to(&mut self, now_ms: Option<i64>) {
        if let Some(now_ms) = now_ms {
            self.tracker.set_time(now_ms);
        }
    }

    /// Everything of a stream up to this time was reported.
    pub fn reported_up_to(&mut self, stream: Stream, at_ms: i64) {
        self.tracker.read_up_to(stream, at_ms);
    }

    /// Moves time, unless times are the events' own.
    pub fn advance(&mut self, now_ms: Option<i64>) {
        if let Some(now_ms) = now_ms {
            self.tracker.advance(now_ms);
        }
    }

    /// Something happened to events that arrived (or landed) in an interval.
    pub fn note(
        &mut self,
        cause: Cause,
        schema: SchemaId,
        events: u64,
        first_ms: i64,
        last_ms: i64,
    ) {
        match &mut self.recorded {
            Some(recorded) => {
                let window = first_ms.div_euclid(self.window_ms);
                recorded.note(window, cause, schema, events, first_ms, last_ms);
            }
            None => {
                self.tracker.note(cause, schema, events, first_ms, last_ms);
            }
        }
    }

    /// An event is missing or unconfirmed. Gives its incident; in a recording the incident is known only at the
    /// end.
    pub fn missing(
        &mut self,
        schema: SchemaId,
        arrived_ms: i64,
        deadline_ms: i64,
        is_unconfirmed: bool,
    ) -> IncidentId {
        if is_unconfirmed {
            return self.tracker.unconfirmed(schema, arrived_ms);
        }
        match &mut self.recorded {
            Some(recorded) => {
                let window = arrived_ms.div_euclid(self.window_ms);
                recorded.missing(window, schema, arrived_ms, deadline_ms);
                IncidentId(0)
            }
            None => self.tracker.missing(schema, arrived_ms, deadline_ms),
        }
    }

    /// A missing event was lost once more. In a recording nothing is lost twice, because its time
    /// stands still.
    pub fn missing_again(
        &mut self,
        schema: SchemaId,
        arrived_ms: i64,
        deadline_ms: i64,
        is_unconfirmed: bool,
    ) -> Option<IncidentId> {
        match self.recorded {
            Some(_) => None,
            None => Some(self.missing(schema, arrived_ms, deadline_ms, is_unconfirmed)),
        }
    }

    /// A hole of a stream, which may have grown.
    pub fn unwatched(&mut self, stream: Stream, hole: Hole) {
        self.tracker.unwatched(stream, hole);
    }

    /// An event of the incident landed after all. False if the tracker no longer holds the
    /// incident.
    pub fn landed_late(&mut self, incident: IncidentId, schema: SchemaId) -> bool {
        self.tracker.landed_late(incident, schema)
    }

    /// A window check found something about a window of a schema. Gives the incident with `detail`,
    /// if the incident is known.
    pub fn found(
        &mut self,
        found: IncidentFinding,
        schema: SchemaId,
        (first_ms, last_ms): (i64, i64),
        detail: String,
    ) -> Option<(IncidentId, String)> {
        match &mut self.recorded {
            Some(recorded) => {
                let window = first_ms.div_euclid(self.window_ms);
                recorded.found(window, found, schema, (first_ms, last_ms), detail);
                None
            }
            None => {
                let incident = self.tracker.found(found, schema, 1, first_ms, last_ms);
                Some((incident, detail))
            }
        }
    }

    /// Nothing comes any more: determines the incidents of a recording.
    pub fn end(&mut self) -> AuditAttribution {
        match &mut self.recorded {
            Some(recorded) => recorded.replay(&mut self.tracker, self.clear_ms),
            None => AuditAttribution::default(),
        }
    }
}
