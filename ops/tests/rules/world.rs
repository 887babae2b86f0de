//! A world: what Prometheus has scraped. It begins with a healthy Landfall, and a case changes some of it.
//!
//! Times are nominal minutes, by Landfall's clock. A variant has its own interval of scrapes and its own factor of time,
//! so that each case is run three times.

use std::collections::BTreeMap;
use std::ops::Range;

pub const JOB: &str = "landfall";
pub const INSTANCE: &str = "a:9470";

/// The schema that all cases are about, and one that shares no letter with it.
pub const SCHEMA: &str = "Edit/11";

pub const CAUSES: [&str; 10] = [
    "stalled",
    "loss",
    "altered",
    "leaked",
    "duplicate",
    "unexpected",
    "unjudged",
    "silent",
    "finding",
    "unwatched",
];

pub const VERDICTS: [&str; 9] = [
    "delivered",
    "late",
    "altered",
    "missing",
    "unconfirmed",
    "rejected",
    "leaked",
    "repeated",
    "unjudged",
];

pub const ENDPOINTS: [(&str, &str); 2] = [
    ("raw", "tcp://127.0.0.1:8421"),
    ("written", "tcp://127.0.0.1:8600"),
];

/// How often is scraped, and by how much faster time goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    pub step_seconds: u32,
    pub factor: f64,
}

/// What a scrape brought of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    Value(f64),
    /// The scrape says that the series is gone.
    Stale,
    /// There was no scrape, or not that series.
    Nothing,
}

pub type Labels<'a> = &'a [(&'a str, &'a str)];

#[derive(Clone, Debug)]
pub struct World {
    pub variant: Variant,
    pub minutes: u32,
    series: BTreeMap<String, Vec<Sample>>,
}

impl World {
    /// Nothing at all.
    pub fn empty(variant: Variant, minutes: u32) -> Self {
        Self {
            variant,
            minutes,
            series: BTreeMap::new(),
        }
    }

    fn samples(&self) -> usize {
        (self.minutes * 60 / self.variant.step_seconds) as usize + 1
    }

    fn minute(&self, sample: usize) -> f64 {
        sample as f64 * f64::from(self.variant.step_seconds) / 60.0
    }

    /// A series of the instance whose value at a minute is that of `of`.
    pub fn set(&mut self, metric: &str, labels: Labels<'_>, of: impl Fn(f64) -> f64) -> &mut Self {
        self.some(metric, labels, |minute| Some(of(minute)))
    }

    /// The same, where None is that the series is not there.
    pub fn some(
        &mut self,
        metric: &str,
        labels: Labels<'_>,
        of: impl Fn(f64) -> Option<f64>,
    ) -> &mut Self {
        let mut all = labels.to_vec();
        all.extend([("job", JOB), ("instance", INSTANCE)]);
        self.foreign(metric, &all, of)
    }

    /// A series whose target labels are given.
    pub fn foreign(
        &mut self,
        metric: &str,
        labels: Labels<'_>,
        of: impl Fn(f64) -> Option<f64>,
    ) -> &mut Self {
        let mut last = Sample::Nothing;
        let samples = (0..self.samples())
            .map(|sample| {
                last = match (of(self.minute(sample)), last) {
                    (Some(value), _) => Sample::Value(value),
                    (None, Sample::Value(_)) => Sample::Stale,
                    (None, _) => Sample::Nothing,
                };
                last
            })
            .collect();
        self.series.insert(name(metric, labels), samples);
        self
    }

    pub fn hold(&mut self, metric: &str, labels: Labels<'_>, value: f64) -> &mut Self {
        self.set(metric, labels, |_| value)
    }

    /// Takes all series of a metric away that have these labels.
    pub fn without(&mut self, metric: &str, labels: Labels<'_>) -> &mut Self {
        let wanted: Vec<String> = labels.iter().map(|label| pair(*label)).collect();
        let begin = format!("{metric}{{");
        self.series.retain(|name, _| {
            !(name.starts_with(&begin) && wanted.iter().all(|pair| name.contains(pair.as_str())))
        });
        self
    }

    /// Another instance, with the same values, within these minutes.
    pub fn twin(&mut self, instance: &str, from: f64, to: f64) -> &mut Self {
        self.copied(
            &format!("instance=\"{INSTANCE}\""),
            &format!("instance=\"{instance}\""),
            from..to,
        )
    }

    /// Copies all series that have this label, with another one in its place.
    pub fn copied(&mut self, label: &str, other: &str, during: Range<f64>) -> &mut Self {
        let minutes: Vec<f64> = (0..self.samples()).map(|n| self.minute(n)).collect();
        let copies: Vec<(String, Vec<Sample>)> = self
            .series
            .iter()
            .filter(|(name, _)| name.contains(label))
            .map(|(name, samples)| {
                let mut before = Sample::Nothing;
                let samples = samples.iter().zip(&minutes).map(|(sample, minute)| {
                    before = match (during.contains(minute), before) {
                        (true, _) => *sample,
                        (false, Sample::Value(_)) => Sample::Stale,
                        (false, _) => Sample::Nothing,
                    };
                    before
                });
                (name.replace(label, other), samples.collect())
            })
            .collect();
        self.series.extend(copies);
        self
    }

