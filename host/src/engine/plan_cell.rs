//! The plan in force, swapped as a whole between two batches.

use std::sync::{Arc, Mutex, PoisonError};

use crate::judge::plan::Plan;

/// Holds the plan in force. Read once per batch.
pub struct PlanCell {
    plan: Mutex<Arc<Plan>>,
}

impl PlanCell {
    pub fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan: Mutex::new(plan),
        }
    }

    pub fn current(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn swap(&self, plan: Arc<Plan>) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }
}
