//! The error of a percentile that Prometheus computes from the buckets of a histogram, for
//! docs/METRICS.md.

use std::fmt::Write;

use super::latency::LATENCY_BOUNDS_MS;

/// The answer of Prometheus' `histogram_quantile` (promql/quantile.go): it finds the bucket of the wanted
/// observation, and assumes that the observations in this bucket are spread evenly. `counts` are not
/// cumulative; the last count is above the last bound. None without observations.
#[allow(clippy::cast_precision_loss, reason = "as Prometheus does")]
pub(super) fn estimated(quantile: f64, bounds: &[f64], counts: &[u64]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let rank = quantile * total as f64;
    let (mut below, mut start) = (0_u64, 0.0);
    for (&end, &count) in bounds.iter().zip(counts) {
        let upto = below + count;
        if upto as f64 >= rank {
            let share = (rank - below as f64) / count as f64;
            return Some(start + (end - start) * share);
        }
        (below, start) = (upto, end);
    }
    bounds.last().copied()
}

/// Latencies of landings by their share: of all landings, `latency_s(p)` is the longest of the fastest `p`.
pub(super) struct PercentileExample {
    pub what: &'static str,
    pub latency_s: fn(f64) -> f64,
}

/// Realistic writers.
pub(super) const EXAMPLES: [PercentileExample; 4] = [
    PercentileExample {
        what: "a batch each 5 minutes: all waits from 0 to 300 s are equally likely",
        latency_s: |p| 300.0 * p,
    },
    PercentileExample {
        what: "a batch each 15 s, and 2 s to commit",
        latency_s: |p| 2.0 + 15.0 * p,
    },
    PercentileExample {
        what: "a row at once, half within 0.3 s and with a long tail",
        // Log-logistic.
        latency_s: |p| 0.3 * (p / (1.0 - p)).powf(1.0 / 2.5),
    },
    PercentileExample {
        what: "19 of 20 at once, within 0.2 s; the others are tried again after 11 to 12 minutes",
        latency_s: |p| match p {
            _ if p < 0.95 => 0.2 * p / 0.95,
            _ => 660.0 + 60.0 * (p - 0.95) / 0.05,
        },
    },
];

/// Landings of an example.
pub(super) const LANDINGS: u32 = 20_000;

impl PercentileExample {
    /// All its landings, fastest first, in seconds.
    pub fn landings(&self) -> Vec<f64> {
        let share = |landing: u32| (f64::from(landing) + 0.5) / f64::from(LANDINGS);
        (0..LANDINGS)
            .map(|landing| (self.latency_s)(share(landing)))
            .collect()
    }
}

/// The number of latencies in each bucket, and above the last.
pub(super) fn bucketed(latencies: &[f64], bounds: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; bounds.len() + 1];
    for latency in latencies {
        counts[bounds.partition_point(|bound| bound < latency)] += 1;
    }
    counts
}

/// The latency that this share of them does not exceed.
pub(super) fn exact(quantile: f64, sorted: &[f64]) -> f64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a length"
    )]
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The default bounds in seconds.
pub(super) fn default_bounds() -> Vec<f64> {
    let seconds = |ms: i64| f64::from(i32::try_from(ms).unwrap_or(i32::MAX)) / 1000.0;
    LATENCY_BOUNDS_MS.into_iter().map(seconds).collect()
}

