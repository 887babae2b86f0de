//! The delivery objectives that checks state: series with which rules compare the measured values.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus::Result;

use super::labels::SchemaLabelSet;
use super::registrar::Registrar;
use super::table::MetricTable;

/// The objective that a check states for a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    pub check: String,
    pub schema: String,
    /// The share of expected events that should be delivered, from 0 to 1.
    pub target: f64,
    /// Whether an event that landed late counts as delivered.
    pub late_counts: bool,
}

#[derive(Debug)]
pub struct ObjectiveMetrics {
    stated: Mutex<Vec<Objective>>,
    ratio: MetricTable,
    late_counts: MetricTable,
}

const LABELS: [&str; 2] = ["check", "schema"];

impl ObjectiveMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        Ok(Self {
            stated: Mutex::default(),
            ratio: MetricTable::new(
                r,
                "delivery_objective_ratio",
                &LABELS,
                "The share of expected events that should be delivered, from 0 to 1, as the check states it for the schema. For (other): the lowest of the schemas that share it.",
            )?,
            late_counts: MetricTable::new(
                r,
                "delivery_objective_late_counts",
                &LABELS,
                "Whether an event that landed late counts as delivered for the objective (1) or not (0). For (other): 1 if it does for any of the schemas that share it.",
            )?,
        })
    }

    /// Sets the objectives from now on.
    pub fn set(&self, stated: Vec<Objective>) {
        *self.stated.lock().unwrap_or_else(PoisonError::into_inner) = stated;
    }

    /// Combines those of schemas without a label. The shared objective must not fire for a schema that meets
    /// its own objective, so the mildest counts.
    pub(super) fn refresh(&self, labels: &SchemaLabelSet) {
        let stated = self.stated.lock().unwrap_or_else(PoisonError::into_inner);
        let names = stated.iter().map(|objective| objective.schema.as_str());
        let mut shown: BTreeMap<[&str; 2], (f64, bool)> = BTreeMap::new();
        for (objective, label) in stated.iter().zip(labels.look_up(names)) {
            let place = shown.entry([&objective.check, label]);
            let (target, late_counts) = place.or_insert((objective.target, false));
            *target = target.min(objective.target);
            *late_counts |= objective.late_counts;
        }
        let owned = |labels: &[&str; 2]| labels.map(str::to_owned);
        self.ratio.set(
            shown
                .iter()
                .map(|(labels, (target, _))| (owned(labels), *target)),
        );
        self.late_counts.set(
            shown
                .iter()
                .map(|(labels, (_, late_counts))| (owned(labels), f64::from(*late_counts))),
        );
    }
}