    /// The process starts anew: counters begin with 0, and what it kept in memory is gone.
    pub fn restart(&mut self, at: f64, down_minutes: f64) -> &mut Self {
        let samples = self.samples();
        let first = (0..samples)
            .find(|sample| self.minute(*sample) >= at)
            .unwrap_or(samples);
        for (name, values) in &mut self.series {
            let is_memory = ["_total{", "_open{", "landfall_overdue", "landfall_pending"]
                .iter()
                .any(|part| name.contains(part));
            let is_start = name.starts_with("landfall_process_start_time_seconds");
            let Some(Sample::Value(before)) = values.get(first).copied() else {
                continue;
            };
            for value in &mut values[first..] {
                if let Sample::Value(value) = value {
                    if is_memory {
                        *value -= before;
                    } else if is_start {
                        *value += 60.0 * (at + down_minutes);
                    }
                }
            }
        }
        self.down(at..at + down_minutes)
    }

    /// The target does not answer.
    pub fn down(&mut self, during: Range<f64>) -> &mut Self {
        let is_down: Vec<bool> = (0..self.samples())
            .map(|sample| during.contains(&self.minute(sample)))
            .collect();
        for (name, values) in &mut self.series {
            let mut before = Sample::Nothing;
            for (value, is_down) in values.iter_mut().zip(&is_down) {
                if *is_down {
                    *value = match before {
                        _ if name.starts_with("up{") => Sample::Value(0.0),
                        Sample::Value(_) => Sample::Stale,
                        _ => Sample::Nothing,
                    };
                }
                before = *value;
            }
        }
        self
    }

    /// The target answers, and has only the series of a start whose checks are not compiled yet.
    pub fn loading(&mut self, during: Range<f64>) -> &mut Self {
        let there = [
            "up{",
            "landfall_build_info",
            "landfall_process_",
            "landfall_owner",
            "landfall_ready",
        ];
        let is_loading: Vec<bool> = (0..self.samples())
            .map(|sample| during.contains(&self.minute(sample)))
            .collect();
        for (name, values) in &mut self.series {
            let is_there = there.iter().any(|part| name.starts_with(part));
            let mut before = Sample::Nothing;
            for (value, is_loading) in values.iter_mut().zip(&is_loading) {
                if *is_loading {
                    *value = match (before, *value) {
                        (_, Sample::Value(_)) if name.starts_with("landfall_ready") => {
                            Sample::Value(0.0)
                        }
                        (_, value) if is_there => value,
                        (Sample::Value(_), _) => Sample::Stale,
                        _ => Sample::Nothing,
                    };
                }
                before = *value;
            }
        }
        self
    }

    /// From a minute on Prometheus does not know the target any more.
    pub fn gone(&mut self, at: f64) -> &mut Self {
        let samples = self.samples();
        let first = (0..samples)
            .find(|sample| self.minute(*sample) >= at)
            .unwrap_or(samples);
        for values in self.series.values_mut() {
            for value in &mut values[first..] {
                *value = Sample::Nothing;
            }
            if let Some(value) = values.get_mut(first) {
                *value = Sample::Stale;
            }
        }
        self
    }

    /// Prometheus itself is away: nothing is scraped, and nothing is marked as gone.
    pub fn gap(&mut self, during: Range<f64>) -> &mut Self {
        let minutes: Vec<f64> = (0..self.samples()).map(|n| self.minute(n)).collect();
        for values in self.series.values_mut() {
            for (value, minute) in values.iter_mut().zip(&minutes) {
                if during.contains(minute) {
                    *value = Sample::Nothing;
                }
            }
        }
        self
    }

    /// The series as promtool reads them.
    pub fn series(&self) -> impl Iterator<Item = (&str, String)> {
        self.series
            .iter()
            .map(|(name, samples)| (name.as_str(), notation(samples)))
    }
}

fn pair((label, value): (&str, &str)) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{label}=\"{escaped}\"")
}

fn name(metric: &str, labels: Labels<'_>) -> String {
    let pairs: Vec<String> = labels.iter().map(|label| pair(*label)).collect();
    format!("{metric}{{{}}}", pairs.join(","))
}

/// Runs of samples that rise by the same as `from+byxmore`, of nothing as `_xall`.
fn notation(samples: &[Sample]) -> String {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(first) = samples.get(at) {
        let rest = &samples[at..];
        at += match *first {
            Sample::Stale => {
                parts.push("stale".to_owned());
                1
            }
            Sample::Nothing => {
                let run = rest.iter().take_while(|one| **one == *first).count();
                parts.push(format!("_x{run}"));
                run
            }
            Sample::Value(value) => {
                let by = match rest.get(1) {
                    Some(Sample::Value(next)) => next - value,
                    _ => 0.0,
                };
                let run = rest
                    .iter()
                    .enumerate()
                    .take_while(|(n, one)| **one == Sample::Value(value + by * *n as f64))
                    .count();
                let sign = if by < 0.0 { '-' } else { '+' };
                parts.push(format!("{value}{sign}{}x{}", by.abs(), run - 1));
                run
            }
        };
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_samples_are_written_as_promtool_reads_them() {
        let value = Sample::Value;
        let samples = [
            value(0.0),
            value(0.5),
            value(1.0),
            value(1.0),
            value(0.0),
            Sample::Stale,
            Sample::Nothing,
            Sample::Nothing,
            value(7.0),
        ];
        assert_eq!(notation(&samples), "0+0.5x2 1-1x1 stale _x2 7+0x0");
    }
}