/// The part of the page.
pub(super) fn section() -> String {
    let bounds = default_bounds();
    let mut text = String::from(
        "## How exact percentiles of latency are\n\n\
        `histogram_quantile(0.99, sum by (le) (rate(landfall_delivery_latency_seconds_bucket[1h])))` only\n\
        knows how many landings are in each bucket. It finds the bucket from `a` to `b` that contains the\n\
        wanted landing, as number `r` of the `n` landings in it, and answers `a + (b - a) * r / n`, as if they\n\
        were spread evenly. The truth is somewhere above `a` and not above `b`. So the answer is off by less\n\
        than `b - a`: too high by less than `(b - a) / a` of the truth, or too low by less than `(b - a) / b`\n\
        of it. This is the same for p50 and p99: the width of the bucket counts, not the percentile. With the\n\
        default buckets:\n\n\
        | the answer is | off by less than | too high by less than | too low by less than |\n|---|---|---|---|\n",
    );
    let mut start = 0.0;
    for &end in &bounds {
        let width = end - start;
        let high = if start == 0.0 {
            "(any)".to_owned()
        } else {
            format!("{:.0} %", 100.0 * width / start)
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {start} to {end} s | {} s | {high} | {:.0} % |",
            (width * 1000.0).round() / 1000.0,
            100.0 * width / end
        );
        start = end;
    }
    text.push_str(
        "\nA latency above the last bucket is shown as the last bound, however long it was. The share of such\n\
        landings is 1 minus the bucket of that bound divided by `landfall_delivery_latency_seconds_count`. With a\n\
        bound at each deadline and objective that you watch, the share of landings within it is exact, which no\n\
        percentile is; `[metrics] latency_buckets` sets the bounds. The answers for some kinds of writers:\n\n\
        | writer | p50: exact, estimated | p99: exact, estimated |\n|---|---|---|\n",
    );
    for example in &EXAMPLES {
        let landings = example.landings();
        let counts = bucketed(&landings, &bounds);
        let of = |quantile| {
            let estimate = estimated(quantile, &bounds, &counts).unwrap_or_default();
            let exact = exact(quantile, &landings);
            let off = 100.0 * (estimate - exact) / exact;
            // Not "-0 %".
            let off = if off.abs() < 0.5 { 0.0 } else { off };
            format!("{exact:.2} s, {estimate:.2} s ({off:+.0} %)")
        };
        let _ = writeln!(text, "| {} | {} | {} |", example.what, of(0.5), of(0.99));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::registrar::Registrar;
    use crate::metrics::verdicts::VerdictMetrics;

    #[test]
    fn the_estimate_is_the_answer_of_prometheus() {
        // Numbers of Prometheus' own tests: promql/testdata/histograms.test.
        let bounds = [0.1, 0.2];
        let counts = [1, 1, 2];
        for (quantile, expected) in [(0.0, 0.0), (0.25, 0.1), (0.5, 0.2), (0.8, 0.2)] {
            let answer = estimated(quantile, &bounds, &counts).unwrap();
            assert!((answer - expected).abs() < 1e-9, "{quantile}: {answer}");
        }
        assert_eq!(estimated(0.5, &bounds, &[0, 0, 0]), None);
        assert_eq!(estimated(0.5, &bounds, &[4, 0, 0]), Some(0.05));
    }

    /// The statement of docs/METRICS.md, compared with scraped values.
    #[test]
    fn a_percentile_from_the_buckets_is_off_by_less_than_its_bucket_is_wide() {
        let bounds = default_bounds();
        for example in &EXAMPLES {
            let landings = example.landings();
            let registrar = Registrar::new().unwrap();
            let metrics =
                VerdictMetrics::new(&registrar, Arc::default(), &LATENCY_BOUNDS_MS).unwrap();
            metrics.add_latency("A/1", &bucketed(&landings, &bounds), 0);
            let counts = scraped(&registrar.render().unwrap());
            assert_eq!(counts.iter().sum::<u64>(), u64::from(LANDINGS));
            for percent in 1..=99 {
                let quantile = f64::from(percent) / 100.0;
                let exact = exact(quantile, &landings);
                let estimate = estimated(quantile, &bounds, &counts).unwrap();
                let bucket = bounds.partition_point(|bound| *bound < exact);
                let start = bucket.checked_sub(1).map_or(0.0, |before| bounds[before]);
                let end = bounds[bucket];
                let about = format!("{}: p{percent}: {exact} {estimate}", example.what);
                assert!(start < exact && exact <= end, "{about}");
                assert!(start <= estimate && estimate <= end, "{about}");
                assert!((estimate - exact).abs() < end - start, "{about}");
            }
        }
    }

    #[test]
    fn a_latency_above_the_last_bucket_is_shown_as_its_bound() {
        let bounds = default_bounds();
        let landings = [7000.0; 100];
        let counts = bucketed(&landings, &bounds);
        assert_eq!(estimated(0.5, &bounds, &counts), Some(3600.0));
    }

    /// The counts of the buckets in an exposition, not cumulative.
    fn scraped(text: &str) -> Vec<u64> {
        let of_a = text
            .lines()
            .filter(|line| line.contains("_bucket{schema=\"A/1\""));
        let cumulative = of_a.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
        let mut before = 0;
        cumulative
            .map(|upto| upto - std::mem::replace(&mut before, upto))
            .collect()
    }
}
