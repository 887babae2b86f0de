//! The work, results and faults of the checks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{CounterVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Result};

use super::registrar::Registrar;

/// What one check did in one worker since the last report.
#[derive(Clone, Debug, Default)]
pub struct CheckCounts {
    pub batches: u64,
    pub rows: u64,
    /// Time spent in it.
    pub busy: Duration,
    /// Instances made.
    pub instances: u64,
    /// Maximum memory of one instance, in bytes.
    pub memory_bytes: u64,
    pub suspensions: u64,
    /// Log lines beyond its limit.
    pub log_dropped: u64,
}

/// The reasons and faults that a check can have, by its manifest.
#[derive(Clone, Debug, Default)]
pub struct Declared<'a> {
    /// Reasons that it gives for rows.
    pub violations: Vec<&'a str>,
    /// Reasons and severities of its findings.
    pub findings: Vec<(&'a str, &'a str)>,
    /// Kinds of its faults.
    pub faults: Vec<&'a str>,
}

#[derive(Debug)]
pub struct CheckMetrics {
    batches: IntCounterVec,
    rows: IntCounterVec,
    busy: CounterVec,
    violations: IntCounterVec,
    faults: IntCounterVec,
    rows_faulted: IntCounterVec,
    memory: IntGaugeVec,
    instances: IntCounterVec,
    suspensions: IntCounterVec,
    log_dropped: IntCounterVec,
    findings: IntCounterVec,
    not_explained: IntCounter,
    load_failures: IntCounterVec,
    reloads: IntCounterVec,
    info: IntGaugeVec,
    stale: IntGaugeVec,
    loading: IntGaugeVec,
    code: IntCounterVec,
    schemas_stale: IntGauge,
    /// Version and digest of each check that `info` shows.
    shown: Mutex<HashMap<String, [String; 2]>>,
}

fn outcome(complete: bool) -> &'static str {
    if complete { "complete" } else { "partial" }
}

const CHECK: [&str; 1] = ["check"];

