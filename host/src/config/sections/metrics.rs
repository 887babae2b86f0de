//! `[metrics]`: how finely latencies are measured.

use std::time::Duration;

use crate::metrics::LATENCY_BOUNDS_MS;
use crate::settings::reader::Section;

/// Maximum number of buckets: each is a series of each schema, of which 500 have series.
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

#[cfg(test)]
mod tests {
    use crate::config::tests::load;

    #[test]
    fn buckets_rise_strictly_and_an_error_has_the_place_of_one_that_does_not() {
        let load = |list: &str| load(&format!("[metrics]\nlatency_buckets = {list}\n"), &[]);
        let config = load(r#"["1ms", "1m30s", "30d"]"#).unwrap();
        assert_eq!(
            config.metrics.latency_bounds_ms(),
            [1, 90_000, 2_592_000_000]
        );
        let many: Vec<String> = (1..=31).map(|n| format!("\"{n}s\"")).collect();
        for (list, expected) in [
            (
                "[]",
                "latency_buckets: there are 0; write a list of 1 to 30 durations",
            ),
            (
                &*format!("[{}]", many.join(",")),
                "latency_buckets: there are 31; write",
            ),
            ("\"5s\"", "latency_buckets: found \"5s\"; write a list"),
            (
                r#"["1s", "5s", "5s", "2s"]"#,
                "latency_buckets[2]: 5s after 5s; make each longer than the one before it\n\
                 landfall.toml:2: metrics.latency_buckets[3]: 2s after 5s",
            ),
            (
                r#"["0s"]"#,
                "latency_buckets[0]: found \"0s\"; write a duration",
            ),
            (
                r#"["1s", 5]"#,
                "latency_buckets[1]: found 5; write a duration",
            ),
            (
                r#"["31d"]"#,
                "latency_buckets[0]: found \"31d\"; write a duration",
            ),
        ] {
            let message = load(list).unwrap_err();
            let expected = format!("landfall.toml:2: metrics.{expected}");
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn the_environment_sets_buckets_too() {
        let variables = [("LANDFALL__METRICS__LATENCY_BUCKETS", r#"["1s", "2s"]"#)];
        let config = load("", &variables).unwrap();
        assert_eq!(config.metrics.latency_bounds_ms(), [1000, 2000]);
    }
}
