//! Keeps the incidents: it watches for stalls and silence, and attributes each event that did not land to one
//! incident. Pure: no clock, no I/O. One per process; it gets the activity and verdicts of all shards, merged.

mod coverage;
mod incident;
mod lifecycle;
mod silence;
mod stall;
mod stall_watch;

use std::collections::BTreeMap;

pub use incident::{Cause, Incident, IncidentFinding, IncidentId, Scope, Severity, Share};
pub use lifecycle::{Change, OPEN_PER_CAUSE_MAX};
use stall_watch::StallWatch;

use crate::identity::SchemaId;
use crate::shard::Activity;
use crate::stream::{PerStream, Stream};

/// Configuration of the tracker, given at the start and at each reload. All in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentTrackerConfig {
    /// The pipeline is stalled if nothing landed for longer than this while expected events came in.
    pub stall_ms: i64,
    /// The same for one schema while others land; 0 turns it off.
    pub stall_schema_ms: i64,
    /// An incident closes after this long without anything new.
    pub clear_ms: i64,
    /// The longest deadline of all schemas: until it has passed, events of an incident that is over may
    /// still turn out missing.
    pub deadline_max_ms: i64,
    /// A hole of a stream is an incident if it lasts so long, or if events are unconfirmed because of it. A publisher
    /// that is started again is away for a while.
    pub unwatched_min_ms: i64,
    /// A stream is silent if it brings nothing for longer than this; 0 turns it off.
    pub silence_ms: PerStream<i64>,
}

/// An incident, and what of it was reported.
#[derive(Clone, Debug)]
struct TrackedIncident {
    incident: Incident,
    /// When something new was last noted of it.
    updated_ms: i64,
    /// It has changes that were not reported yet.
    changed: bool,
    /// It was open when it was last reported.
    reported_open: bool,
    was_reported: bool,
}

/// The incidents of this process: see the module.
#[derive(Debug)]
pub struct IncidentTracker {
    config: IncidentTrackerConfig,
    next_id: u64,
    /// By number, so in the order of opening; closed ones are kept for a while.
    tracked: BTreeMap<IncidentId, TrackedIncident>,
    pipeline: StallWatch,
    schemas: BTreeMap<SchemaId, StallWatch>,
    /// When landings resumed after the last stall of the whole pipeline.
    resumed_ms: i64,
    /// The latest that each stream brought.
    seen_ms: PerStream<Option<i64>>,
    /// Everything that each stream brought up to then has been handed in.
    read_up_to_ms: PerStream<Option<i64>>,
    /// Up to when a hole of each stream is known to last. What waited or was silent until then proves nothing.
    unwatched_until_ms: PerStream<i64>,
    now_ms: i64,
}

impl IncidentTracker {
    /// Starts at `now_ms` (since the epoch); `next_id` is the first number that was never given.
    pub fn new(config: IncidentTrackerConfig, now_ms: i64, next_id: u64) -> Self {
        Self {
            config,
            next_id,
            tracked: BTreeMap::new(),
            pipeline: StallWatch::default(),
            schemas: BTreeMap::new(),
            resumed_ms: i64::MIN,
            seen_ms: PerStream::of(|_| Some(now_ms)),
            read_up_to_ms: PerStream::default(),
            unwatched_until_ms: PerStream::of(|_| i64::MIN),
            now_ms,
        }
    }

    /// The first number that was never given.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Takes over incidents that were open when the process ended. What a stall lost still waits, until something lands.
    pub fn restore(&mut self, open: Vec<Incident>) {
        for mut incident in open {
            self.next_id = self.next_id.max(incident.id.0 + 1);
            let is_unwatched = matches!(incident.scope, Scope::Schema(_))
                && self.config.stall_schema_ms == 0
                && incident.cause == Cause::Stalled;
            if is_unwatched {
                // Stalls of single schemas are no longer watched: nobody would see its end.
                incident.resumed_ms.get_or_insert(self.now_ms);
            }
            if incident.cause == Cause::Stalled && incident.resumed_ms.is_none() {
                let (first_ms, last_ms) = (incident.start_ms, incident.end_ms);
                match incident.scope {
                    Scope::Pipeline => self.pipeline.arrived(first_ms, last_ms),
                    Scope::Schema(schema) => {
                        let watch = self.schemas.entry(schema).or_default();
                        watch.arrived(first_ms, last_ms);
                    }
                    Scope::Others | Scope::Stream(_) => {}
                }
            }
            let tracked = TrackedIncident {
                updated_ms: self.now_ms,
                changed: false,
                reported_open: true,
                was_reported: true,
                incident,
            };
            self.tracked.insert(tracked.incident.id, tracked);
        }
    }

