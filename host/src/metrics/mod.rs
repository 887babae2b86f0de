//! Metrics: one registry, made once and passed around; one file for each area.
//!
//! Label values come from configuration, schemas and manifests, never from event text. Hot paths
//! count on their own and add whole batches here; the counts of sources and queues are fetched when the
//! metrics are read. Knows plain names and numbers, not the ledger, the runtime or the store.

mod checks;
mod doc;
mod frames;
mod labels;
mod latency;
mod ledger;
mod limits;
mod objectives;
mod owners;
mod percentiles;
mod process;
mod registrar;
mod restore;
mod sequences;
mod store;
mod table;
mod verdicts;

use std::sync::Arc;

pub use checks::{CheckCounts, CheckMetrics, Declared};
pub use doc::document;
pub use frames::FrameMetrics;
pub use labels::{ALWAYS, OTHER, SCHEMA_LABELS_MAX};
pub use latency::LATENCY_BOUNDS_MS;
pub use ledger::{LedgerGauges, LedgerMetrics};
pub use limits::{CheckLimitValues, LimitMetrics};
pub use objectives::{Objective, ObjectiveMetrics};
pub use owners::{OwnerMetrics, Owners};
pub use process::ProcessMetrics;
pub use registrar::Entry;
pub use restore::RestoreMetrics;
pub use sequences::SequenceMetrics;
pub use store::StoreMetrics;
pub use verdicts::{VERDICTS, VerdictMetrics};

use labels::SchemaLabelSet;
use registrar::Registrar;

/// Two metrics have the same name, or a name is invalid: a mistake in this module.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up metrics: {0}; report this")]
pub struct MetricsError(#[from] prometheus::Error);

/// All metrics of a process.
#[derive(Debug)]
pub struct Metrics {
    registrar: Registrar,
    labels: Arc<SchemaLabelSet>,
    pub frames: FrameMetrics,
    pub verdicts: VerdictMetrics,
    pub checks: CheckMetrics,
    pub limits: LimitMetrics,
    pub objectives: ObjectiveMetrics,
    pub owners: OwnerMetrics,
    pub ledger: LedgerMetrics,
    pub sequences: SequenceMetrics,
    pub restore: RestoreMetrics,
    pub store: StoreMetrics,
    pub process: ProcessMetrics,
}

impl Metrics {
    /// All metrics, with the default buckets of latency.
    ///
    /// # Errors
    /// As [`Metrics::with_latency_bounds`].
    pub fn new() -> Result<Self, MetricsError> {
        Self::with_latency_bounds(&LATENCY_BOUNDS_MS)
    }

    /// The same with other buckets of latency: upper bounds in milliseconds, which rise strictly.
    ///
    /// # Errors
    /// The registry refuses a metric: a bug of Landfall.
    pub fn with_latency_bounds(bounds_ms: &[i64]) -> Result<Self, MetricsError> {
        let registrar = Registrar::new()?;
        let labels: Arc<SchemaLabelSet> = Arc::default();
        Ok(Self {
            frames: FrameMetrics::new(&registrar)?,
            verdicts: VerdictMetrics::new(&registrar, Arc::clone(&labels), bounds_ms)?,
            checks: CheckMetrics::new(&registrar)?,
            limits: LimitMetrics::new(&registrar)?,
            objectives: ObjectiveMetrics::new(&registrar)?,
            owners: OwnerMetrics::new(&registrar)?,
            labels,
            ledger: LedgerMetrics::new(&registrar)?,
            sequences: SequenceMetrics::new(&registrar)?,
            restore: RestoreMetrics::new(&registrar)?,
            store: StoreMetrics::new(&registrar)?,
            process: ProcessMetrics::new(&registrar)?,
            registrar,
        })
    }

    /// The current values, in Prometheus' text format 0.0.4.
    ///
    /// # Errors
    /// The values cannot be written as text: a bug of Landfall.
    pub fn render(&self) -> Result<String, MetricsError> {
        self.frames.refresh();
        self.process.refresh();
        self.limits.refresh();
        self.objectives.refresh(&self.labels);
        self.owners.refresh(&self.labels);
        Ok(self.registrar.render()?)
    }

    /// Every metric, by name.
    pub fn entries(&self) -> Vec<Entry> {
        self.registrar.entries()
    }
}

#[cfg(test)]
mod tests;
