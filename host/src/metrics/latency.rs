//! The histogram of delivery latencies. The library's own takes one observation at a time; this one
//! takes a batch's counts by bucket, as the ledger keeps them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Opts, Result, core::Describer};

use super::registrar::Registrar;

/// Upper bounds of the buckets by default, in milliseconds: from a writer that commits at once to one whose
/// batch waits for an hour.
pub const LATENCY_BOUNDS_MS: [i64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_200_000, 1_800_000, 3_600_000,
];

const NAME: &str = "delivery_latency_seconds";
const HELP: &str = "Time from the arrival of a raw event to its landing, by Landfall's clock, of events that landed. Exact to judge.batch_wait_max, except after a pause of the process: then it is too long by up to the length of the pause.";

#[derive(Clone, Debug)]
pub(super) struct Latency {
    desc: Desc,
    bounds_ms: Arc<[i64]>,
    series: Arc<Mutex<BTreeMap<String, Series>>>,
}

#[derive(Clone, Debug)]
struct Series {
    /// By bucket, and above the last.
    counts: Vec<u64>,
    sum_ms: i64,
}

impl Latency {
    /// `bounds_ms` rise strictly.
    pub(super) fn new(r: &Registrar, bounds_ms: &[i64]) -> Result<Self> {
        let desc = Opts::new(NAME, HELP).variable_label("schema").describe();
        let made = desc.map(|desc| Self {
            desc,
            bounds_ms: bounds_ms.into(),
            series: Arc::default(),
        });
        r.add((NAME, "histogram", &["schema"], HELP), made)
    }

    /// The schema has series from now on.
    pub(super) fn begin(&self, schema: &str) {
        self.add(schema, &[], 0);
    }

    pub(super) fn add(&self, schema: &str, buckets: &[u64], sum_ms: i64) {
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let series = match all.get_mut(schema) {
            Some(series) => series,
            None => all.entry(schema.to_owned()).or_insert_with(|| Series {
                counts: vec![0; self.bounds_ms.len() + 1],
                sum_ms: 0,
            }),
        };
        for (count, more) in series.counts.iter_mut().zip(buckets) {
            *count += more;
        }
        series.sum_ms = series.sum_ms.saturating_add(sum_ms);
    }
}

impl Collector for Latency {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return Vec::new();
        }
        let mut family = MetricFamily::default();
        family.set_name(NAME.into());
        family.set_help(HELP.into());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(
            all.iter()
                .map(|(schema, series)| series.metric(schema, &self.bounds_ms))
                .collect(),
        );
        vec![family]
    }
}

impl Series {
    fn metric(&self, schema: &str, bounds_ms: &[i64]) -> Metric {
        let mut cumulative = 0;
        let buckets = bounds_ms
            .iter()
            .zip(&self.counts)
            .map(|(&bound_ms, count)| {
                cumulative += count;
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(bound_ms as f64 / 1000.0);
                bucket.set_cumulative_count(cumulative);
                bucket
            });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(self.counts.iter().sum());
        histogram.set_sample_sum(self.sum_ms as f64 / 1000.0);
        let mut label = LabelPair::default();
        label.set_name("schema".into());
        label.set_value(schema.into());
        let mut metric = Metric::from_label(vec![label]);
        metric.set_histogram(histogram);
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_what_is_above_the_last_counts_in_the_sum() {
        let registrar = Registrar::new().unwrap();
        let latency = Latency::new(&registrar, &LATENCY_BOUNDS_MS).unwrap();
        let mut counts = [0; LATENCY_BOUNDS_MS.len() + 1];
        (counts[0], counts[3], counts[LATENCY_BOUNDS_MS.len()]) = (2, 1, 1);
        latency.add("A/1", &counts, 4_000_900);
        latency.add("A/1", &counts, 100);
        let text = registrar.render().unwrap();
        for line in [
            "_bucket{schema=\"A/1\",le=\"0.1\"} 4",
            "_bucket{schema=\"A/1\",le=\"0.5\"} 4",
            "_bucket{schema=\"A/1\",le=\"1\"} 6",
            "_bucket{schema=\"A/1\",le=\"3600\"} 6",
            "_bucket{schema=\"A/1\",le=\"+Inf\"} 8",
            "_sum{schema=\"A/1\"} 4001",
            "_count{schema=\"A/1\"} 8",
        ] {
            assert!(
                text.contains(&format!("landfall_delivery_latency_seconds{line}")),
                "{line}\n{text}"
            );
        }
    }
}
