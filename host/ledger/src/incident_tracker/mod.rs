//! Watches the whole: stalls, silences, and which incident an event that did not land belongs to.
//! Pure. One per process; the shards' activity and verdicts come to it merged.

mod incident;
mod lifecycle;
mod silence;
mod stall;
mod stall_watch;

use std::collections::BTreeMap;

pub use incident::{Cause, Found, Incident, IncidentId, Scope, Severity, Share};
pub use lifecycle::{Change, OPEN_PER_CAUSE_MAX};
use stall_watch::StallWatch;

use crate::identity::SchemaId;
use crate::shard::Activity;
use crate::stream::PerStream;

/// What the overseer is told at the start and at each reload. Milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentTrackerConfig {
    /// Nothing at all landed for longer than this while expected events came in.
    pub stall_ms: i64,
    /// The same for one schema while others land; 0 turns it off.
    pub stall_schema_ms: i64,
    /// An incident closes after this long without anything new.
    pub clear_ms: i64,
    /// The longest deadline: until it has passed, events of an incident that is over may still turn
    /// out missing.
    pub deadline_max_ms: i64,
    /// How long each stream may bring nothing; 0 turns it off.
    pub silence_ms: PerStream<i64>,
}

#[derive(Clone, Debug)]
struct Held {
    incident: Incident,
    /// When something new was last said of it.
    touched_ms: i64,
    changed: bool,
    said_open: bool,
    said_ever: bool,
}

/// The overseer.
#[derive(Debug)]
pub struct IncidentTracker {
    config: IncidentTrackerConfig,
    next_id: u64,
    /// By number, so in the order of opening; closed ones are kept for a while.
    held: BTreeMap<IncidentId, Held>,
    pipeline: StallWatch,
    schemas: BTreeMap<SchemaId, StallWatch>,
    /// When landings resumed after the last stall of the whole pipeline.
    resumed_ms: i64,
    seen_ms: PerStream<Option<i64>>,
    /// Up to when each stream has been told.
    told_ms: PerStream<Option<i64>>,
    now_ms: i64,
}

impl IncidentTracker {
    /// Starts at `now_ms`; `next_id` is the first number that was never given.
    pub fn new(config: IncidentTrackerConfig, now_ms: i64, next_id: u64) -> Self {
        Self {
            config,
            next_id,
            held: BTreeMap::new(),
            pipeline: StallWatch::default(),
            schemas: BTreeMap::new(),
            resumed_ms: i64::MIN,
            seen_ms: PerStream::of(|_| Some(now_ms)),
            told_ms: PerStream::default(),
            now_ms,
        }
    }

    /// The first number that was never given.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Takes over incidents that were open when the process ended.
    pub fn restore(&mut self, open: Vec<Incident>) {
        for incident in open {
            self.next_id = self.next_id.max(incident.id.0 + 1);
            let held = Held {
                touched_ms: self.now_ms,
                changed: false,
                said_open: true,
                said_ever: true,
                incident,
            };
            self.held.insert(held.incident.id, held);
        }
    }

    pub fn reconfigure(&mut self, config: IncidentTrackerConfig) {
        self.config = config;
    }

    /// Arrivals and landings of one schema.
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

    /// Something landed at that time, of whatever schema: told apart from its activity, which comes by
    /// another way and may come later than a verdict that is given after it.
    pub fn landed(&mut self, at_ms: i64) {
        self.pipeline.landed(at_ms);
    }

    /// An event is missing: the incident that it belongs to. Exactly one, and an existing one if any fits.
    pub fn missing(&mut self, schema: SchemaId, arrived_ms: i64, deadline_ms: i64) -> IncidentId {
        let wait_ms = deadline_ms.saturating_sub(arrived_ms);
        self.schemas.entry(schema).or_default().told(arrived_ms);
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

    /// Something else happened to events of a schema that arrived (or landed) in a stretch of time.
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

    /// A window check found something about windows of a schema in a stretch of time.
    pub fn found(
        &mut self,
        found: Found,
        schema: SchemaId,
        windows: u64,
        first_ms: i64,
        last_ms: i64,
    ) -> IncidentId {
        let scope = Scope::Schema(schema);
        let id = self.incident_of(Cause::Finding, scope, Some(found), first_ms);
        if let Some(known) = self
            .held
            .get_mut(&id)
            .and_then(|held| held.incident.found.as_mut())
        {
            known.severity = known.severity.max(found.severity);
        }
        self.add(id, schema, windows, first_ms, last_ms);
        id
    }

    /// An event of that incident landed after all. False if the incident is no longer in hand.
    pub fn landed_late(&mut self, id: IncidentId, schema: SchemaId) -> bool {
        let Some(held) = self.held.get_mut(&id) else {
            return false;
        };
        held.incident.landed_late += 1;
        let at_ms = held.incident.start_ms;
        held.incident.share(schema, at_ms).landed_late += 1;
        held.changed = true;
        true
    }

    /// What is told from here on is told at `now_ms`. Activity must have been told before, so that a
    /// stall is seen before the events that it lost.
    pub fn tell_at(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.watch_pipeline(self.now_ms);
    }

    /// Moves time. Everything that landed up to `now_ms` must have been told.
    pub fn advance(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.watch_pipeline(self.now_ms);
        self.watch_schemas();
        self.watch_silence();
        self.close_quiet();
        self.forget_old();
    }
}