impl CheckMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        let metrics = Self {
            batches: r.counters("check_batches_total", &CHECK, "Batches given to the check.")?,
            rows: r.counters("check_rows_total", &CHECK, "Rows given to the check.")?,
            busy: r.seconds_by("check_busy_seconds_total", &CHECK, "Processor time spent in the check, over all workers.")?,
            violations: r.counters(
                "check_violations_total",
                &["check", "reason"],
                "Rows by the reason that the check gave, whether or not it decides.",
            )?,
            faults: r.counters(
                "check_faults_total",
                &["check", "kind"],
                "Calls that failed: trap, deadline, memory, stack, bad_output, declined, start, suspended, schema.",
            )?,
            rows_faulted: r.counters("check_rows_faulted_total", &["check", "kind"], "Rows that the check could not judge because it failed.")?,
            memory: r.gauges("check_memory_bytes", &CHECK, "Maximum memory that one instance of the check has used.")?,
            instances: r.counters("check_instances_total", &CHECK, "Instances made: one per worker, and a new one after faults and after a set number of batches.")?,
            suspensions: r.counters("check_suspensions_total", &CHECK, "Times that the check was suspended for a while because it kept failing.")?,
            log_dropped: r.counters("check_log_dropped_total", &CHECK, "Log lines of the check beyond its limit.")?,
            findings: r.counters("check_findings_total", &["check", "reason", "severity"], "Findings of a window check on closed windows.")?,
            not_explained: r.counter(
                "altered_not_explained_total",
                "Altered events whose differing fields were not looked up, because very many events were altered at once.",
            )?,
            load_failures: r.counters("check_load_failures_total", &CHECK, "Times that the check's file or configuration was refused.")?,
            reloads: r.counters(
                "reloads_total",
                &["outcome"],
                "Reloads of configuration, schemas and checks: complete, or with parts that were refused (partial).",
            )?,
            info: r.gauges("check_info", &["check", "version", "digest"], "1 for the version of each check that judges now.")?,
            stale: r.gauges("check_stale", &CHECK, "Whether an older version judges because the newest file does not load (1).")?,
            loading: r.gauges("check_loading", &CHECK, "Whether a newer file of the check is being compiled or started (1) while an older version judges.")?,
            code: r.counters(
                "check_code_total",
                &["check", "from"],
                "Times that the check was loaded, by where its code came from: compiled now, or kept from before.",
            )?,
            schemas_stale: r.gauge("schemas_stale", "Schemas of which an older version judges because the newest file does not load.")?,
            shown: Mutex::default(),
        };
        for outcome in [true, false].map(outcome) {
            metrics.reloads.with_label_values(&[outcome]).inc_by(0);
        }
        Ok(metrics)
    }

    /// Begins all counters of a check that is in force at 0, with all its reasons: otherwise the first increase
    /// of each would never be seen.
    pub fn begin(&self, check: &str, declared: &Declared<'_>) {
        self.add(check, &CheckCounts::default());
        self.load_failures.with_label_values(&[check]).inc_by(0);
        for reason in &declared.violations {
            self.add_violations(check, reason, 0);
        }
        for (reason, severity) in &declared.findings {
            let labels = [check, reason, severity];
            self.findings.with_label_values(&labels).inc_by(0);
        }
        for kind in &declared.faults {
            self.add_faults(check, kind, 0, 0);
        }
    }

    /// Adds what a check did in a batch.
    pub fn add(&self, check: &str, counts: &CheckCounts) {
        let label = [check];
        self.batches
            .with_label_values(&label)
            .inc_by(counts.batches);
        self.rows.with_label_values(&label).inc_by(counts.rows);
        self.busy
            .with_label_values(&label)
            .inc_by(counts.busy.as_secs_f64());
        self.instances
            .with_label_values(&label)
            .inc_by(counts.instances);
        self.suspensions
            .with_label_values(&label)
            .inc_by(counts.suspensions);
        self.log_dropped
            .with_label_values(&label)
            .inc_by(counts.log_dropped);
        let memory = self.memory.with_label_values(&label);
        memory.set(
            memory
                .get()
                .max(i64::try_from(counts.memory_bytes).unwrap_or(i64::MAX)),
        );
    }

    /// Adds failed calls and the rows that they cost.
    pub fn add_faults(&self, check: &str, kind: &str, faults: u64, rows: u64) {
        self.faults.with_label_values(&[check, kind]).inc_by(faults);
        self.rows_faulted
            .with_label_values(&[check, kind])
            .inc_by(rows);
    }

    pub fn add_violations(&self, check: &str, reason: &str, rows: u64) {
        self.violations
            .with_label_values(&[check, reason])
            .inc_by(rows);
    }

    pub fn add_finding(&self, check: &str, reason: &str, severity: &str) {
        self.findings
            .with_label_values(&[check, reason, severity])
            .inc();
    }

    pub fn not_explained(&self) {
        self.not_explained.inc();
    }

    pub fn load_failed(&self, check: &str) {
        self.load_failures.with_label_values(&[check]).inc();
    }

    /// Configuration, schemas and checks were loaded again; `complete` if nothing was refused.
    pub fn reloaded(&self, complete: bool) {
        self.reloads.with_label_values(&[outcome(complete)]).inc();
    }

    /// The number of schemas of which an older version judges.
    pub fn set_schemas_stale(&self, schemas: usize) {
        self.schemas_stale
            .set(i64::try_from(schemas).unwrap_or(i64::MAX));
    }

    /// This version judges from now on, and it is the newest one.
    pub fn loaded(&self, check: &str, version: &str, digest: &str) {
        let now = [version.to_owned(), digest.to_owned()];
        let before = self.shown().insert(check.to_owned(), now.clone());
        if let Some([version, digest]) = before.filter(|before| *before != now) {
            self.remove_info(check, &version, &digest);
        }
        self.info
            .with_label_values(&[check, version, digest])
            .set(1);
        self.stale.with_label_values(&[check]).set(0);
    }

    /// An older version goes on because the newest does not load.
    pub fn stale(&self, check: &str) {
        self.stale.with_label_values(&[check]).set(1);
    }

    /// A newer file of the check is being loaded, or none is.
    pub fn set_loading(&self, check: &str, loading: bool) {
        self.loading.with_label_values(&[check]).set(loading.into());
    }

    /// The check was loaded, with code from this place; None: it was not loaded now.
    pub fn code<'a>(
        &self,
        check: &str,
        all: impl IntoIterator<Item = &'a str>,
        from: Option<&str>,
    ) {
        for origin in all {
            let times = u64::from(from == Some(origin));
            self.code.with_label_values(&[check, origin]).inc_by(times);
        }
    }

    /// The check is no longer configured.
    pub fn removed(&self, check: &str) {
        if let Some([version, digest]) = self.shown().remove(check) {
            self.remove_info(check, &version, &digest);
        }
        // Only if it was ever shown; nothing to do otherwise.
        let _ = self.stale.remove_label_values(&[check]);
        let _ = self.loading.remove_label_values(&[check]);
    }

    fn remove_info(&self, check: &str, version: &str, digest: &str) {
        // It was set when it was shown, so it exists.
        let _ = self.info.remove_label_values(&[check, version, digest]);
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, HashMap<String, [String; 2]>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_leaves_one_version_in_the_info() {
        let registrar = Registrar::new().unwrap();
        let checks = CheckMetrics::new(&registrar).unwrap();
        checks.loaded("a", "1.0.0", "aa");
        checks.loaded("a", "1.0.1", "bb");
        checks.loaded("a", "1.0.1", "bb");
        checks.stale("a");
        let text = registrar.render().unwrap();
        let info: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("landfall_check_info{"))
            .collect();
        assert_eq!(
            info,
            ["landfall_check_info{check=\"a\",digest=\"bb\",version=\"1.0.1\"} 1"]
        );
        assert!(text.contains("landfall_check_stale{check=\"a\"} 1"));
        checks.removed("a");
        let text = registrar.render().unwrap();
        assert!(
            !text.contains("landfall_check_info{") && !text.contains("landfall_check_stale{"),
            "{text}"
        );
    }
}
