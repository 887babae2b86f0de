//! The values of the metrics, by the names of the truth.

use std::collections::BTreeMap;

use super::store::WindowTotals;
use crate::metrics::Metrics;
use crate::truth::Verdict;

/// The numbers of one scrape that tests and the demo compare with the truth.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    pub verdicts: BTreeMap<Verdict, u64>,
    pub raw: u64,
    pub duplicate: u64,
    pub unexpected: u64,
    pub undecodable: u64,
    pub imbalance: u64,
    pub incidents_open: u64,
}

impl Readings {
    pub fn of(metrics: &Metrics) -> Self {
        let verdicts = Verdict::ALL.map(|verdict| (verdict, net(metrics, verdict)));
        Self {
            verdicts: verdicts.into_iter().collect(),
            raw: metrics.count("landfall_raw_events_total", &[]),
            duplicate: metrics.count("landfall_duplicates_total", &[]),
            unexpected: metrics
                .count("landfall_unexpected_total", &[])
                .saturating_sub(metrics.count("landfall_unexpected_explained_total", &[])),
            undecodable: metrics.count("landfall_undecodable_total", &[]),
            imbalance: metrics.count("landfall_conservation_imbalance_events_total", &[]),
            incidents_open: metrics.count("landfall_incidents_open", &[]),
        }
    }

    /// Takes what the store has counted over all runs. What the store does not count stays.
    pub fn with_store(mut self, totals: &WindowTotals) -> Self {
        let verdicts = Verdict::ALL.map(|verdict| (verdict, totals.count(verdict)));
        self.verdicts = verdicts.into_iter().collect();
        self.raw = totals.raw;
        (self.duplicate, self.unexpected) = (totals.duplicate, totals.unexpected);
        self
    }

    /// Adds what only a process that has ended had counted.
    pub fn after(mut self, ended: &Self) -> Self {
        self.undecodable += ended.undecodable;
        self.imbalance += ended.imbalance;
        self
    }

    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }

    /// Raw events that have a verdict.
    pub fn judged(&self) -> u64 {
        self.verdicts.values().sum()
    }

    /// Whether every raw event has its verdict, and there are `raw` of them.
    pub fn is_settled(&self, raw: u64) -> bool {
        self.raw == raw && self.judged() == raw
    }
}

/// Counters do not fall. So the count of a verdict is the number of events that it was first given to, minus
/// those that were revised away from it, plus those that were revised to it.
fn net(metrics: &Metrics, verdict: Verdict) -> u64 {
    let name = verdict.as_str();
    let given = metrics.count("landfall_events_total", &[("verdict", name)]);
    let from = metrics.count("landfall_verdicts_revised_total", &[("from", name)]);
    let to = metrics.count("landfall_verdicts_revised_total", &[("to", name)]);
    (given + to).saturating_sub(from)
}
