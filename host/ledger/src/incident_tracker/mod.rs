//! Watches the whole: stalls, silences, and which incident an event that did not land belongs to.
//! Pure. One per process; the shards' activity and verdicts come to it merged.

mod incident;
mod silence;
mod stall;

use std::collections::BTreeMap;

pub use incident::{Cause, Found, Incident, IncidentId, Scope, Severity, Share};
use stall::StallWatch;

use crate::identity::SchemaId;
use crate::shard::Activity;
use crate::stream::PerStream;

/// Open incidents of one cause that name a schema each; further schemas share one (of findings, one for
/// each reason, and those are the reasons of the manifests).
pub const OPEN_PER_CAUSE_MAX: usize = 64;

/// Closed incidents kept in hand, so that what comes late still finds its incident.
const CLOSED_KEPT_MAX: usize = 64;

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

#[derive(Clone, Debug)]
struct Held {
    incident: Incident,
    /// When something new was last said of it.
    touched_ms: i64,
    changed: bool,
    said_open: bool,
    said_ever: bool,
}

impl Held {
    /// Whether it is an open stall of that scope.
    fn is_stall_of(&self, scope: Scope) -> bool {
        let incident = &self.incident;
        incident.is_open() && incident.cause == Cause::Stalled && incident.scope == scope
    }
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

    /// The newest stall that began no later than `before_ms` after an event's arrival, and was not over.
    fn stall_around(
        &self,
        schema: SchemaId,
        arrived_ms: i64,
        before_ms: i64,
    ) -> Option<IncidentId> {
        let fits = |held: &&Held| {
            let incident = &held.incident;
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
        self.held
            .values()
            .rev()
            .find(fits)
            .map(|held| held.incident.id)
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

    /// Open incidents by cause.
    pub fn open_by_cause(&self) -> BTreeMap<Cause, usize> {
        let mut open: BTreeMap<Cause, usize> =
            Cause::ALL.into_iter().map(|cause| (cause, 0)).collect();
        for held in self.held.values().filter(|held| held.incident.is_open()) {
            *open.entry(held.incident.cause).or_default() += 1;
        }
        open
    }

    fn watch_pipeline(&mut self, now_ms: i64) {
        match self.pipeline.stalled_since(now_ms, self.config.stall_ms) {
            Some(since) => {
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

    fn watch_schemas(&mut self) {
        if self.config.stall_schema_ms == 0 {
            return;
        }
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
                    let since = since.max(self.resumed_ms);
                    let is_long = self.now_ms.saturating_sub(since) > self.config.stall_schema_ms;
                    // Only while others land: else it is the pipeline's stall.
                    let others_land = self.pipeline.landed_since(since).is_some();
                    if !(is_long && others_land && watch.is_untold_since(since)) {
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
        let fits = |held: &&Held| held.is_stall_of(scope) && held.incident.resumed_ms.is_none();
        self.held
            .values()
            .rev()
            .find(fits)
            .map(|held| held.incident.id)
    }

    /// The stall that goes on, or that paused for no longer than flapping does, or a new one.
    fn stall_of(&mut self, scope: Scope, since_ms: i64) -> IncidentId {
        let clear_ms = self.config.clear_ms;
        let goes_on = |held: &&Held| {
            let paused = held.incident.resumed_ms;
            held.is_stall_of(scope)
                && paused.is_none_or(|resumed| since_ms <= resumed.saturating_add(clear_ms))
        };
        let found = self.held.values().rev().find(goes_on);
        match found.map(|held| held.incident.id) {
            Some(id) => id,
            None => self.reopen_or_open(Cause::Stalled, scope, None, since_ms),
        }
    }

    fn still_stalled(&mut self, id: IncidentId) {
        let now_ms = self.now_ms;
        if let Some(held) = self.held.get_mut(&id) {
            if held.incident.resumed_ms.take().is_some() {
                held.changed = true;
            }
            held.touched_ms = now_ms;
        }
    }

    /// Landings resumed; when.
    fn resumed(&mut self, id: IncidentId, watch: StallWatch) -> i64 {
        let now_ms = self.now_ms;
        let Some(held) = self.held.get_mut(&id) else {
            return now_ms;
        };
        let resumed_ms = watch.landed_since(held.incident.start_ms).unwrap_or(now_ms);
        held.incident.resumed_ms = Some(resumed_ms);
        if held.incident.events == 0 {
            held.incident.end_ms = resumed_ms;
        }
        held.touched_ms = now_ms;
        held.changed = true;
        resumed_ms
    }

    /// Closes what had nothing new for long enough.
    fn close_quiet(&mut self) {
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
    fn forget_old(&mut self) {
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

    /// Open incidents of a cause.
    fn open_of(&self, cause: Cause) -> usize {
        let of_cause = |held: &&Held| held.incident.is_open() && held.incident.cause == cause;
        self.held.values().filter(of_cause).count()
    }

    fn find_open(&self, cause: Cause, scope: Scope, found: Option<Found>) -> Option<IncidentId> {
        let fits =
            |held: &&Held| held.incident.is_open() && held.incident.is_of(cause, scope, found);
        self.held
            .values()
            .rev()
            .find(fits)
            .map(|held| held.incident.id)
    }

    /// The incident for something that began at `start_ms`: the open one, one that closed a moment
    /// ago, or a new one; with too many open, the one that takes the rest.
    fn incident_of(
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

    fn reopen_or_open(
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

    fn add(&mut self, id: IncidentId, schema: SchemaId, events: u64, first_ms: i64, last_ms: i64) {
        let now_ms = self.now_ms;
        if let Some(held) = self.held.get_mut(&id) {
            held.incident.add(schema, events, first_ms, last_ms);
            held.touched_ms = now_ms;
            held.changed = true;
        }
    }
}