    /// Takes another configuration, from now on.
    pub fn reconfigure(&mut self, config: IncidentTrackerConfig) {
        self.config = config;
    }

    /// Hands in arrivals and landings of one schema.
    pub fn activity(&mut self, activity: &Activity) {
        let schema = self.schemas.entry(activity.schema).or_default();
        // Arrivals first: a landing of the same stretch answers them.
        if activity.arrived > 0 {
            schema.arrived(activity.arrived_first_ms, activity.arrived_last_ms);
            self.pipeline
                .arrived(activity.arrived_first_ms, activity.arrived_last_ms);
        }
        if activity.landed > 0 {
            schema.landed(activity.landed_last_ms);
            self.pipeline.landed(activity.landed_last_ms);
        }
    }

    /// Something landed at that time, of whatever schema. It is handed in apart from its activity, which
    /// comes by another way and may come later than a verdict that is given after it.
    pub fn landed(&mut self, at_ms: i64) {
        self.pipeline.landed(at_ms);
    }

    /// An event is missing. Gives the incident that it belongs to: exactly one, an existing one if any fits.
    pub fn missing(&mut self, schema: SchemaId, arrived_ms: i64, deadline_ms: i64) -> IncidentId {
        let wait_ms = deadline_ms.saturating_sub(arrived_ms);
        self.schemas
            .entry(schema)
            .or_default()
            .reported_missing(arrived_ms);
        // Time may have jumped over the moment at which the stall would have been seen.
        self.watch_pipeline(self.now_ms.max(deadline_ms));
        // It came in during the stall, or was on its way to the database when the stall began.
        let stall = self
            .stall_around(schema, arrived_ms, 0)
            .or_else(|| self.stall_around(schema, arrived_ms, wait_ms));
        let id = match stall {
            Some(id) => id,
            None => self.incident_of(Cause::Loss, Scope::Schema(schema), None, arrived_ms),
        };
        self.add(id, schema, 1, arrived_ms, arrived_ms);
        id
    }

    /// An event did not land in time as far as Landfall saw, and nobody saw all of the written stream. Gives the
    /// incident that it belongs to.
    pub fn unconfirmed(&mut self, schema: SchemaId, arrived_ms: i64) -> IncidentId {
        self.schemas
            .entry(schema)
            .or_default()
            .reported_missing(arrived_ms);
        let scope = Scope::Stream(Stream::Written);
        let id = self.incident_of(Cause::Unwatched, scope, None, arrived_ms);
        self.add(id, schema, 1, arrived_ms, arrived_ms);
        id
    }

    /// Something else happened to so many events of a schema that arrived (or landed) from `first_ms` to
    /// `last_ms`. Gives the incident that they belong to.
    pub fn note(
        &mut self,
        cause: Cause,
        schema: SchemaId,
        events: u64,
        first_ms: i64,
        last_ms: i64,
    ) -> IncidentId {
        let id = self.incident_of(cause, Scope::Schema(schema), None, first_ms);
        self.add(id, schema, events, first_ms, last_ms);
        id
    }

    /// A window check found something about so many windows of a schema, from `first_ms` to `last_ms`. Gives
    /// the incident that they belong to.
    pub fn found(
        &mut self,
        found: IncidentFinding,
        schema: SchemaId,
        windows: u64,
        first_ms: i64,
        last_ms: i64,
    ) -> IncidentId {
        let scope = Scope::Schema(schema);
        let id = self.incident_of(Cause::Finding, scope, Some(found), first_ms);
        if let Some(known) = self
            .tracked
            .get_mut(&id)
            .and_then(|tracked| tracked.incident.found.as_mut())
        {
            known.severity = known.severity.max(found.severity);
        }
        self.add(id, schema, windows, first_ms, last_ms);
        id
    }

    /// An event of that incident landed after all. False if the incident is no longer kept here.
    pub fn landed_late(&mut self, id: IncidentId, schema: SchemaId) -> bool {
        let Some(tracked) = self.tracked.get_mut(&id) else {
            return false;
        };
        tracked.incident.landed_late += 1;
        let schema = tracked.incident.counted_as(schema);
        let at_ms = tracked.incident.start_ms;
        tracked.incident.share(schema, at_ms).landed_late += 1;
        tracked.changed = true;
        true
    }

    /// Sets the time of what is handed in from here on. Activity up to then must have been handed in before,
    /// so that a stall is seen before the events that it lost.
    pub fn set_time(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.watch_pipeline(self.now_ms);
    }

    /// Moves time on. Everything that landed up to `now_ms` must have been handed in.
    pub fn advance(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.watch_pipeline(self.now_ms);
        self.watch_schemas();
        self.watch_silence();
        self.close_quiet();
        self.forget_old();
    }
}
