//! Shows what happened: in metrics, in the log, and in readiness. Counts are shown once they are
//! durable.
//!
//! Decides nothing about events. If something repeats, the log has the first line at once, and then
//! one a minute.

mod check_log;
mod fault_log;
mod incident_log;
mod schema_log;
mod sequence_log;
mod undecodable_log;

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_runtime::Counters;
use landfall_store::spool::Spool;
use landfall_store::{Pruned, StoreError};

use self::fault_log::FaultLog;
use self::schema_log::SchemaLog;
use self::sequence_log::SequenceLog;
use self::undecodable_log::UndecodableLog;
use super::accounting::account::Undecodable;
use super::accounting::{Prepared, WindowFindings, samples};
use crate::bug::REPORT_BUG;
use crate::judge::plan::Plan;
use crate::judge::{CheckActivity, JudgeReport};
use crate::telemetry::Telemetry;

/// Metrics and log of the results.
pub(super) struct Publishing {
    telemetry: Telemetry,
    spool: Arc<Spool>,
    faults: FaultLog,
    schemas: SchemaLog,
    undecodable: UndecodableLog,
    sequences: SequenceLog,
}

impl Publishing {
    pub fn new(telemetry: Telemetry, spool: Arc<Spool>) -> Self {
        Self {
            telemetry,
            spool,
            faults: FaultLog::default(),
            schemas: SchemaLog::default(),
            undecodable: UndecodableLog::default(),
            sequences: SequenceLog::default(),
        }
    }

    /// Shows what judging a batch led to, except for what its checks did.
    pub fn judged(&mut self, plan: &Plan, report: &mut JudgeReport, now: Instant) {
        let stream = report.stream;
        for &(reason, frames) in &report.undecodable {
            let reason = samples::reason_of(plan, reason);
            self.telemetry
                .undecodable(stream, &reason.check, &reason.id, frames);
            let by = Undecodable {
                stream,
                check: reason.check,
                reason: reason.id,
            };
            if let Some(frames) = self.undecodable.add(&by, frames, now) {
                undecodable_log::log(&by, frames);
            }
        }
        for &(violation, rows) in &report.violations {
            let reason = samples::reason_of(plan, violation.reason);
            self.telemetry.violations(&reason.check, &reason.id, rows);
        }
        for note in report.unread.drain(..) {
            self.faults.fault(note, now);
        }
    }

    /// Shows what checks did, and what they logged.
    pub fn checks(&mut self, checks: Vec<CheckActivity>, now: Instant) {
        for check in checks {
            self.telemetry.check(&check.name, &check.counters);
            for faults in &check.counters.schemas {
                self.telemetry.schema_faults(faults);
                self.schemas.take(&check.name, faults, now);
            }
            for line in &check.log {
                check_log::line(&check.name, line);
            }
            if is_well(&check.counters) {
                self.faults.judged(&check.name);
            }
            for note in check.faults {
                self.faults.fault(note, now);
            }
            for suspension in check.suspensions {
                self.faults.suspended(&check.name, suspension, now);
            }
        }
    }

    /// Shows what a window check found.
    pub fn found(&self, check: &WindowFindings) {
        for finding in &check.judged.findings {
            let reason = check.reason(finding);
            self.telemetry
                .finding(&check.check, reason, finding.severity.as_str());
        }
    }

    /// Shows a flush that is durable.
    pub fn written(&mut self, plan: &Plan, prepared: &Prepared, now_ms: i64) {
        let telemetry = &self.telemetry;
        for &compared in &prepared.altered {
            telemetry.altered(compared);
        }
        for &(start_ms, imbalance) in &prepared.closed {
            telemetry.window_closed(imbalance);
            if imbalance > 0 {
                tracing::error!(
                    start_ms,
                    imbalance,
                    "events came in that have no verdict: {REPORT_BUG}"
                );
            }
        }
        for (schema, counts) in &prepared.counts {
            telemetry.counts(plan.labels.name(*schema), counts);
        }
        for gauge in &prepared.latency {
            telemetry.latency(plan.labels.name(gauge.schema), &gauge.buckets, gauge.sum_ms);
        }
        for (change, row) in prepared.changes.iter().zip(&prepared.incidents) {
            incident_log::log(change, row);
            telemetry.incident(change);
        }
        for &(stream, cause, ms) in &prepared.unseen {
            telemetry.unseen(stream, cause, ms);
        }
        for (stream, left_out, not_followed) in &prepared.left_out {
            telemetry.left_out(*stream, left_out, not_followed);
            for line in self.sequences.add(*stream, not_followed) {
                tracing::warn!("{line}");
            }
        }
        telemetry.incidents_open(&prepared.open_by_cause);
        telemetry.rows(
            prepared.missing,
            prepared.windows.len(),
            prepared.incidents.len(),
            &prepared.samples,
        );
        telemetry.ledger(&prepared.gauges, now_ms);
    }

    /// Shows a step of retention.
    pub fn pruned(&self, pruned: &Pruned) {
        self.telemetry.pruned(pruned);
    }

    /// Shows by how much the clock is ahead of retention's time.
    pub fn clock_ahead(&self, ahead_ms: i64) {
        self.telemetry.clock_ahead(ahead_ms);
    }

    /// Shows the sizes of store and spool.
    pub fn sizes(&self, store: &std::path::Path) {
        self.telemetry.sizes(store, self.spool.bytes());
    }

    /// Shows how long a try to write took.
    pub fn wrote(&self, took: Duration, is_committed: bool) {
        self.telemetry.wrote(took, is_committed);
    }

    /// Shows that the store works.
    pub fn store_works(&self) {
        self.telemetry.store_works();
    }

    /// Shows that the store fails, and why.
    pub fn store_fails(&self, error: &StoreError, store: &std::path::Path) {
        self.telemetry.store_fails(error, store);
    }

    /// Logs the lines that are due.
    pub fn tick(&mut self, now: Instant) {
        self.faults.tick(now);
    }

    /// Logs what was kept back.
    pub fn end(&mut self) {
        self.faults.end();
    }
}

/// Whether a check was called and did not fail in any way.
fn is_well(counters: &Counters) -> bool {
    let failed = counters.faults.iter().chain(&counters.rows_faulted);
    counters.batches > 0 && failed.sum::<u64>() == 0
}
