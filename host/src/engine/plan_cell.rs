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
