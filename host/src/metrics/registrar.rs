//! Makes metrics in one registry, all with the prefix `landfall_`, and keeps the list from which
//! docs/METRICS.md is written.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, Result, TextEncoder,
};

/// Before every name.
pub const PREFIX: &str = "landfall";

/// One line of docs/METRICS.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// With the prefix.
    pub name: String,
    pub kind: &'static str,
    pub labels: Vec<&'static str>,
    pub help: &'static str,
}

/// The registry and its list.
#[derive(Debug)]
pub struct Registrar {
    registry: Registry,
    entries: Mutex<Vec<Entry>>,
}

impl Registrar {
    pub fn new() -> Result<Self> {
        let registry = Registry::new_custom(Some(PREFIX.into()), None)?;
        Ok(Self {
            registry,
            entries: Mutex::default(),
        })
    }

    /// Registers anything; `labels` and `kind` are for the list.
    pub fn add<C: Collector + Clone + 'static>(
        &self,
        (name, kind, labels, help): (&str, &'static str, &[&'static str], &'static str),
        made: Result<C>,
    ) -> Result<C> {
        let made = made?;
        self.registry.register(Box::new(made.clone()))?;
        let entry = Entry {
            name: format!("{PREFIX}_{name}"),
            kind,
            labels: labels.to_vec(),
            help,
        };
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
        Ok(made)
    }

    pub fn counter(&self, name: &str, help: &'static str) -> Result<IntCounter> {
        self.add((name, "counter", &[], help), IntCounter::new(name, help))
    }

    pub fn counters(
        &self,
        name: &str,
        labels: &[&'static str],
        help: &'static str,
    ) -> Result<IntCounterVec> {
        self.add(
            (name, "counter", labels, help),
            IntCounterVec::new(Opts::new(name, help), labels),
        )
    }

    /// A counter of seconds.
    pub fn seconds(&self, name: &str, help: &'static str) -> Result<Counter> {
        self.add((name, "counter", &[], help), Counter::new(name, help))
    }

    pub fn seconds_by(
        &self,
        name: &str,
        labels: &[&'static str],
        help: &'static str,
    ) -> Result<CounterVec> {
        self.add(
            (name, "counter", labels, help),
            CounterVec::new(Opts::new(name, help), labels),
        )
    }

    pub fn gauge(&self, name: &str, help: &'static str) -> Result<IntGauge> {
        self.add((name, "gauge", &[], help), IntGauge::new(name, help))
    }

    pub fn gauges(
        &self,
        name: &str,
        labels: &[&'static str],
        help: &'static str,
    ) -> Result<IntGaugeVec> {
        self.add(
            (name, "gauge", labels, help),
            IntGaugeVec::new(Opts::new(name, help), labels),
        )
    }

    /// A gauge with fractions.
    pub fn real(&self, name: &str, help: &'static str) -> Result<Gauge> {
        self.add((name, "gauge", &[], help), Gauge::new(name, help))
    }

    pub fn reals(
        &self,
        name: &str,
        labels: &[&'static str],
        help: &'static str,
    ) -> Result<GaugeVec> {
        self.add(
            (name, "gauge", labels, help),
            GaugeVec::new(Opts::new(name, help), labels),
        )
    }

    /// All metrics with a series, in Prometheus' text format 0.0.4. Names in labels come from files and
    /// checks, and are escaped.
    pub fn render(&self) -> Result<String> {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather())?;
        Ok(match landfall_escape::metrics::escaped(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(escaped) => escaped,
        })
    }

    /// All metrics, by name.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = self
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }
}

/// Moves a counter to a total that is kept elsewhere; totals never fall.
pub fn follow(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// The same for seconds.
pub fn follow_seconds(counter: &Counter, total: std::time::Duration) {
    counter.inc_by((total.as_secs_f64() - counter.get()).max(0.0));
}
