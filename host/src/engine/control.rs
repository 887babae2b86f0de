//! What a reload changes in a running engine.

use std::sync::Arc;

use crossbeam_channel::Sender;
use landfall_ledger::{Deadlines, Generation, IncidentTrackerConfig};

use super::settings::tracker_config_of;
use super::stored::Stored;
use crate::config::Config;
use crate::judge::plan_cell::PlanCell;
use crate::planning::planner::Planned;
use crate::time_policy::TimePolicy;

/// Puts plans in force. A clone controls the same engine.
#[derive(Clone)]
pub struct Control {
    plan: Arc<PlanCell>,
    deadlines: Vec<Sender<Deadlines>>,
    tracker: Sender<IncidentTrackerConfig>,
    first_generation: u64,
    time: TimePolicy,
}

impl Control {
    pub(super) fn new(
        plan: Arc<PlanCell>,
        deadlines: Vec<Sender<Deadlines>>,
        tracker: Sender<IncidentTrackerConfig>,
        stored: &Stored,
        time: &TimePolicy,
    ) -> Self {
        Self {
            plan,
            deadlines,
            tracker,
            first_generation: stored.first_generation,
            time: time.clone(),
        }
    }

    /// Puts a new plan in force, for the batches to come.
    pub fn apply(&self, planned: &Planned, config: &Config, now_ms: i64) {
        for shard in &self.deadlines {
            // A shard that has ended does not need it.
            let _ = shard.send(planned.deadlines.clone());
        }
        let tracker = tracker_config_of(config, planned, &self.time);
        let _ = self.tracker.send(tracker);
        self.plan.swap(Arc::clone(&planned.plan), now_ms);
    }

    /// The number of the generation in force.
    pub fn number_in_force(&self) -> u64 {
        self.number(self.plan.current().generation)
    }

    /// The number of a generation in the store.
    pub fn number(&self, generation: Generation) -> u64 {
        self.first_generation + u64::from(generation.0)
    }
}
