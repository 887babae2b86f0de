//! Shows in metrics and `/readyz` what happened. The only place that knows both the terms of ledger,
//! runtime and store, and the metrics, which know plain names and numbers.

mod in_force;
pub mod watchdog;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use landfall_ledger::{Cause, Change, Counts, HoleCause, ShardGauges, Stream, Verdict};
use landfall_runtime::{CodeOrigin, Counters, FaultKind, SchemaFaults};
use landfall_store::{Pruned, SampleRow, StoreError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::flow::{LeftOut, NotFollowed};
use crate::http;
use crate::metrics::{CheckCounts, LedgerGauges, Metrics, MetricsError};
use crate::planning::planner::CheckState;

/// Clones share their state.
#[derive(Clone)]
pub struct Telemetry {
    metrics: Arc<Metrics>,
    readiness: http::Readiness,
    store: Arc<http::Part>,
}

impl Telemetry {
    /// Telemetry with the default buckets of latency.
    ///
    /// # Errors
    /// As [`Metrics::with_latency_bounds`].
    pub fn new() -> Result<Self, MetricsError> {
        Self::of(Metrics::new()?)
    }

    /// The same with other buckets of latency: upper bounds in milliseconds, which rise strictly.
    ///
    /// # Errors
    /// As [`Metrics::with_latency_bounds`].
    pub fn with_latency_bounds(bounds_ms: &[i64]) -> Result<Self, MetricsError> {
        Self::of(Metrics::with_latency_bounds(bounds_ms)?)
    }

    fn of(metrics: Metrics) -> Result<Self, MetricsError> {
        let metrics = Arc::new(metrics);
        metrics.ledger.causes(Cause::ALL.map(Cause::as_str));
        let readiness = http::Readiness::default();
        let asked = readiness.clone();
        metrics
            .process
            .follow_readiness(move || asked.parts_ready());
        Ok(Self {
            metrics,
            store: Arc::new(readiness.part("store")),
            readiness,
        })
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    pub fn readiness(&self) -> &http::Readiness {
        &self.readiness
    }

    /// The checks that judge now; those of an earlier plan that are gone are in `removed`.
    pub fn checks(&self, checks: &[CheckState], removed: &[String]) {
        for name in removed {
            self.metrics.checks.removed(name);
        }
        for check in checks {
            self.metrics.checks.set_loading(&check.name, check.loading);
            let from = check.loaded_from.map(CodeOrigin::as_str);
            self.metrics
                .checks
                .code(&check.name, CodeOrigin::ALL.map(CodeOrigin::as_str), from);
            match &check.stale {
                None => self
                    .metrics
                    .checks
                    .loaded(&check.name, &check.version, &check.digest),
                Some(_) => {
                    self.metrics.checks.stale(&check.name);
                    self.metrics.checks.load_failed(&check.name);
                }
            }
        }
        let shown = checks.iter().map(|check| http::CheckReport {
            name: check.name.clone(),
            version: check.version.clone(),
            digest: check.digest.clone(),
            loaded_at: rfc3339(check.loaded_ms),
            stale: check.stale.clone(),
            loading: check.loading,
        });
        self.readiness.set_checks(shown.collect());
    }

    /// The number of schemas of which an older version judges, because their files do not load.
    pub fn stale_schemas(&self, schemas: usize) {
        self.metrics.checks.set_schemas_stale(schemas);
    }

    /// A reload that put everything in force, or not.
    pub fn reloaded(&self, whole: bool) {
        self.metrics.checks.reloaded(whole);
    }

    /// What a check did in a batch.
    pub fn check(&self, name: &str, counters: &Counters) {
        self.metrics.checks.add(
            name,
            &CheckCounts {
                batches: counters.batches,
                rows: counters.rows,
                busy: counters.busy,
                instances: counters.instances,
                memory_bytes: counters.memory_bytes,
                suspensions: counters.suspensions,
                log_dropped: counters.log_dropped,
            },
        );
        self.metrics.limits.took(name, counters.longest);
        for kind in FaultKind::ALL {
            let (faults, rows) = (
                counters.faults[kind as usize],
                counters.rows_faulted[kind as usize],
            );
            if faults > 0 || rows > 0 {
                self.metrics
                    .checks
                    .add_faults(name, kind.as_str(), faults, rows);
            }
        }
    }

    /// The rows for which a schema took too many steps.
    pub fn schema_faults(&self, faults: &SchemaFaults) {
        let verdicts = &self.metrics.verdicts;
        verdicts.add_schema_faults(
            &faults.schema,
            faults.rows,
            faults.unexplained,
            faults.suspensions,
        );
    }

    /// How long a thread has worked on one thing, once that is too long; zero when it goes on.
    pub fn stands_still(&self, thread: &str, at_it: Duration) {
        self.metrics.process.set_standing(thread, at_it);
    }

    pub fn violations(&self, check: &str, reason: &str, rows: u64) {
        self.metrics.checks.add_violations(check, reason, rows);
    }

    pub fn finding(&self, check: &str, reason: &str, severity: &str) {
        self.metrics.checks.add_finding(check, reason, severity);
    }

    /// An altered event was reported; whether the fields that differ were looked up.
    pub fn altered(&self, looked_up: bool) {
        if !looked_up {
            self.metrics.checks.not_explained();
        }
    }

    pub fn undecodable(&self, stream: Stream, check: &str, reason: &str, frames: u64) {
        self.metrics
            .frames
            .add_undecodable(stream, check, reason, frames);
    }

    /// Time in which nobody saw a stream, in milliseconds.
    pub fn unseen(&self, stream: Stream, cause: HoleCause, ms: i64) {
        self.metrics.frames.add_unseen(stream, cause, ms);
    }

    /// Numbers of a stream's sources that were left out, and what could not be followed.
    pub fn left_out(&self, stream: Stream, left_out: &LeftOut, unknown: &NotFollowed) {
        self.metrics
            .sequences
            .add(stream.as_str(), left_out, unknown);
    }

    /// What changed in the counts of a schema.
    pub fn counts(&self, schema: &str, counts: &Counts) {
        let verdicts = &self.metrics.verdicts;
        if counts.raw > 0 {
            verdicts.add_raw(schema, counts.raw.unsigned_abs());
        }
        if counts.pending != 0 {
            verdicts.add_pending(schema, counts.pending);
        }
        let changed = Verdict::ALL
            .into_iter()
            .filter(|verdict| counts.verdict(*verdict) != 0);
        let changes: Vec<(&str, i64)> = changed
            .map(|verdict| (verdict.as_str(), counts.verdict(verdict)))
            .collect();
        if !changes.is_empty() {
            verdicts.add_verdicts(schema, &changes);
        }
        if counts.duplicate != 0 {
            verdicts.add_duplicates(schema, counts.duplicate);
        }
        if counts.unexpected != 0 {
            verdicts.add_unexpected(schema, counts.unexpected);
        }
        if counts.unwatched != 0 {
            verdicts.add_unwatched(schema, counts.unwatched);
        }
        if counts.doubtful > 0 {
            verdicts.add_doubtful(schema, counts.doubtful.unsigned_abs());
        }
        if counts.rejected_unseen > 0 {
            verdicts.add_rejected_unseen(schema, counts.rejected_unseen.unsigned_abs());
        }
    }

    pub fn latency(&self, schema: &str, buckets: &[u64], sum_ms: i64) {
        self.metrics.verdicts.add_latency(schema, buckets, sum_ms);
    }

    /// The shards together, at that time.
    pub fn ledger(&self, shards: &[ShardGauges], now_ms: i64) {
        let oldest_ms = shards
            .iter()
            .filter_map(|shard| shard.oldest_expected_ms)
            .min();
        let age = |since_ms: i64| {
            Duration::from_millis(now_ms.saturating_sub(since_ms).max(0).unsigned_abs())
        };
        self.metrics.ledger.set(&LedgerGauges {
            pending: shards.iter().map(|shard| shard.pending).sum(),
            oldest_age: oldest_ms.map(age),
            settled: shards.iter().map(|shard| shard.settled).sum(),
            horizon: Duration::from_millis(
                shards
                    .iter()
                    .map(|shard| shard.horizon_ms)
                    .min()
                    .unwrap_or(0)
                    .max(0)
                    .unsigned_abs(),
            ),
            memory_bytes: shards.iter().map(|shard| shard.memory_bytes).sum(),
        });
    }

    pub fn window_closed(&self, imbalance: u64) {
        self.metrics.ledger.window_closed(imbalance);
    }

    pub fn incident(&self, change: &Change) {
        let cause = change.incident().cause.as_str();
        if matches!(change, Change::Opened(_)) {
            self.metrics.ledger.incident_opened(cause);
        }
    }

    pub fn incidents_open(&self, open: &BTreeMap<Cause, usize>) {
        for (cause, open) in open {
            self.metrics
                .ledger
                .set_incidents_open(cause.as_str(), *open);
        }
    }

    /// A transaction that was tried.
    pub fn wrote(&self, took: Duration, committed: bool) {
        self.metrics.store.wrote(took, committed);
    }

    pub fn store_works(&self) {
        self.store.ready("written");
        self.metrics.store.set_failing(false);
    }

    /// It is tried again; until then no result is durable, and nothing is shown.
    pub fn store_fails(&self, error: &StoreError, database: &Path) {
        self.store.not_ready(error.to_string());
        self.metrics.store.set_failing(true);
        self.disk(database);
    }

    /// The space that is left for the store. If it cannot be looked up, it counts as none.
    pub fn disk(&self, store: &Path) {
        let available = landfall_store::available_bytes(store);
        self.metrics
            .store
            .set_disk_available(available.unwrap_or_default());
    }

    pub fn rows(&self, missing: usize, windows: usize, incidents: usize, samples: &[SampleRow]) {
        let rows = [
            ("missing", missing),
            ("windows", windows),
            ("incidents", incidents),
            ("samples", samples.len()),
        ];
        for (table, rows) in rows.into_iter().filter(|(_, rows)| *rows > 0) {
            self.metrics.store.add_rows(table, rows as u64);
        }
    }

    pub fn pruned(&self, pruned: &Pruned) {
        let rows = [
            ("windows", pruned.windows),
            ("incidents", pruned.incidents),
            (
                "missing",
                pruned.landed + pruned.missing_old + pruned.missing_excess,
            ),
            ("samples", pruned.samples),
        ];
        for (table, rows) in rows.into_iter().filter(|(_, rows)| *rows > 0) {
            self.metrics.store.add_deleted(table, rows as u64);
        }
        self.metrics
            .store
            .add_lost(pruned.missing_old as u64, pruned.missing_excess as u64);
    }

    /// By how much the clock is ahead of the time that retention goes by.
    pub fn clock_ahead(&self, ahead_ms: i64) {
        self.metrics.store.set_clock_ahead(ahead_ms);
    }

    /// Sizes on disk; the database's with its log.
    pub fn sizes(&self, database: &Path, spool_bytes: u64) {
        let size = std::fs::metadata(database).map_or(0, |metadata| metadata.len());
        let log_bytes = landfall_store::log_bytes(database);
        let store = &self.metrics.store;
        store.set_bytes(size + log_bytes, log_bytes, spool_bytes);
        self.disk(database);
    }

    /// Waiting frames were moved within the spool, to make room.
    pub fn spool_moved(&self, frames: u64, bytes: u64) {
        self.metrics.store.spool_moved(frames, bytes);
    }

    /// What the last run left: events that are judged again, events whose frames are gone, and damaged frames.
    pub fn restored(&self, events: u64, rows: u64, lost: u64, damaged: u64) {
        self.metrics.restore.restored(events, rows, lost, damaged);
    }

    /// Events of earlier runs that have not landed, of one schema.
    pub fn overdue(&self, schema: &str, missing: u64, unconfirmed: u64) {
        let verdicts = &self.metrics.verdicts;
        verdicts.add_overdue(schema, missing, unconfirmed);
    }

    /// What was written was brought to the disk, or that failed. Landfall goes on all the same.
    pub fn synced(&self, took: Duration, succeeded: bool) {
        self.metrics.store.synced(took, succeeded);
    }

    pub fn spool_waited(&self) {
        self.metrics.store.spool_waited();
    }

    /// Rows were judged that could not be put into the spool.
    pub fn rows_unspooled(&self, rows: u64) {
        self.metrics.store.rows_unspooled(rows);
    }
}

fn rfc3339(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}
