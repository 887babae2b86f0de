//! The store: what is written, how long it takes, what waits in the spool.

use std::time::Duration;

use prometheus::{Counter, IntCounter, IntCounterVec, IntGauge, Result};

use super::registrar::Registrar;

#[derive(Debug)]
pub struct StoreMetrics {
    writes: IntCounter,
    write_seconds: Counter,
    errors: IntCounter,
    rows: IntCounterVec,
    deleted: IntCounterVec,
    bytes: IntGauge,
    spool_bytes: IntGauge,
    spool_waits: IntCounter,
}

const TABLE: [&str; 1] = ["table"];

impl StoreMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        Ok(Self {
            writes: r.counter("store_writes_total", "Transactions that were committed.")?,
            write_seconds: r.seconds(
                "store_write_seconds_total",
                "Real time spent in transactions, failed ones too.",
            )?,
            errors: r.counter(
                "store_errors_total",
                "Transactions that failed; they are tried again.",
            )?,
            rows: r.counters("store_rows_total", &TABLE, "Rows that were written.")?,
            deleted: r.counters(
                "store_rows_deleted_total",
                &TABLE,
                "Rows that were deleted because they were too old or too many.",
            )?,
            bytes: r.gauge("store_bytes", "Size of the database of results.")?,
            spool_bytes: r.gauge(
                "spool_bytes",
                "Bytes on disk of raw frames whose events wait.",
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

    pub fn add_rows(&self, table: &str, rows: u64) {
        self.rows.with_label_values(&[table]).inc_by(rows);
    }

    pub fn add_deleted(&self, table: &str, rows: u64) {
        self.deleted.with_label_values(&[table]).inc_by(rows);
    }

    pub fn set_bytes(&self, database: u64, spool: u64) {
        self.bytes.set(i64::try_from(database).unwrap_or(i64::MAX));
        self.spool_bytes
            .set(i64::try_from(spool).unwrap_or(i64::MAX));
    }

    pub fn spool_waited(&self) {
        self.spool_waits.inc();
    }
}
