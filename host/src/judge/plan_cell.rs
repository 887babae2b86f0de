//! Holds the plan in force, which is swapped as a whole between two batches. Also keeps a record of
//! each plan that was in force, until the record is written to the store.

use std::sync::{Arc, Mutex, PoisonError};

use landfall_ledger::Generation;

use crate::judge::plan::Plan;

/// Holds the plan in force. Read once per batch.
pub struct PlanCell {
    plan: Mutex<Arc<Plan>>,
    /// The plans put in force since the last [`PlanCell::take_unrecorded`]. Not the plans
    /// themselves: they hold checks and schemas, and many may collect here while the store fails.
    unrecorded: Mutex<Vec<PlanRecord>>,
}

/// What the store keeps of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRecord {
    pub generation: Generation,
    pub since_ms: i64,
    pub checks: Vec<PlanCheckRecord>,
}

/// What the store keeps of a check of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanCheckRecord {
    pub name: String,
    pub version: String,
    pub digest: String,
}

impl PlanRecord {
    fn of(plan: &Plan, since_ms: i64) -> Self {
        let checks = plan.checks.iter().map(|planned| PlanCheckRecord {
            name: planned.name.clone(),
            version: planned.check.manifest().version.clone(),
            digest: planned.check.digest().to_string(),
        });
        Self {
            generation: plan.generation,
            since_ms,
            checks: checks.collect(),
        }
    }
}

impl PlanCell {
    /// Starts with the first plan, in force since `since_ms`.
    pub fn new(plan: Arc<Plan>, since_ms: i64) -> Self {
        Self {
            unrecorded: Mutex::new(vec![PlanRecord::of(&plan, since_ms)]),
            plan: Mutex::new(plan),
        }
    }

    /// The plan in force.
    pub fn current(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a plan in force. If it is in force already, nothing changes.
    pub fn swap(&self, plan: Arc<Plan>, since_ms: i64) {
        let mut current = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if current.generation == plan.generation {
            return;
        }
        // Before anybody can judge by it: the record is written before what the plan judges.
        self.unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(PlanRecord::of(&plan, since_ms));
        *current = plan;
    }

    /// The records of the plans that were put in force since the last call, in order.
    pub fn take_unrecorded(&self) -> Vec<PlanRecord> {
        std::mem::take(
            &mut self
                .unrecorded
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::planner::Patience;
    use crate::planning::planner::doubles::{config_of, planner};

    #[test]
    fn every_plan_that_was_in_force_is_recorded_once_even_if_only_for_a_moment() {
        let dir = tempfile::tempdir().unwrap();
        let (mut config, mut planner) = (config_of(dir.path()), planner());
        let mut plan = |label: &str| {
            let hour = std::time::Duration::from_secs(3600);
            config.deadlines.schemas.insert(label.into(), hour);
            planner.plan(&config, 0, Patience::Whole).unwrap().plan
        };
        let cell = PlanCell::new(plan("A/1"), 10);
        // Two reloads before anything is written, and one that changes nothing.
        cell.swap(plan("A/2"), 20);
        let last = plan("A/3");
        cell.swap(Arc::clone(&last), 30);
        cell.swap(last, 40);
        let records: Vec<(u16, i64)> = cell
            .take_unrecorded()
            .iter()
            .map(|record| (record.generation.0, record.since_ms))
            .collect();
        assert_eq!(records, [(0, 10), (1, 20), (2, 30)]);
        assert_eq!(cell.take_unrecorded(), []);
    }
}
