//! The result of planning: the plan, and the state of its checks.

use std::sync::Arc;

use landfall_ledger::Deadlines;
use landfall_runtime::CodeOrigin;

use super::objectives::Objectives;
use crate::judge::plan::Plan;

/// The state of a check, for `/readyz`, metrics and logs.
#[derive(Clone, Debug)]
pub struct CheckState {
    pub name: String,
    pub kind: &'static str,
    pub version: String,
    pub digest: String,
    pub loaded_ms: i64,
    /// Why the file as it is now is not the version in use.
    pub stale: Option<String>,
    /// Whether the file as it is now is being loaded.
    pub loading: bool,
    /// Where its code came from, if it was loaded for this plan.
    pub loaded_from: Option<CodeOrigin>,
}

/// The result of planning.
pub struct Planned {
    pub plan: Arc<Plan>,
    pub deadlines: Deadlines,
    /// Schemas that are loaded or configured now, and `(unknown)` and `(none)`. The plan also has the labels of
    /// earlier plans, because events of schemas that are gone may still wait.
    pub schemas: Vec<String>,
    pub checks: Vec<CheckState>,
    /// Schemas of which an older version stays in force.
    pub stale_schemas: usize,
    /// What stayed as it was, or was left out, and why.
    pub problems: Vec<String>,
    /// Notes that concern only time and no verdict: code that is not kept.
    pub notes: Vec<String>,
    /// Whether anything differs from the plan before.
    pub changed: bool,
}

impl Planned {
    /// The objectives that its checks state, asked for as long as `go_on` returns true; objectives that cannot be
    /// shown are logged. Slow.
    pub fn objectives(&self, go_on: &dyn Fn() -> bool) -> Objectives {
        let objectives = Objectives::of(&self.plan, &self.schemas, go_on);
        for problem in &objectives.problems {
            tracing::warn!("{problem}");
        }
        objectives
    }

    /// Checks of which a newer file is being loaded.
    pub fn loading(&self) -> Vec<&str> {
        let loading = self.checks.iter().filter(|check| check.loading);
        loading.map(|check| check.name.as_str()).collect()
    }

    /// The state of the checks, as text.
    pub fn detail(&self, problems: &[String]) -> String {
        let mut parts = problems.to_vec();
        let loading = self.loading();
        if !loading.is_empty() {
            parts.push(format!("being loaded: {}", loading.join(", ")));
        }
        if parts.is_empty() {
            "as configured".into()
        } else {
            parts.join("; ")
        }
    }
}
