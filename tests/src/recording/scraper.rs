//! Scrapes Landfall once a minute of its own clock, as Prometheus would.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::file::{Point, Series};
use super::{INSTANCE, JOB, STEP_MS};
use crate::clock::{Clock, real_ms};
use crate::http;
use crate::metrics::{Metrics, Sample};
use crate::replay::Stretch;

/// The current address for scrapes; None while Landfall does not run.
#[derive(Default)]
pub struct Address(Mutex<Option<SocketAddr>>);

impl Address {
    pub fn set(&self, address: Option<SocketAddr>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    fn get(&self) -> Option<SocketAddr> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it scrapes, and how it records the answers.
pub struct Scraper<'a> {
    pub clock: &'a Clock,
    pub address: &'a Address,
    pub from_ms: i64,
    pub not_asked: &'a [Stretch],
    pub unanswered: &'a [Stretch],
    /// Real endpoints, and their names in the recording, because ports are chance.
    pub endpoints: &'a BTreeMap<String, String>,
    /// Whether a metric is kept.
    pub keep: &'a (dyn Fn(&str) -> bool + Sync),
}

/// When each process was started: by its own metric, and by Landfall's clock.
type Starts = BTreeMap<u64, f64>;

/// The scrapes so far.
#[derive(Default)]
pub struct Scrapes {
    pub series: Series,
    pub minutes: usize,
    /// Minutes in which the machine was too slow to scrape.
    pub late: usize,
}

impl Scraper<'_> {
    /// Scrapes until `end`.
    pub fn run(&self, end: &AtomicBool) -> Scrapes {
        let mut scrapes = Scrapes::default();
        let mut starts = Starts::default();
        while !end.load(Ordering::Relaxed) {
            let due_ms = self.from_ms + scrapes.minutes as i64 * STEP_MS;
            thread::sleep(self.clock.until(due_ms));
            let holds = |stretches: &[Stretch]| stretches.iter().any(|one| one.holds(due_ms));
            if holds(self.not_asked) {
                scrapes.skip();
            } else if self.clock.now_ms() >= due_ms + STEP_MS {
                scrapes.late += 1;
                scrapes.skip();
            } else if holds(self.unanswered) {
                scrapes.failed();
            } else {
                match self.ask(&mut starts) {
                    Some(values) => scrapes.add(values),
                    None => scrapes.failed(),
                }
            }
        }
        scrapes
    }

    fn ask(&self, starts: &mut Starts) -> Option<BTreeMap<String, f64>> {
        let answer = http::get(self.address.get()?, "/metrics").ok()?;
        (answer.status == 200).then_some(())?;
        let metrics = Metrics::parse(&answer.body);
        let clock_s = metrics.sum("landfall_clock_seconds", &[]);
        let kept = metrics
            .samples
            .into_iter()
            .filter(|sample| (self.keep)(&sample.name));
        Some(
            kept.map(|sample| {
                let value = self.restamped(&sample, clock_s, starts);
                (self.text(sample), value)
            })
            .collect(),
        )
    }

    /// A real time, converted to Landfall's clock; every other value unchanged.
    fn restamped(&self, sample: &Sample, clock_s: f64, starts: &mut Starts) -> f64 {
        match sample.name.as_str() {
            "landfall_process_start_time_seconds" => {
                let age_s = real_ms() as f64 / 1000.0 - sample.value;
                // Once for each process: it must not move.
                *starts
                    .entry(sample.value.to_bits())
                    .or_insert_with(|| (clock_s - age_s * self.clock.speed()).round())
            }
            "landfall_clock_seconds" => sample.value.round(),
            _ => sample.value,
        }
    }

    fn text(&self, mut sample: Sample) -> String {
        if let Some(endpoint) = sample.labels.get_mut("endpoint")
            && let Some(name) = self.endpoints.get(endpoint)
        {
            endpoint.clone_from(name);
        }
        sample.labels.insert("job".into(), JOB.into());
        sample.labels.insert("instance".into(), INSTANCE.into());
        series_text(&sample.name, &sample.labels)
    }
}

/// `name{label="value"}`, as promtool reads it.
fn series_text(name: &str, labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|(label, value)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{label}=\"{value}\"")
        })
        .collect();
    format!("{name}{{{}}}", labels.join(","))
}

impl Scrapes {
    /// No scrape in this minute.
    fn skip(&mut self) {
        for points in self.series.values_mut() {
            points.push(Point::NotAsked);
        }
        self.minutes += 1;
    }

    /// No answer: all series are gone.
    fn failed(&mut self) {
        self.put(BTreeMap::new(), 0.0);
    }

    fn add(&mut self, values: BTreeMap<String, f64>) {
        self.put(values, 1.0);
    }

    fn put(&mut self, mut values: BTreeMap<String, f64>, up: f64) {
        let labels = [("job", JOB), ("instance", INSTANCE)]
            .map(|(label, value)| (label.to_owned(), value.to_owned()));
        values.insert(series_text("up", &BTreeMap::from(labels)), up);
        let known: BTreeSet<String> = self.series.keys().cloned().collect();
        for series in values.keys().filter(|series| !known.contains(*series)) {
            let before = vec![Point::NotAsked; self.minutes];
            self.series.insert(series.clone(), before);
        }
        for (series, points) in &mut self.series {
            let point = match values.get(series) {
                Some(value) => Point::Value(*value),
                // The mark is set once; after it there is nothing.
                None => match points.iter().rev().find(|point| **point != Point::NotAsked) {
                    Some(Point::Value(_)) => Point::Stale,
                    _ => Point::NotAsked,
                },
            };
            points.push(point);
        }
        self.minutes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_is_gone_is_marked_once_and_may_come_back() {
        let mut scrapes = Scrapes::default();
        let answer = || BTreeMap::from([("a{}".to_owned(), 2.0)]);
        scrapes.failed();
        scrapes.add(answer());
        scrapes.skip();
        scrapes.failed();
        scrapes.failed();
        scrapes.add(answer());
        use Point::{NotAsked, Stale, Value};
        let expected = [NotAsked, Value(2.0), NotAsked, Stale, NotAsked, Value(2.0)];
        assert_eq!(scrapes.series["a{}"], expected);
        let up = "up{instance=\"landfall:9470\",job=\"landfall\"}";
        let expected = [
            Value(0.0),
            Value(1.0),
            NotAsked,
            Value(0.0),
            Value(0.0),
            Value(1.0),
        ];
        assert_eq!(scrapes.series[up], expected);
    }
}
