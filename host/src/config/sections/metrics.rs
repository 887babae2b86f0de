//! `[metrics]`: how finely latencies are told.

use std::time::Duration;

use crate::config::reader::Section;
use crate::metrics::LATENCY_BOUNDS_MS;

/// Buckets at most: each is a series of each schema, of which 500 have series.
const BUCKETS_MAX: usize = 30;

/// The ledger counts in milliseconds.
const BUCKET_MIN: Duration = Duration::from_millis(1);
const BUCKET_MAX: Duration = Duration::from_secs(30 * 86_400);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Upper bounds of the buckets of delivery latency; they rise strictly.
    pub latency_buckets: Vec<Duration>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        let bounds = LATENCY_BOUNDS_MS.map(|ms| Duration::from_millis(ms.unsigned_abs()));
        Self {
            latency_buckets: bounds.into(),
        }
    }
}

impl MetricsConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.rising_durations(
            "latency_buckets",
            &mut self.latency_buckets,
            BUCKETS_MAX,
            BUCKET_MIN..=BUCKET_MAX,
        );
    }

    /// The bounds in milliseconds.
    pub fn latency_bounds_ms(&self) -> Vec<i64> {
        let ms = |bound: &Duration| i64::try_from(bound.as_millis()).unwrap_or(i64::MAX);
        self.latency_buckets.iter().map(ms).collect()
    }
}
