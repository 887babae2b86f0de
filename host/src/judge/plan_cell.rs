//! The plan in force, swapped as a whole between two batches; and which plans were in force, until
//! that is written down.

use std::sync::{Arc, Mutex, PoisonError};

use landfall_ledger::Generation;

use crate::judge::plan::Plan;

/// Holds the plan in force. Read once per batch.
pub struct PlanCell {
    plan: Mutex<Arc<Plan>>,
    /// Plans put in force since the last [`PlanCell::take_unnoted`]. Not the plans themselves: they
    /// hold checks and schemas, and a store that fails may leave many of them here.
    unnoted: Mutex<Vec<Noted>>,
}

/// What is to be remembered of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub generation: Generation,
    pub since_ms: i64,
    pub checks: Vec<NotedCheck>,
}

/// What is to be remembered of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedCheck {
    pub name: String,
    pub version: String,
    pub digest: String,
}

impl Noted {
    fn of(plan: &Plan, since_ms: i64) -> Self {
        let checks = plan.placed.iter().map(|placed| NotedCheck {
            name: placed.name.clone(),
            version: placed.check.manifest().version.clone(),
            digest: placed.check.digest().to_string(),
        });
        Self {
            generation: plan.generation,
            since_ms,
            checks: checks.collect(),
        }
    }
}

impl PlanCell {
    /// The first plan, in force since `since_ms`.
    pub fn new(plan: Arc<Plan>, since_ms: i64) -> Self {
        Self {
            unnoted: Mutex::new(vec![Noted::of(&plan, since_ms)]),
            plan: Mutex::new(plan),
        }
    }

    pub fn current(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a plan in force. The one that is in force already stays.
    pub fn swap(&self, plan: Arc<Plan>, since_ms: i64) {
        let mut current = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if current.generation == plan.generation {
            return;
        }
        // Before anybody can judge by it: what it judges is told after it.
        self.unnoted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Noted::of(&plan, since_ms));
        *current = plan;
    }

    /// The plans that were put in force since the last call, in order.
    pub fn take_unnoted(&self) -> Vec<Noted> {
        std::mem::take(&mut self.unnoted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::planner::Patience;
    use crate::planning::planner::doubles::{config_of, planner};

    #[test]
    fn every_plan_that_was_in_force_is_noted_once_however_short_it_was() {
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
        let noted: Vec<(u16, i64)> = cell
            .take_unnoted()
            .iter()
            .map(|noted| (noted.generation.0, noted.since_ms))
            .collect();
        assert_eq!(noted, [(0, 10), (1, 20), (2, 30)]);
        assert_eq!(cell.take_unnoted(), []);
    }
}
