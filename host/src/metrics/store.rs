//! The store: what is written, how long it takes, what waits in the spool.

use std::time::Duration;

use prometheus::{Counter, Gauge, IntCounter, IntCounterVec, IntGauge, Result};

use super::registrar::Registrar;

#[derive(Debug)]
pub struct StoreMetrics {
    writes: IntCounter,
    write_seconds: Counter,
    errors: IntCounter,
    rows: IntCounterVec,
    deleted: IntCounterVec,
    lost: [IntCounter; 2],
    clock_ahead: Gauge,
    failing: IntGauge,
    bytes: IntGauge,
    log_bytes: IntGauge,
    spool_bytes: IntGauge,
    spool_limit: IntGauge,
    disk_available: IntGauge,
    spool_waits: IntCounter,
    rows_unspooled: IntCounter,
    syncs: IntCounter,
    sync_seconds: Counter,
    sync_errors: IntCounter,
    sync_failing: IntGauge,
    spool_moved_frames: IntCounter,
    spool_moved_bytes: IntCounter,
}

const TABLE: [&str; 1] = ["table"];

/// Tables of the store, from the start.
const TABLES: [&str; 4] = ["missing", "windows", "incidents", "samples"];

impl StoreMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        let lost = r.counters(
            "missing_removed_total",
            &["setting"],
            "Missing events that were removed although they had not landed, so that no backfill has them: older than store.keep, or beyond store.missing_max.",
        )?;
        let rows = r.counters("store_rows_total", &TABLE, "Rows that were written.")?;
        let deleted = r.counters(
            "store_rows_deleted_total",
            &TABLE,
            "Rows that were deleted because they were too old or too many.",
        )?;
        for table in TABLES {
            rows.with_label_values(&[table]).inc_by(0);
            deleted.with_label_values(&[table]).inc_by(0);
        }
        Ok(Self {
            rows,
            deleted,
            writes: r.counter("store_writes_total", "Transactions that were committed.")?,
            write_seconds: r.seconds(
                "store_write_seconds_total",
                "Real time spent in transactions, failed ones too.",
            )?,
            errors: r.counter(
                "store_errors_total",
                "Transactions that failed; they are tried again.",
            )?,
            lost: ["keep", "missing_max"].map(|setting| lost.with_label_values(&[setting])),
            clock_ahead: r.real(
                "store_clock_ahead_seconds",
                "By how much Landfall's clock is ahead of the time that retention goes by: the time that is left to make up after a long stop or a wrong date. Below 0, the clock is behind the latest time in the store.",
            )?,
            failing: r.gauge(
                "store_failing",
                "1: the last transaction failed, and is tried again; no result is durable meanwhile. Otherwise 0.",
            )?,
            bytes: r.gauge("store_bytes", "Size of the database of results, with its write-ahead log.")?,
            log_bytes: r.gauge(
                "store_log_bytes",
                "Size of the database's write-ahead log. It grows while somebody reads the store in one long transaction.",
            )?,
            spool_bytes: r.gauge(
                "spool_bytes",
                "Bytes on disk of raw frames whose events wait.",
            )?,
            spool_limit: r.gauge(
                "spool_limit_bytes",
                "Maximum bytes of raw frames that may wait (store.spool_bytes_max): with more, judging waits.",
            )?,
            disk_available: r.gauge(
                "store_disk_available_bytes",
                "Free space on the file system of the store, as far as Landfall may use it. Looked up each time that results are written, or could not be written.",
            )?,
            spool_moved_frames: r.counter(
                "spool_moved_frames_total",
                "Waiting frames that were moved within the spool, to make room.",
            )?,
            spool_moved_bytes: r.counter(
                "spool_moved_bytes_total",
                "Bytes of the waiting frames that were moved.",
            )?,
            rows_unspooled: r.counter(
                "unspooled_rows_total",
                "Rows that were judged and could not be put into the spool: a restart would have lost them until what became of them was stored.",
            )?,
            syncs: r.counter(
                "store_syncs_total",
                "Times that raw frames and results were brought to the disk: a power cut takes no more than came since (store.sync_interval).",
            )?,
            sync_seconds: r.seconds(
                "store_sync_seconds_total",
                "Real time that this took, also when it failed.",
            )?,
            sync_errors: r.counter(
                "store_sync_errors_total",
                "Times that this failed; it is tried again.",
            )?,
            sync_failing: r.gauge(
                "store_sync_failing",
                "1: raw frames and results could not be brought to the disk the last time, so a power cut may take more than store.sync_interval. Otherwise 0.",
            )?,
            spool_waits: r.counter(
                "spool_waits_total",
                "Times that judging had to wait because the spool was full or failed.",
            )?,
        })
    }

    /// A transaction that was tried: how long it took, and whether it was committed.
    pub fn wrote(&self, took: Duration, committed: bool) {
        self.write_seconds.inc_by(took.as_secs_f64());
        if committed {
            self.writes.inc()
        } else {
            self.errors.inc()
        }
    }

    /// What was written was brought to the disk, or that failed.
    pub fn synced(&self, took: Duration, succeeded: bool) {
        self.sync_seconds.inc_by(took.as_secs_f64());
        self.sync_failing.set(i64::from(!succeeded));
        if succeeded {
            self.syncs.inc()
        } else {
            self.sync_errors.inc()
        }
    }

    pub fn add_rows(&self, table: &str, rows: u64) {
        self.rows.with_label_values(&[table]).inc_by(rows);
    }

    pub fn add_deleted(&self, table: &str, rows: u64) {
        self.deleted.with_label_values(&[table]).inc_by(rows);
    }

    /// Missing events removed though they were owed: too old, and too many.
    pub fn add_lost(&self, old: u64, excess: u64) {
        let [by_age, by_number] = &self.lost;
        by_age.inc_by(old);
        by_number.inc_by(excess);
    }

    pub fn set_clock_ahead(&self, ahead_ms: i64) {
        self.clock_ahead.set(ahead_ms as f64 / 1000.0);
    }

    pub fn set_failing(&self, failing: bool) {
        self.failing.set(i64::from(failing));
    }

    pub fn set_bytes(&self, database: u64, log: u64, spool: u64) {
        let gauges = [&self.bytes, &self.log_bytes, &self.spool_bytes];
        for (gauge, bytes) in gauges.into_iter().zip([database, log, spool]) {
            gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    pub fn set_spool_limit(&self, bytes: usize) {
        self.spool_limit
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub fn set_disk_available(&self, bytes: u64) {
        self.disk_available
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub fn spool_moved(&self, frames: u64, bytes: u64) {
        self.spool_moved_frames.inc_by(frames);
        self.spool_moved_bytes.inc_by(bytes);
    }

    pub fn spool_waited(&self) {
        self.spool_waits.inc();
    }

    pub fn rows_unspooled(&self, rows: u64) {
        self.rows_unspooled.inc_by(rows);
    }
}
